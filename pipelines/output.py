"""OUTPUT of scoring: under its name only when it is complete, and what is kept beside it until then."""

import contextlib
import hashlib
import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, TextIO

import numpy as np

from pipelines.files import write_json
from sentiment.errors import InputError
from sentiment.files import finish, lock

STANDARD_STREAM = "-"
REJECTED_ENDING, PARTIAL_ENDING, SCORES_ENDING, OLD_ENDING = ".rejected.jsonl", ".partial", ".scores", ".old"
PARTIAL_REJECTED_ENDING = REJECTED_ENDING + PARTIAL_ENDING
ENDINGS = (REJECTED_ENDING, PARTIAL_ENDING, SCORES_ENDING, OLD_ENDING, PARTIAL_REJECTED_ENDING)
"""Of what may stand beside OUTPUT."""

SUCCESS_FILE, IDENTITY_FILE = "_SUCCESS", "identity.json"

IDENTITY_BEGINNING = b'{"sentiment": '
"""Of the line that identifies the work whose scores are kept."""

DIGEST_BYTES = 16


def beside(output: Path, ending: str) -> Path:
    """A file that belongs to OUTPUT."""
    return output.with_name(output.name + ending)


def refuse_foreign_files(output: Path) -> None:
    """Make sure that what stands where OUTPUT and its files go was written by this command.

    Raises:
        InputError: a link or a file of something else stands there.
    """
    for path in (output, *(beside(output, ending) for ending in ENDINGS)):
        if path.is_symlink():
            raise InputError(f"{path} is a symbolic link: give the path that it points to, or remove it.")
    scores = beside(output, SCORES_ENDING)
    if scores.exists() and not _begins_with_identity(scores):
        raise InputError(f"{scores} was not written by `sentiment score`: move it, or choose another OUTPUT.")
    is_begun = scores.exists() or _is_folder_of_parts(beside(output, PARTIAL_ENDING)) or _is_folder_of_parts(output)
    for ending in (PARTIAL_ENDING, PARTIAL_REJECTED_ENDING, OLD_ENDING):
        path = beside(output, ending)
        is_own = _is_folder_of_parts(path) if path.is_dir() else is_begun
        if path.exists() and not is_own:
            raise InputError(f"{path} was not written by `sentiment score`: move it, or choose another OUTPUT.")


def _begins_with_identity(scores: Path) -> bool:
    with scores.open("rb") as file:
        beginning = file.read(len(IDENTITY_BEGINNING))
    return IDENTITY_BEGINNING.startswith(beginning)


def _is_folder_of_parts(path: Path) -> bool:
    """Whether a folder is one that `atomic_folder` makes, finished or not: it holds nothing but parts."""
    own = (IDENTITY_FILE, SUCCESS_FILE, "part-", ".")
    return path.is_dir() and all(entry.name.startswith(own) for entry in path.iterdir())


@contextlib.contextmanager
def atomic_file(output: Path, kept: "Checkpoint") -> Iterator[tuple[BinaryIO, TextIO]]:
    """Where to write OUTPUT and the rejected rows; both get their names when all went well.

    Args:
        kept: told when OUTPUT is complete, before it gets its name.
    """
    if str(output) == STANDARD_STREAM:
        yield sys.stdout.buffer, sys.stderr
        sys.stdout.buffer.flush()
        return
    partial, rejected = beside(output, PARTIAL_ENDING), beside(output, PARTIAL_REJECTED_ENDING)
    _remove(partial)
    try:
        with partial.open("wb") as sink, rejected.open("w", encoding="utf-8") as rejected_sink:
            yield sink, rejected_sink
    except BaseException:
        partial.unlink(missing_ok=True)
        rejected.unlink(missing_ok=True)
        raise
    kept.mark_finished(partial)
    _finish(output, partial, rejected)


@contextlib.contextmanager
def atomic_folder(output: Path, identity: dict[str, Any]) -> Iterator[Path]:
    """Where to write the parts of OUTPUT, beside each its part of the rejected rows, part-*.rejected.jsonl.

    It holds what an earlier attempt at the same work has left.

    Args:
        identity: all that decides the parts.
    """
    partial = beside(output, PARTIAL_ENDING)
    path = partial / IDENTITY_FILE
    if not path.exists() or json.loads(path.read_text("utf-8")) != json.loads(json.dumps(identity)):
        _remove(partial)
        partial.mkdir()
        write_json(path, identity)
    yield partial
    for attempt in partial.glob(".*"):  # of a task that was killed
        shutil.rmtree(attempt, ignore_errors=True)
    rejected = beside(output, PARTIAL_REJECTED_ENDING)
    rejected_parts = sorted(partial.glob(f"part-*{REJECTED_ENDING}"))
    with rejected.open("wb") as sink:
        for part in rejected_parts:
            sink.write(part.read_bytes())
    path.unlink()  # first: from here on, an attempt that is killed is begun anew
    for part in (*rejected_parts, *partial.glob("part-*.tally.json")):
        part.unlink()
    (partial / SUCCESS_FILE).touch()
    old = beside(output, OLD_ENDING)
    if output.exists():
        _remove(old)
        output.replace(old)
    _finish(output, partial, rejected)
    _remove(old)


def _remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _finish(output: Path, partial: Path, rejected: Path) -> None:
    if rejected.stat().st_size:
        finish(rejected, beside(output, REJECTED_ENDING))
    else:
        rejected.unlink()
        beside(output, REJECTED_ENDING).unlink(missing_ok=True)
    finish(partial, output)


@contextlib.contextmanager
def checkpoint(output: Path, identity: dict[str, Any], thresholds: Sequence[float]) -> Iterator["Checkpoint"]:
    """OUTPUT.scores: a line that identifies the work, then the scores; removed when all went well.

    Its lock keeps a second command away from OUTPUT. Nothing is kept of what goes to standard output.

    Args:
        identity: all that decides the scores and their order; what was kept of other work is dropped.
        thresholds: decide the labels of OUTPUT, but no score.

    Raises:
        InputError: another command is writing this OUTPUT, or its file system cannot lock files.
    """
    if str(output) == STANDARD_STREAM:
        yield Checkpoint(None, thresholds)
        return
    path, line = beside(output, SCORES_ENDING), _identity_line(identity)
    path.touch()
    with path.open("r+b") as file:
        lock(
            file,
            refusal=f"Another command is writing {output}: wait for it, or choose another OUTPUT.",
            elsewhere="choose an OUTPUT on another",
        )
        if file.read(len(line)) != line:
            file.seek(0)
            file.truncate()
            file.write(line)
            file.flush()
        yield Checkpoint(file, thresholds)
        path.unlink()


class Checkpoint:
    """The scores of the chunks that are finished, in the order of the rows; without a file, of none.

    A record is a digest of the texts of a chunk and of their scores, then the scores as float32.
    """

    def __init__(self, file: BinaryIO | None, thresholds: Sequence[float]) -> None:
        self._file, self._unread, self._thresholds = file, file, thresholds

    def take(self, texts: Sequence[str]) -> np.ndarray | None:
        """The scores of the next chunk; None from the first chunk on that was not finished or has other texts."""
        if self._unread is None:
            return None
        start = self._unread.tell()
        record = self._unread.read(DIGEST_BYTES + 4 * len(texts))
        digest, scores = record[:DIGEST_BYTES], record[DIGEST_BYTES:]
        if len(scores) == 4 * len(texts) and digest == _digest(texts, scores):
            return np.frombuffer(scores, np.float32)
        self._unread.seek(start)
        self._unread.truncate()
        self._unread = None
        return None

    def add(self, texts: Sequence[str], scores: np.ndarray) -> None:
        """Keep the scores of the next chunk."""
        if self._file is not None:
            content = scores.astype(np.float32).tobytes()
            self._file.write(_digest(texts, content) + content)
            self._file.flush()

    def mark_finished(self, partial: Path) -> None:
        """Note that OUTPUT is complete and only waits for its name, so that the same command knows it afterwards."""
        if self._file is not None:
            self._file.write(_mark(partial, self._thresholds))
            self._file.truncate()
            self._file.flush()


def is_finished(output: Path, identity: dict[str, Any], thresholds: Sequence[float]) -> bool:
    """Whether OUTPUT is what an earlier command at the same work wrote, which was killed after it had its name."""
    scores, line = beside(output, SCORES_ENDING), _identity_line(identity)
    if not output.is_file() or not scores.is_file():
        return False
    mark = _mark(output, thresholds)
    with scores.open("rb") as file:
        is_same_work = file.read(len(line)) == line
        file.seek(max(0, scores.stat().st_size - len(mark)))
        return is_same_work and file.read() == mark


def _identity_line(identity: dict[str, Any]) -> bytes:
    return json.dumps(identity).encode() + b"\n"


def _mark(path: Path, thresholds: Sequence[float]) -> bytes:
    """What tells a finished file from any other, under whatever name."""
    status = path.stat()
    identity = [status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns]
    return json.dumps({"finished": identity, "thresholds": thresholds}).encode()


def _digest(texts: Sequence[str], scores: bytes) -> bytes:
    hasher = hashlib.blake2b(scores, digest_size=DIGEST_BYTES)
    for text in texts:
        content = text.encode("utf-8", "surrogatepass")
        hasher.update(len(content).to_bytes(8, "little"))
        hasher.update(content)
    return hasher.digest()

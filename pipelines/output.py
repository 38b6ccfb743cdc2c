"""OUTPUT of scoring: it gets its name when it is complete. Until then OUTPUT.partial holds all that is there of it.

That folder is what a killed command leaves, and what the same command resumes from.
"""

import contextlib
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, TextIO

import numpy as np

from sentiment.errors import InputError
from sentiment.files import finish, lock

STANDARD_STREAM = "-"
REJECTED_ENDING, PARTIAL_ENDING, SUCCESS_FILE = ".rejected.jsonl", ".partial", "_SUCCESS"

IDENTITY, SCORES, TABLE, REJECTED, OLD = "identity", "scores", "table", "rejected", "old"
"""What OUTPUT.partial holds; the table is a file, or the folder of Spark's parts."""

DIGEST_BYTES = 16


def beside(output: Path, ending: str) -> Path:
    """A file or folder that belongs to OUTPUT."""
    return output.with_name(output.name + ending)


def own_files(output: Path) -> set[Path]:
    """What belongs to OUTPUT, and is no input even where a folder or a pattern names it."""
    return {beside(output, REJECTED_ENDING), *beside(output, PARTIAL_ENDING).rglob("*")}


def check_places(output: Path, *, overwrite: bool) -> None:
    """Make sure that nothing else stands where OUTPUT and what belongs to it go.

    Args:
        overwrite: replace an OUTPUT that is there.

    Raises:
        InputError: OUTPUT or its rejected rows are there already, without a command that was killed; a link stands
            there, or a folder or file that `sentiment score` did not write.
    """
    partial, rejected = beside(output, PARTIAL_ENDING), beside(output, REJECTED_ENDING)
    for path in (output, rejected, partial):
        if path.is_symlink():
            raise InputError(f"{path} is a symbolic link: give the path that it points to, or remove it.")
    left = [entry.name for entry in partial.iterdir()] if partial.is_dir() else []
    if partial.exists() and not (partial.is_dir() and (IDENTITY in left or not left)):
        raise InputError(f"{partial} was not written by `sentiment score`: move it, or choose another OUTPUT.")
    there = [path for path in (output, rejected) if path.exists()]
    if there and not overwrite and len(left) < 2:
        raise _existing(there[0])


def _existing(path: Path) -> InputError:
    return InputError(f"{path} is there already: choose another OUTPUT, or replace it with --overwrite.")


@contextlib.contextmanager
def begun_output(output: Path, identity: dict[str, Any], *, overwrite: bool) -> Iterator[Path]:
    """OUTPUT.partial, to write the table and the rejected rows in; both get their names when all went well.

    It holds what an earlier attempt at the same work has left, and its lock keeps other commands away from OUTPUT.

    Args:
        identity: all that decides the bytes of OUTPUT.
        overwrite: replace an OUTPUT that is there. What an earlier attempt has named before it was killed is replaced
            by the same bytes.

    Raises:
        InputError: OUTPUT is there already; another command is writing it, or its file system cannot lock files.
    """
    partial = beside(output, PARTIAL_ENDING)
    partial.mkdir(exist_ok=True)
    table, rejected = partial / TABLE, partial / REJECTED
    with (partial / IDENTITY).open("a+", encoding="utf-8") as file:
        lock(
            file,
            refusal=f"Another command is writing {output}: wait for it, or choose another OUTPUT.",
            elsewhere="choose an OUTPUT on another",
        )
        file.seek(0)
        content, before = json.dumps(identity), file.read()
        if before != content:
            if output.exists() and not overwrite:
                if not before:
                    _remove(partial)
                raise _existing(output)
            _empty(partial)
            file.truncate(0)
            file.write(content)
            file.flush()
        try:
            yield partial
        except BaseException:
            rejected.unlink(missing_ok=True)
            if not table.is_dir():
                table.unlink(missing_ok=True)
                if not _size(partial / SCORES):  # there is nothing to resume from
                    _remove(partial)
            raise
        if _size(rejected):
            finish(rejected, beside(output, REJECTED_ENDING))
        else:
            beside(output, REJECTED_ENDING).unlink(missing_ok=True)
        if table.is_dir() and output.exists():
            output.replace(partial / OLD)
        finish(table, output)
        _remove(partial)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _empty(partial: Path) -> None:
    """Remove all but the identity."""
    for entry in partial.iterdir():
        if entry.name != IDENTITY:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def _remove(partial: Path) -> None:
    """Remove the folder; its identity last, by which it is known as one that was written here."""
    _empty(partial)
    (partial / IDENTITY).unlink()
    with contextlib.suppress(OSError):  # a second command has just begun in it
        partial.rmdir()


@contextlib.contextmanager
def table_and_rejected(partial: Path | None) -> Iterator[tuple[BinaryIO, TextIO]]:
    """Where to write the table and the rejected rows; standard output and standard error where there is no folder."""
    if partial is None:
        yield sys.stdout.buffer, sys.stderr
        sys.stdout.buffer.flush()
        return
    with (partial / TABLE).open("wb") as table, (partial / REJECTED).open("w", encoding="utf-8") as rejected:
        yield table, rejected


def finish_parts(partial: Path) -> None:
    """Turn the parts of Spark into a table: the rejected rows of all parts become one file, and only the parts stay."""
    table = partial / TABLE
    for attempt in table.glob(".*"):  # of a task that was killed
        shutil.rmtree(attempt, ignore_errors=True)
    rejected_parts = sorted(table.glob(f"part-*{REJECTED_ENDING}"))
    with (partial / REJECTED).open("wb") as rejected:
        for part in rejected_parts:
            rejected.write(part.read_bytes())
    (partial / IDENTITY).write_text("")  # from here on, an attempt that is killed begins anew
    for part in (*rejected_parts, *table.glob("part-*.tally.json")):
        part.unlink()
    (table / SUCCESS_FILE).touch()


class KeptScores:
    """The scores of the chunks that are finished, in the order of the rows; without a folder they are not kept.

    A record is a digest of the texts of a chunk and of their scores, then the scores as float32.
    """

    def __init__(self, partial: Path | None, each: int = 1) -> None:
        """Begin with the scores of an earlier attempt.

        Args:
            each: scores of a text.
        """
        self._file = (Path(os.devnull) if partial is None else partial / SCORES).open("a+b")
        self._file.seek(0)
        self._is_read, self._each = partial is None, each

    def take(self, texts: Sequence[str]) -> np.ndarray | None:
        """The scores of the next chunk; None from the first chunk on that was not finished or has other texts."""
        if self._is_read:
            return None
        start, size = self._file.tell(), 4 * self._each * len(texts)
        record = self._file.read(DIGEST_BYTES + size)
        digest, scores = record[:DIGEST_BYTES], record[DIGEST_BYTES:]
        if len(scores) == size and digest == _digest(texts, scores):
            found = np.frombuffer(scores, np.float32)
            return found if self._each == 1 else found.reshape(len(texts), self._each)
        self._is_read = True
        self._file.truncate(start)
        return None

    def add(self, texts: Sequence[str], scores: np.ndarray) -> None:
        """Keep the scores of the next chunk."""
        content = scores.astype(np.float32).tobytes()
        self._file.write(_digest(texts, content) + content)
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _digest(texts: Sequence[str], scores: bytes) -> bytes:
    lengths = np.array([*map(len, texts)], np.int64).tobytes()
    content = "".join(texts).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(b"".join([scores, lengths, content]), digest_size=DIGEST_BYTES).digest()

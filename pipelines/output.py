"""OUTPUT of scoring: under its name only when it is complete, and what is kept beside it until then."""

import contextlib
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, TextIO

import numpy as np

from pipelines.files import lock, write_json

STANDARD_STREAM = "-"
REJECTED_ENDING, PARTIAL_ENDING, SCORES_ENDING, OLD_ENDING = ".rejected.jsonl", ".partial", ".scores", ".old"
PARTIAL_REJECTED_ENDING = REJECTED_ENDING + PARTIAL_ENDING
ENDINGS = (REJECTED_ENDING, PARTIAL_ENDING, SCORES_ENDING, OLD_ENDING, PARTIAL_REJECTED_ENDING)
"""Of what may stand beside OUTPUT."""

SUCCESS_FILE, IDENTITY_FILE = "_SUCCESS", "identity.json"


def beside(output: Path, ending: str) -> Path:
    """A file that belongs to OUTPUT."""
    return output.with_name(output.name + ending)


@contextlib.contextmanager
def atomic_file(output: Path) -> Iterator[tuple[BinaryIO, TextIO]]:
    """Where to write OUTPUT and the rejected rows; both get their names when all went well."""
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
        rejected.replace(beside(output, REJECTED_ENDING))
    else:
        rejected.unlink()
        beside(output, REJECTED_ENDING).unlink(missing_ok=True)
    partial.replace(output)


@contextlib.contextmanager
def checkpoint(output: Path, identity: dict[str, Any]) -> Iterator["Checkpoint"]:
    """OUTPUT.scores: a line that identifies the work, then the scores; removed when all went well.

    Its lock keeps a second command away from OUTPUT. Nothing is kept of what goes to standard output.

    Args:
        identity: all that decides the scores and their order; what was kept of other work is dropped.

    Raises:
        InputError: another command is writing this OUTPUT.
    """
    if str(output) == STANDARD_STREAM:
        yield Checkpoint(None)
        return
    path, line = beside(output, SCORES_ENDING), json.dumps(identity).encode() + b"\n"
    path.touch()
    with path.open("r+b") as file:
        lock(file, f"Another command is writing {output}: wait for it, or choose another OUTPUT.")
        if file.read(len(line)) != line:
            file.seek(0)
            file.truncate()
            file.write(line)
            file.flush()
        yield Checkpoint(file)
        path.unlink()


class Checkpoint:
    """The scores of the chunks that are finished, float32 in the order of the rows; without a file, of none."""

    def __init__(self, file: BinaryIO | None) -> None:
        self._file, self._unread = file, file

    def take(self, count: int) -> np.ndarray | None:
        """The next scores; None from the first chunk on that was not finished."""
        if self._unread is None:
            return None
        start = self._unread.tell()
        scores = self._unread.read(4 * count)
        if len(scores) == 4 * count:
            return np.frombuffer(scores, np.float32)
        self._unread.seek(start)
        self._unread.truncate()
        self._unread = None
        return None

    def add(self, scores: np.ndarray) -> None:
        """Keep the scores of the next chunk."""
        if self._file is not None:
            self._file.write(scores.tobytes())
            self._file.flush()

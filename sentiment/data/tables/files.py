"""TableFile: a file of reviews and its format; which files a path names; the format of standard input."""

import glob
import io
import re
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from sentiment.errors import InputError, shown

DEFAULT_TEXT_COLUMNS = ("text", "review")
"""Where reviews are looked for when no column is named: the first that there is."""

BLOCK_BYTES, LONGEST_HEAD = 2**16, 2**24
"""Bytes to read of standard input at a time, and at most before its format is told."""

SEPARATORS = {"csv": ",", "tsv": "\t"}
FORMATS = ("csv", "tsv", "jsonl", "parquet", "txt")

Stamp = tuple[int, int]
"""Of a file: bytes, and the time of its last change in nanoseconds."""


@dataclass(frozen=True)
class TableFile:
    """A file of reviews.

    Attributes:
        format: one of FORMATS.
        is_compressed: by gzip.
    """

    path: Path
    format: str
    is_compressed: bool = False

    @classmethod
    def at(cls, path: Path) -> "TableFile":
        """The file at a path, its format told by its ending.

        Raises:
            InputError: the ending tells no format.
        """
        endings = path.name.lower().split(".")[1:]
        is_compressed = endings[-1:] == ["gz"]
        ending = "".join(endings[-2:-1] if is_compressed else endings[-1:])
        if ending not in FORMATS or (is_compressed and ending == "parquet"):
            raise InputError(
                f"{path}: its ending tells no format of a table; it may be .{', .'.join(FORMATS)}, "
                "followed by .gz for all but .parquet."
            )
        return cls(path, ending, is_compressed)

    @property
    def ending(self) -> str:
        """What tells the format."""
        return f"{self.format}.gz" if self.is_compressed else self.format

    def stamp(self) -> Stamp:
        """Its size and the time of its last change: another one tells another content."""
        status = self.path.stat()
        return status.st_size, status.st_mtime_ns


def find_tables(name: str, ignored: Collection[Path] = ()) -> tuple[list[TableFile], tuple[str, ...]]:
    """The files of reviews that a path names: a file, the files in a folder, or those of a pattern, in order.

    Hidden files in a folder, empty files and ignored ones are left out.

    Args:
        name: a path, or a pattern such as `reviews/**/*.csv`.
        ignored: resolved paths that are no input.

    Returns:
        The files, all of one format, and the names of files in the folder whose ending tells no format.

    Raises:
        InputError: there is no such file, the files are of several formats, or the folder cannot be read.
    """
    files, left_out = [], []
    try:
        path = Path(name)
        if path.is_file():
            return [TableFile.at(path)], ()
        is_folder = bool(name) and path.is_dir()
        paths = path.iterdir() if is_folder else map(Path, glob.glob(name, recursive=True))  # noqa: PTH207 - Path's takes no absolute one
        for candidate in sorted(paths):
            is_hidden = is_folder and candidate.name.startswith((".", "_"))
            if is_hidden or not candidate.is_file() or candidate.resolve() in ignored or not candidate.stat().st_size:
                continue
            try:
                files.append(TableFile.at(candidate))
            except InputError:
                if not is_folder:
                    raise
                left_out.append(candidate.name)
    except OSError as error:
        raise InputError(f"{name} cannot be read ({error.strerror}): give another file or folder.") from error
    if not files:
        raise InputError(f"{name} names no file of reviews: give a file, a folder or a quoted pattern.")
    formats = sorted({file.format for file in files})
    if len(formats) > 1:
        raise InputError(f"{name} holds {' and '.join(formats)} files: use one format at a time.")
    return files, tuple(left_out)


def standard_input(text_column: str | None) -> tuple[TableFile, BinaryIO]:
    """Standard input, and the stream to read it from.

    Its first line tells the format: JSONL if it begins with a brace, CSV or TSV if it is a header with the column of
    the reviews, else plain text.

    Raises:
        InputError: it is closed, compressed or Parquet, or its first line is a header without the column.
    """
    if sys.stdin is None:
        raise InputError("Standard input is closed: give a file.")
    source = io.FileIO(sys.stdin.fileno(), closefd=False)
    head = b""
    while len(head) < LONGEST_HEAD and b"\n" not in head.lstrip() and (block := source.read(BLOCK_BYTES)):
        head += block
    stream = io.BufferedReader(_Rewound(head, source), BLOCK_BYTES)
    for magic, name in (
        (b"\x1f\x8b", "gzip-compressed: pipe it through zcat"),
        (b"PAR1", "Parquet: give it as a file"),
    ):
        if head.startswith(magic):
            raise InputError(f"Standard input is {name}.")
    line = head.decode("utf-8-sig", "replace").strip().split("\n")[0].strip()
    if line.startswith("{"):
        return TableFile(Path("-"), "jsonl"), stream
    names = {text_column} if text_column else {*DEFAULT_TEXT_COLUMNS}
    for name, separator in SEPARATORS.items():
        if names & {cell.strip('"') for cell in line.split(separator)}:
            return TableFile(Path("-"), name), stream
    if text_column or re.fullmatch(r"\w+([,\t]\w+)+", line):
        missing = text_column or " or ".join(DEFAULT_TEXT_COLUMNS)
        raise InputError(f"The first line of standard input names no column {shown(missing)}: {shown(line)!r}.")
    return TableFile(Path("-"), "txt"), stream


class _Rewound(io.RawIOBase):
    """A stream of which the head has been read already."""

    def __init__(self, head: bytes, rest: io.RawIOBase) -> None:
        self._head, self._rest = io.BytesIO(head), rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        return self._head.readinto(buffer) or self._rest.readinto(buffer)

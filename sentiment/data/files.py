"""TableFile: a file of reviews and its format; which files a path names; and how to open one as text."""

import codecs
import glob
import gzip
import io
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO

from sentiment.errors import InputError, shown

DEFAULT_TEXT_COLUMNS = ("text", "review")
"""Where reviews are looked for when no column is named: the first that there is."""

SEPARATORS = {"csv": ",", "tsv": "\t"}
FORMATS = ("csv", "tsv", "jsonl", "parquet", "txt")
ENDINGS = {**{name: name for name in FORMATS}, "json": "jsonl", "ndjson": "jsonl", "tab": "tsv"}
"""Ending of a file's name -> its format."""

USUALLY_ALLOWED = 0.01
"""Share of the lines of a table that may be lost where nobody says otherwise."""

LONGEST_ROW = 7 * 2**23
"""Characters: a quotation mark that is never closed would otherwise swallow a file of any size."""

NOT_UNICODE = "it is not UTF-8"

HEAD = 2**20
"""Characters at the beginning of a text that decide how to read it."""

FOREIGN = {
    b"\xd0\xcf\x11\xe0": "an Excel workbook of the old kind (.xls): save its sheet as CSV UTF-8 and give that file",
    **dict.fromkeys((b"7z\xbc\xaf", b"Rar!"), "a 7z or rar archive: unpack it and give the table in it"),
    **dict.fromkeys(
        (b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd"), "compressed by bzip2, xz or zstd: unpack it, or use gzip"
    ),
    **dict.fromkeys((b"<!DOCTYPE html", b"<html"), "a web page, perhaps of a login: download the table itself"),
    b"version https://git-lfs": "a pointer of Git LFS and not the file itself: fetch it with git lfs pull",
    **dict.fromkeys((b"%PDF", b"SQLite format 3"), "a PDF document or a database: export the table as CSV"),
}
"""First bytes of files that are no tables -> what they are, and the remedy."""

Stamp = tuple[int, int]
"""A file's bytes, and the time of its last change in nanoseconds."""


@dataclass(frozen=True)
class TableFile:
    """A file of reviews.

    Attributes:
        format: one of FORMATS.
        is_compressed: whether a table that is written here is compressed by gzip; reading finds it out by itself.
        copy: where the content lies if not at the path, as that of standard input does.
    """

    path: Path
    format: str
    is_compressed: bool = False
    copy: Path | None = None

    @classmethod
    def at(cls, path: Path) -> "TableFile":
        """The file at a path, its format taken from its ending; raises InputError if that names no format."""
        *_, ending = path.name.lower().removesuffix(".gz").split(".")
        is_compressed = path.name.lower().endswith(".gz")
        if f".{ending}" not in path.name.lower() or ending not in ENDINGS or (is_compressed and ending == "parquet"):
            if path.is_file():
                with path.open("rb") as file:
                    refuse_foreign(path, file.read(4_096))
            raise InputError(
                f"{path}: its ending tells no format of a table; it may be .{', .'.join(ENDINGS)}, "
                "followed by .gz for all but .parquet."
            )
        return cls(path, ENDINGS[ending], is_compressed)

    @property
    def ending(self) -> str:
        """The ending that names the format."""
        return f"{self.format}.gz" if self.is_compressed else self.format

    @property
    def content(self) -> Path:
        """The file to read."""
        return self.copy or self.path

    def stamp(self) -> Stamp:
        """Its size and the time of its last change: where they differ, the content does."""
        status = self.content.stat()
        return status.st_size, status.st_mtime_ns


@dataclass(frozen=True)
class ReadOptions:
    """How to read text tables where the file itself does not say, or says it wrongly.

    Attributes:
        encoding: name of a Python codec; None for UTF-8, or UTF-16 and UTF-32 where the file looks like it.
        delimiter: one character between cells, or "tab"; None for the one that the first line has.
        quote: the quotation mark of cells, or "none"; None for the one that loses the fewest rows.
        header: whether the first line names the columns; otherwise they are column1, column2, ...

    Raises:
        InputError: a value cannot be.
    """

    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    header: bool = True

    def __post_init__(self) -> None:
        try:
            codecs.lookup(self.encoding or "utf-8").incrementaldecoder("strict").decode(b"")
        except (LookupError, TypeError, AttributeError, UnicodeError):
            raise InputError(f"--encoding {self.encoding}: there is no such text encoding; try cp1252.") from None
        if self.delimiter not in (None, "tab", "\\t") and len(self.delimiter or "") != 1:
            raise InputError(f"--delimiter {self.delimiter!r}: give one character, or tab.")
        if self.quote not in (None, "none") and len(self.quote or "") != 1:
            raise InputError(f"--quote {self.quote!r}: give one character, or none.")

    @property
    def separator(self) -> str | None:
        """The delimiter as the character that it is."""
        return "\t" if self.delimiter in ("tab", "\\t") else self.delimiter


def find_tables(name: str, ignored: Collection[Path] = ()) -> tuple[list[TableFile], tuple[str, ...]]:
    """The files of reviews that a path names: a file, the files in a folder, or those of a pattern, in order.

    Hidden files in a folder, empty files and ignored ones (resolved paths) are left out.

    Returns:
        The files, all of one format, and the names of files in the folder whose ending names no format.

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


@contextmanager
def standard_input(text_column: str | None, options: ReadOptions) -> Iterator[TableFile]:
    """Standard input, copied to a temporary file for as long as it is needed, as it is read more than once.

    Raises:
        InputError: it is closed, or nothing that is read from a stream.
    """
    if sys.stdin is None:
        raise InputError("Standard input is closed: give a file.")
    with tempfile.NamedTemporaryFile() as copy:
        with io.FileIO(sys.stdin.fileno(), closefd=False) as source:
            shutil.copyfileobj(source, copy, 2**20)
        copy.flush()
        file = TableFile(Path("-"), "txt", copy=Path(copy.name))
        with open_text(file, options) as text:
            head = text.beginning
        separator = separator_of(head, text_column, options)
        if head.startswith(("{", "[")):
            kind = "jsonl"
        elif separator is not None:
            kind = "tsv" if separator == "\t" else "csv"
        elif text_column is None:
            kind = "txt"
        else:
            first = shown((head.splitlines() or [""])[0])
            raise InputError(f"The first line of standard input names no column {shown(text_column)}: {first!r}.")
        yield replace(file, format=kind)


def separator_of(head: str, text_column: str | None, options: ReadOptions) -> str | None:
    """What separates the cells of a text whose first line is a header; None where the text is a review a line."""
    if options.separator is not None:
        return options.separator
    line = head.lstrip("\n").split("\n")[0].strip()
    for separator in ",\t;|":
        cells = [cell.strip('"') for cell in line.split(separator)]
        is_named = not {text_column, *(() if text_column else DEFAULT_TEXT_COLUMNS)}.isdisjoint(cells)
        if is_named or (len(cells) > 1 and all(re.fullmatch(r"\w+", cell) for cell in cells)):
            return separator
    return None


def refuse_foreign(path: Path, head: bytes) -> None:
    """Raise InputError with the kind of a file and the remedy, if its first bytes say that it is no table."""
    if head.startswith(b"PK\x03\x04"):
        if b"xl/" in head or b"[Content_Types].xml" in head or path.suffix.lower() in (".xlsx", ".ods"):
            raise InputError(
                f"{path} is an Excel workbook or another office document: save its sheet as CSV UTF-8 and give that "
                "file."
            )
        raise InputError(f"{path} is a zip archive: unpack it with `unzip` and give the table in it.")
    for magic, what in FOREIGN.items():
        if head.lstrip().startswith(magic):
            raise InputError(f"{path} is {what}.")


@dataclass
class TextStream:
    """An open text.

    Attributes:
        stream: lines end with a line feed, or with a carriage return where there is none; a byte that is no text in
            the encoding is a surrogate.
        head: its first lines, HEAD characters or somewhat more.
        position: tells how many bytes of the file have been read.
    """

    stream: TextIO
    head: list[str]
    position: Callable[[], int]

    @property
    def beginning(self) -> str:
        """What tells the format."""
        return "".join(self.head[:9]).lstrip()

    @property
    def is_fasttext(self) -> bool:
        """Whether the first line begins with a label as fastText has them."""
        return re.match(r"__label__\S+[ \t]", self.beginning) is not None

    def lines(self) -> Iterator[str]:
        """The lines, each with its end; of one longer than LONGEST_ROW the beginning, so that it is refused."""
        while line := self.stream.readline(LONGEST_ROW + 1):
            yield line
            while len(line) > LONGEST_ROW and line[-1] not in "\r\n":
                line = self.stream.readline(LONGEST_ROW + 1)

    def array_items(self, path: Path) -> Iterator[str]:
        """The values of a JSON array, each as its text; raises InputError where the array is damaged."""
        decoder, rest, mark, count = json.JSONDecoder(), "", r"\[", 0
        while True:
            more = self.stream.read(max(2**16, len(rest)))
            rest += more
            while start := re.match(rf"\s*{mark}\s*", rest):
                try:
                    _, end = decoder.raw_decode(rest, start.end())
                except (ValueError, RecursionError):
                    break
                if end == len(rest) and more:  # a number may go on
                    break
                yield rest[start.end() : end]
                rest, mark, count = rest[end:], ",", count + 1
            if not more or len(rest) > LONGEST_ROW:
                if re.fullmatch(r"\s*\]\s*" if count else r"\s*\[\s*\]\s*", rest):
                    return
                raise InputError(
                    f"{path}: the JSON array is damaged or ends here, after {count:,} objects "
                    f"({shown(rest[:60].strip()) or 'the file ends'}): mend it, or write JSON lines, an object a line."
                )


def refusal(text: str) -> str | None:
    """Why a text cannot be a row: it is too long, or holds bytes that are no text in the encoding of its file."""
    if len(text) > LONGEST_ROW:
        return f"it is longer than {LONGEST_ROW // 2**20} Mi characters"
    try:
        text.encode()
    except UnicodeEncodeError:
        return NOT_UNICODE
    return None


@contextmanager
def open_text(file: TableFile, options: ReadOptions) -> Iterator[TextStream]:
    """The content as text, decompressed, without a byte order mark.

    Raises:
        InputError: the first bytes say that the file is no text table.
        OSError, EOFError, zlib.error: it cannot be read.
    """
    head: list[str] = []
    left = HEAD
    with file.content.open("rb") as raw, _decoded(file, raw, options) as stream:
        while left > 0 and (line := stream.readline(HEAD)):
            head.append(line)
            left -= len(line)
    with file.content.open("rb") as raw, _decoded(file, raw, options) as stream:
        yield TextStream(stream, head, raw.tell)


def _decoded(file: TableFile, raw: Any, options: ReadOptions) -> TextIO:
    head = raw.peek(4_096)
    refuse_foreign(file.path, head)
    if head.startswith(b"PAR1"):
        raise InputError(f"{file.path} is a Parquet file: let its name end with .parquet.")
    binary: Any = io.BufferedReader(gzip.GzipFile(fileobj=raw), 2**16) if head.startswith(b"\x1f\x8b") else raw
    head = binary.peek(4_096)
    codec = options.encoding or json.detect_encoding(head)  # UTF-16 and UTF-32 also without a mark
    codec = "utf-8-sig" if codecs.lookup(codec).name == "utf-8" else codec
    newline = "\r" if b"\r" in head and b"\n" not in head else "\n"
    return io.TextIOWrapper(binary, codec, errors="surrogateescape", newline=newline)

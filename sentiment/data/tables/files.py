"""TableFile: a file of reviews and its format; which files a path names; what a file is by its first bytes."""

import codecs
import glob
import gzip
import io
import re
import shutil
import sys
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from sentiment.errors import InputError, shown

DEFAULT_TEXT_COLUMNS = ("text", "review")
"""Where reviews are looked for when no column is named: the first that there is."""

SEPARATORS = {"csv": ",", "tsv": "\t"}
FORMATS = ("csv", "tsv", "jsonl", "parquet", "txt")
ENDINGS = {**{name: name for name in FORMATS}, "json": "jsonl", "ndjson": "jsonl", "tab": "tsv"}
"""Ending of a file's name -> its format."""

USUALLY_ALLOWED = 0.01
"""Share of the lines of a table that may be lost where nobody says otherwise."""

ZIP = b"PK\x03\x04"
FOREIGN = (
    (b"\xd0\xcf\x11\xe0", "an Excel workbook of the old kind (.xls): save its sheet as CSV UTF-8 and give that file"),
    (b"7z\xbc\xaf", "a 7z archive: unpack it and give the table in it"),
    (b"Rar!", "a rar archive: unpack it and give the table in it"),
    (b"BZh", "compressed by bzip2: unpack it with bunzip2 first"),
    (b"\xfd7zXZ", "compressed by xz: unpack it with unxz first"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd: unpack it with unzstd first"),
    (b"%PDF", "a PDF document: export the table as CSV"),
    (b"SQLite format 3", "an SQLite database: export the table as CSV"),
    (b"version https://git-lfs", "a pointer of Git LFS and not the file itself: fetch it with git lfs pull"),
    (b"<!DOCTYPE html", "a web page, perhaps of a download that needs a login: download the table itself"),
    (b"<html", "a web page, perhaps of a download that needs a login: download the table itself"),
)  # fmt: skip
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
        """The file at a path, its format taken from its ending.

        Raises:
            InputError: the ending names no format.
        """
        endings = path.name.lower().split(".")[1:]
        is_compressed = endings[-1:] == ["gz"]
        ending = "".join(endings[-2:-1] if is_compressed else endings[-1:])
        if ending not in ENDINGS or (is_compressed and ending == "parquet"):
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
    """

    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    header: bool = True

    def __post_init__(self) -> None:
        """Raises InputError for a value that cannot be."""
        if self.encoding is not None:
            try:
                codecs.lookup(self.encoding).incrementaldecoder("strict").decode(b"")
            except (LookupError, TypeError, AttributeError, UnicodeError):
                raise InputError(f"--encoding {self.encoding}: there is no such text encoding; try cp1252.") from None
        if self.delimiter is not None and self.delimiter not in ("tab", "\\t") and len(self.delimiter) != 1:
            raise InputError(f"--delimiter {self.delimiter!r}: give one character, or tab.")
        if self.quote is not None and self.quote != "none" and len(self.quote) != 1:
            raise InputError(f"--quote {self.quote!r}: give one character, or none.")

    @property
    def separator(self) -> str | None:
        """The delimiter as the character that it is."""
        return "\t" if self.delimiter in ("tab", "\\t") else self.delimiter


def find_tables(name: str, ignored: Collection[Path] = ()) -> tuple[list[TableFile], tuple[str, ...]]:
    """The files of reviews that a path names: a file, the files in a folder, or those of a pattern, in order.

    Hidden files in a folder, empty files and ignored ones are left out.

    Args:
        name: a path, or a pattern such as `reviews/**/*.csv`.
        ignored: resolved paths that are no input.

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
        with open_text(file, options.encoding) as text:
            head = text.peek(2**16).lstrip()
        separator = separator_of(head, text_column, options)
        if head[:1] in (b"{", b"["):
            kind = "jsonl"
        elif separator is None:
            kind = "txt"
            if text_column is not None:
                raise InputError(
                    f"The first line of standard input names no column {shown(text_column)}: "
                    f"{shown(head.decode('utf-8', 'replace').splitlines()[0] if head else '')!r}."
                )
        else:
            kind = "tsv" if separator == "\t" else "csv"
        yield replace(file, format=kind)


def separator_of(head: bytes, text_column: str | None, options: ReadOptions) -> str | None:
    """What separates the cells of a text whose first line is a header; None where the text is a review a line."""
    line = head.decode("utf-8", "replace").lstrip("\n").split("\n")[0].strip()
    if options.separator is not None:
        return options.separator
    names = {text_column} if text_column else {*DEFAULT_TEXT_COLUMNS}
    for separator in ",\t;|":
        cells = [cell.strip('"') for cell in line.split(separator)]
        if names & {*cells} or (len(cells) > 1 and all(re.fullmatch(r"\w+", cell) for cell in cells)):
            return separator
    return None


def refuse_foreign(path: Path, head: bytes) -> None:
    """Name what a file is, if its first bytes say that it is no table.

    Raises:
        InputError: they do.
    """
    if head.startswith(ZIP):
        is_workbook = b"xl/" in head or b"[Content_Types].xml" in head or path.suffix.lower() in (".xlsx", ".ods")
        raise InputError(
            f"{path} is an Excel workbook or another office document: save its sheet as CSV UTF-8 and give that file."
            if is_workbook
            else f"{path} is a zip archive: unpack it with `unzip` and give the table in it."
        )
    for magic, what in FOREIGN:
        if head.lstrip().startswith(magic):
            raise InputError(f"{path} is {what}.")


def open_text(file: TableFile, encoding: str | None) -> "TextBytes":
    """The content as UTF-8 without a byte order mark; a byte that is no text in its encoding stays as it is.

    Args:
        encoding: as in ReadOptions.

    Raises:
        InputError: the first bytes say that the file is no text table.
        OSError, EOFError, zlib.error: it cannot be read.
    """
    raw = file.content.open("rb")
    try:
        head = raw.peek(4_096)
        refuse_foreign(file.path, head)
        if head.startswith(b"PAR1"):
            raise InputError(f"{file.path} is a Parquet file: let its name end with .parquet.")
        is_compressed = head.startswith(b"\x1f\x8b")
        binary: Any = io.BufferedReader(gzip.GzipFile(fileobj=raw), 2**16) if is_compressed else raw
        head = binary.peek(4_096)
        codec = encoding or _encoding_of(head)
        if codecs.lookup(codec).name == "utf-8":
            if head.startswith(codecs.BOM_UTF8):
                binary.read(len(codecs.BOM_UTF8))
            return TextBytes(binary, raw)
        return TextBytes(io.BufferedReader(_Recoded(binary, codec), 2**16), raw)
    except BaseException:
        raw.close()
        raise


def _encoding_of(head: bytes) -> str:
    """UTF-16 or UTF-32 where the first bytes look like it, or else UTF-8."""
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    for start, codec in ((1, "utf-16-le"), (0, "utf-16-be")):  # of Latin letters, every second byte is zero
        if len(head) >= 8 and head[start::2].count(0) > len(head) // 4 and not head[1 - start :: 2].count(0):
            return codec
    return "utf-8"


class TextBytes(io.BufferedReader):
    """A stream that knows how much of the file it comes from has been read."""

    def __init__(self, stream: Any, raw: BinaryIO) -> None:
        super().__init__(stream, 2**16)
        self._file = raw

    @property
    def position(self) -> int:
        """Bytes of the file read so far."""
        return self._file.tell()

    def close(self) -> None:
        """Close the stream and its file."""
        super().close()
        self._file.close()


class _Recoded(io.RawIOBase):
    """Text of another encoding as UTF-8."""

    def __init__(self, source: Any, codec: str) -> None:
        self._source, self._rest = source, b""
        self._decoder = codecs.getincrementaldecoder(codec)("surrogateescape")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            block = self._source.read(2**16)
            text = self._decoder.decode(block, final=not block)
            self._rest = text.removeprefix("\ufeff").encode("utf-8", "surrogateescape")
            if not block:
                break
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size

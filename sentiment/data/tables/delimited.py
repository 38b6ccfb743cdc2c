"""Rows of CSV and TSV, parsed by DuckDB block by block, so that every line of the file is read or accounted for."""

import contextlib
import csv
import math
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sentiment.data.tables.files import ReadOptions
from sentiment.data.tables.rows import LONGEST_ROW, NOT_UNICODE, TOO_LONG, Rejected, raw_text
from sentiment.errors import InputError

BLOCK, HEAD = 2**22, 2**20
"""Bytes that are parsed at a time, and those at the beginning that decide on the quotation mark."""

NO_EXTENSIONS: dict[str, str | bool | int | float | list[str]] = {
    "threads": 1,
    "autoload_known_extensions": False,
    "autoinstall_known_extensions": False,
}

MOST_COLUMNS = 2_000
"""DuckDB takes minutes to plan a query of many thousands."""

NO_NULL = "\x01\x02null"
"""What no cell holds: DuckDB would make an empty cell null, and here it is empty text."""

RETURN, LINE_FEED = "\ufdd0\ufdd2\ufdd0", "\ufdd1\ufdd2\ufdd1"
"""What stands for them in cells while DuckDB reads: code points that are no characters."""

SWALLOWED = 3
"""Lines within a cell from which on they may be rows that an open quotation mark has swallowed."""


class Dialect(NamedTuple):
    """Characters between and around cells; no quotation mark and no escape where they are empty."""

    delimiter: str
    quote: str
    escape: str


class _Reject(NamedTuple):
    """What DuckDB says of a record: where it begins and ends in the block, in lines, and why it is none."""

    line: int
    end: int
    reason: str


@dataclass(frozen=True)
class Block:
    """Consecutive rows.

    Attributes:
        cells: columns of text.
        numbers, lines: of each row, its number and the line that it begins in.
        rejected: the rows between them that could not be read.
        taken: how many lines of the file all of them are, blank ones counted.
    """

    cells: pa.RecordBatch
    numbers: np.ndarray
    lines: np.ndarray
    rejected: list[Rejected]
    taken: int


class DelimitedRows:
    """A text table of one delimiter.

    Attributes:
        dialect: what was found, or given.
        names: of the columns, as the file has them.
    """

    def __init__(self, stream: BinaryIO, options: ReadOptions, usual: str, place: str) -> None:
        """Read as far as the header.

        Args:
            stream: UTF-8; it stays the caller's to close.
            usual: the delimiter that is taken where the first line does not tell.
            place: the file, for messages.

        Raises:
            InputError: there is no header, or it has too many columns.
        """
        self._stream = stream
        self._text = stream.read(HEAD)
        self._is_last = len(self._text) < HEAD
        self._returns_only = b"\n" not in self._text  # as on an old Macintosh
        self._text = self._with_line_feeds(self._text)
        self._line, self._row = 1, 0
        first = self._text[:100].splitlines()[:1]
        separator = options.separator
        if first and first[0].lower().startswith(b"sep=") and len(first[0]) == 5:  # as Excel writes it
            separator = separator or first[0][4:].decode()
            self._skip(1)
        self._separator = separator or self._delimiter(usual)
        header = self._header(Dialect(self._separator, "" if options.quote == "none" else options.quote or '"', ""))
        if not any(header):
            raise InputError(f"{place} is empty: it needs a header.")
        if len(header) > MOST_COLUMNS:
            raise InputError(f"{place} has {len(header):,} columns, more than {MOST_COLUMNS:,}: leave some out.")
        self.names = header if options.header else [f"column{n}" for n in range(1, len(header) + 1)]
        if options.header:
            self._skip(self._header_lines)
        self._folder = tempfile.TemporaryDirectory()
        self._path = Path(self._folder.name) / "block"
        self._con = duckdb.connect(config=NO_EXTENSIONS)
        self.dialect = self._find_dialect(options.quote)

    def close(self) -> None:
        """Remove what was written on the way."""
        self._con.close()
        self._folder.cleanup()

    def _with_line_feeds(self, text: bytes) -> bytes:
        return text.replace(b"\r", b"\n") if self._returns_only else text

    def _skip(self, lines: int) -> None:
        parts = _lines(self._text)
        self._text, self._line = b"".join(parts[lines:]), self._line + lines

    def _delimiter(self, usual: str) -> str:
        """The character that cuts the first line into the most cells; the usual one among equals."""
        line = (_lines(self._text) or [b""])[0].decode("utf-8", "replace").replace("\r", "")
        separators: tuple[str, ...] = (usual, *",;\t|")
        return max(separators, key=lambda separator: len(_cells([line], Dialect(separator, '"', ""))[0]))

    def _header(self, dialect: Dialect) -> list[str]:
        lines = [line.decode("utf-8", "backslashreplace") for line in _lines(self._text)[:1_000]]
        cells, self._header_lines = _cells([re.sub(r"\r(?!\n)", RETURN, line) for line in lines], dialect)
        return [cell.replace(RETURN, "\r") for cell in cells]

    def _find_dialect(self, quote: str | None) -> Dialect:
        """Of those that are possible, the one by which the fewest lines of the beginning are lost."""
        separator, mark = self._separator, '"' if quote is None else quote
        doubled, bare = Dialect(separator, mark, mark), Dialect(separator, "", "")
        if mark == "none":
            return bare
        candidates = [doubled] if mark.encode() in self._text else []
        if b"\\" + mark.encode() in self._text:
            candidates.append(Dialect(separator, mark, "\\"))
        if quote is None and candidates:
            candidates.append(bare)
        return min(candidates, key=self._harm, default=doubled) if len(candidates) > 1 else doubled

    def _harm(self, dialect: Dialect) -> float:
        """Lines of the beginning that are lost; without a quotation mark, also cells that stand between two."""
        text = self._text[: _cut(self._text, dialect, is_last=self._is_last)]
        try:
            block, _ = self._parse(text, dialect, self._is_last)
        except _UnaccountedError:
            return math.inf
        harm = sum(rejected.lines for rejected in block.rejected)
        if not dialect.quote:
            for column in block.cells.columns:
                harm += pc.sum(pc.match_substring_regex(column, '(?s)^".*"\r?$')).as_py() or 0
        return harm

    def blocks(self) -> Iterator[Block]:
        """All rows."""
        size = BLOCK
        while not self._is_last or self._text:
            if not self._is_last and len(self._text) < size:
                more = self._stream.read(size - len(self._text))
                self._text += self._with_line_feeds(more)
                self._is_last = not more or len(self._text) < size
            is_last = self._is_last and len(self._text) <= size
            end = _cut(self._text[:size], self.dialect, is_last=is_last)
            if not end and size <= LONGEST_ROW:  # no line ends here
                size = min(2 * size, LONGEST_ROW + 1)
                continue
            if not end:  # a line longer than any row
                yield self._without(len(self._text), TOO_LONG)
                while (line := self._stream.readline(BLOCK)) and not line.endswith(b"\n"):
                    pass
                self._is_last, self._text, self._line, self._row = not line, b"", self._line + 1, self._row + 1
                continue
            is_last |= size > LONGEST_ROW
            block = None
            while block is None:
                try:
                    block, rest = self._parse(self._text[:end], self.dialect, is_last)
                except _UnaccountedError:  # a half of it, down to the line that DuckDB cannot account for
                    ends = _ends(_lines(self._text[:end]))
                    end, is_last = int(ends[(len(ends) - 1) // 2]), True
                    if len(ends) == 1:
                        block, rest = self._without(end, "DuckDB cannot parse it"), b""
            if not block.taken:  # one record, which goes on
                size = min(2 * size, LONGEST_ROW + 1)
                continue
            self._line += block.taken
            self._row += block.cells.num_rows + len(block.rejected)
            self._text, size = rest + self._text[end:], BLOCK
            yield block

    def _without(self, size: int, reason: str) -> Block:
        """A block of one line that is left out."""
        none = np.zeros(0, np.int64)
        rejected = Rejected(self._row + 1, self._line, reason, raw_text(self._text[:size]), lines=1)
        return Block(_no_rows(len(self.names)), none, none, [rejected], 1)

    def _parse(self, text: bytes, dialect: Dialect, is_last: bool) -> tuple[Block, bytes]:
        """The rows of a text that ends with a line, and the bytes of it that are left.

        A record whose quotation mark is not closed is left for the next block. Where there is none, its first line is
        rejected, and the next block begins after it.
        """
        cells, rejects, lines, starts, spans, end = self._accounted(text, dialect)
        if end < len(lines):  # DuckDB says nothing of some marks that are not closed
            rejects.append(_Reject(end, len(lines), _OPEN))
        rest = b""
        if rejects and rejects[-1].reason == _OPEN and rejects[-1].end >= len(lines):
            *rejects, last = rejects
            end = last.line
            if is_last:
                following = len(lines) - last.line - 1
                rejects.append(_Reject(last.line, last.line + 1, f"{_OPEN}, though {following:,} lines follow"))
                end += 1
            lines, rest = lines[:end], b"".join(lines[end:])
        swallowed = _swallowed(cells, spans, lines, starts, dialect.delimiter) if dialect.quote else []
        reasons = [
            *rejects,
            *(
                _Reject(
                    int(starts[row]),
                    int(starts[row] + spans[row]),
                    f"a quotation mark in it closes {spans[row] - 1:,} lines later, and those between look like rows",
                )
                for row in swallowed
            ),
        ]
        kept = np.ones(len(starts), bool)
        kept[swallowed] = False
        reasons.sort()
        numbers = self._row + 1 + np.arange(kept.sum()) + np.searchsorted([r.line for r in reasons], starts[kept])
        rejected = [
            Rejected(
                int(self._row + 1 + place + np.searchsorted(starts[kept], reject.line)),
                self._line + reject.line,
                reject.reason,
                raw_text(b"".join(lines[reject.line : reject.end])),
                lines=reject.end - reject.line,
            )
            for place, reject in enumerate(reasons)
        ]
        if swallowed:
            cells = cells.filter(pa.array(kept))
        return Block(cells, numbers, self._line + starts[kept], rejected, len(lines)), rest

    def _accounted(self, text: bytes, dialect: Dialect) -> "_Accounted":
        """Rows and rejects of a text, and the place of each row in it.

        DuckDB takes the first line end that it meets, even in a cell, for that of all records, and then loses records
        without a word. So what ends no record goes through it as another character. Where records end in several ways,
        it all becomes line feeds.

        Raises:
            _UnaccountedError: rows and rejected records do not account for the lines.
        """
        both = text.count(b"\r\n")
        bare = text.count(b"\n") - both
        if text.count(b"\r") > both:
            text = re.sub(rb"\r(?!\n)", RETURN.encode(), text)
        attempts, by_feeds = [text], b""
        if both and bare:
            by_returns, by_feeds = re.sub(rb"(?<!\r)\n", LINE_FEED.encode(), text), text.replace(b"\r", RETURN.encode())
            attempts = [by_returns, by_feeds] if len(self.names) > 1 else [by_feeds]
            attempts.append(text.replace(b"\r\n", b"\n"))
        best: _Accounted | None = None
        least = math.inf
        for attempt in attempts:
            lines = _lines(attempt)
            with contextlib.suppress(duckdb.Error):
                cells, rejects = self._read(attempt, dialect, lines)
                harm = sum(reject.end - reject.line for reject in rejects)
                if attempt == by_feeds:
                    harm += pc.sum(pc.ends_with(cells.column(cells.num_columns - 1), RETURN)).as_py() or 0
                if harm < least and (places := _places(cells, rejects, lines)) is not None:
                    best, least = (cells, rejects, lines, *places), harm
            if not least:
                break
        if best is None:
            raise _UnaccountedError
        cells, rejects, lines, starts, spans, end = best
        for stand_in, character in ((RETURN, "\r"), (LINE_FEED, "\n")):
            if stand_in.encode() in text or (both and bare):
                lines = [line.replace(stand_in.encode(), character.encode()) for line in lines]
                arrays = [pc.replace_substring(column, stand_in, character) for column in cells.columns]
                cells = pa.RecordBatch.from_arrays(arrays, cells.schema.names)
        return cells, rejects, lines, starts, spans, end

    def _read(self, text: bytes, dialect: Dialect, lines: Sequence[bytes]) -> tuple[pa.RecordBatch, list[_Reject]]:
        """What DuckDB makes of a text: rows and rejects.

        Raises:
            duckdb.Error: it cannot go on.
        """
        self._path.write_bytes(b"\xef\xbb\xbf" * text.startswith(b"\xef\xbb\xbf") + text)  # DuckDB skips one mark
        try:
            return self._query(text, dialect), []
        except duckdb.Error:  # of its first bad record; the others take more time
            cells = self._query(text, dialect, "store_rejects=true,rejects_limit=0")
        found = self._con.execute(_REJECTS).fetchall()
        self._con.execute("drop table reject_errors; drop table reject_scans")
        starts = _ends(lines) - np.fromiter(map(len, lines), np.int64, len(lines))
        rejects: dict[int, _Reject] = {}
        for position, kind, message, breaks in found:
            line = int(np.searchsorted(starts, position - 1))  # with \r\n, it is one too small
            rejects.setdefault(line, _Reject(line, line + 1 + breaks, _reason(kind, message)))
        return cells, list(rejects.values())

    def _query(self, text: bytes, dialect: Dialect, more: str = "") -> pa.RecordBatch:
        size = len(text) + 2**12
        columns = ",".join(f"'{n}':'VARCHAR'" for n in range(len(self.names)))
        options = ",".join(
            f"{name}={_literal(value)}"
            for name, value in {
                "delim": dialect.delimiter, "quote": dialect.quote, "escape": dialect.escape, "nullstr": NO_NULL,
                "header": False, "auto_detect": False, "strict_mode": True, "parallel": False, "skip": 0,
                "max_line_size": size, "buffer_size": size,
            }.items()
        )  # fmt: skip
        more = more and f",{more},rejects_line_size_limit={size}"
        table = self._con.sql(
            f"from read_csv({_literal(str(self._path))},{options},columns={{{columns}}}{more})"
        ).to_arrow_table()
        [cells] = table.combine_chunks().to_batches() or [_no_rows(len(self.names))]
        return cells


class _UnaccountedError(Exception):
    """Rows and rejects of a text do not account for its lines."""


_Accounted = tuple[pa.RecordBatch, list[_Reject], list[bytes], np.ndarray, np.ndarray, int]

_REJECTS = f"""
select line_byte_position, error_type, error_message[:200],
    len(csv_line) - len(replace(replace(csv_line, chr(10), ''), '{LINE_FEED}', '{LINE_FEED[:2]}'))
    - (csv_line[1] = chr(10))::int - (csv_line[-1] = chr(10))::int
from reject_errors order by all
"""
"""Where a record begins, what is wrong with it, and how many line ends are in it; with \\r\\n, DuckDB begins at the
line feed before it."""

_OPEN = "a quotation mark in it is not closed"


def _reason(kind: str, message: str) -> str:
    if "COLUMNS" in kind:
        numbers = [int(word) for word in message.split() if word.isdigit()]
        return f"it has {numbers[1]} cells, the header {numbers[0]}" if len(numbers) == 2 else message
    if kind == "INVALID ENCODING":
        return NOT_UNICODE
    if kind == "UNQUOTED VALUE":
        return _OPEN if "unterminated" in message else "text follows a closing quotation mark"
    return f"it cannot be parsed: {message}"


def _places(
    cells: pa.RecordBatch, rejects: Sequence[_Reject], lines: Sequence[bytes]
) -> tuple[np.ndarray, np.ndarray, int] | None:
    """The first line of each row, how many it takes, and the first line after all; None where they do not add up."""
    rows, end = cells.num_rows, len(lines)
    if not rejects and rows == end:
        return np.arange(rows), np.ones(rows, np.int64), end
    spans = np.ones(rows, np.int64)
    for column in cells.columns:
        spans += np.asarray(pc.count_substring_regex(column, f"\n|{LINE_FEED}"))
    ends = {reject.line: reject.end for reject in rejects}
    starts, at, blank_is_row = np.zeros(rows, np.int64), 0, cells.num_columns == 1
    for row, span in enumerate([*spans.tolist(), 0]):
        while at in ends or (at < end and not blank_is_row and not lines[at].strip(b"\r\n")):
            at = ends.get(at, at + 1)
        if row < rows:
            starts[row], at = at, at + span
    if at > end or (rows and not _is_in(cells.slice(rows - 1), b"".join(lines[starts[-1] : starts[-1] + spans[-1]]))):
        return None
    return starts, spans, at


def _is_in(row: pa.RecordBatch, text: bytes) -> bool:
    """Whether the cells of a row, as far as no character in them may be written otherwise, stand in a text."""
    plain = (re.split(r"[\\\\\r\n\W]", column[0].as_py(), maxsplit=1)[0] for column in row.columns)
    return all(beginning.encode() in text for beginning in plain)


def _swallowed(
    cells: pa.RecordBatch, spans: np.ndarray, lines: Sequence[bytes], starts: np.ndarray, delimiter: str
) -> list[int]:
    """Rows of many lines most of which look like rows: as many cells, none longer than those of other rows."""
    long, short = np.flatnonzero(spans > SWALLOWED), spans == 1
    if not len(long) or not short.any() or cells.num_columns == 1:
        return []
    widest = [pc.max(pc.binary_length(column.filter(pa.array(short)))).as_py() for column in cells.columns]
    found = []
    for row in long.tolist():
        inner = [
            line.rstrip(b"\r\n").split(delimiter.encode())
            for line in lines[starts[row] + 1 : starts[row] + spans[row] - 1]
        ]
        alike = sum(
            len(parts) == len(widest) and all(len(part) <= most for part, most in zip(parts, widest, strict=True))
            for parts in inner
        )
        if alike > 0.8 * len(inner):
            found.append(row)
    return found


def _cut(text: bytes, dialect: Dialect, *, is_last: bool) -> int:
    """Where to end a block: after the last line that seems to end outside quotation marks; 0 if no line ends."""
    if is_last:
        return len(text)
    last = end = text.rfind(b"\n") + 1
    if not dialect.quote:
        return last
    quote, escaped = dialect.quote.encode(), (dialect.escape + dialect.quote).encode()

    def quotes(start: int, stop: int) -> int:
        return text.count(quote, start, stop) - (text.count(escaped, start, stop) if dialect.escape == "\\" else 0)

    odd = quotes(0, end) % 2
    for _ in range(10_000):
        if not odd or not end:
            break
        before = text.rfind(b"\n", 0, end - 1) + 1
        odd, end = (odd + quotes(before, end)) % 2, before
    return end or last


def _cells(lines: list[str], dialect: Dialect) -> tuple[list[str], int]:
    """The cells of the first record as Python's csv gives them, and how many lines it takes."""
    csv.field_size_limit(LONGEST_ROW)
    if dialect.quote:
        reader = csv.reader(lines, delimiter=dialect.delimiter, quotechar=dialect.quote)
    else:
        reader = csv.reader(lines, delimiter=dialect.delimiter, quoting=csv.QUOTE_NONE)
    cells = next((cells for cells in reader if cells), [])
    return cells, reader.line_num


def _lines(text: bytes) -> list[bytes]:
    """The lines of a text, each with its line feed or what stands for it."""
    parts = (
        re.split(rb"(?<=\n)|(?<=%b)" % LINE_FEED.encode(), text)
        if LINE_FEED.encode() in text
        else text.splitlines(keepends=True)
    )
    return parts if parts[-1:] != [b""] else parts[:-1]


def _ends(lines: Sequence[bytes]) -> np.ndarray:
    return np.cumsum(np.fromiter(map(len, lines), np.int64, len(lines)))


def _no_rows(columns: int) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([], pa.string())] * columns, [str(n) for n in range(columns)])


def _literal(value: object) -> str:
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value).lower()

"""The rows of text tables, each with the lines that it takes: delimited, JSON, fastText or plain lines."""

import csv
import itertools
import json
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from sentiment.data import files
from sentiment.data.files import ReadOptions, TableFile, TextStream
from sentiment.errors import InputError, shown

SWALLOWED = 3  # lines of a row from which on they may be rows that an open quotation mark has swallowed
JSON = json.JSONDecoder(parse_constant=lambda name: None)  # NaN
FASTTEXT = re.compile(r"((?:__label__\S+[ \t]+)*)(.*)", re.DOTALL)


class Row(NamedTuple):
    """A row: its first line, how many lines and characters it takes, and its columns; or raw text, and the reason."""

    line: int
    lines: int
    size: int
    values: Any
    reason: str | None = None


def text_rows(
    text: TextStream, file: TableFile, options: ReadOptions, text_column: str | None
) -> tuple[list[str] | None, Iterator[Row]]:
    """The names of the columns, None where each object of JSON has its own, and the rows."""
    if file.format == "jsonl":
        items = text.array_items(file.path) if text.beginning.startswith("[") else text.lines()
        return None, _line_rows(items, _parse_object)
    name = text_column or files.DEFAULT_TEXT_COLUMNS[0]
    if text.is_fasttext:
        return [name, "label"], _line_rows(text.lines(), lambda line: _fasttext_row(line, name))
    separator = files.SEPARATORS.get(file.format) or files.separator_of(text.beginning, text_column, options)
    if separator is None:
        return [name], _line_rows(text.lines(), lambda line: {name: line.rstrip("\r\n")})
    dialect = find_dialect(text.head, options, separator)
    if not any(dialect.names):
        raise InputError(f"{file.path} is empty: it needs a header.")
    return list(dialect.names), delimited_rows(text.lines(), dialect)


def _line_rows(lines: Iterable[str], parse: Callable[[str], dict[str, Any] | None]) -> Iterator[Row]:
    """A row from every line that `parse` makes something of; it raises ValueError with the reason where it cannot."""
    for number, line in enumerate(lines, 1):
        values: Any = line
        if not (reason := files.refusal(line)):
            try:
                values = parse(line)
            except ValueError as error:
                reason = str(error)
        if values is not None:
            yield Row(number, 1, len(line), values, reason)


def _fasttext_row(line: str, name: str) -> dict[str, str]:
    labels, text = FASTTEXT.split(line, maxsplit=1)[1:3]
    return {name: text.rstrip("\r\n"), "label": " ".join(labels.replace("__label__", "").split())}


def _parse_object(text: str) -> dict[str, Any] | None:
    if text.isspace():
        return None
    try:
        values = JSON.decode(text)
        if "\\u" in text or text.count("[") + text.count("{") > 200:
            json.dumps([values], ensure_ascii=False).encode()  # half a surrogate pair, or values nested too deep
    except UnicodeEncodeError:
        raise ValueError(files.NOT_UNICODE) from None
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"it cannot be parsed: {shown(error)}") from None
    if not isinstance(values, dict):
        raise ValueError("it is no JSON object")
    return values


@dataclass(frozen=True)
class Dialect:
    """How the rows of a delimited text are written.

    Attributes:
        quote: empty where no mark is special.
        is_escaped: whether a backslash stands before a mark within a cell, and not a second mark.
        skipped: lines before the first row.
        widest: characters of the widest cell of each column, of a sample of lines without marks.
    """

    delimiter: str
    quote: str
    is_escaped: bool = False
    skipped: int = 0
    names: Sequence[str] = ()
    widest: Sequence[int] = ()

    def reader(self, lines: Iterable[str], *, strict: bool) -> Any:
        """A reader of Python's csv."""
        csv.field_size_limit(files.LONGEST_ROW)
        quotes: dict[str, Any] = {"quotechar": self.quote} if self.quote else {"quoting": csv.QUOTE_NONE}
        if self.is_escaped:
            quotes.update(doublequote=False, escapechar="\\")
        return csv.reader(lines, delimiter=self.delimiter, strict=strict, **quotes)

    def alike(self, lines: Iterable[str]) -> list[list[str]]:
        """The cells of those lines that have as many of them as there are columns, if no mark is special."""
        rows = (line.rstrip("\r\n").split(self.delimiter) for line in lines)
        return [cells for cells in rows if len(cells) == len(self.names) > 1]

    def look_like_rows(self, lines: Sequence[str]) -> bool:
        """Whether most lines have as many cells as there are columns, none much wider than those of other rows."""
        pairs = [zip(cells, self.widest, strict=False) for cells in self.alike(lines) if self.widest]
        return sum(all(len(cell) <= 2 * most for cell, most in row) for row in pairs) > 0.8 * len(lines)


def find_dialect(head: list[str], options: ReadOptions, usual: str) -> Dialect:
    """The dialect of a text by its first lines: of those that are possible, the one by which the fewest are lost.

    Args:
        usual: the delimiter that is taken where the first line does not tell.
    """
    has_line = bool(head) and re.fullmatch("(?i)sep=.", head[0].rstrip("\r\n")) is not None  # as Excel writes it
    lines, mark = head[has_line:], "" if options.quote == "none" else options.quote or '"'
    first = next((line for line in lines if line.strip()), "")
    separators = options.separator or (head[0][4] if has_line else f"{usual},;\t|")
    dialects = [Dialect(separator, mark) for separator in separators]
    dialect = max(dialects, key=lambda found: len(next(found.reader([first], strict=False), [])))
    reader = dialect.reader(lines, strict=False)
    names: list[str] = next((cells for cells in reader if cells), [])
    if options.header:
        dialect = replace(dialect, names=distinct(names), skipped=has_line + reader.line_num)
    else:
        dialect = replace(dialect, names=[f"column{n}" for n in range(1, len(names) + 1)], skipped=int(has_line))
    sample = dialect.alike(line for line in lines if not mark or mark not in line)
    dialect = replace(dialect, widest=[max(map(len, column)) for column in zip(*sample, strict=True)])
    text = "".join(lines)
    candidates = [dialect] if mark and mark in text else []
    candidates += [replace(dialect, is_escaped=True)] if mark and f"\\{mark}" in text else []
    candidates += [replace(dialect, quote="")] if candidates and options.quote is None else []
    return min(candidates, key=lambda candidate: _harm(head, candidate), default=dialect)


def _harm(head: list[str], dialect: Dialect) -> int:
    """Lines that a dialect loses; without a quotation mark, also cells that stand between two."""
    rows = list(delimited_rows(iter(head), dialect))
    cells = [cell for row in rows if not (row.reason or dialect.quote) for cell in row.values.values()]
    between = [cell for cell in cells if len(cell) > 1 and cell[0] == cell[-1] == '"']
    return len(between) + sum(row.lines for row in rows if row.reason)


def delimited_rows(lines: Iterator[str], dialect: Dialect) -> Iterator[Row]:
    """The rows. Where a quotation mark is wrong, the line that it stands in is lost, and reading goes on after it."""
    pending: deque[str] = deque()
    taken: list[str] = []

    def feed() -> Iterator[str]:
        while line := pending.popleft() if pending else next(lines, ""):
            taken.append(line)
            yield line

    for _ in range(dialect.skipped):
        next(lines, "")
    reader, at, names = dialect.reader(feed(), strict=True), dialect.skipped + 1, dialect.names
    while True:
        taken.clear()
        cells, reason = [], None
        try:
            cells = next(reader)
        except (StopIteration, csv.Error) as error:
            if not taken:
                return
            reason = f"it cannot be parsed ({error})"
            if len(taken) > 1 or "end of data" in reason:
                reason = f"a quotation mark in it is not closed, though {len(taken) - 1:,} lines follow"
            elif "expected after" in reason:
                reason = "text follows a closing quotation mark"
        if len(taken) > SWALLOWED and not reason and dialect.look_like_rows(taken[1:-1]):
            reason = f"a quotation mark in it closes {len(taken) - 1:,} lines later, and those between look like rows"
        if reason:
            pending.extendleft(reversed(taken[1:]))
            del taken[1:]
            reader = dialect.reader(feed(), strict=True)
        raw = "".join(taken)
        if cells or reason or len(names) == 1:
            reason = reason or files.refusal(raw)
            if not reason and len(cells or [""]) != len(names):
                reason = f"it has {len(cells)} cells, the header {len(names)}"
            values = raw if reason else dict(zip(names, cells or [""], strict=True))
            yield Row(at, len(taken), len(raw), values, reason)
        at += len(taken)


def distinct(names: Iterable[str]) -> list[str]:
    """Names of columns, each once: as in pandas, a second `n` becomes `n.1`."""
    found: dict[str, None] = {}
    for name in names:
        copies = itertools.chain([name], (f"{name}.{count}" for count in itertools.count(1)))
        found[next(copy for copy in copies if copy not in found)] = None
    return list(found)

"""Rows of CSV, TSV, JSONL and plain text, one at a time; those that cannot be parsed as Rejected.

No more than one row is held at a time, and of a row that is too long only its beginning.
"""

import csv
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TextIO

LONGEST_ROW = 2**26
"""Bytes of memory: 67 million characters if all are Latin, a quarter of that if an emoji is among them. A quotation
mark that is never closed would else swallow a file of any size."""

MOST_VALUES = 2**22
"""Cells of CSV, or brackets, commas and colons of JSON, in one row; each of them costs memory of its own."""

EXCERPT = 2**20
"""Characters that are kept of a row that cannot be parsed."""

SHORT_ROW = 2**20
"""Characters that a row may have without being measured."""

TOO_LONG = f"it is longer than {LONGEST_ROW // 2**20} MiB"
TOO_MANY_VALUES = f"it holds more than {MOST_VALUES:,} values"

Row = list[str] | dict[str, Any]
"""The cells of CSV, TSV and plain text, or an object of JSONL."""


@dataclass(frozen=True)
class Rejected:
    """A row that cannot be used.

    Attributes:
        row: its number in the file, from 1, the header not counted.
        content: the row as JSON can hold it; its raw text, or the beginning of it, where it could not be parsed.
    """

    row: int
    reason: str
    content: Any


class NumberedRow(NamedTuple):
    """A row with its number, from 1, and its size in characters."""

    number: int
    row: Row | Rejected
    characters: int


class _LongLine(NamedTuple):
    beginning: str


def read_lines(text: TextIO) -> Iterator[NumberedRow]:
    """Every line of plain text as a row of one cell."""
    for number, line in enumerate(_lines(text), 1):
        if isinstance(line, _LongLine):
            yield NumberedRow(number, Rejected(number, TOO_LONG, line.beginning), EXCERPT)
            continue
        cell = line.removesuffix("\n").removesuffix("\r")
        row = [cell] if _is_unicode(cell) else Rejected(number, "it is not UTF-8", excerpt(line))
        yield NumberedRow(number, row, len(line))


def read_objects(text: TextIO) -> Iterator[NumberedRow]:
    """The objects of JSONL; lines of white space are skipped."""
    number = 0
    for line in _lines(text):
        if isinstance(line, _LongLine):
            number += 1
            yield NumberedRow(number, Rejected(number, TOO_LONG, line.beginning), EXCERPT)
        elif not line.isspace():
            number += 1
            row = _parse_object(line)
            yield NumberedRow(number, Rejected(number, row, excerpt(line)) if isinstance(row, str) else row, len(line))


def read_cells(text: TextIO, separator: str) -> Iterator[NumberedRow]:
    """The header of CSV or TSV, with the number 0, then the rows; empty lines are skipped.

    Args:
        text: opened with `newline=""`, so that line ends within a cell stay as they are.
    """
    csv.field_size_limit(LONGEST_ROW)
    lines = _LinesOfRow(text, separator)
    reader = csv.reader(lines, delimiter=separator, strict=True)
    number, width = 0, 0
    while True:
        lines.begin_row()
        row: Row | str
        try:
            row = next(reader)
            if not row:
                continue  # an empty line
            width = width or len(row)
            if len(row) != width:
                row = f"it cannot be parsed: it has {len(row)} cells, the header {width}"
            elif not all(map(_is_unicode, row)):
                row = "it is not UTF-8"
        except StopIteration:
            return
        except csv.Error as error:
            row = f"it cannot be parsed: {error}"
        except _RowTooLongError as error:
            row = str(error)
        if isinstance(row, str):
            yield NumberedRow(number, Rejected(number, row, lines.beginning()), EXCERPT)
        else:
            yield NumberedRow(number, row, lines.characters)
        number += 1
        if lines.characters > SHORT_ROW:  # its buffer, of four bytes a character, never shrinks
            reader = csv.reader(lines, delimiter=separator, strict=True)


def excerpt(text: str) -> str:
    """The text, cut if it is long."""
    return text if len(text) <= EXCERPT else f"{text[:EXCERPT]}… ({len(text):,} characters)"


def reason_against_review(review: Any) -> str | None:
    """Why a review cannot be used; None if it can."""
    if review is None:
        return "the review is null"
    if not isinstance(review, str):
        return f"the review is no text but of type {type(review).__name__}"
    return None if review and not review.isspace() else "the review is blank"


class _RowTooLongError(Exception):
    """The row that is being read cannot be held; its message is the reason to reject it."""


class _LinesOfRow:
    """The lines that a csv.reader asks for, measured row by row.

    Attributes:
        characters: of the row that is being read.
    """

    def __init__(self, text: TextIO, separator: str) -> None:
        self._lines, self._separator = _lines(text), separator
        self.begin_row()

    def begin_row(self) -> None:
        self.characters, self._values, self._width = 0, 0, 1
        self._kept: list[str] = []

    def beginning(self) -> str:
        """The raw text of the row, cut if it is long."""
        kept = "".join(self._kept)
        return kept if len(kept) == self.characters else f"{kept[:EXCERPT]}… ({self.characters:,} characters)"

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        if isinstance(line, _LongLine):
            self._kept.append(line.beginning)
            self.characters += LONGEST_ROW
            raise _RowTooLongError(TOO_LONG)
        if self.characters < EXCERPT:
            self._kept.append(line)
        self.characters += len(line)
        if self.characters > SHORT_ROW:
            self._values += line.count(self._separator)
            self._width = max(self._width, _character_width(line))
            if self.characters * self._width > LONGEST_ROW:
                raise _RowTooLongError(f"{TOO_LONG}: is a quotation mark not closed?")
            if self._values > MOST_VALUES:
                raise _RowTooLongError(TOO_MANY_VALUES)
        return line


def _lines(text: TextIO) -> Iterator[str | _LongLine]:
    """The lines of a file, each with its line end; of a line longer than LONGEST_ROW only the beginning."""
    while line := text.readline(SHORT_ROW):
        if len(line) < SHORT_ROW or line[-1] in "\r\n":
            yield line
            continue
        pieces, characters, width = [line], len(line), _character_width(line)
        while (piece := text.readline(SHORT_ROW)) and characters * width <= LONGEST_ROW:
            pieces.append(piece)
            characters += len(piece)
            width = max(width, _character_width(piece))
            if piece[-1] in "\r\n":
                break
        if characters * width <= LONGEST_ROW:
            yield "".join(pieces)
            continue
        while piece and piece[-1] not in "\r\n":
            piece = text.readline(SHORT_ROW)
        yield _LongLine(pieces[0])


def _character_width(text: str) -> int:
    """Bytes that Python needs for each character of a text."""
    if text.isascii():
        return 1
    largest = max(text)
    return 1 if largest < "\u0100" else 2 if largest < "\U00010000" else 4


def _is_unicode(text: str) -> bool:
    """Whether no byte of it was undecodable."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"')
_MOST_BRACKETS = 200
"""Objects with fewer are surely not nested too deep to be written again."""


def _parse_object(line: str) -> dict[str, Any] | str:
    """The object of a line, or the reason why there is none."""
    if not _is_unicode(line):
        return "it is not UTF-8"
    if len(line) > SHORT_ROW:
        structure = _STRING.sub("", line)
        if sum(map(structure.count, "[{,:")) > MOST_VALUES:
            return TOO_MANY_VALUES
    try:
        row = json.loads(line, object_pairs_hook=_refuse_repeated_keys, parse_float=_finite, parse_constant=_finite)
        if "\\u" in line or line.count("[") + line.count("{") > _MOST_BRACKETS:
            json.dumps([row], ensure_ascii=False).encode()  # it can be written again, in a list or by itself
    except UnicodeEncodeError:
        return "it is not UTF-8"
    except (ValueError, RecursionError) as error:
        return f"it cannot be parsed: {error}"
    return row if isinstance(row, dict) else "it cannot be parsed: it is no JSON object"


def _refuse_repeated_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("it has a key twice")
    return content


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(f"{number[:40]} is no number of JSON")
    return value

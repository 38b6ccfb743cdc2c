"""Rows of CSV, TSV, JSONL and plain text, one at a time; those that cannot be parsed as Rejected."""

import csv
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TextIO

LONGEST_CELL = 2**27
"""Characters; a quotation mark that is never closed would else swallow a file of any size."""

Row = list[str] | dict[str, Any]
"""The cells of CSV, TSV and plain text, or an object of JSONL."""


@dataclass(frozen=True)
class Rejected:
    """A row that cannot be used.

    Attributes:
        row: its number in the file, from 1, the header not counted.
        content: the row as JSON can hold it; its raw text where it could not be parsed.
    """

    row: int
    reason: str
    content: Any


class NumberedRow(NamedTuple):
    """A row with its number, from 1, and its size in characters."""

    number: int
    row: Row | Rejected
    characters: int


def read_lines(text: TextIO) -> Iterator[NumberedRow]:
    """Every line of plain text as a row of one cell."""
    for number, line in enumerate(text, 1):
        cell = line.removesuffix("\n").removesuffix("\r")
        row = [cell] if _is_unicode(cell) else Rejected(number, "it is not UTF-8", line)
        yield NumberedRow(number, row, len(line))


def read_objects(text: TextIO) -> Iterator[NumberedRow]:
    """The objects of JSONL; lines of white space are skipped."""
    number = 0
    for line in text:
        if not line.isspace():
            number += 1
            yield NumberedRow(number, _parse_object(number, line), len(line))


def read_cells(text: TextIO, separator: str) -> Iterator[NumberedRow]:
    """The header of CSV or TSV, with the number 0, then the rows; empty lines are skipped.

    Args:
        text: opened with `newline=""`, so that line ends within a cell stay as they are.
    """
    csv.field_size_limit(LONGEST_CELL)
    taken: list[str] = []  # lines of the row that is being read

    def lines() -> Iterator[str]:
        for line in text:
            taken.append(line)
            yield line

    reader = csv.reader(lines(), delimiter=separator, strict=True)
    number, width = 0, 0
    while True:
        taken.clear()
        row: Row | Rejected
        try:
            row = next(reader)
            if not row:
                continue  # an empty line
            width = width or len(row)
            if len(row) != width:
                reason = f"it cannot be parsed: it has {len(row)} cells, the header {width}"
                row = Rejected(number, reason, "".join(taken))
            elif not _is_unicode("".join(row)):
                row = Rejected(number, "it is not UTF-8", "".join(taken))
        except StopIteration:
            return
        except csv.Error as error:
            row = Rejected(number, f"it cannot be parsed: {error}", "".join(taken))
        yield NumberedRow(number, row, sum(map(len, taken)))
        number += 1


def _is_unicode(text: str) -> bool:
    """Whether no byte of it was undecodable."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _parse_object(number: int, line: str) -> dict[str, Any] | Rejected:
    try:
        row = json.loads(line, object_pairs_hook=_refuse_repeated_keys, parse_float=_finite, parse_constant=_finite)
        json.dumps([row], ensure_ascii=False).encode()  # it can be written again, in a list or by itself
    except UnicodeEncodeError:
        return Rejected(number, "it is not UTF-8", line)
    except (ValueError, RecursionError) as error:
        return Rejected(number, f"it cannot be parsed: {error}", line)
    return row if isinstance(row, dict) else Rejected(number, "it cannot be parsed: it is no JSON object", line)


def _refuse_repeated_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("it has a key twice")
    return content


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(f"{number} is no number of JSON")
    return value

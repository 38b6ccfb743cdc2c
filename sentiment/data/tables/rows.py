"""Rejected, a row that cannot be used, and what makes one; lines of plain text, JSON and fastText as rows."""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, NamedTuple

from sentiment.errors import InputError, shown

LONGEST_ROW = 7 * 2**23
"""Bytes: a quotation mark that is never closed would otherwise swallow a file of any size."""

MOST_VALUES = 2**22
"""Brackets, commas and colons of JSON in one row; each of them costs memory of its own."""

EXCERPT = 2**16
"""Characters that are kept of a row that cannot be parsed."""

TOO_LONG = f"it is longer than {LONGEST_ROW // 2**20} MiB"
NOT_UNICODE = "it is not UTF-8"


@dataclass(frozen=True)
class Rejected:
    """A row that cannot be used.

    Attributes:
        row: its number in the file, from 1, the header not counted.
        line: where it begins, from 1, the header counted; of Parquet the row.
        reason: why.
        content: the row as JSON can hold it; its raw text, or the beginning of it, where it could not be parsed.
        lines: how many lines of the file are lost with it; 0 where it can be read but holds no review.
    """

    row: int
    line: int
    reason: str
    content: Any
    lines: int = 0


class NumberedRow(NamedTuple):
    """A row of a text file, or the Rejected in its place; with its number, its line and its size in bytes."""

    number: int
    line: int
    row: dict[str, Any] | Rejected
    size: int


def excerpt(text: str) -> str:
    """The text, cut if it is long."""
    return text if len(text) <= EXCERPT else f"{text[:EXCERPT]}… ({len(text):,} characters)"


def raw_text(content: bytes) -> str:
    """Bytes that could not be parsed, as text to show."""
    return excerpt(content[: 4 * EXCERPT].decode("utf-8", "backslashreplace").rstrip("\r\n"))


def reason_against_review(review: Any) -> str | None:
    """Why a review cannot be used; None if it can."""
    if review is None:
        return "the review is null"
    if not isinstance(review, str):
        return f"the review is no text but of type {type(review).__name__}"
    return None if review and not review.isspace() else "the review is blank"


def read_lines(stream: BinaryIO, name: str) -> Iterator[NumberedRow]:
    """Every line of plain text as a row of one column."""
    for number, line in enumerate(_lines(stream), 1):
        try:
            row: Any = {name: line.decode().removesuffix("\n").removesuffix("\r")}
        except UnicodeDecodeError:
            row = NOT_UNICODE
        yield _row(number, number, row, line)


FASTTEXT = re.compile(rb"((?:__label__\S+[ \t]+)+)(.*)", re.DOTALL)


def read_fasttext(stream: BinaryIO, text_name: str, label_name: str) -> Iterator[NumberedRow]:
    """Lines such as `__label__2 a fine film` as rows of a text and its label, here `2`; several stand side by side."""
    for number, line in enumerate(_lines(stream), 1):
        found = FASTTEXT.match(line)
        labels, text = found.groups() if found else (b"", line)
        try:
            row: Any = {
                text_name: text.decode().rstrip("\r\n"),
                label_name: " ".join(labels.decode().replace("__label__", "").split()),
            }
        except UnicodeDecodeError:
            row = NOT_UNICODE
        yield _row(number, number, row, line)


def read_objects(stream: BinaryIO) -> Iterator[NumberedRow]:
    """The objects of JSON lines; lines of white space are skipped."""
    number = 0
    for at, line in enumerate(_lines(stream), 1):
        if not line.isspace():
            number += 1
            yield _row(number, at, _parse_object(line), line)


def read_array(stream: BinaryIO, path: object) -> Iterator[NumberedRow]:
    """The objects of a JSON array, one after the other.

    Raises:
        InputError: the array is damaged, so that nobody knows where its next object begins.
    """
    scanner = json.JSONDecoder(object_pairs_hook=_refuse_repeated_keys, parse_float=_finite, parse_constant=_finite)
    text, line, number, is_last = "", 1, 0, False
    decoder = _utf8_decoder()
    expected = "["

    def more() -> None:
        nonlocal text, is_last
        block = stream.read(max(2**16, len(text)))
        text, is_last = text + decoder.decode(block, final=not block), not block

    while True:
        skipped = len(text) - len(text.lstrip())
        line += text.count("\n", 0, skipped)
        text = text[skipped:]
        if not text and not is_last:
            more()
            continue
        if not text or (text[0] not in expected and expected != "value"):
            break
        if expected != "value":
            if text[0] == "]":
                if text[1:].strip() or stream.read(2**16).strip():
                    break
                return
            text, expected = text[1:], "value"
            continue
        if number == 0 and text[0] == "]":
            return
        try:
            row, end = scanner.raw_decode(text)
        except _RowError as error:  # a whole object with a value that JSON does not have
            row, end = str(error), json.JSONDecoder().raw_decode(text)[1]
        except (ValueError, RecursionError) as error:
            if is_last or len(text) > LONGEST_ROW or isinstance(error, RecursionError):
                break
            more()
            continue
        if end == len(text) and not is_last:  # a number may go on
            more()
            continue
        number += 1
        if not isinstance(row, dict | str):
            row = "it cannot be parsed: it is no JSON object"
        elif isinstance(row, dict) and not _is_writable(text[:end], row):
            row = NOT_UNICODE
        yield _row(number, line, row, text[:end].encode("utf-8", "replace"))
        line += text.count("\n", 0, end)
        text, expected = text[end:], ",]"
    raise InputError(
        f"{path}, line {line}: the JSON array is damaged or ends here, after {number:,} objects "
        f"({shown(text[:60]) or 'the file ends'}): mend it, or write the objects as JSON lines, one a line."
    )


def _utf8_decoder() -> Any:
    import codecs

    return codecs.getincrementaldecoder("utf-8")("backslashreplace")


def _row(number: int, line: int, row: dict[str, Any] | str, raw: bytes) -> NumberedRow:
    if len(raw) > LONGEST_ROW:
        row = TOO_LONG
    if isinstance(row, str):
        return NumberedRow(number, line, Rejected(number, line, row, raw_text(raw), lines=1), min(len(raw), EXCERPT))
    return NumberedRow(number, line, row, len(raw))


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """The lines of a file, each with its line end; of one longer than LONGEST_ROW the beginning."""
    while line := stream.readline(LONGEST_ROW + 1):
        yield line
        while len(line) > LONGEST_ROW and not line.endswith(b"\n"):
            line = stream.readline(LONGEST_ROW + 1)


class _RowError(ValueError):
    """A row that is JSON in form, but cannot be kept as it is; its message is the reason."""


_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"')


def _parse_object(line: bytes) -> dict[str, Any] | str:
    """The object of a line, or the reason why there is none."""
    if len(line) > 2**20:
        structure = _STRING.sub(b"", line)
        if sum(map(structure.count, (b"[", b"{", b",", b":"))) > MOST_VALUES:
            return f"it holds more than {MOST_VALUES:,} values"
    try:
        text = line.decode()
        row = json.loads(text, object_pairs_hook=_refuse_repeated_keys, parse_float=_finite, parse_constant=_finite)
    except UnicodeDecodeError:
        return NOT_UNICODE
    except (ValueError, RecursionError) as error:
        return f"it cannot be parsed: {error}"
    if not isinstance(row, dict):
        return "it cannot be parsed: it is no JSON object"
    return row if _is_writable(text, row) else NOT_UNICODE


def _is_writable(text: str, row: dict[str, Any]) -> bool:
    """Whether an object can be written again: no half of a surrogate pair is in it, and it is not nested too deep."""
    if "\\u" not in text and text.count("[") + text.count("{") < 200:
        return True
    try:
        json.dumps([row], ensure_ascii=False).encode()
    except (UnicodeEncodeError, RecursionError):
        return False
    return True


def _refuse_repeated_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise _RowError("it has a key twice")
    return content


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise _RowError(f"{number[:40]} is no number of JSON")
    return value

"""What a value becomes: an Arrow value in JSON and in a cell of CSV, a JSON value in a column."""

import base64
import json
import math
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.types as kinds

COLUMN_TYPES = (pa.bool_(), pa.float64())
"""Types of the columns that JSON becomes: the first that fits all values; text where none does. Numbers are wide from
the start, as an integer may be followed by a fraction."""

Reasons = dict[int, str]
"""Position of a value -> why it has no form in JSON."""


def json_values(array: pa.Array) -> tuple[list[Any], Reasons]:
    """The values of an Arrow array as JSON holds them, those without a form as None.

    Dates and times are those of ISO 8601, bytes are base64, decimals text; a number that JSON lacks is its name.
    """
    if kinds.is_float32(array.type):  # 0.7, and not the 0.699999988079071 of 64 bits
        array = array.cast(pa.string()).cast(pa.float64())
    reasons: Reasons = {}
    try:
        values = array.to_pylist()
    except (ValueError, OverflowError, pa.ArrowException):  # of one value, perhaps: text that is not UTF-8, a late date
        values = []
        for position, value in enumerate(array):
            try:
                values.append(value.as_py())
            except (ValueError, OverflowError, pa.ArrowException) as error:
                values.append(None)
                reasons[position] = (
                    "is not UTF-8" if isinstance(error, UnicodeDecodeError) else f"has no form ({error})"
                )
    kind = array.type
    if is_text(kind) or kinds.is_integer(kind) or kinds.is_boolean(kind) or kinds.is_null(kind):
        return values, reasons
    return [_as_json_value(value) for value in values], reasons


def _as_json_value(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else "NaN" if math.isnan(value) else f"{'-' * (value < 0)}Infinity"
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {str(name): _as_json_value(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json_value(part) for part in value]
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def is_text(kind: pa.DataType) -> bool:
    """Whether a type is one of those that hold text."""
    return bool(kinds.is_string(kind) or kinds.is_large_string(kind) or kinds.is_string_view(kind))


def cell_type(kind: pa.DataType) -> pa.DataType:
    """The type of a column as the writer of CSV takes it: numbers and truth values as they are, all else as text."""
    return kind if kinds.is_integer(kind) or kinds.is_floating(kind) or kinds.is_boolean(kind) else pa.string()


def as_json(content: Any, *, ensure_ascii: bool = True) -> str:
    """A value of JSON as its text."""
    return json.dumps(content, ensure_ascii=ensure_ascii, allow_nan=False)


def as_text(value: Any) -> str | None:
    """A value of JSON as the text of a cell: text as it is, null as null, anything else as JSON."""
    if value is None or isinstance(value, str):
        return value
    return str(value) if type(value) is int else as_json(value, ensure_ascii=False)


def infer_schema(objects: Sequence[dict[str, Any]], text_column: str) -> pa.Schema:
    """Columns for JSON: numbers are float64 and truth values Boolean, everything else becomes text."""
    values: dict[str, list[Any]] = {}
    for row in objects:
        for name, value in row.items():
            values.setdefault(name, []).extend([] if value is None else [value])
    fields = []
    for name, found in values.items():
        candidates = COLUMN_TYPES if found and name != text_column else ()
        fields.append((name, next((kind for kind in candidates if all(fits(v, kind) for v in found)), pa.string())))
    return pa.schema(fields)


def fits(value: Any, kind: pa.DataType) -> bool:
    """Whether a value of JSON can stand in a column of COLUMN_TYPES, or of text, without being altered."""
    if value is None or kinds.is_string(kind):
        return True
    if isinstance(value, bool) or kinds.is_boolean(kind):
        return isinstance(value, bool) and kinds.is_boolean(kind)
    return isinstance(value, float) or (isinstance(value, int) and -(2**53) <= value <= 2**53)

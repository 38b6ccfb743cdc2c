"""What a value becomes: an Arrow value in JSON and in a cell of CSV, a JSON value in a column.

No value is altered without a word. A value without a faithful form gets a reason, by which its row is rejected.
docs/scoring.md holds the table of types.
"""

import base64
import json
import math
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

COLUMN_TYPES = (pa.bool_(), pa.float64())
"""Of the columns that JSONL becomes: the first that fits all values; text where none does. Numbers are wide from the
start, as an integer may be followed by a fraction."""

Reasons = dict[int, str]
"""Position of a value -> why it has no faithful form."""

PER_SECOND = {"s": (1, 0), "ms": (1_000, 3), "us": (1_000_000, 6), "ns": (1_000_000_000, 9)}
"""Unit -> its number in a second, and its decimal places."""


def json_values(array: pa.Array) -> tuple[list[Any], Reasons]:
    """The values of an Arrow array as JSON holds them.

    Raises:
        TypeError: JSON has no form for its type.
    """
    kind = array.type
    for is_kind, convert in _CONVERSIONS:
        if is_kind(kind):
            return convert(array)
    raise TypeError(f"{kind} has no form in JSON")


def cell_type(kind: pa.DataType) -> pa.DataType:
    """The type of a column as the writer of CSV takes it: numbers and truth values as they are, all else as text."""
    if kinds.is_dictionary(kind):
        kind = kind.value_type
    return kind if kinds.is_integer(kind) or kinds.is_floating(kind) or kinds.is_boolean(kind) else pa.string()


def cell_values(array: pa.Array) -> tuple[pa.Array, Reasons]:
    """The values of an Arrow array as cells of CSV, an array of `cell_type`; nested values as JSON.

    Raises:
        TypeError: there is no form for its type.
    """
    if kinds.is_dictionary(array.type):
        array = array.dictionary_decode()
    if cell_type(array.type) == array.type and not kinds.is_string(array.type):
        return array, {}
    values, reasons = json_values(array)
    cells = [None if position in reasons else as_text(value) for position, value in enumerate(values)]
    return pa.array(cells, pa.string()), reasons


def as_json(content: Any, *, ensure_ascii: bool = True) -> str:
    """A value of JSON as its text."""
    return json.dumps(content, ensure_ascii=ensure_ascii, allow_nan=False)


def as_text(value: Any) -> str | None:
    """A value of JSON as the text of a cell: text as it is, null as null, anything else as JSON."""
    if value is None or isinstance(value, str):
        return value
    return str(value) if type(value) is int else as_json(value, ensure_ascii=False)


def infer_schema(objects: Sequence[dict[str, Any]], text_column: str) -> pa.Schema:
    """Columns for JSONL: numbers are float64 and truth values Boolean, everything else becomes text."""
    values: dict[str, list[Any]] = {}
    for row in objects:
        for name, value in row.items():
            if value is not None:
                values.setdefault(name, []).append(value)
            else:
                values.setdefault(name, [])
    fields = []
    for name, found in values.items():
        candidates = COLUMN_TYPES if found and name != text_column else ()
        kind = next((kind for kind in candidates if all(fits(value, kind) for value in found)), pa.string())
        fields.append((name, kind))
    return pa.schema(fields)


def fits(value: Any, kind: pa.DataType) -> bool:
    """Whether a value of JSON can stand in a column of COLUMN_TYPES, or of text, without being altered."""
    if value is None or kinds.is_string(kind):
        return True
    if isinstance(value, bool) or kinds.is_boolean(kind):
        return isinstance(value, bool) and kinds.is_boolean(kind)
    return isinstance(value, float) or (isinstance(value, int) and -(2**53) <= value <= 2**53)


def to_columns(rows: Sequence[Any], schema: pa.Schema) -> pa.RecordBatch:
    """Rows, objects or lists of cells, as columns; an object without a value has null."""
    columns: Sequence[Sequence[Any]]
    if rows and isinstance(rows[0], dict):
        columns = [
            [as_text(row.get(name)) for row in rows] if kinds.is_string(kind) else [row.get(name) for row in rows]
            for name, kind in zip(schema.names, schema.types, strict=True)
        ]
    else:
        columns = list(zip(*rows, strict=True)) if rows else [[]] * len(schema)
    arrays = [pa.array(values, kind) for values, kind in zip(columns, schema.types, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


# Conversions of one kind of type each: an array -> its values in JSON, and the reasons of those that have none.


def _as_they_are(array: pa.Array) -> tuple[list[Any], Reasons]:
    return array.to_pylist(), {}


def _floats(array: pa.Array) -> tuple[list[Any], Reasons]:
    """Numbers in the digits of their own width; what JSON lacks by the names that Protocol Buffers give it."""
    if kinds.is_float32(array.type):  # 0.7, and not the 0.699999988079071 of 64 bits
        array = array.cast(pa.string()).cast(pa.float64())
    return [value if value is None or math.isfinite(value) else _name_of(value) for value in array.to_pylist()], {}


def _name_of(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _texts(array: pa.Array) -> tuple[list[Any], Reasons]:
    if kinds.is_string_view(array.type):
        array = array.cast(pa.string())
    try:
        array.validate(full=True)
        return array.to_pylist(), {}
    except pa.ArrowInvalid:
        return _decoded(array.view(pa.large_binary() if kinds.is_large_string(array.type) else pa.binary()))


def _decoded(array: pa.Array) -> tuple[list[Any], Reasons]:
    """Texts of bytes; those that are not UTF-8 with a surrogate for each byte that is none."""
    values, reasons = [], {}
    for position, content in enumerate(array.to_pylist()):
        text = None if content is None else content.decode("utf-8", "surrogateescape")
        if text is not None and not text.isascii() and any("\udc80" <= letter <= "\udcff" for letter in text):
            reasons[position] = "is not UTF-8"
        values.append(text)
    return values, reasons


def _decimals(array: pa.Array) -> tuple[list[Any], Reasons]:
    return array.cast(pa.string()).to_pylist(), {}


def _dates(array: pa.Array) -> tuple[list[Any], Reasons]:
    """ISO 8601, which without an agreement knows the years 1 to 9999."""
    texts = array.cast(pa.string()).to_pylist()
    reasons = {
        position: "is outside the years 1 to 9999"
        for position, text in enumerate(texts)
        if text is not None and (not text[:4].isdigit() or text[4] != "-" or text[:4] == "0000")
    }
    return texts, reasons


def _timestamps(array: pa.Array) -> tuple[list[Any], Reasons]:
    """ISO 8601; with a time zone the time in UTC, as what is stored is that."""
    texts, reasons = _dates(array.view(pa.timestamp(array.type.unit)))
    suffix = "Z" if array.type.tz is not None else ""
    return [None if text is None else text.replace(" ", "T") + suffix for text in texts], reasons


def _times(array: pa.Array) -> tuple[list[Any], Reasons]:
    texts = array.cast(pa.string()).to_pylist()
    reasons = {n: "is no time of a day" for n, text in enumerate(texts) if text is not None and text[0] == "<"}
    return texts, reasons


def _durations(array: pa.Array) -> tuple[list[Any], Reasons]:
    """ISO 8601 in seconds: PT1.500S."""
    per_second, places = PER_SECOND[array.type.unit]
    texts = []
    for value in array.view(pa.int64()).to_pylist():
        if value is not None:
            seconds, rest = divmod(abs(value), per_second)
            value = f"{'-' * (value < 0)}PT{seconds}{f'.{rest:0{places}d}' * (places > 0)}S"
        texts.append(value)
    return texts, {}


def _bytes(array: pa.Array) -> tuple[list[Any], Reasons]:
    return [None if value is None else base64.b64encode(value).decode() for value in array.to_pylist()], {}


def _dictionaries(array: pa.Array) -> tuple[list[Any], Reasons]:
    return json_values(array.dictionary_decode())


def _lists(array: pa.Array) -> tuple[list[Any], Reasons]:
    elements, faults = json_values(array.flatten())
    values, reasons, start = [], {}, 0
    for position, length in enumerate(pc.list_value_length(array).to_pylist()):
        values.append(None if length is None else elements[start : start + length])
        for fault in range(start, start + (length or 0)) if faults else ():
            if fault in faults:
                reasons[position] = faults[fault]
        start += length or 0
    return values, reasons


def _maps(array: pa.Array) -> tuple[list[Any], Reasons]:
    """Lists of [key, value], as keys need not be text and may be repeated."""
    entry = pa.struct([("key", array.type.key_type), ("value", array.type.item_type)])
    values, reasons = _lists(array.cast(pa.list_(entry)))
    return [None if value is None else [list(pair.values()) for pair in value] for value in values], reasons


def _structs(array: pa.Array) -> tuple[list[Any], Reasons]:
    names = [field.name for field in array.type]
    twice = next((name for name in names if names.count(name) > 1), None) if len(set(names)) < len(names) else None
    children, reasons = [], {}
    for name, child in zip(names, array.flatten(), strict=True):
        values, faults = json_values(child)
        children.append(values)
        reasons.update({position: f"({name}) {reason}" for position, reason in faults.items()})
    valid = array.is_valid().to_pylist()
    if twice is not None:
        reasons = {position: f"has the field {twice} twice" for position, is_valid in enumerate(valid) if is_valid}
    rows = zip(*children, strict=True) if children else ((),) * len(array)
    return [
        dict(zip(names, row, strict=True)) if is_valid else None for row, is_valid in zip(rows, valid, strict=True)
    ], {position: reason for position, reason in reasons.items() if valid[position]}


def _extensions(array: pa.Array) -> tuple[list[Any], Reasons]:
    """What is stored; a UUID by its digits, a Boolean of one byte as what it stands for."""
    name = array.type.extension_name
    if name == "arrow.uuid":
        return [None if value is None else str(uuid.UUID(bytes=value)) for value in array.storage.to_pylist()], {}
    if name == "arrow.bool8":
        return [None if value is None else value != 0 for value in array.storage.to_pylist()], {}
    return json_values(array.storage)


def is_text(kind: pa.DataType) -> bool:
    """Whether a type is one of those that hold text."""
    return bool(kinds.is_string(kind) or kinds.is_large_string(kind) or kinds.is_string_view(kind))


def _is_bytes(kind: pa.DataType) -> bool:
    is_plain = kinds.is_binary(kind) or kinds.is_large_binary(kind) or kinds.is_fixed_size_binary(kind)
    return bool(is_plain or kinds.is_binary_view(kind))


def _is_list(kind: pa.DataType) -> bool:
    is_view = kinds.is_list_view(kind) or kinds.is_large_list_view(kind)
    return bool(kinds.is_list(kind) or kinds.is_large_list(kind) or kinds.is_fixed_size_list(kind) or is_view)


_CONVERSIONS: tuple[tuple[Callable[[Any], bool], Callable[[pa.Array], tuple[list[Any], Reasons]]], ...] = (
    (lambda kind: isinstance(kind, pa.BaseExtensionType), _extensions),
    (lambda kind: kinds.is_integer(kind) or kinds.is_boolean(kind) or kinds.is_null(kind), _as_they_are),
    (kinds.is_floating, _floats),
    (is_text, _texts),
    (kinds.is_decimal, _decimals),
    (kinds.is_date, _dates),
    (kinds.is_timestamp, _timestamps),
    (kinds.is_time, _times),
    (kinds.is_duration, _durations),
    (_is_bytes, _bytes),
    (kinds.is_dictionary, _dictionaries),
    (_is_list, _lists),
    (kinds.is_map, _maps),
    (kinds.is_struct, _structs),
)
"""The first whose test holds for a type converts it."""

"""What a value is as JSON, as the text of a cell, and in a column."""

import json
import math
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

COLUMN_TYPES = (pa.bool_(), pa.int64(), pa.float64())
"""Of the columns that JSONL becomes: the first that fits all values; text where none does."""


def as_json(content: Any, *, ensure_ascii: bool = True) -> str:
    """JSON, which has no NaN and no infinity: they become null."""
    try:
        return json.dumps(content, ensure_ascii=ensure_ascii, default=str, allow_nan=False)
    except ValueError:
        return json.dumps(_without_nan(content), ensure_ascii=ensure_ascii, default=str)


def _without_nan(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _without_nan(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_without_nan(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def as_text(value: Any) -> str | None:
    """A text as it is, null as null, what JSON knows as JSON, anything else as Python writes it."""
    if value is None or isinstance(value, str):
        return value
    return as_json(value, ensure_ascii=False) if isinstance(value, bool | int | float | list | dict) else str(value)


def infer_schema(objects: Sequence[dict[str, Any]], text_column: str) -> pa.Schema:
    """Columns for JSONL: numbers and truth values keep their type, everything else becomes text."""
    fields = []
    for name in dict.fromkeys(key for row in objects for key in row):
        values = [row[name] for row in objects if row.get(name) is not None]
        kinds = COLUMN_TYPES if values and name != text_column else ()
        kind = next((kind for kind in kinds if all(fits(value, kind) for value in values)), pa.string())
        fields.append((name, kind))
    return pa.schema(fields)


def fits(value: Any, kind: pa.DataType) -> bool:
    """Whether a value of JSON can stand in a column without being altered."""
    if value is None or pa.types.is_string(kind):
        return True
    if isinstance(value, bool) or pa.types.is_boolean(kind):
        return isinstance(value, bool) and pa.types.is_boolean(kind)
    if isinstance(value, int):
        return -(2**53) <= value <= 2**53 if pa.types.is_floating(kind) else -(2**63) <= value < 2**63
    return isinstance(value, float) and pa.types.is_floating(kind)


def to_columns(rows: Sequence[Any], schema: pa.Schema) -> pa.RecordBatch:
    """Rows, objects or lists of cells, as columns; an object without a value has null."""
    columns: Sequence[Sequence[Any]]
    if rows and isinstance(rows[0], dict):
        columns = [[row.get(name) for row in rows] for name in schema.names]
        columns = [
            [as_text(value) for value in values] if pa.types.is_string(kind) else values
            for values, kind in zip(columns, schema.types, strict=True)
        ]
    else:
        columns = list(zip(*rows, strict=True)) if rows else [[]] * len(schema)
    arrays = [pa.array(values, kind) for values, kind in zip(columns, schema.types, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)

"""row_sizes: bytes of memory that each row of an Arrow array takes once it is no longer encoded."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

WIDEST_NUMBER = 32
"""Bytes of a decimal256; no other type of fixed width is wider but binary of fixed size."""


def row_sizes(array: pa.Array) -> np.ndarray:
    """Bytes of every value with all that is nested in it, int64 (N,); a repeated value of a dictionary counts anew."""
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        return row_sizes(array.storage)
    if kinds.is_string_view(kind):
        return row_sizes(array.cast(pa.large_string()))
    if kinds.is_binary_view(kind):
        return row_sizes(array.cast(pa.large_binary()))
    if kinds.is_string(kind) or kinds.is_large_string(kind) or kinds.is_binary(kind) or kinds.is_large_binary(kind):
        sizes: np.ndarray = _numbers(pc.binary_length(array)) + 8
        return sizes
    if kinds.is_fixed_size_binary(kind):
        return np.full(len(array), kind.byte_width, np.int64)
    if kinds.is_dictionary(kind):
        sizes = np.append(row_sizes(array.dictionary), 0)  # the last is that of null
        return np.take(sizes, _numbers(array.indices, null=len(sizes) - 1))
    if kinds.is_map(kind):
        array = array.cast(pa.list_(pa.struct([("key", kind.key_type), ("value", kind.item_type)])))
    if kinds.is_struct(kind):
        sizes = np.zeros(len(array), np.int64)
        for child in array.flatten():
            sizes += row_sizes(child)
        return sizes
    if kinds.is_nested(array.type) and not kinds.is_union(kind):
        lengths = _numbers(pc.list_value_length(array))
        ends = np.cumsum(lengths)
        totals = np.append(0, np.cumsum(row_sizes(array.flatten())))  # up to each element
        held: np.ndarray = totals[ends] - totals[ends - lengths]
        held += 8 * (1 + lengths)
        return held
    return np.full(len(array), WIDEST_NUMBER if kinds.is_decimal(kind) else 8, np.int64)


def _numbers(array: pa.Array, null: int = 0) -> np.ndarray:
    return np.asarray(array.fill_null(null).cast(pa.int64()))

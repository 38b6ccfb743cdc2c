"""Chunk: consecutive rows of a file, those that can be used and those that cannot."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from sentiment.data.tables.files import TableFile
from sentiment.data.tables.rows import EXCERPT, LONGEST_ROW, TOO_LONG, Rejected, reason_against_review
from sentiment.data.tables.values import as_json, cell_values, json_values
from sentiment.errors import shown

CHUNK_ROWS, CHUNK_SIZE = 1_024, 2**23
"""A chunk ends with the row that reaches either; the size is in characters, of Parquet in bytes."""


@dataclass(frozen=True)
class Chunk:
    """Consecutive rows of one file.

    Attributes:
        first_row: the number of its first row, from 1, the header not counted.
        texts: the reviews of the rows that can be used.
        rows: these rows with all their columns: objects for JSONL, else columns.
        rejected: the others.
        size: characters of its rows, of Parquet bytes.
        position: bytes of the file read so far.
    """

    first_row: int
    texts: list[str]
    rows: pa.RecordBatch | list[dict[str, Any]]
    rejected: list[Rejected]
    size: int
    position: int

    def __len__(self) -> int:
        return len(self.texts) + len(self.rejected)

    def row_numbers(self) -> list[int]:
        """The number of the row of each text."""
        rejected = {row.row for row in self.rejected}
        return [number for number in range(self.first_row, self.first_row + len(self)) if number not in rejected]


def chunk_of_batch(
    batch: pa.RecordBatch, sizes: np.ndarray, text_column: str, output_format: str, first_row: int, position: int
) -> Chunk:
    """The rows of a batch as the format takes them that they will be written in.

    Args:
        sizes: bytes of each row.
        first_row, position: as in Chunk.
    """
    reasons: dict[int, str] = {int(row): TOO_LONG for row in np.flatnonzero(sizes > LONGEST_ROW)}
    held = np.flatnonzero(sizes <= LONGEST_ROW)
    whole = batch if not reasons else _filtered(batch, sizes <= LONGEST_ROW)
    columns: dict[str, Any] = {}
    texts, faults = json_values(whole.column(text_column))
    reviews = [reason_against_review(text) for text in texts]
    own_reasons = {row: reason for row, reason in enumerate(reviews) if reason is not None}
    own_reasons.update((row, f"it {reason}") for row, reason in faults.items())
    if output_format != "parquet":
        convert = json_values if output_format == "jsonl" else cell_values
        for name, column in zip(whole.schema.names, whole.columns, strict=True):
            columns[name], faults = convert(column)
            for row, reason in faults.items():
                own_reasons.setdefault(row, f"its {shown(name)} {reason}")
    reasons.update((int(held[row]), reason) for row, reason in own_reasons.items())
    is_used = np.ones(whole.num_rows, bool)
    is_used[list(own_reasons)] = False
    if own_reasons:
        texts = [text for text, used in zip(texts, is_used, strict=True) if used]
    rejected = _rejected_rows(batch, sizes, reasons, first_row)
    rows: Any
    if output_format == "jsonl":
        objects = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        rows = [row for row, used in zip(objects, is_used, strict=True) if used]
    else:
        rows = whole if not columns else pa.RecordBatch.from_arrays([*columns.values()], names=[*columns])
        rows = _filtered(rows, is_used) if own_reasons else rows
    return Chunk(first_row, texts, rows, rejected, int(sizes.sum()), position)


def rejected_line(file: TableFile, rejected: Rejected) -> str:
    """A rejected row as a line of JSONL, in ASCII, as what it holds may be no text."""
    content = {"file": str(file.path), "row": rejected.row, "reason": rejected.reason, "content": rejected.content}
    return as_json(content) + "\n"


def _rejected_rows(batch: pa.RecordBatch, sizes: np.ndarray, reasons: dict[int, str], first_row: int) -> list[Rejected]:
    """The rows with a reason; of a row that is large, the names of its columns alone."""
    if not reasons:
        return []
    positions = sorted(reasons)
    is_small = np.zeros(batch.num_rows, bool)
    is_small[[position for position in positions if sizes[position] <= EXCERPT]] = True
    small = _filtered(batch, is_small)
    columns = []
    for column in small.columns:
        try:
            columns.append(json_values(column)[0])
        except (TypeError, pa.ArrowException):
            columns.append([f"({column.type})"] * small.num_rows)
    contents = iter(zip(*columns, strict=True))
    names = batch.schema.names
    return [
        Rejected(
            first_row + position,
            reasons[position],
            dict(zip(names, next(contents), strict=True))
            if is_small[position]
            else dict.fromkeys(names, f"(of a row of {sizes[position]:,} bytes)"),
        )
        for position in positions
    ]


def _filtered(batch: pa.RecordBatch, mask: np.ndarray) -> pa.RecordBatch:
    try:
        return batch.filter(pa.array(mask))
    except pa.ArrowNotImplementedError:  # views
        slices = [batch.slice(int(position), 1) for position in np.flatnonzero(mask)] or [batch.slice(0, 0)]
        [joined] = pa.Table.from_batches(slices, batch.schema).combine_chunks().to_batches() or [batch.slice(0, 0)]
        return joined

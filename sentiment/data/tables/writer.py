"""TableWriter: rows of a table, written again with the label and the probability of each."""

import gzip
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from sentiment.data.tables.files import SEPARATORS, TableFile
from sentiment.data.tables.reader import LABEL_COLUMN, PROBABILITY_COLUMN
from sentiment.data.tables.values import as_json, as_text

ROW_GROUP_BYTES = 2**24


class TableWriter:
    """Writes rows with their scores; what it writes follows from the rows and chunks alone."""

    def __init__(self, file: TableFile, sink: BinaryIO, schema: pa.Schema | None) -> None:
        """Begin the table.

        Args:
            file: whose format to write, any but plain text; its path plays no part.
            sink: written to and left open.
            schema: of the rows to come; None if they are objects.
        """
        self._sink: Any = sink
        self._close: list[Any] = []
        if file.is_compressed:
            self._sink = gzip.GzipFile("", "wb", fileobj=sink, mtime=0)
            self._close.append(self._sink)
        self._format = file.format
        if file.format == "jsonl":
            return
        schema = _with_score_columns(schema if schema is not None else pa.schema([]))
        if file.format == "parquet":
            self._pending: list[pa.RecordBatch] = []
            self._table: Any = pyarrow.parquet.ParquetWriter(self._sink, schema)
        else:
            options = pyarrow.csv.WriteOptions(delimiter=SEPARATORS[file.format], quoting_style="needed")
            schema = pa.schema([(field.name, _plain_type(field.type)) for field in schema])
            self._table = pyarrow.csv.CSVWriter(self._sink, schema, write_options=options)
        self._schema = schema
        self._close.insert(0, self._table)

    def write(self, rows: pa.RecordBatch | list[dict[str, Any]], labels: list[str], probabilities: np.ndarray) -> None:
        """Add rows; `labels` and `probabilities`, float32, have one value for each."""
        if self._format == "jsonl":
            objects = rows if isinstance(rows, list) else rows.to_pylist()
            shortest = map(float, probabilities.astype(str))  # the digits that a float32 has
            for row, label, probability in zip(objects, labels, shortest, strict=True):
                content = {**row, LABEL_COLUMN: label, PROBABILITY_COLUMN: probability}
                self._sink.write(as_json(content, ensure_ascii=False).encode() + b"\n")
            return
        assert isinstance(rows, pa.RecordBatch)
        columns = [*rows.columns, pa.array(labels, pa.string()), pa.array(probabilities, pa.float32())]
        if self._format != "parquet":
            columns = [_plain(column, field.type) for column, field in zip(columns, self._schema, strict=True)]
        batch = pa.RecordBatch.from_arrays(columns, schema=self._schema)
        if self._format != "parquet":
            self._table.write_batch(batch)
            return
        self._pending.append(batch)
        if sum(batch.nbytes for batch in self._pending) >= ROW_GROUP_BYTES:
            self._write_row_group()

    def _write_row_group(self) -> None:
        self._table.write_table(pa.Table.from_batches(self._pending, self._schema))
        self._pending = []

    def close(self) -> None:
        """Finish the table; only now is it whole."""
        if self._format == "parquet" and self._pending:
            self._write_row_group()
        for part in self._close:
            part.close()


def _with_score_columns(schema: pa.Schema) -> pa.Schema:
    return schema.append(pa.field(LABEL_COLUMN, pa.string())).append(pa.field(PROBABILITY_COLUMN, pa.float32()))


def _plain_type(kind: pa.DataType) -> pa.DataType:
    """What stands for a type in CSV: itself if it is a number, a truth value or a date, else text."""
    is_plain = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    return kind if is_plain or pa.types.is_temporal(kind) else pa.string()


def _plain(column: pa.Array, kind: pa.DataType) -> pa.Array:
    if column.type == kind:
        return column
    return pa.array([as_text(value) for value in column.to_pylist()], kind)

"""TableWriter: rows of a table, written again with the label and the probability of each."""

import gzip
from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from sentiment.data.tables.files import SEPARATORS, TableFile
from sentiment.data.tables.reader import LABEL_COLUMN, PROBABILITY_COLUMN
from sentiment.data.tables.values import as_json, is_text
from sentiment.errors import InputError, shown

ROW_GROUP_BYTES = 2**24

MOST_PARQUET_COLUMNS = 50_000
"""Writing Parquet takes some 4 kB of memory for every column."""


class TableWriter:
    """Writes rows with their scores; what it writes follows from the rows and chunks alone."""

    def __init__(self, file: TableFile, sink: BinaryIO, schema: pa.Schema | None) -> None:
        """Begin the table.

        Args:
            file: whose format to write, any but plain text; its path plays no part.
            sink: written to and left open.
            schema: of the rows to come, as a TableReader gives it for this format; JSONL needs none.

        Raises:
            InputError: the format cannot hold a column.
        """
        self._sink: Any = sink
        self._close: list[Any] = []
        if file.is_compressed:
            self._sink = gzip.GzipFile("", "wb", fileobj=sink, mtime=0)
            self._close.append(self._sink)
        self._format = file.format
        if file.format == "jsonl":
            return
        assert schema is not None
        self._schema = schema.append(pa.field(LABEL_COLUMN, pa.string())).append(
            pa.field(PROBABILITY_COLUMN, pa.float32())
        )
        if file.format == "parquet" and len(schema) > MOST_PARQUET_COLUMNS:
            raise InputError(f"{len(schema):,} columns are too many for Parquet: write .csv, .tsv or .jsonl.")
        without_text = [field.name for field in schema if not is_text(field.type)]  # whose statistics would be texts
        try:
            if file.format == "parquet":
                self._pending: list[pa.RecordBatch] = []
                self._pending_bytes = 0
                self._table: Any = pyarrow.parquet.ParquetWriter(
                    self._sink, self._schema, write_statistics=without_text or False
                )
            else:
                options = pyarrow.csv.WriteOptions(delimiter=SEPARATORS[file.format], quoting_style="needed")
                self._table = pyarrow.csv.CSVWriter(self._sink, self._schema, write_options=options)
        except pa.ArrowException as error:
            raise InputError(f"A column cannot be written as {file.format} ({shown(error)}): write .jsonl.") from error
        self._close.insert(0, self._table)

    def write(
        self, rows: pa.RecordBatch | list[dict[str, Any]], labels: Sequence[str | None], probabilities: np.ndarray
    ) -> None:
        """Add rows; `labels`, None where there is no verdict, and `probabilities`, float32, have one value for each.

        Raises:
            InputError: the format cannot hold their values.
        """
        try:
            self._write(rows, labels, probabilities)
        except pa.ArrowException as error:
            raise InputError(f"Rows cannot be written as {self._format} ({shown(error)}): write .jsonl.") from error

    def _write(
        self, rows: pa.RecordBatch | list[dict[str, Any]], labels: Sequence[str | None], probabilities: np.ndarray
    ) -> None:
        if isinstance(rows, list):
            shortest = map(float, probabilities.astype(str))  # the digits that a float32 has
            for row, label, probability in zip(rows, labels, shortest, strict=True):
                content = {**row, LABEL_COLUMN: label, PROBABILITY_COLUMN: probability}
                self._sink.write(as_json(content, ensure_ascii=False).encode() + b"\n")
            return
        columns = [*rows.columns, pa.array(labels, pa.string()), pa.array(probabilities, pa.float32())]
        batch = pa.RecordBatch.from_arrays(columns, schema=self._schema)
        if self._format != "parquet":
            self._table.write_batch(batch)
            return
        self._pending.append(batch)
        self._pending_bytes += batch.nbytes
        if self._pending_bytes >= ROW_GROUP_BYTES:
            self._write_row_group()

    def _write_row_group(self) -> None:
        self._table.write_table(pa.Table.from_batches(self._pending, self._schema))
        self._pending, self._pending_bytes = [], 0

    def close(self) -> None:
        """Finish the table; only now is it whole."""
        if self._format == "parquet" and self._pending:
            self._write_row_group()
        for part in self._close:
            part.close()

"""ParquetRows: the rows of a Parquet file in batches whose decoded size is bounded."""

import faulthandler
import os
import resource
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from sentiment.data.tables.files import TableFile
from sentiment.data.tables.parquet_pages import rows_at_once
from sentiment.data.tables.sizes import row_sizes


class ParquetRows:
    """A Parquet file.

    Attributes:
        schema: names and types of its columns.
    """

    def __init__(self, file: TableFile, raw: BinaryIO) -> None:
        """Read the footer.

        Args:
            raw: the file, opened; it stays the caller's to close.

        Raises:
            OSError, pa.ArrowException: the file is damaged.
        """
        self._path, self._raw = file.path, raw
        self._parquet = pyarrow.parquet.ParquetFile(raw, pre_buffer=False, buffer_size=2**20)  # read in parts
        self.schema = self._parquet.schema_arrow
        _check_footer(self._parquet.metadata)

    @property
    def count(self) -> int:
        """Rows, as the footer says."""
        return int(self._parquet.metadata.num_rows)

    def batches(
        self, columns: Sequence[str] | None, *, most_rows: int, most_bytes: int
    ) -> Iterator[tuple[pa.RecordBatch, np.ndarray]]:
        """All rows in batches, each with the decoded bytes of its rows; it ends with the row that reaches either bound.

        Args:
            columns: to read; None for all.

        Raises:
            ValueError, OSError, pa.ArrowException: the file is damaged, or its pages are too large to decode.
        """
        waiting: list[tuple[pa.RecordBatch, np.ndarray]] = []
        rows = taken = 0
        for batch in self._decoded(columns):
            sizes = sum((row_sizes(column) for column in batch.columns), np.zeros(batch.num_rows, np.int64))
            start = 0
            while start < batch.num_rows:
                upto = np.cumsum(sizes[start:])
                end = start + min(most_rows - rows, int(np.searchsorted(upto, most_bytes - taken)) + 1)
                part = batch.slice(start, end - start)
                waiting.append((part, sizes[start:end]))
                rows, taken = rows + part.num_rows, taken + int(sizes[start : start + part.num_rows].sum())
                start += part.num_rows
                if rows >= most_rows or taken >= most_bytes:
                    yield _joined(waiting)
                    waiting, rows, taken = [], 0, 0
        if waiting:
            yield _joined(waiting)

    def _decoded(self, columns: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
        metadata = self._parquet.metadata
        names = None if columns is None else list(columns)
        with self._path.open("rb") as headers:
            for number in range(metadata.num_row_groups):
                rows = rows_at_once(headers, metadata, number, None if columns is None else set(columns))
                yield from self._parquet.iter_batches(
                    batch_size=rows, row_groups=[number], columns=names, use_threads=False
                )


def _check_footer(metadata: Any) -> None:
    """Look at every column of every row group in a process of its own.

    Where the size statistics of a column are damaged, pyarrow raises no error when it is asked for the column: it ends
    the process.

    Args:
        metadata: a pyarrow.parquet.FileMetaData.

    Raises:
        pa.ArrowInvalid: that process was ended.
    """
    process = os.fork()
    if process == 0:
        try:
            faulthandler.disable()
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # the message of C++
            for number in range(metadata.num_row_groups):
                row_group = metadata.row_group(number)
                for position in range(row_group.num_columns):
                    row_group.column(position)
        finally:
            os._exit(0)
    _, status = os.waitpid(process, 0)
    if status:
        raise pa.ArrowInvalid("the statistics of a column in its footer are damaged")


def _joined(parts: list[tuple[pa.RecordBatch, np.ndarray]]) -> tuple[pa.RecordBatch, np.ndarray]:
    if len(parts) == 1:
        return parts[0]
    [batch] = pa.Table.from_batches([batch for batch, _ in parts]).combine_chunks().to_batches()
    return batch, np.concatenate([sizes for _, sizes in parts])

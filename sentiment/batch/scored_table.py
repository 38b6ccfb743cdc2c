"""ScoredTable: rows with their verdicts, written and counted; the same on one machine and in a task of Spark."""

import base64
import gzip
import json
import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO, TextIO

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from pyarrow import types

from sentiment.data.files import SEPARATORS, TableFile
from sentiment.data.labels import label_probabilities, label_word
from sentiment.data.sources.rows import DEFAULT_LABEL_COLUMNS, UNUSED_LABELS
from sentiment.data.tables.reader import TEXT_TYPES, Chunk, Rejected
from sentiment.data.verdicts import PREDICTED_LABEL, VerdictRule
from sentiment.errors import InputError, shown

ROW_GROUP_BYTES = 2**24

EXCERPT = 2**16
"""Characters that are kept of a text of a rejected row."""


Answered = Callable[[np.ndarray], np.ndarray]
"""Whether each review gets an answer, bool (N,), by what `label_probabilities` gives."""


class ScoredTable:
    """A table that is being scored; its bytes follow from the rows and chunks alone.

    Attributes:
        tally: rows by what became of them: scored, answered (with a verdict), `verdict LABEL` of each label, and
            rejected. Those with a verdict and a label are right or wrong, or other_labels where the label is none of
            the rule's.
    """

    def __init__(
        self,
        output: TableFile,
        sink: BinaryIO,
        rejected_sink: TextIO,
        schema: pa.Schema,
        rule: VerdictRule,
        answered: Answered | None = None,
    ) -> None:
        """Begin the table.

        Args:
            output: whose format to write, any but plain text; its path plays no part.
            sink: written to and left open.
            rejected_sink: for the rejected rows, as lines of JSONL.
            schema: of the rows to come, as a TableReader gives it for this format.
            rule: what becomes of the probabilities.
            answered: leaves verdicts out; None where all reviews get one.

        Raises:
            InputError: the format cannot hold a column.
        """
        self.tally = Counter[str]()
        self._format, self._rejected_sink, self._rule, self._answered = output.format, rejected_sink, rule, answered
        self._sink: Any = gzip.GzipFile("", "wb", fileobj=sink, mtime=0) if output.is_compressed else sink
        self._close: list[Any] = [self._sink] if output.is_compressed else []
        self._pending: list[pa.RecordBatch] = []
        if self._format == "jsonl":
            return
        fields = [pa.field(name, _cell_type(kind)) for name, kind in zip(schema.names, schema.types, strict=True)]
        columns = list(schema) if self._format == "parquet" else fields
        self._columns = len(columns)
        probabilities = [(name, pa.float32()) for name in rule.probability_columns]
        self._schema = pa.schema([*columns, (PREDICTED_LABEL, pa.string()), *probabilities])
        without_text = [field.name for field in columns if field.type not in TEXT_TYPES]  # whose statistics are texts
        try:
            if self._format == "parquet":
                self._table: Any = pyarrow.parquet.ParquetWriter(
                    self._sink, self._schema, write_statistics=without_text or False
                )
            else:
                options = pyarrow.csv.WriteOptions(delimiter=SEPARATORS[self._format], quoting_style="needed")
                self._table = pyarrow.csv.CSVWriter(self._sink, self._schema, write_options=options)
        except pa.ArrowException as error:
            raise self._not_written(error) from error
        self._close.insert(0, self._table)

    def write(self, file: TableFile, chunk: Chunk, cumulative: np.ndarray) -> None:
        """Add a chunk of a file, with the cumulative probabilities of its texts, float32 (N, K - 1) or (N,).

        Raises:
            InputError: the format cannot hold its values.
        """
        labels, probabilities = self._verdicts(cumulative), self._rule.probabilities(cumulative)
        if self._format == "jsonl":
            shortest = [map(float, values.astype(str)) for values in probabilities.values()]  # as a float32 has digits
            for row, label, *found in zip(chunk.rows, labels, *shortest, strict=True):
                line = as_json({**row, PREDICTED_LABEL: label, **dict(zip(probabilities, found, strict=True))})
                self._sink.write(line.encode() + b"\n")
        else:
            self._write_columns(chunk.rows, labels, probabilities)
        self._rejected_sink.writelines(_rejected_line(file, rejected) for rejected in chunk.rejected)
        self.tally["scored"] += len(labels)
        self.tally["answered"] += len(labels) - labels.count(None)
        self.tally.update(f"verdict {label}" for label in labels if label is not None)
        self.tally["rejected"] += len(chunk.rejected)
        self.tally.update(filter(None, map(self._agreement, chunk.rows, labels)))

    def _verdicts(self, cumulative: np.ndarray) -> list[str | None]:
        labels = self._rule.verdicts(cumulative)
        if self._answered is None:
            return [*labels]
        answered = self._answered(label_probabilities(cumulative)).tolist()
        return [label if is_answered else None for label, is_answered in zip(labels, answered, strict=True)]

    def _write_columns(
        self, rows: list[dict[str, Any]], labels: Sequence[str | None], probabilities: dict[str, np.ndarray]
    ) -> None:
        try:
            arrays = []
            for column in list(self._schema)[: self._columns]:
                values = [row.get(column.name) for row in rows]
                texts = map(as_text, values) if column.type in TEXT_TYPES else values
                arrays.append(pa.array(texts, column.type))
            arrays += [pa.array(labels, pa.string()), *map(pa.array, probabilities.values())]
            batch = pa.RecordBatch.from_arrays(arrays, schema=self._schema)
            if self._format != "parquet":
                self._table.write_batch(batch)
                return
            self._pending.append(batch)
            if sum(batch.nbytes for batch in self._pending) >= ROW_GROUP_BYTES:
                self._write_row_group()
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            raise self._not_written(error) from error

    def _not_written(self, error: Exception) -> InputError:
        return InputError(f"The rows cannot be written as {self._format} ({shown(error)}): write .jsonl.")

    def _agreement(self, row: dict[str, Any], verdict: str | None) -> str:
        """What a row's label says of its verdict: right, wrong, or other_labels; "" where one of both is missing."""
        columns = (self._rule.label_column, *DEFAULT_LABEL_COLUMNS)
        word = label_word(next((row[name] for name in columns if name in row), None))
        label = self._rule.label_of(word)
        if verdict is None or (label is None and word in UNUSED_LABELS):
            return ""
        return "other_labels" if label is None else "right" if label == verdict else "wrong"

    def _write_row_group(self) -> None:
        self._table.write_table(pa.Table.from_batches(self._pending, self._schema))
        self._pending = []

    def close(self) -> None:
        """Finish the table; only now is it whole."""
        if self._pending:
            self._write_row_group()
        for part in self._close:
            part.close()


def as_json(content: Any, *, ensure_ascii: bool = False) -> str:
    """A value as JSON: dates and times in ISO 8601, bytes in base64, decimals as text, NaN and infinity by name."""
    try:
        return json.dumps(content, ensure_ascii=ensure_ascii, allow_nan=False)
    except (TypeError, ValueError):
        return json.dumps(_json_value(content), ensure_ascii=ensure_ascii)


def as_text(value: Any) -> str | None:
    """A value as the text of a cell: text as it is, null as null, anything else as JSON."""
    value = _json_value(value)
    return value if value is None or isinstance(value, str) else as_json(value)


def _json_value(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return json.dumps(value)
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {str(name): _json_value(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_json_value(part) for part in value]
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _cell_type(kind: pa.DataType) -> pa.DataType:
    """The type of a column of CSV: numbers and truth values are written as they are, all else as text."""
    return kind if types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind) else pa.string()


def _rejected_line(file: TableFile, rejected: Rejected) -> str:
    """A rejected row as a line of JSON, in ASCII, as what it holds may be no text; long texts are cut."""
    content = rejected.content
    if isinstance(content, dict):
        content = {name: _excerpt(value) for name, value in content.items()}
    found = {"file": str(file.path), "row": rejected.row, "line": rejected.line, "reason": rejected.reason}
    return as_json({**found, "content": _excerpt(content)}, ensure_ascii=True) + "\n"


def _excerpt(value: Any) -> Any:
    if not isinstance(value, str) or len(value) <= EXCERPT:
        return value
    return f"{value[:EXCERPT]}… ({len(value):,} characters)"

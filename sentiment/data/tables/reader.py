"""TableReader: a file of reviews, read chunk by chunk.

Rows come out as they went in: a cell of CSV or TSV stays text, a column of Parquet keeps its type, an object of JSONL
its values. A row that cannot be used is handed over as a Rejected, with its number and the reason.
"""

import gzip
import io
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet

from sentiment.data.tables.files import DEFAULT_TEXT_COLUMNS, SEPARATORS, TableFile
from sentiment.data.tables.rows import NumberedRow, Rejected, Row, read_cells, read_lines, read_objects
from sentiment.data.tables.values import as_json, fits, infer_schema, to_columns
from sentiment.errors import InputError

LABEL_COLUMN, PROBABILITY_COLUMN = "predicted_label", "positive_probability"
"""Columns that scoring adds."""

CHUNK_ROWS, CHUNK_CHARACTERS = 1_024, 2**23
"""A chunk ends with the row that reaches either."""


@dataclass(frozen=True)
class Chunk:
    """Consecutive rows of one file.

    Attributes:
        first_row: the number of its first row, from 1, the header not counted.
        texts: the reviews of the rows that can be used.
        rows: these rows with all their columns.
        rejected: the others.
        position: bytes of the file read so far.
    """

    first_row: int
    texts: list[str]
    rows: pa.RecordBatch | list[dict[str, Any]]
    rejected: list[Rejected]
    position: int

    def __len__(self) -> int:
        return len(self.texts) + len(self.rejected)

    def row_numbers(self) -> list[int]:
        """The number of the row of each text."""
        rejected = {row.row for row in self.rejected}
        return [number for number in range(self.first_row, self.first_row + len(self)) if number not in rejected]


class TableReader:
    """A file of reviews in chunks that follow from the file alone.

    Attributes:
        schema: names and types of the columns; None for rows that are objects.
        text_column: the column of the reviews.
        size: bytes of the file; None for a stream.
    """

    def __init__(
        self,
        file: TableFile,
        text_column: str | None = None,
        *,
        columnar: bool = True,
        is_scored: bool = False,
        schema: pa.Schema | None = None,
        stream: BinaryIO | None = None,
    ) -> None:
        """Read as far as the columns.

        Args:
            text_column: None for the first of DEFAULT_TEXT_COLUMNS that there is.
            columnar: give the objects of JSONL as columns, too, like the rows of every other format.
            is_scored: the columns that scoring adds may be there already.
            schema: the columns that are expected; of JSONL, None infers them from the first chunk.
            stream: to read instead of the path.

        Raises:
            InputError: the file cannot be read, or its columns are not what is expected.
        """
        self.file, self._row = file, 0
        self._text_key: Any  # of the review in a row: position or name
        self._added = () if is_scored else (LABEL_COLUMN, PROBABILITY_COLUMN)
        with self._errors_with_path():
            self.size = None if stream else file.path.stat().st_size
            self._raw = stream or file.path.open("rb")
            if file.format == "parquet":
                self._parquet = pyarrow.parquet.ParquetFile(self._raw, pre_buffer=False, buffer_size=2**20)  # in parts
                found = self._parquet.schema_arrow
                self.text_column = self._find_text_column(found.names, text_column)
                self._check_type(found.field(self.text_column))
            elif file.format == "jsonl":
                self._rows = read_objects(self._open_text("\n"))
                self._first_rows = self._next_rows()
                objects = [item.row for item in self._first_rows if isinstance(item.row, dict)]
                self.text_column = self._find_text_column(
                    dict.fromkeys(key for row in objects for key in row), text_column
                )
                self._text_key = self.text_column
                found = (schema or infer_schema(objects, self.text_column)) if columnar else None
            else:
                if file.format == "txt":
                    self._rows = read_lines(self._open_text("\n"))
                    header = [text_column or DEFAULT_TEXT_COLUMNS[0]]
                else:
                    self._rows = read_cells(self._open_text(""), SEPARATORS[file.format])
                    header = self._header()
                self.text_column = self._find_text_column(header, text_column)
                self._text_key = header.index(self.text_column)
                found = pa.schema([(name, pa.string()) for name in header])
        if schema is not None and found is not None and not found.equals(schema):
            raise InputError(
                f"{file.path} has the columns {_column_types(found)}; "
                f"the files before it have {_column_types(schema)}: use files of other columns on their own."
            )
        self.schema = found

    def close(self) -> None:
        """Close the file."""
        self._raw.close()

    def chunks(self) -> Iterator[Chunk]:
        """All rows, to be asked for once.

        Raises:
            InputError: the file is damaged.
        """
        with self._errors_with_path():
            if self.file.format == "parquet":
                yield from self._parquet_chunks()
                return
            rows = self._first_rows if self.file.format == "jsonl" else self._next_rows()
            while rows:
                yield self._chunk(rows)
                rows = self._next_rows()

    @contextmanager
    def _errors_with_path(self) -> Iterator[None]:
        try:
            yield
        except (OSError, EOFError, zlib.error, pa.ArrowInvalid) as error:
            raise InputError(
                f"{self.file.path} cannot be read{f' after row {self._row}' if self._row else ''} ({error}): "
                "mend or replace the file."
            ) from error

    def _open_text(self, newline: str) -> io.TextIOWrapper:
        binary: Any = gzip.GzipFile(fileobj=self._raw) if self.file.is_compressed else self._raw
        self._text = io.TextIOWrapper(binary, "utf-8-sig", errors="surrogateescape", newline=newline)
        return self._text  # kept, as it closes the file when it is dropped

    def _find_text_column(self, names: Iterable[str], wanted: str | None) -> str:
        names = list(names)
        taken = [name for name in self._added if name in names]
        if taken:
            raise InputError(f"{self.file.path} already has a column {taken[0]}: rename or remove it.")
        twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
        if twice:
            raise InputError(f"{self.file.path} has two columns {twice[0]}: rename one.")
        for name in (wanted,) if wanted else DEFAULT_TEXT_COLUMNS:
            if name in names:
                return str(name)
        missing = wanted or " or ".join(DEFAULT_TEXT_COLUMNS)
        raise InputError(
            f"{self.file.path} has no column {missing}; its columns are {', '.join(names) or 'none'}. "
            "Choose with --text-column."
        )

    def _check_type(self, field: pa.Field) -> None:
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
            raise InputError(
                f"{self.file.path}: column {field.name} holds {field.type}, not text. Choose with --text-column."
            )

    def _header(self) -> list[str]:
        first = next(self._rows, None)
        if first is None:
            raise InputError(f"{self.file.path} is empty: it needs a header.")
        if isinstance(first.row, Rejected):
            raise InputError(f"{self.file.path}: its header cannot be used ({first.row.reason}).")
        return list(first.row)

    def _next_rows(self) -> list[NumberedRow]:
        rows: list[NumberedRow] = []
        characters = 0
        while len(rows) < CHUNK_ROWS and characters < CHUNK_CHARACTERS and (row := next(self._rows, None)):
            rows.append(row)
            characters += row.characters
        return rows

    def _chunk(self, rows: list[NumberedRow]) -> Chunk:
        self._row = rows[-1].number
        kept: list[NumberedRow] = []
        rejected: list[Rejected] = []
        for item in rows:
            if isinstance(item.row, Rejected):
                rejected.append(item.row)
            elif reason := self._reason_against(item.row):
                rejected.append(Rejected(item.number, reason, self._as_object(item.row)))
            else:
                kept.append(item)
        values: list[Any] = [item.row for item in kept]
        texts = [row[self._text_key] for row in values]
        table = values if self.schema is None else to_columns(values, self.schema)
        return Chunk(rows[0].number, texts, table, rejected, self._position)

    @property
    def _position(self) -> int:
        return 0 if self.size is None else self._raw.tell()  # a pipe has none

    def _reason_against(self, row: Row) -> str | None:
        """Why a row cannot be used; None if it can."""
        if isinstance(row, list):
            return _reason_against_review(row[self._text_key])
        if added := set(self._added) & set(row):
            return f"it already has a column {min(added)}"
        if self.schema is not None:
            unknown = [name for name in row if name not in self.schema.names]
            if unknown:
                return f"its column {unknown[0]} is none of the first rows'"
            for field in self.schema:
                if not fits(row.get(field.name), field.type):
                    return f"its {field.name} does not fit the first rows, which hold {field.type}"
        return _reason_against_review(row.get(self.text_column))

    def _as_object(self, row: Row) -> Any:
        return row if self.schema is None or isinstance(row, dict) else dict(zip(self.schema.names, row, strict=True))

    def _parquet_chunks(self) -> Iterator[Chunk]:
        names = self._parquet.schema_arrow.names
        for batch in self._parquet.iter_batches(batch_size=CHUNK_ROWS):
            texts = _python_values(batch.column(self.text_column))
            reasons = [_reason_against_review(text) for text in texts]
            rejected = [
                Rejected(self._row + number, reason, {name: _python_value(batch[name][number - 1]) for name in names})
                for number, reason in enumerate(reasons, 1)
                if reason
            ]
            if rejected:
                kept = [position for position, reason in enumerate(reasons) if reason is None]
                texts = [texts[position] for position in kept]
                slices = [batch.slice(position, 1) for position in kept] or [batch.slice(0, 0)]  # views have no filter
                batch = pa.RecordBatch.from_arrays(
                    [pa.concat_arrays([part.column(name) for part in slices]) for name in names], schema=batch.schema
                )
            first_row = self._row + 1
            self._row += len(reasons)
            position = (self.size or 0) * self._row // self._parquet.metadata.num_rows
            yield Chunk(first_row, texts, batch, rejected, position)


def rejected_line(file: TableFile, rejected: Rejected) -> str:
    """A rejected row as a line of JSONL, in ASCII, as what it holds may be no text."""
    content = {"file": str(file.path), "row": rejected.row, "reason": rejected.reason, "content": rejected.content}
    return as_json(content) + "\n"


def _python_values(column: pa.Array) -> list[Any]:
    try:
        values: list[Any] = column.to_pylist()
    except UnicodeDecodeError:
        return [_python_value(scalar) for scalar in column]
    return values


def _python_value(scalar: Any) -> Any:
    """A scalar of Arrow; text that is not UTF-8 as its bytes."""
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        return scalar.as_buffer().to_pybytes()


def _reason_against_review(review: Any) -> str | None:
    """Why a review cannot be used; None if it can."""
    if review is None:
        return "the review is null"
    if isinstance(review, bytes):
        return "it is not UTF-8"
    if not isinstance(review, str):
        return f"the review is no text but of type {type(review).__name__}"
    return None if review and not review.isspace() else "the review is blank"


def _column_types(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name} ({field.type})" for field in schema)

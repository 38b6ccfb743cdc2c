"""TableReader: a file of reviews, read chunk by chunk.

Rows come out as the format takes them that they will be written in. Nothing is altered on the way. What has no faithful
form in that format makes its row a Rejected, with its number and the reason. So does a row that cannot be parsed.
"""

import gzip
import io
import zlib
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO

import pyarrow as pa

from sentiment.data.tables.chunks import CHUNK_ROWS, CHUNK_SIZE, Chunk, chunk_of_batch
from sentiment.data.tables.files import DEFAULT_TEXT_COLUMNS, SEPARATORS, Stamp, TableFile
from sentiment.data.tables.parquet import ParquetRows
from sentiment.data.tables.rows import (
    NumberedRow,
    Rejected,
    Row,
    excerpt,
    read_cells,
    read_lines,
    read_objects,
    reason_against_review,
)
from sentiment.data.tables.values import cell_type, fits, infer_schema, is_text, to_columns
from sentiment.errors import InputError, shown, shown_names

LABEL_COLUMN, PROBABILITY_COLUMN = "predicted_label", "positive_probability"
"""Columns that scoring adds."""


class TableReader:
    """A file of reviews in chunks that follow from the file alone.

    Attributes:
        schema: names and types of the columns; None where objects of JSONL stay objects.
        text_column: the column of the reviews.
        size: bytes of the file; None for a stream.
    """

    def __init__(
        self,
        file: TableFile,
        text_column: str | None = None,
        *,
        output_format: str = "jsonl",
        columns: Collection[str] | None = None,
        is_scored: bool = False,
        schema: pa.Schema | None = None,
        stream: BinaryIO | None = None,
        stamp: Stamp | None = None,
    ) -> None:
        """Read as far as the columns.

        Args:
            text_column: None for the first of DEFAULT_TEXT_COLUMNS that there is.
            output_format: the format that the rows will be written in, one of FORMATS but plain text.
            columns: to give beside the reviews, as far as they are there; None for all.
            is_scored: the columns that scoring adds may be there already.
            schema: the columns that are expected; None for those that are found, of JSONL in its first rows.
            stream: to read instead of the path.
            stamp: that of the file that is meant; None for the file that is there.

        Raises:
            InputError: the file cannot be read, or its columns are not what is expected.
        """
        self.file, self._row, self._output_format = file, 0, output_format
        self._text_key: Any  # of the review in a row: position or name
        self._added = frozenset() if is_scored else frozenset((LABEL_COLUMN, PROBABILITY_COLUMN))
        self._stamp: Stamp | None = None
        with self._errors_with_path():
            self._stamp = None if stream else stamp or file.stamp()
            self.size = self._stamp[0] if self._stamp else None
            self._raw = stream or file.path.open("rb")
            opened = {"parquet": self._open_parquet, "jsonl": self._open_objects}.get(file.format, self._open_cells)
            found = opened(text_column, schema)
        if schema is not None and found is not None and not found.equals(schema):
            raise InputError(
                f"{file.path} has the columns {_column_types(found)}; "
                f"the files before it have {_column_types(schema)}: use files of other columns on their own."
            )
        self.schema = found
        self._names = None if found is None else frozenset(found.names)
        self._typed = [field for field in found or () if not is_text(field.type)]
        self._columns = None if columns is None else {*columns, self.text_column}

    def close(self) -> None:
        """Close the file."""
        self._raw.close()

    def chunks(self) -> Iterator[Chunk]:
        """All rows, to be asked for once.

        Raises:
            InputError: the file is damaged, or was changed while it was read.
        """
        with self._errors_with_path():
            yield from self._chunks()
        self._refuse_change()

    def _chunks(self) -> Iterator[Chunk]:
        if self.file.format == "parquet":
            names = None if self._columns is None else [n for n in self._parquet.schema.names if n in self._columns]
            for batch, sizes in self._parquet.batches(names, most_rows=CHUNK_ROWS, most_bytes=CHUNK_SIZE):
                first_row, self._row = self._row + 1, self._row + batch.num_rows
                position = (self.size or 0) * self._row // max(1, self._parquet.count, self._row)
                yield chunk_of_batch(batch, sizes, self.text_column, self._output_format, first_row, position)
            return
        rows = self._first_rows
        while rows:
            yield self._chunk_of_rows(rows)
            rows = self._next_rows()

    @contextmanager
    def _errors_with_path(self) -> Iterator[None]:
        try:
            yield
        except InputError:
            raise
        except MemoryError as error:
            raise InputError(f"{self._place} needs more memory than there is: make room.") from error
        except (OSError, EOFError, ValueError, zlib.error, pa.ArrowException) as error:
            self._refuse_change()
            raise InputError(f"{self._place} cannot be read ({shown(error)}): mend or replace the file.") from error

    def _refuse_change(self) -> None:
        if self._stamp is None:
            return
        with suppress(OSError):  # it is there no longer, but what is open can be read
            if self._stamp != self.file.stamp():
                raise InputError(f"{self.file.path} was changed while it was read: run the same command again.")

    @property
    def _place(self) -> str:
        return f"{self.file.path}{f' after row {self._row:,}' if self._row else ''}"

    # Opening: each finds the text column and returns the columns of the rows to come.

    def _open_parquet(self, text_column: str | None, schema: pa.Schema | None) -> pa.Schema:
        self._parquet = ParquetRows(self.file, self._raw)
        found = self._parquet.schema
        self.text_column = self._find_text_column(found.names, text_column)
        kind = found.field(self.text_column).type
        if not is_text(kind.value_type if pa.types.is_dictionary(kind) else kind):
            raise InputError(
                f"{self.file.path}: column {shown(self.text_column)} holds {shown(kind)}, not text. "
                "Choose with --text-column."
            )
        return pa.schema([(f.name, cell_type(f.type)) for f in found]) if self._output_format in SEPARATORS else found

    def _open_objects(self, text_column: str | None, schema: pa.Schema | None) -> pa.Schema | None:
        self._rows = read_objects(self._open_text("\n"))
        self._first_rows = self._next_rows()
        objects = [item.row for item in self._first_rows if isinstance(item.row, dict)]
        names = dict.fromkeys(key for row in objects for key in row)
        if self._first_rows and not objects:
            rejected: Any = self._first_rows[0].row
            raise InputError(f"{self.file.path}: no row of the first {len(self._first_rows):,} can be used, as of "
                             f"row {rejected.row} ({shown(rejected.reason)}).")  # fmt: skip
        self.text_column = self._find_text_column(names, text_column)
        self._text_key = self.text_column
        if self._output_format == "jsonl":
            return None
        if self._output_format in SEPARATORS:
            return schema or pa.schema([(name, pa.string()) for name in names])
        return schema or infer_schema(objects, self.text_column)

    def _open_cells(self, text_column: str | None, schema: pa.Schema | None) -> pa.Schema:
        if self.file.format == "txt":
            self._rows = read_lines(self._open_text("\n"))
            header = [text_column or DEFAULT_TEXT_COLUMNS[0]]
        else:
            self._rows = read_cells(self._open_text(""), SEPARATORS[self.file.format])
            header = self._header()
        self.text_column = self._find_text_column(header, text_column)
        self._text_key = header.index(self.text_column)
        self._first_rows = self._next_rows()
        return pa.schema([(name, pa.string()) for name in header])

    def _open_text(self, newline: str) -> io.TextIOWrapper:
        binary: Any = gzip.GzipFile(fileobj=self._raw) if self.file.is_compressed else self._raw
        self._text = io.TextIOWrapper(binary, "utf-8-sig", errors="surrogateescape", newline=newline)
        return self._text  # kept, as it closes the file when it is dropped

    def _header(self) -> list[str]:
        first = next(self._rows, None)
        if first is None:
            raise InputError(f"{self.file.path} is empty: it needs a header.")
        if isinstance(first.row, Rejected):
            raise InputError(f"{self.file.path}: its header cannot be used ({shown(first.row.reason)}).")
        return list(first.row)

    def _find_text_column(self, names: Iterable[str], wanted: str | None) -> str:
        names = list(names)
        known, twice = set[str](), None
        for name in names:
            twice = twice if name not in known else name
            known.add(name)
        taken = [name for name in names if name in self._added]
        if taken:
            raise InputError(f"{self.file.path} already has a column {taken[0]}: rename or remove it.")
        if twice is not None:
            raise InputError(f"{self.file.path} has two columns {shown(twice)}: rename one.")
        for name in (wanted,) if wanted else DEFAULT_TEXT_COLUMNS:
            if name in known:
                return str(name)
        missing = shown(wanted or " or ".join(DEFAULT_TEXT_COLUMNS))
        raise InputError(
            f"{self.file.path} has no column {missing}; its columns are {shown_names(names) or 'none'}. "
            "Choose with --text-column."
        )

    # Chunks of rows that were read one at a time.

    def _next_rows(self) -> list[NumberedRow]:
        rows: list[NumberedRow] = []
        characters = 0
        while len(rows) < CHUNK_ROWS and characters < CHUNK_SIZE and (row := next(self._rows, None)):
            rows.append(row)
            characters += row.characters
        return rows

    def _chunk_of_rows(self, rows: list[NumberedRow]) -> Chunk:
        self._row = rows[-1].number
        kept: list[Any] = []
        rejected: list[Rejected] = []
        for item in rows:
            if isinstance(item.row, Rejected):
                rejected.append(item.row)
            elif reason := self._reason_against(item.row):
                content = {name: _excerpt(value) for name, value in self._as_object(item.row).items()}
                rejected.append(Rejected(item.number, reason, content))
            else:
                kept.append(item.row)
        texts = [row[self._text_key] for row in kept]
        if self.schema is None or self._output_format == "jsonl":
            table: Any = [self._selected(self._as_object(row)) for row in kept]
        else:
            table = to_columns(kept, self.schema)
        position = 0 if self.size is None else self._raw.tell()  # a pipe has none
        return Chunk(rows[0].number, texts, table, rejected, sum(row.characters for row in rows), position)

    def _reason_against(self, row: Row) -> str | None:
        """Why a row cannot be used; None if it can."""
        if isinstance(row, list):
            return reason_against_review(row[self._text_key])
        if added := self._added & row.keys():
            return f"it already has a column {min(added)}"
        if self._names is not None:
            if unknown := row.keys() - self._names:
                return f"its column {shown(next(name for name in row if name in unknown))} is none of the first rows'"
            for field in self._typed:
                if not fits(row.get(field.name), field.type):
                    return f"its {shown(field.name)} does not fit the first rows, which hold {field.type}"
        return reason_against_review(row.get(self.text_column))

    def _as_object(self, row: Row) -> dict[str, Any]:
        if isinstance(row, dict):
            return row
        assert self.schema is not None
        return dict(zip(self.schema.names, row, strict=True))

    def _selected(self, row: dict[str, Any]) -> dict[str, Any]:
        return row if self._columns is None else {name: row[name] for name in row if name in self._columns}


def _excerpt(value: Any) -> Any:
    return excerpt(value) if isinstance(value, str) else value


def _column_types(schema: pa.Schema) -> str:
    return shown_names(f"{field.name} ({field.type})" for field in schema)

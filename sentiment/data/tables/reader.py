"""TableReader: a file of reviews, read chunk by chunk.

Rows come out as the format takes them that they will be written in. A row that cannot be read, or that has no faithful
form in that format, is a Rejected with its line and the reason: every row of the file is one or the other.
"""

import errno
import zlib
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from sentiment.data.tables.delimited import DelimitedRows
from sentiment.data.tables.files import (
    DEFAULT_TEXT_COLUMNS,
    SEPARATORS,
    ReadOptions,
    Stamp,
    TableFile,
    open_text,
    refuse_foreign,
    separator_of,
)
from sentiment.data.tables.rows import (
    FASTTEXT,
    NumberedRow,
    Rejected,
    excerpt,
    read_array,
    read_fasttext,
    read_lines,
    read_objects,
    reason_against_review,
)
from sentiment.data.tables.values import as_json, as_text, cell_type, fits, infer_schema, is_text, json_values
from sentiment.errors import InputError, shown, shown_names

LABEL_COLUMN, PROBABILITY_COLUMN = "predicted_label", "positive_probability"
"""Columns that scoring adds."""

FASTTEXT_LABEL_COLUMN = "label"

CHUNK_ROWS, CHUNK_SIZE = 1_024, 2**23
"""A chunk ends with the row that reaches either; the size is in bytes."""


@dataclass(frozen=True)
class Chunk:
    """Consecutive rows of one file.

    Attributes:
        numbers: of the rows that can be used, from 1, the header not counted.
        texts: their reviews.
        rows: these rows with all their columns: objects for JSON lines, else columns.
        rejected: the rows that cannot be used.
        size: bytes of its rows.
        position: bytes of the file read so far.
    """

    numbers: list[int]
    texts: list[str]
    rows: pa.RecordBatch | list[dict[str, Any]]
    rejected: list[Rejected]
    size: int
    position: int


class TableReader:
    """A file of reviews in chunks that follow from the file and the options alone.

    Attributes:
        schema: names and types of the columns; None where objects of JSON stay objects.
        names: of the columns, as far as they are known before the last row.
        text_column: the column of the reviews.
        size: bytes of the file.
        is_fasttext: whether its lines begin with labels as fastText has them.
        rows, lines, lost: rows read so far, lines of the file that they take, and those of them that could not be read.
    """

    def __init__(
        self,
        file: TableFile,
        text_column: str | None = None,
        *,
        options: ReadOptions | None = None,
        output_format: str = "jsonl",
        columns: Collection[str] | None = None,
        is_scored: bool = False,
        schema: pa.Schema | None = None,
        stamp: Stamp | None = None,
    ) -> None:
        """Read as far as the columns.

        Args:
            text_column: None for the first of DEFAULT_TEXT_COLUMNS that there is.
            options: how to read what does not say so itself.
            output_format: the format that the rows will be written in, one of FORMATS but plain text.
            columns: to give beside the reviews, as far as they are there; None for all.
            is_scored: the columns that scoring adds may be there already.
            schema: the columns that are expected; None for those that are found, of JSON in its first rows.
            stamp: that of the file that is meant; None for the file that is there.

        Raises:
            InputError: the file cannot be read, or its columns are not what is expected.
        """
        self.file, self._output_format, self._options = file, output_format, options or ReadOptions()
        self.is_fasttext, self.rows, self.lines, self.lost = False, 0, 0, 0
        self._added = frozenset() if is_scored else frozenset((LABEL_COLUMN, PROBABILITY_COLUMN))
        self._is_whole = columns is None
        self._stamp: Stamp | None = None
        self._open = ExitStack()
        try:
            with self._errors_with_path():
                self._stamp = stamp or file.stamp()
                self.size = self._stamp[0]
                found = (
                    self._open_parquet(text_column)
                    if file.format == "parquet"
                    else self._open_rows(text_column, schema)
                )
            if schema is not None and found is not None and not found.equals(schema):
                raise InputError(
                    f"{file.path} has the columns {_column_types(found)}; "
                    f"the files before it have {_column_types(schema)}: use files of other columns on their own."
                )
        except BaseException:
            self.close()
            raise
        self.schema = found
        self._typed = [field for field in found or () if not is_text(field.type)]
        self._columns = None if columns is None else {*columns, self.text_column}

    def close(self) -> None:
        """Close the file."""
        self._open.close()

    def chunks(self) -> Iterator[Chunk]:
        """All rows, to be asked for once.

        Raises:
            InputError: the file is damaged, or was changed while it was read.
        """
        with self._errors_with_path():
            for chunk in self._chunks():
                self.rows += len(chunk.numbers) + len(chunk.rejected)
                self.lost += sum(rejected.lines for rejected in chunk.rejected)
                self.lines = max(self.lines, self.rows)
                yield chunk
        self._refuse_change()

    @contextmanager
    def _errors_with_path(self) -> Iterator[None]:
        place = f"{self.file.path}{f' after row {self.rows:,}' if self.rows else ''}"
        try:
            yield
        except InputError:
            raise
        except MemoryError as error:
            raise InputError(f"{place} needs more memory than there is: make room.") from error
        except (OSError, EOFError, ValueError, zlib.error, pa.ArrowException) as error:
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise  # there is no room for the block that DuckDB is to read
            self._refuse_change()
            raise InputError(f"{place} cannot be read ({shown(error)}): mend or replace the file.") from error

    def _refuse_change(self) -> None:
        with suppress(OSError):  # it is there no longer, but what is open can be read
            if self._stamp is not None and self._stamp != self.file.stamp():
                raise InputError(f"{self.file.path} was changed while it was read: run the same command again.")

    # Opening: each finds the text column, returns the columns of the rows to come, and sets what makes the chunks.

    def _open_parquet(self, text_column: str | None) -> pa.Schema:
        raw = self._open.enter_context(self.file.content.open("rb"))
        refuse_foreign(self.file.path, raw.peek(4_096))
        self._parquet = pyarrow.parquet.ParquetFile(raw, pre_buffer=False, buffer_size=2**20)  # read in parts
        schema = self._parquet.schema_arrow
        self._find_text_column(schema.names, text_column)
        kind = schema.field(self._text_at).type
        if not is_text(kind.value_type if pa.types.is_dictionary(kind) else kind):
            raise InputError(
                f"{self.file.path}: column {shown(self.text_column)} holds {shown(kind)}, not text. "
                "Choose with --text-column."
            )
        self._chunks = self._chunks_of_parquet
        return pa.schema([(f.name, cell_type(f.type)) for f in schema]) if self._output_format in SEPARATORS else schema

    def _open_rows(self, text_column: str | None, schema: pa.Schema | None) -> pa.Schema | None:
        """Text of any format; what a .txt file holds is seen from its first line."""
        self._text = self._open.enter_context(open_text(self.file, self._options.encoding))
        head, kind, usual = self._text.peek(2**16), self.file.format, SEPARATORS.get(self.file.format, ",")
        name = text_column or DEFAULT_TEXT_COLUMNS[0]
        if kind in ("txt", *SEPARATORS) and FASTTEXT.match(head):
            self.is_fasttext = True
            names = [name, FASTTEXT_LABEL_COLUMN]
            rows = read_fasttext(self._text, *names)
        elif kind == "txt" and (found := separator_of(head, text_column, self._options)) is None:
            names, rows = [name], read_lines(self._text, name)
        elif kind == "jsonl":
            return self._open_objects(text_column, schema)
        else:
            usual = found or usual if kind == "txt" else usual
            self._delimited = DelimitedRows(self._text, self._options, usual, str(self.file.path))
            self._open.callback(self._delimited.close)
            self._find_text_column(self._delimited.names, text_column)
            self._chunks = self._chunks_of_blocks
            return pa.schema([(name, pa.string()) for name in self._delimited.names])
        self._rows, self._chunks = rows, self._chunks_of_objects
        self._first_rows: list[NumberedRow] = []
        self._find_text_column(names, name)
        return pa.schema([(name, pa.string()) for name in names])

    def _open_objects(self, text_column: str | None, schema: pa.Schema | None) -> pa.Schema | None:
        while (head := self._text.peek(1)[:1]).isspace():
            self._text.read(1)
        self._rows = read_array(self._text, self.file.path) if head == b"[" else read_objects(self._text)
        self._chunks = self._chunks_of_objects
        self._first_rows = self._next_rows()
        objects = [item.row for item in self._first_rows if isinstance(item.row, dict)]
        names = dict.fromkeys(key for row in objects for key in row)
        if self._first_rows and not objects:
            rejected: Any = self._first_rows[0].row
            raise InputError(
                f"{self.file.path}: no row of the first {len(self._first_rows):,} can be used, as of line "
                f"{rejected.line} ({shown(rejected.reason)}): give JSON lines, an object a line, or an array of them."
            )
        self._find_text_column(names, text_column)
        if self._output_format == "jsonl":
            return None
        if self._output_format in SEPARATORS:
            return schema or pa.schema([(name, pa.string()) for name in names])
        return schema or infer_schema(objects, self.text_column)

    def _find_text_column(self, names: Iterable[str], wanted: str | None) -> None:
        self.names = names = list(names)
        taken = [name for name in names if name in self._added]
        if taken:
            raise InputError(f"{self.file.path} already has a column {taken[0]}: rename or remove it.")
        for name in (wanted,) if wanted else DEFAULT_TEXT_COLUMNS:
            if name in names:
                self.text_column, self._text_at = str(name), names.index(name)
                break
        else:
            missing = shown(wanted or " or ".join(DEFAULT_TEXT_COLUMNS))
            like = next((name for name in names if any(part in name.lower() for part in ("text", "review"))), None)
            remedy = "Choose with --text-column" + (f", such as --text-column {shown(like)!r}" if like else "")
            if self._delimited is not None and self._options.header:
                remedy += "; --no-header if its first line is no header"
            if len(names) == 1:
                remedy += "; --delimiter if another character separates its cells"
            raise InputError(
                f"{self.file.path} has no column {missing}; its columns are {shown_names(names) or 'none'}. {remedy}."
            )
        if len({*names}) < len(names) and self._is_whole and self._output_format == "jsonl":
            twice = next(name for position, name in enumerate(names) if name in names[:position])
            raise InputError(f"{self.file.path} has two columns {shown(twice)}, which JSON cannot hold: write .csv.")

    _delimited: DelimitedRows | None = None

    # Chunks of each kind of file.

    def _chunks_of_blocks(self) -> Iterator[Chunk]:
        assert self._delimited is not None
        positions = [at for at, name in enumerate(self.names) if self._columns is None or name in self._columns]
        names = [self.names[at] for at in positions]
        for block in self._delimited.blocks():
            cells = pa.RecordBatch.from_arrays([block.cells.column(at) for at in positions], names)
            self.lines += block.taken
            waiting = block.rejected
            for start in range(0, max(1, cells.num_rows), CHUNK_ROWS):
                part, numbers = cells.slice(start, CHUNK_ROWS), block.numbers[start : start + CHUNK_ROWS]
                is_last = start + CHUNK_ROWS >= cells.num_rows
                here = [r for r in waiting if is_last or r.row < numbers[-1]]
                waiting = waiting[len(here) :]
                lines = block.lines[start : start + CHUNK_ROWS]
                yield self._chunk_of_batch(part, numbers, lines, here, part.nbytes, self._text.position)

    def _chunks_of_parquet(self) -> Iterator[Chunk]:
        count = 0
        for batch in self._batches():
            numbers = np.arange(count + 1, count + 1 + batch.num_rows)
            count += batch.num_rows
            position = self.size * count // max(1, self._parquet.metadata.num_rows, count)
            yield self._chunk_of_batch(batch, numbers, numbers, [], batch.nbytes, position)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        """Rows of Parquet in batches that stay small once decoded; a look at each group tells how many."""
        names = None if self._columns is None else [name for name in self.names if name in self._columns]
        for group in range(self._parquet.metadata.num_row_groups):
            read = {"row_groups": [group], "columns": names, "use_threads": False}
            look = next(self._parquet.iter_batches(batch_size=8, **read), None)
            is_large = look is None or _decoded_size(look) > 2**17
            del look
            for batch in self._parquet.iter_batches(batch_size=8 if is_large else CHUNK_ROWS, **read):
                most = max(1, CHUNK_SIZE * batch.num_rows // max(1, _decoded_size(batch)))
                for start in range(0, batch.num_rows, most):
                    yield batch.slice(start, most)

    def _chunk_of_batch(
        self,
        batch: pa.RecordBatch,
        numbers: np.ndarray,
        lines: np.ndarray,
        rejected: list[Rejected],
        size: int,
        at: int,
    ) -> Chunk:
        """The rows of a batch as the format takes them that they will be written in."""
        text_at = batch.schema.names.index(self.text_column)
        texts, faulty = json_values(batch.column(text_at))
        reasons = {row: reason for row, text in enumerate(texts) if (reason := reason_against_review(text)) is not None}
        reasons |= {row: f"it {reason}" for row, reason in faulty.items()}
        columns: dict[str, Any] = {}
        if self._output_format != "parquet" and not (self._output_format in SEPARATORS and self._delimited is not None):
            for name, column in reversed([*zip(batch.schema.names, batch.columns, strict=True)]):
                columns[name], faults = json_values(column)
                for row, reason in faults.items():
                    reasons.setdefault(row, f"its {shown(name)} {reason}")
            columns = {name: columns[name] for name in batch.schema.names}
        for row in reasons:
            content = {n: _shown_value(c[row]) for n, c in zip(batch.schema.names, batch.columns, strict=True)}
            rejected.append(
                Rejected(int(numbers[row]), int(lines[row]), reasons[row], content, lines=int(row in faulty))
            )
        used = [row for row in range(len(texts)) if row not in reasons]
        rows: Any = _taken(batch, used) if reasons else batch
        if self._output_format == "jsonl":
            lists = list(zip(*columns.values(), strict=True))
            rows = [dict(zip(columns, lists[row], strict=True)) for row in used]
        elif columns:
            assert self.schema is not None
            cells = [
                pa.array([as_text(columns[field.name][row]) for row in used], pa.string())
                if field.type == pa.string()
                else column
                for column, field in zip(rows.columns, self.schema, strict=True)
            ]  # fmt: skip
            rows = pa.RecordBatch.from_arrays(cells, schema=self.schema)
        rejected.sort(key=lambda row: row.row)
        return Chunk([int(numbers[row]) for row in used], [texts[row] for row in used], rows, rejected, size, at)

    def _chunks_of_objects(self) -> Iterator[Chunk]:
        rows = self._first_rows or self._next_rows()
        while rows:
            kept: list[NumberedRow] = []
            rejected: list[Rejected] = []
            for item in rows:
                if isinstance(item.row, Rejected):
                    rejected.append(item.row)
                elif reason := self._reason_against(item.row):
                    content = {n: excerpt(v) if isinstance(v, str) else v for n, v in item.row.items()}
                    rejected.append(Rejected(item.number, item.line, reason, content))
                else:
                    kept.append(item)
            objects: list[Any] = [item.row for item in kept]
            table: Any = [
                row if self._columns is None else {name: row[name] for name in row if name in self._columns}
                for row in objects
            ]
            if self._output_format != "jsonl":
                assert self.schema is not None
                arrays = [
                    pa.array(
                        [as_text(row.get(f.name)) if is_text(f.type) else row.get(f.name) for row in objects], f.type
                    )
                    for f in self.schema
                ]
                table = pa.RecordBatch.from_arrays(arrays, schema=self.schema)
            texts, size = [row[self.text_column] for row in objects], sum(item.size for item in rows)
            yield Chunk([item.number for item in kept], texts, table, rejected, size, self._text.position)
            rows = self._next_rows()

    def _next_rows(self) -> list[NumberedRow]:
        rows: list[NumberedRow] = []
        size = 0
        while len(rows) < CHUNK_ROWS and size < CHUNK_SIZE and (row := next(self._rows, None)):
            rows.append(row)
            size += row.size
        return rows

    def _reason_against(self, row: dict[str, Any]) -> str | None:
        """Why an object cannot be used; None if it can."""
        if added := self._added & row.keys():
            return f"it already has a column {min(added)}"
        if self.schema is not None:
            if unknown := row.keys() - {*self.names}:
                return f"its column {shown(next(name for name in row if name in unknown))} is none of the first rows'"
            for field in self._typed:
                if not fits(row.get(field.name), field.type):
                    return f"its {shown(field.name)} does not fit the first rows, which hold {field.type}"
        return reason_against_review(row.get(self.text_column))


def rejected_line(file: TableFile, rejected: Rejected) -> str:
    """A rejected row as a line of JSON, in ASCII, as what it holds may be no text."""
    content = {"file": str(file.path), "row": rejected.row, "line": rejected.line, "reason": rejected.reason,
               "content": rejected.content}  # fmt: skip
    return as_json(content) + "\n"


def _taken(batch: pa.RecordBatch, rows: list[int]) -> pa.RecordBatch:
    try:
        return batch.take(pa.array(rows, pa.int64()))
    except pa.ArrowNotImplementedError:  # views
        slices = [batch.slice(row, 1) for row in rows] or [batch.slice(0, 0)]
        [joined] = pa.Table.from_batches(slices).combine_chunks().to_batches() or [batch.slice(0, 0)]
        return joined


def _decoded_size(batch: pa.RecordBatch) -> int:
    """Bytes of a batch once its dictionaries are taken apart, at least."""
    size = batch.nbytes
    for column in batch.columns:
        if pa.types.is_dictionary(column.type) and is_text(column.type.value_type):
            size += pc.sum(pc.binary_length(column.dictionary).take(column.indices)).as_py() or 0
    return int(size)


def _shown_value(value: pa.Scalar) -> Any:
    try:
        [shown_value], faults = json_values(pa.array([value.as_py()], value.type))
        return f"({value.type})" if faults else excerpt(shown_value) if isinstance(shown_value, str) else shown_value
    except (ValueError, OverflowError, TypeError, pa.ArrowException):
        return f"({value.type})"


def _column_types(schema: pa.Schema) -> str:
    return shown_names(f"{field.name} ({field.type})" for field in schema)

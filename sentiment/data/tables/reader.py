"""TableReader: a file of reviews in chunks of rows, in which every row of the file is usable or rejected."""

import csv
import re
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from sentiment.data.corpus import reason_against_review
from sentiment.data.files import DEFAULT_TEXT_COLUMNS, ReadOptions, Stamp, TableFile, open_text, refuse_foreign
from sentiment.data.tables.text_rows import Row, distinct, text_rows
from sentiment.errors import InputError, shown, shown_names

TEXT_TYPES = (pa.string(), pa.large_string(), pa.string_view())
CHUNK_ROWS, CHUNK_SIZE = 1_024, 2**23  # a chunk ends with the row that reaches either; the size is in characters
MOST_COLUMNS = 20_000  # each takes some kilobytes of memory


@dataclass(frozen=True)
class Rejected:
    """A row that cannot be used.

    Attributes:
        row: its number in the file, from 1, the header not counted.
        line: where it begins, from 1, the header counted; of Parquet and a JSON array the row.
        content: the row, or its raw text where it could not be read.
        lines: how many lines of the file are lost with it; 0 where it can be read but holds no review.
    """

    row: int
    line: int
    reason: str
    content: Any
    lines: int = 0

    @property
    def kind(self) -> str:
        """The reason without its numbers, which other rows share."""
        return re.sub(r"\d[\d,]*", "0", self.reason)


@dataclass(frozen=True)
class Chunk:
    """Consecutive rows of one file.

    Attributes:
        numbers, texts, rows: of the rows that can be used: numbers from 1, reviews, and all columns.
        rejected: the other rows.
        size: characters of all rows.
        position: bytes of the file read so far.
    """

    numbers: list[int]
    texts: list[str]
    rows: list[dict[str, Any]]
    rejected: list[Rejected]
    size: int
    position: int


class TableReader:
    """A file of reviews in chunks that follow from the file and the options alone.

    Attributes:
        schema: names and types of the columns; of JSON those that its first rows fit into.
        names: of the columns, as far as they are known before the last row; a second `n` is `n.1`, as in pandas.
        text_column: the column of the reviews.
        size: bytes of the file.
        is_fasttext: whether its lines begin with labels as fastText has them.
        rows, lines, lost: rows read so far, lines of the file that they take, and those of them that could not be read.
        losses: the first row of each kind that could not be read, with the lines that all rows of its kind take.
        options, wanted_column: as they were given.
    """

    names: list[str]
    schema: pa.Schema
    text_column: str
    is_fasttext = False

    def __init__(
        self,
        file: TableFile,
        text_column: str | None = None,
        *,
        options: ReadOptions | None = None,
        output_format: str = "jsonl",
        columns: Collection[str] | None = None,
        added: Collection[str] = (),
        schema: pa.Schema | None = None,
        stamp: Stamp | None = None,
    ) -> None:
        """Read as far as the columns.

        Args:
            text_column: None for the first of DEFAULT_TEXT_COLUMNS that there is.
            options: how to read what does not say so itself.
            output_format: where the rows are to fit into columns of types if it is Parquet, of text if CSV or TSV.
            columns: those of Parquet to read beside the reviews, as far as they are there; None for all.
            added: columns that scoring adds, which may not be there already.
            schema: the columns that are expected; None for those that are found.
            stamp: that of the file that is meant; None for the file that is there.

        Raises:
            InputError: the file cannot be read, or its columns are not what is expected.
        """
        self.file, self.rows, self.lines, self.lost = file, 0, 0, 0
        self.losses: dict[str, Rejected] = {}
        self.options, self.wanted_column = options or ReadOptions(), text_column
        self._format, self._wanted = output_format, columns
        self._added = {*added}
        self._rows: Iterator[Row] = iter(())
        self._waiting: list[Row] = []
        self._position: Callable[[], int] = int
        self._open = ExitStack()
        self._stamp = stamp
        try:
            with self._errors_with_path():
                self._stamp = stamp or file.stamp()
                self.size = self._stamp[0]
                (self._open_parquet if file.format == "parquet" else self._open_text)(text_column)
            if schema is not None and file.format != "jsonl" and not self.schema.equals(schema):
                here, before = (shown_names(f"{f.name} ({f.type})" for f in found) for found in (self.schema, schema))
                raise InputError(
                    f"{file.path} has the columns {here}; the files before it have {before}: use files of other "
                    "columns on their own."
                )
        except BaseException:
            self.close()
            raise
        self.schema = schema or self.schema
        self._types = dict(zip(self.schema.names, self.schema.types, strict=True))

    def close(self) -> None:
        """Close the file."""
        self._open.close()

    def chunks(self) -> Iterator[Chunk]:
        """All rows, to be asked for once.

        Raises:
            InputError: the file is damaged, or was changed while it was read.
        """
        with self._errors_with_path():
            while rows := self._waiting or self._next_rows():
                self._waiting, numbers, kept, rejected = [], [], [], []
                for number, row in enumerate(rows, self.rows + 1):
                    if reason := row.reason or self._reason_against(row.values):
                        rejected.append(Rejected(number, row.line, reason, row.values, row.lines * bool(row.reason)))
                    else:
                        numbers.append(number)
                        kept.append(row.values)
                self.rows += len(rows)
                self.lines += sum(row.lines for row in rows)
                self._count(row for row in rejected if row.lines)
                texts = [values[self.text_column] for values in kept]
                yield Chunk(numbers, texts, kept, rejected, sum(row.size for row in rows), self._position())
        self._refuse_change()

    def _count(self, unreadable: Iterable[Rejected]) -> None:
        for row in unreadable:
            self.lost += row.lines
            first = self.losses.setdefault(row.kind, replace(row, content=None, lines=0))
            self.losses[row.kind] = replace(first, lines=first.lines + row.lines)

    def _next_rows(self) -> list[Row]:
        rows: list[Row] = []
        size = 0
        while len(rows) < CHUNK_ROWS and size < CHUNK_SIZE and (row := next(self._rows, None)):
            rows.append(row)
            size += row.size
        return rows

    def _reason_against(self, values: dict[str, Any]) -> str | None:
        if self.file.format == "jsonl":
            if added := self._added & values.keys():
                return f"it already has a column {min(added)}"
            for name, value in values.items() if self._format != "jsonl" else ():
                if name not in self._types:
                    return f"its column {shown(name)} is none of the first rows'"
                if value is not None and self._types[name] not in (pa.string(), _type_of(value)):
                    return f"its {shown(name)} does not fit the first rows, which hold {self._types[name]}"
        return reason_against_review(values.get(self.text_column))

    @contextmanager
    def _errors_with_path(self) -> Iterator[None]:
        try:
            yield
        except InputError:
            raise
        except (OSError, EOFError, ValueError, MemoryError, zlib.error, csv.Error, pa.ArrowException) as error:
            self._refuse_change()
            place = f"{self.file.path}{f' after row {self.rows:,}' if self.rows else ''}"
            what = shown(error) or type(error).__name__
            raise InputError(f"{place} cannot be read ({what}): mend or replace the file.") from error

    def _refuse_change(self) -> None:
        with suppress(OSError):  # it is there no longer, but what is open can be read
            if self._stamp is not None and self._stamp != self.file.stamp():
                raise InputError(f"{self.file.path} was changed while it was read: run the same command again.")

    def _open_parquet(self, text_column: str | None) -> None:
        raw = self._open.enter_context(self.file.content.open("rb"))
        refuse_foreign(self.file.path, raw.peek(4_096))
        parquet = pyarrow.parquet.ParquetFile(raw, pre_buffer=False, buffer_size=2**20)  # read in parts
        found = parquet.schema_arrow
        self._find_text_column(distinct(found.names), text_column)
        self.schema = pa.schema([field.with_name(name) for field, name in zip(found, self.names, strict=True)])
        kind = self.schema.field(self.text_column).type
        if (kind.value_type if pa.types.is_dictionary(kind) else kind) not in TEXT_TYPES:
            raise InputError(
                f"{self.file.path}: column {shown(self.text_column)} holds {shown(kind)}, not text. "
                "Choose with --text-column."
            )
        wanted = {*self.names} if self._wanted is None or self.names != found.names else {*self._wanted, text_column}
        self._rows = _parquet_rows(parquet, self.names, {*wanted, self.text_column})
        self._position = lambda: self.size * self.rows // max(1, parquet.metadata.num_rows, self.rows)

    def _open_text(self, text_column: str | None) -> None:
        text = self._open.enter_context(open_text(self.file, self.options))
        names, self._rows = text_rows(text, self.file, self.options, text_column)
        self._position, self.is_fasttext = text.position, names is not None and text.is_fasttext
        if names is not None:
            self._find_text_column(names, text_column)
            self.schema = pa.schema([(name, pa.string()) for name in names])
            return
        self._waiting = self._next_rows()
        objects = [row.values for row in self._waiting if not row.reason]
        if self._waiting and not objects:
            raise InputError(
                f"{self.file.path}: no row of the first {len(self._waiting):,} can be used, as of line 1 "
                f"({shown(self._waiting[0].reason)}): give JSON lines, an object a line, or an array of them."
            )
        self._find_text_column(dict.fromkeys(name for row in objects for name in row), text_column)
        fields = []
        for name in self.names:
            types = {_type_of(row[name]) for row in objects if row.get(name) is not None}
            is_typed = len(types) == 1 and self._format == "parquet" and name != self.text_column
            fields.append((name, types.pop() if is_typed else pa.string()))
        self.schema = pa.schema(fields)

    def _find_text_column(self, names: Iterable[str], wanted: str | None) -> None:
        self.names = names = list(names)
        if len(names) > MOST_COLUMNS:
            raise InputError(
                f"{self.file.path} has {len(names):,} columns, more than {MOST_COLUMNS:,}: leave some out."
            )
        if added := self._added & {*names}:
            raise InputError(f"{self.file.path} already has a column {min(added)}: rename or remove it.")
        found = [name for name in ((wanted,) if wanted else DEFAULT_TEXT_COLUMNS) if name in names]
        if not found:
            like = next((name for name in names if any(part in name.lower() for part in DEFAULT_TEXT_COLUMNS)), None)
            remedy = f", such as --text-column {shown(like)!r}" if like else ""
            if self.file.format in ("csv", "tsv"):
                remedy += "; --no-header if its first line is no header"
                remedy += "; --delimiter if another character separates its cells" * (len(names) == 1)
            raise InputError(
                f"{self.file.path} has no column {shown(wanted or ' or '.join(DEFAULT_TEXT_COLUMNS))}; its columns are "
                f"{shown_names(names) or 'none'}. Choose with --text-column{remedy}."
            )
        self.text_column = found[0]


def _parquet_rows(parquet: Any, names: list[str], wanted: Collection[str]) -> Iterator[Row]:
    kept, number = [name for name in names if name in wanted], 1
    for group in range(parquet.num_row_groups):
        metadata = parquet.metadata.row_group(group)
        most = max(1, min(CHUNK_ROWS, CHUNK_SIZE * metadata.num_rows // max(1, metadata.total_byte_size)))
        columns = None if kept == names else kept
        for batch in parquet.iter_batches(most, row_groups=[group], columns=columns, use_threads=False):
            yield from _batch_rows(batch.rename_columns(kept), number)
            number += batch.num_rows


def _batch_rows(batch: pa.RecordBatch, number: int) -> Iterator[Row]:
    """The rows of a batch, taken apart where they take much memory as Python values, or where one has no such form."""
    texts = [c for c in batch.columns if pa.types.is_dictionary(c.type) and c.type.value_type in TEXT_TYPES]
    size = batch.nbytes + sum(pc.sum(pc.binary_length(c.dictionary).take(c.indices)).as_py() or 0 for c in texts)
    rows, reason = None, ""
    try:
        rows = batch.to_pylist() if size <= CHUNK_SIZE or batch.num_rows == 1 else None
    except (ValueError, OverflowError) as error:
        reason = f"it holds a value without a form ({shown(error)})"
    if rows is not None:
        yield from (Row(number + at, 1, size // len(rows), values) for at, values in enumerate(rows))
    elif batch.num_rows == 1:
        yield Row(number, 1, size, None, reason)
    else:
        half = batch.num_rows // 2
        yield from _batch_rows(batch.slice(0, half), number)
        yield from _batch_rows(batch.slice(half), number + half)


def _type_of(value: Any) -> pa.DataType:
    """The type of the column that a value of JSON fits into unaltered; numbers are wide, as a fraction may follow."""
    if isinstance(value, bool):
        return pa.bool_()
    is_number = isinstance(value, float) or (isinstance(value, int) and abs(value) <= 2**53)
    return pa.float64() if is_number else pa.string()

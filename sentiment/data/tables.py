"""Tables of reviews as files: read chunk by chunk, and written again with two more columns.

Rows come out as they went in: a cell of CSV or TSV stays text, a column of Parquet keeps its type, an object of JSONL
its values. A row that cannot be scored is handed over as a Rejected, with its number and the reason.
"""

import csv
import gzip
import io
import json
import math
import re
import sys
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from sentiment.errors import InputError

LABEL_COLUMN, PROBABILITY_COLUMN = "predicted_label", "positive_probability"
TEXT_COLUMNS = ("text", "review")
"""Where reviews are looked for when no column is named."""

CHUNK_ROWS, CHUNK_CHARACTERS = 1_024, 2**23
"""A chunk ends with the row that reaches either."""

BLOCK_BYTES = 2**16

LONGEST_CELL = 2**27
"""Characters; a quotation mark that is never closed would else swallow a file of any size."""

ROW_GROUP_BYTES = 2**24
SEPARATORS = {"csv": ",", "tsv": "\t"}
FORMATS = ("csv", "tsv", "jsonl", "parquet", "txt")

COLUMN_TYPES = (pa.bool_(), pa.int64(), pa.float64())
"""Of the columns that JSONL becomes: the first that fits all values; text where none does."""

Row = list[str] | dict[str, Any]
"""The cells of CSV, TSV and plain text, or an object of JSONL."""


@dataclass(frozen=True)
class TableFile:
    """A file of reviews.

    Attributes:
        format: one of FORMATS.
        is_compressed: by gzip.
    """

    path: Path
    format: str
    is_compressed: bool = False

    @classmethod
    def at(cls, path: Path) -> "TableFile":
        """The file at a path, its format told by its ending.

        Raises:
            InputError: the ending tells no format.
        """
        endings = path.name.lower().split(".")[1:]
        is_compressed = endings[-1:] == ["gz"]
        ending = "".join(endings[-2:-1] if is_compressed else endings[-1:])
        if ending not in FORMATS or (is_compressed and ending == "parquet"):
            raise InputError(
                f"{path}: its ending tells no format of a table; it may be .{', .'.join(FORMATS)}, "
                "followed by .gz for all but .parquet."
            )
        return cls(path, ending, is_compressed)

    @property
    def ending(self) -> str:
        """What tells the format."""
        return f"{self.format}.gz" if self.is_compressed else self.format


def standard_input(text_column: str | None) -> tuple[TableFile, BinaryIO]:
    """Standard input, and the stream to read it from.

    Its first line tells the format: JSONL if it begins with a brace, CSV or TSV if it is a header with the column of
    the reviews, else plain text.

    Raises:
        InputError: it is closed, compressed or Parquet, or its first line is a header without the column.
    """
    if sys.stdin is None:
        raise InputError("Standard input is closed: give a file.")
    source = io.FileIO(sys.stdin.fileno(), closefd=False)
    head = b""
    while b"\n" not in head.lstrip() and (block := source.read(BLOCK_BYTES)):
        head += block
    stream = io.BufferedReader(_Rewound(head, source), BLOCK_BYTES)
    for magic, name in (
        (b"\x1f\x8b", "gzip-compressed: pipe it through zcat"),
        (b"PAR1", "Parquet: give it as a file"),
    ):
        if head.startswith(magic):
            raise InputError(f"Standard input is {name}.")
    line = head.decode("utf-8-sig", "replace").strip().split("\n")[0].strip()
    if line.startswith("{"):
        return TableFile(Path("-"), "jsonl"), stream
    for name, separator in SEPARATORS.items():
        if {cell.strip('"') for cell in line.split(separator)} & {*((text_column,) if text_column else TEXT_COLUMNS)}:
            return TableFile(Path("-"), name), stream
    if text_column or re.fullmatch(r"\w+([,\t]\w+)+", line):
        missing = text_column or " or ".join(TEXT_COLUMNS)
        raise InputError(f"The first line of standard input names no column {missing}: {line[:200]!r}.")
    return TableFile(Path("-"), "txt"), stream


class _Rewound(io.RawIOBase):
    """A stream of which the head has been read already."""

    def __init__(self, head: bytes, rest: io.RawIOBase) -> None:
        self._head, self._rest = io.BytesIO(head), rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        return self._head.readinto(buffer) or self._rest.readinto(buffer)


@dataclass(frozen=True)
class Rejected:
    """A row that cannot be scored.

    Attributes:
        row: its number in the file, from 1, the header not counted.
        content: the row as JSON can hold it; its raw text where it could not be parsed.
    """

    row: int
    reason: str
    content: Any


class _Numbered(NamedTuple):
    number: int
    row: Row | Rejected
    characters: int


@dataclass(frozen=True)
class Chunk:
    """Consecutive rows of one file.

    Attributes:
        texts: the reviews of the rows that can be scored.
        rows: these rows with all their columns.
        rejected: the others.
        position: bytes of the file read so far.
    """

    texts: list[str]
    rows: pa.RecordBatch | list[dict[str, Any]]
    rejected: list[Rejected]
    position: int

    def __len__(self) -> int:
        return len(self.texts) + len(self.rejected)


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
            text_column: None for the first of TEXT_COLUMNS that there is.
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
        with self._damage_named():
            self.size = None if stream else file.path.stat().st_size
            self._raw = stream or file.path.open("rb")
            if file.format == "parquet":
                self._parquet = pyarrow.parquet.ParquetFile(self._raw, pre_buffer=False, buffer_size=2**20)  # in parts
                found = self._parquet.schema_arrow
                self.text_column = self._find_text(found.names, text_column)
                self._check_type(found.field(self.text_column))
            elif file.format == "jsonl":
                self._rows = self._objects()
                self._first_rows = self._take()
                objects = [item.row for item in self._first_rows if isinstance(item.row, dict)]
                self.text_column = self._find_text(dict.fromkeys(key for row in objects for key in row), text_column)
                self._text_key = self.text_column
                found = (schema or _infer_schema(objects, self.text_column)) if columnar else None
            else:
                self._rows = self._lines() if file.format == "txt" else self._cells()
                header = [text_column or TEXT_COLUMNS[0]] if file.format == "txt" else self._header()
                self.text_column = self._find_text(header, text_column)
                self._text_key = header.index(self.text_column)
                found = pa.schema([(name, pa.string()) for name in header])
        if schema is not None and found is not None and not found.equals(schema):
            raise InputError(
                f"{file.path} has the columns {_columns(found)}; the files before it have {_columns(schema)}: "
                "score files of other columns on their own."
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
        with self._damage_named():
            if self.file.format == "parquet":
                yield from self._parquet_chunks()
                return
            rows = self._first_rows if self.file.format == "jsonl" else self._take()
            while rows:
                yield self._chunk(rows)
                rows = self._take()

    @contextmanager
    def _damage_named(self) -> Iterator[None]:
        try:
            yield
        except (OSError, EOFError, zlib.error, pa.ArrowInvalid) as error:
            raise InputError(
                f"{self.file.path} cannot be read{f' after row {self._row}' if self._row else ''} ({error}): "
                "mend or replace the file."
            ) from error

    def _find_text(self, names: Iterable[str], wanted: str | None) -> str:
        names = list(names)
        taken = [name for name in self._added if name in names]
        if taken:
            raise InputError(f"{self.file.path} already has a column {taken[0]}: rename or remove it.")
        twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
        if twice:
            raise InputError(f"{self.file.path} has two columns {twice[0]}: rename one.")
        for name in (wanted,) if wanted else TEXT_COLUMNS:
            if name in names:
                return str(name)
        missing = wanted or " or ".join(TEXT_COLUMNS)
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

    # Rows one at a time, each with its number, from 1, and its size in characters.

    def _text(self, newline: str) -> io.TextIOWrapper:
        binary: Any = gzip.GzipFile(fileobj=self._raw) if self.file.is_compressed else self._raw
        self._wrapper = io.TextIOWrapper(binary, "utf-8-sig", errors="surrogateescape", newline=newline)
        return self._wrapper  # kept, as it closes the file when it is dropped

    def _lines(self) -> Iterator[_Numbered]:
        for number, line in enumerate(self._text("\n"), 1):
            text = line.removesuffix("\n").removesuffix("\r")
            row = [text] if _is_unicode(text) else Rejected(number, "it is not UTF-8", line)
            yield _Numbered(number, row, len(line))

    def _objects(self) -> Iterator[_Numbered]:
        number = 0
        for line in self._text("\n"):
            if not line.isspace():
                number += 1
                yield _Numbered(number, _parse_object(number, line), len(line))

    def _cells(self) -> Iterator[_Numbered]:
        """The header, with the number 0, then the rows."""
        csv.field_size_limit(LONGEST_CELL)
        taken: list[str] = []  # lines of the row that is being read

        def lines() -> Iterator[str]:
            for line in self._text(""):
                taken.append(line)
                yield line

        reader = csv.reader(lines(), delimiter=SEPARATORS[self.file.format], strict=True)
        number, width = 0, 0
        while True:
            taken.clear()
            row: Row | Rejected
            try:
                row = next(reader)
                if not row:
                    continue  # an empty line
                width = width or len(row)
                if len(row) != width:
                    reason = f"it cannot be parsed: it has {len(row)} cells, the header {width}"
                    row = Rejected(number, reason, "".join(taken))
                elif not _is_unicode("".join(row)):
                    row = Rejected(number, "it is not UTF-8", "".join(taken))
            except StopIteration:
                return
            except csv.Error as error:
                row = Rejected(number, f"it cannot be parsed: {error}", "".join(taken))
            yield _Numbered(number, row, sum(map(len, taken)))
            number += 1

    # Chunks of rows.

    def _take(self) -> list[_Numbered]:
        rows: list[_Numbered] = []
        characters = 0
        while len(rows) < CHUNK_ROWS and characters < CHUNK_CHARACTERS and (row := next(self._rows, None)):
            rows.append(row)
            characters += row.characters
        return rows

    def _chunk(self, rows: list[_Numbered]) -> Chunk:
        self._row = rows[-1].number
        kept: list[_Numbered] = []
        rejected: list[Rejected] = []
        for item in rows:
            if isinstance(item.row, Rejected):
                rejected.append(item.row)
            elif reason := self._unfit(item.row):
                rejected.append(Rejected(item.number, reason, self._content(item.row)))
            else:
                kept.append(item)
        values: list[Any] = [item.row for item in kept]
        texts = [row[self._text_key] for row in values]
        table = values if self.schema is None else _columns_of(values, self.schema)
        return Chunk(texts, table, rejected, self._position)

    @property
    def _position(self) -> int:
        return 0 if self.size is None else self._raw.tell()  # a pipe has none

    def _unfit(self, row: Row) -> str | None:
        """Why a row cannot be scored or written; None if it can."""
        if isinstance(row, list):
            return _unfit_review(row[self._text_key])
        if added := set(self._added) & set(row):
            return f"it already has a column {min(added)}"
        if self.schema is not None:
            unknown = [name for name in row if name not in self.schema.names]
            if unknown:
                return f"its column {unknown[0]} is none of the first rows'"
            for field in self.schema:
                if not _fits(row.get(field.name), field.type):
                    return f"its {field.name} does not fit the first rows, which hold {field.type}"
        return _unfit_review(row.get(self.text_column))

    def _content(self, row: Row) -> Any:
        return row if self.schema is None or isinstance(row, dict) else dict(zip(self.schema.names, row, strict=True))

    def _parquet_chunks(self) -> Iterator[Chunk]:
        names = self._parquet.schema_arrow.names
        for batch in self._parquet.iter_batches(batch_size=CHUNK_ROWS):
            texts = _python_values(batch.column(self.text_column))
            reasons = [_unfit_review(text) for text in texts]
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
            self._row += len(reasons)
            position = (self.size or 0) * self._row // self._parquet.metadata.num_rows
            yield Chunk(texts, batch, rejected, position)


class TableWriter:
    """Writes rows with their verdicts; what it writes follows from the rows and chunks alone."""

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
        schema = _with_verdict_columns(schema if schema is not None else pa.schema([]))
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
                self._sink.write(_as_json(content, ensure_ascii=False).encode() + b"\n")
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


def rejected_line(file: TableFile, rejected: Rejected) -> str:
    """A rejected row as a line of JSONL, in ASCII, as what it holds may be no text."""
    content = {"file": str(file.path), "row": rejected.row, "reason": rejected.reason, "content": rejected.content}
    return _as_json(content) + "\n"


def _is_unicode(text: str) -> bool:
    """Whether no byte of it was undecodable."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _parse_object(number: int, line: str) -> dict[str, Any] | Rejected:
    try:
        row = json.loads(line, object_pairs_hook=_without_twins, parse_float=_finite, parse_constant=_finite)
        json.dumps([row], ensure_ascii=False).encode()  # it can be written again, in a list or by itself
    except UnicodeEncodeError:
        return Rejected(number, "it is not UTF-8", line)
    except (ValueError, RecursionError) as error:
        return Rejected(number, f"it cannot be parsed: {error}", line)
    return row if isinstance(row, dict) else Rejected(number, "it cannot be parsed: it is no JSON object", line)


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("it has a key twice")
    return content


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(f"{number} is no number of JSON")
    return value


def _as_json(content: Any, *, ensure_ascii: bool = True) -> str:
    """JSON, which has no NaN and no infinity: they become null."""
    try:
        return json.dumps(content, ensure_ascii=ensure_ascii, default=str, allow_nan=False)
    except ValueError:
        return json.dumps(_without_nan(content), ensure_ascii=ensure_ascii, default=str)


def _without_nan(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _without_nan(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_without_nan(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


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


def _unfit_review(review: Any) -> str | None:
    """Why a review cannot be scored; None if it can."""
    if review is None:
        return "the review is null"
    if isinstance(review, bytes):
        return "it is not UTF-8"
    if not isinstance(review, str):
        return f"the review is no text but of type {type(review).__name__}"
    return None if review and not review.isspace() else "the review is blank"


def _infer_schema(objects: Sequence[dict[str, Any]], text_column: str) -> pa.Schema:
    """Columns for JSONL: numbers and truth values keep their type, everything else becomes text."""
    fields = []
    for name in dict.fromkeys(key for row in objects for key in row):
        values = [row[name] for row in objects if row.get(name) is not None]
        kinds = COLUMN_TYPES if values and name != text_column else ()
        kind = next((kind for kind in kinds if all(_fits(value, kind) for value in values)), pa.string())
        fields.append((name, kind))
    return pa.schema(fields)


def _fits(value: Any, kind: pa.DataType) -> bool:
    """Whether a value of JSON can stand in a column without being altered."""
    if value is None or pa.types.is_string(kind):
        return True
    if isinstance(value, bool) or pa.types.is_boolean(kind):
        return isinstance(value, bool) and pa.types.is_boolean(kind)
    if isinstance(value, int):
        return -(2**53) <= value <= 2**53 if pa.types.is_floating(kind) else -(2**63) <= value < 2**63
    return isinstance(value, float) and pa.types.is_floating(kind)


def _columns_of(rows: Sequence[Any], schema: pa.Schema) -> pa.RecordBatch:
    columns: Sequence[Sequence[Any]]
    if rows and isinstance(rows[0], dict):
        columns = [[row.get(name) for row in rows] for name in schema.names]
        columns = [
            [_as_text(value) for value in values] if pa.types.is_string(kind) else values
            for values, kind in zip(columns, schema.types, strict=True)
        ]
    else:
        columns = list(zip(*rows, strict=True)) if rows else [[]] * len(schema)
    arrays = [pa.array(values, kind) for values, kind in zip(columns, schema.types, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _as_text(value: Any) -> str | None:
    """A text as it is, null as null, what JSON knows as JSON, anything else as Python writes it."""
    if value is None or isinstance(value, str):
        return value
    return _as_json(value, ensure_ascii=False) if isinstance(value, bool | int | float | list | dict) else str(value)


def _with_verdict_columns(schema: pa.Schema) -> pa.Schema:
    return schema.append(pa.field(LABEL_COLUMN, pa.string())).append(pa.field(PROBABILITY_COLUMN, pa.float32()))


def _plain_type(kind: pa.DataType) -> pa.DataType:
    """What stands for a type in CSV: itself if it is a number, a truth value or a date, else text."""
    is_plain = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    return kind if is_plain or pa.types.is_temporal(kind) else pa.string()


def _plain(column: pa.Array, kind: pa.DataType) -> pa.Array:
    if column.type == kind:
        return column
    return pa.array([_as_text(value) for value in column.to_pylist()], kind)


def _columns(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name} ({field.type})" for field in schema)

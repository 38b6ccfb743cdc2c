"""How many rows of a Parquet file may be decoded at once, found from the sizes in the headers of its pages.

A small file can hold large values: pages are compressed, and a value in a dictionary page is stored once for any number
of rows. The footer tells neither, so the headers of the pages are read, a few bytes each.
"""

from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

BATCH_ROWS, BATCH_BYTES = 1_024, 2**25
"""Most rows to decode at once, fewer where the rows of a batch could be larger than BATCH_BYTES."""

MOST_PAGE_BYTES = 2**28
"""Of all columns together: a page has to be decoded in one piece, and every column holds one."""

DATA_PAGE, DICTIONARY_PAGE, DATA_PAGE_V2 = 0, 2, 3
SHORT_HEADER, LONG_HEADER = 2**8, 2**20
"""Bytes to read of a page header at first, and at most."""


class Page(NamedTuple):
    """What the header of a page tells.

    Attributes:
        kind: DATA_PAGE, DICTIONARY_PAGE, DATA_PAGE_V2 or another.
        size: bytes before compression.
        values: how many it holds, those of nested columns one by one.
    """

    kind: int
    size: int
    values: int


def rows_at_once(source: BinaryIO, metadata: Any, number: int, columns: set[str] | None) -> int:
    """How many rows of a row group may be decoded at once: BATCH_ROWS divided by a power of two.

    Args:
        source: the file.
        metadata: its pyarrow.parquet.FileMetaData.
        number: of the row group.
        columns: names of the columns that are read; None for all.

    Raises:
        ValueError: its pages are too large to decode.
    """
    row_group = metadata.row_group(number)
    held, fixed, per_row = 0, 0.0, 0.0  # of pages; of a batch beside its rows; of each row
    for position in range(row_group.num_columns):
        column = row_group.column(position)
        path = column.path_in_schema
        if columns is not None and path not in columns and path.split(".")[0] not in columns:
            continue
        pages = list(_pages(source, column))
        dictionary = max((page.size for page in pages if page.kind == DICTIONARY_PAGE), default=0)
        data = [page for page in pages if page.kind != DICTIONARY_PAGE]
        largest = max((page.size for page in data), default=0)
        held += dictionary + largest
        if metadata.schema.column(position).max_repetition_level:  # which rows a page holds is not told
            values_per_row = column.num_values / max(1, row_group.num_rows)
            entries = max((page.values for page in pages if page.kind == DICTIONARY_PAGE), default=1)
            mean = dictionary / max(1, entries) + sum(page.size for page in data) / max(1, column.num_values)
            per_row += (mean + 8) * values_per_row
        elif "DELTA_BYTE_ARRAY" in column.encodings:  # a value repeats the beginning of the one before it
            per_row += largest
        else:
            per_row += dictionary + max((page.size / max(1, page.values) for page in data), default=0.0)
            fixed += 2 * largest  # the pages that a batch begins and ends with, where their rows are not alike
    if held > MOST_PAGE_BYTES:
        raise ValueError(f"the pages of its row group {number + 1} take {held:,} bytes at once")
    rows = BATCH_ROWS
    while rows > 1 and fixed + rows * per_row > BATCH_BYTES and rows * per_row > BATCH_BYTES / 16:
        rows //= 2
    return rows


def _pages(source: BinaryIO, column: Any) -> Iterator[Page]:
    """The pages of a column chunk; none where its place in the file cannot be true."""
    starts = (column.data_page_offset, column.dictionary_page_offset)
    position = min((start for start in starts if start is not None and start > 0), default=-1)
    end = position + column.total_compressed_size
    while 0 <= position < end:
        header, fields = _read_header(source, position)
        if fields is None:
            return  # pyarrow will say what is wrong
        kind, size, compressed = (_number(fields.get(number)) for number in (1, 2, 3))
        details: Any = next((fields[number] for number in (5, 7, 8) if isinstance(fields.get(number), dict)), {})
        yield Page(kind, size, _number(details.get(1)))
        position += header + max(0, compressed)


def _read_header(source: BinaryIO, position: int) -> tuple[int, dict[int, Any] | None]:
    """The length of a page header and its fields; no fields where there is no header."""
    for length in (SHORT_HEADER, LONG_HEADER):  # statistics can make it long
        source.seek(position)
        header = _Header(source.read(length))
        try:
            fields = header.read_struct()
            return header.position, fields
        except (IndexError, RecursionError):
            continue
    return 0, None


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


class _Header:
    """A struct in the compact protocol of Apache Thrift, of which numbers and structs are kept."""

    STOP, TRUE, FALSE, BYTE, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = 0, 1, 2, 3, 7, 8, 9, 10, 11, 12

    def __init__(self, content: bytes) -> None:
        self._content, self.position = content, 0

    def read_struct(self) -> dict[int, Any]:
        """Number of a field -> its value.

        Raises:
            IndexError: the struct goes on beyond the content.
        """
        fields: dict[int, Any] = {}
        number = 0
        while (head := self._byte()) & 15 != self.STOP:
            number = number + (head >> 4) if head >> 4 else self._zigzag()
            fields[number] = self._value(head & 15)
        return fields

    def _value(self, kind: int) -> Any:
        if kind in (self.TRUE, self.FALSE):
            return kind == self.TRUE
        if kind in (self.BYTE, self.DOUBLE):
            return self._skip(1 if kind == self.BYTE else 8)
        if kind == self.BINARY:
            return self._skip(self._varint())
        if kind == self.STRUCT:
            return self.read_struct()
        if kind in (self.LIST, self.SET):
            head = self._byte()
            for _ in range(self._varint() if head >> 4 == 15 else head >> 4):
                self._value(head & 15)
            return None
        if kind == self.MAP:
            raise IndexError  # no page header has one
        return self._zigzag()

    def _byte(self) -> int:
        self.position += 1
        return self._content[self.position - 1]

    def _skip(self, count: int) -> None:
        self.position += count
        if self.position > len(self._content):
            raise IndexError

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

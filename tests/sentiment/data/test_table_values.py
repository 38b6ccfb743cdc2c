"""Every cell of the tables in docs/scoring-types.md is what comes out."""

import json
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from sentiment.data.tables.files import TableFile
from sentiment.data.tables.reader import TableReader
from sentiment.data.tables.writer import TableWriter

PAGE = Path(__file__).parents[3] / "docs" / "scoring-types.md"
MOMENT = 1_580_612_645  # 2 February 2020, 3:04:05 UTC, in seconds
LATE = 3_000_000  # days: the year 10183


def raw(content: bytes, kind: pa.DataType) -> pa.Array:
    return pa.array([content], pa.binary()).view(kind)


def time(value: int, kind: pa.DataType, stored: pa.DataType | None = None) -> pa.Array:
    return pa.array([value], stored or pa.int64()).view(kind)


def extension(kind: Any, value: Any) -> pa.Array:
    return pa.ExtensionArray.from_storage(kind, pa.array([value], kind.storage_type))


TORN = raw(b"caf\xe9", pa.string())

SAMPLES: dict[tuple[str, str], pa.Array] = {
    ("any", "null"): pa.nulls(1, pa.int32()),
    ("null", "null"): pa.nulls(1),
    ("bool", "true"): pa.array([True]),
    ("int8", "-7"): pa.array([-7], pa.int8()),
    ("int16", "-7"): pa.array([-7], pa.int16()),
    ("int32", "-7"): pa.array([-7], pa.int32()),
    ("int64", "2⁶³ - 1"): pa.array([2**63 - 1]),
    ("uint8", "7"): pa.array([7], pa.uint8()),
    ("uint16", "7"): pa.array([7], pa.uint16()),
    ("uint32", "7"): pa.array([7], pa.uint32()),
    ("uint64", "2⁶⁴ - 1"): pa.array([2**64 - 1], pa.uint64()),
    ("halffloat", "0.5"): pa.array([0.5], pa.float16()),
    ("float", "0.7"): pa.array([0.7], pa.float32()),
    ("double", "0.1"): pa.array([0.1]),
    ("double", "not a number"): pa.array([float("nan")]),
    ("double", "-∞"): pa.array([float("-inf")]),
    ("decimal32(5, 2)", "1.50"): pa.array([Decimal("1.50")], pa.decimal32(5, 2)),
    ("decimal64(5, 2)", "1.50"): pa.array([Decimal("1.50")], pa.decimal64(5, 2)),
    ("decimal128(5, 2)", "1.50"): pa.array([Decimal("1.50")], pa.decimal128(5, 2)),
    ("decimal256(50, 2)", "1.50"): pa.array([Decimal("1.50")], pa.decimal256(50, 2)),
    ("string", "café"): pa.array(["café"]),
    ("string", "bytes that are not UTF-8"): TORN,
    ("large_string", "bytes that are not UTF-8"): pa.array([b"caf\xe9"], pa.large_binary()).view(pa.large_string()),
    ("large_string", "café"): pa.array(["café"], pa.large_string()),
    ("string_view", "café"): pa.array(["café"], pa.string_view()),
    ("binary", "the bytes FF 00"): pa.array([b"\xff\0"], pa.binary()),
    ("large_binary", "the bytes FF 00"): pa.array([b"\xff\0"], pa.large_binary()),
    ("binary_view", "the bytes FF 00"): pa.array([b"\xff\0"], pa.binary_view()),
    ("fixed_size_binary[2]", "the bytes FF 00"): pa.array([b"\xff\0"], pa.binary(2)),
    ("date32[day]", "2 February 2020"): pa.array([date(2020, 2, 2)]),
    ("date32[day]", "a day after the year 9999 or before the year 1"): time(LATE, pa.date32(), pa.int32()),
    ("timestamp[ms]", "2 February 2020, 3:04:05"): time(MOMENT * 1_000, pa.timestamp("ms")),
    ("timestamp[us]", "2 February 2020, 3:04:05"): time(MOMENT * 10**6, pa.timestamp("us")),
    ("timestamp[ns]", "and 6 nanoseconds"): time(MOMENT * 10**9 + 6, pa.timestamp("ns")),
    ("timestamp[us, tz=Europe/Berlin]", "3:04:05 UTC"): time(MOMENT * 10**6, pa.timestamp("us", "Europe/Berlin")),
    ("timestamp[us, tz=Mars/Base]", "3:04:05 UTC"): time(MOMENT * 10**6, pa.timestamp("us", "Mars/Base")),
    ("timestamp[us]", "after the year 9999 or before the year 1"): time(-(10**17), pa.timestamp("us")),
    ("time32[ms]", "3:04:05"): time(11_045_000, pa.time32("ms"), pa.int32()),
    ("time64[ns]", "3:04:05 and 6 nanoseconds"): time(11_045 * 10**9 + 6, pa.time64("ns")),
    ("time64[us]", "3:04:05"): time(11_045 * 10**6, pa.time64("us")),
    ("time64[us]", "25 hours"): time(25 * 3_600 * 10**6, pa.time64("us")),
    ("duration[s]", "90 seconds"): pa.array([90], pa.duration("s")),
    ("duration[ms]", "90 seconds"): pa.array([90_000], pa.duration("ms")),
    ("duration[us]", "90 seconds"): pa.array([90_000_000], pa.duration("us")),
    ("duration[ns]", "-1.5 seconds"): pa.array([-1_500_000_000], pa.duration("ns")),
    ("dictionary<values=string, indices=int32, ordered=0>", "café"): pa.array(["café"]).dictionary_encode(),
    ("dictionary<values=string, indices=int32, ordered=0>", "bytes that are not UTF-8"): TORN.dictionary_encode(),
    ("list<element: string>", "a list of a and null"): pa.array([["a", None]]),
    ("list<element: string>", "a list of bytes that are not UTF-8"): pa.ListArray.from_arrays([0, 1], TORN),
    ("list<element: dictionary<values=string, indices=int32, ordered=0>>", "a list of a"): pa.ListArray.from_arrays(
        [0, 1], pa.array(["a"]).dictionary_encode()
    ),
    ("list<element: date32[day]>", "a list of 2 February 2020"): pa.array([[date(2020, 2, 2)]]),
    ("list<element: date32[day]>", "a list with a day after the year 9999"): pa.ListArray.from_arrays(
        [0, 2], pa.array([0, LATE], pa.int32()).view(pa.date32())
    ),
    ("large_list<element: int64>", "a list of 1"): pa.array([[1]], pa.large_list(pa.int64())),
    ("list_view<element: int64>", "a list of 1"): pa.array([[1]], pa.list_view(pa.int64())),
    ("large_list_view<element: int64>", "a list of 1"): pa.array([[1]], pa.large_list_view(pa.int64())),
    ("fixed_size_list<element: int64>[2]", "a list of 1 and 2"): pa.array([[1, 2]], pa.list_(pa.int64(), 2)),
    ("struct<a: int64, b: binary>", "1 and the bytes FF 00"): pa.array(
        [{"a": 1, "b": b"\xff\0"}], pa.struct([("a", pa.int64()), ("b", pa.binary())])
    ),
    ("struct<a: int64, a: int64>", "1 and 2"): pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"]),
    ("struct<a: string>", "bytes that are not UTF-8"): pa.StructArray.from_arrays([TORN], ["a"]),
    ("map<string, int64 ('value')>", "a key that is not UTF-8"): pa.MapArray.from_arrays([0, 1], TORN, pa.array([1])),
    ("map<string, int64 ('value')>", "k with 1"): pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())),
    ("extension<arrow.uuid>", "a UUID"): extension(pa.uuid(), bytes.fromhex("00112233445566778899aabbccddeeff")),
    ("extension<arrow.json>", '{"a": 1}'): extension(pa.json_(), '{"a": 1}'),
    ("extension<arrow.bool8>", "true"): extension(pa.bool8(), 1),
}


def documented(heading: str) -> Iterator[list[str]]:
    """The rows of the table below a heading, without backticks."""
    section = PAGE.read_text("utf-8").split(f"## {heading}\n")[1].split("\n## ")[0]
    for line in section.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if cells and not set(cells[0]) <= {"-"} and "CSV and TSV" not in cells:
            yield [cell[1:-1] if cell.startswith("`") and cell.endswith("`") else cell for cell in cells]


def written(source: Path, ending: str) -> tuple[Path, list[str]]:
    """The table that is made of another one, and the reasons of its rejected rows."""
    target, reasons = source.with_name(f"out.{ending}"), []
    reader = TableReader(TableFile.at(source), output_format=ending)
    with target.open("wb") as sink:
        writer = TableWriter(TableFile.at(target), sink, reader.schema)
        for chunk in reader.chunks():
            writer.write(chunk.rows, ["positive"] * len(chunk.texts), np.full(len(chunk.texts), 0.7, np.float32))
            reasons += [rejected.reason for rejected in chunk.rejected]
        writer.close()
    return target, reasons


def text_form(source: Path, ending: str) -> str:
    """The column `value` of a table of one row in CSV, TSV or JSONL, or `rejected`."""
    target, reasons = written(source, ending)
    if reasons:
        assert all(reason.startswith("its value ") for reason in reasons)
        return "rejected"
    row = target.read_text("utf-8").splitlines()[-1]
    if ending == "jsonl":
        return row.removeprefix('{"text": "fine", "value": ').removesuffix(
            ', "predicted_label": "positive", "positive_probability": 0.7}'
        )
    separator = "," if ending == "csv" else "\t"
    return row.removeprefix(f'"fine"{separator}').removesuffix(f'{separator}"positive"{separator}0.7')


def _shown(value: Any) -> str:
    return str(value) if isinstance(value, str) else json.dumps(value).removesuffix(".0")


def test_every_type_has_a_sample() -> None:
    assert {(row[0], row[1]) for row in documented("From Parquet")} == set(SAMPLES)


@pytest.mark.parametrize("row", documented("From Parquet"), ids=lambda row: f"{row[0]} {row[1]}")
def test_a_value_of_parquet_becomes_what_is_documented(row: list[str], tmp_path: Path) -> None:
    kind, value, csv_form, json_form, parquet_form = row
    sample = SAMPLES[kind, value]
    table = pa.table({"text": ["fine"], "value": sample})
    pyarrow.parquet.write_table(table, tmp_path / "in.parquet")
    read = pyarrow.parquet.read_table(tmp_path / "in.parquet").column("value").chunk(0)
    assert kind == "any" or str(read.type) == kind
    for ending in ("csv", "tsv"):
        assert text_form(tmp_path / "in.parquet", ending) == csv_form.replace("(nothing)", "")
    assert text_form(tmp_path / "in.parquet", "jsonl") == json_form
    assert parquet_form == "same"
    target, reasons = written(tmp_path / "in.parquet", "parquet")
    again = pyarrow.parquet.read_table(target).column("value").chunk(0)
    assert (reasons, again.type) == ([], read.type)
    assert again.equals(read) or value == "not a number"


@pytest.mark.parametrize("row", documented("From JSONL"), ids=lambda row: row[0])
def test_a_value_of_jsonl_becomes_what_is_documented(row: list[str], tmp_path: Path) -> None:
    value, csv_form, json_form, parquet_form = row
    source = tmp_path / "in.jsonl"
    source.write_text(f'{{"text": "fine", "value": {value}}}\n', "utf-8")
    for ending in ("csv", "tsv"):
        assert text_form(source, ending) == csv_form.replace("(nothing)", "")
    assert text_form(source, "jsonl") == json_form
    column = pyarrow.parquet.read_table(written(source, "parquet")[0]).column("value")
    kind, _, content = parquet_form.replace("`", "").partition(": ")
    assert (str(column.type), _shown(column[0].as_py())) == (kind, content)


def test_a_key_that_an_object_lacks_is_null_in_columns_and_absent_in_objects(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text('{"text": "fine", "n": 1}\n{"text": "fine"}\n')
    assert written(source, "csv")[0].read_text().splitlines()[2] == '"fine",,"positive",0.7'
    assert "n" not in json.loads(written(source, "jsonl")[0].read_text().splitlines()[1])
    assert pyarrow.parquet.read_table(written(source, "parquet")[0]).column("n").to_pylist() == [1.0, None]

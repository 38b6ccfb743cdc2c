import csv
import functools
import gzip
import io
import json
import subprocess
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.data.tables.chunks import CHUNK_ROWS, Chunk, rejected_line
from sentiment.data.tables.files import TableFile
from sentiment.data.tables.reader import TableReader
from sentiment.data.tables.writer import TableWriter
from sentiment.errors import InputError

characters = st.characters(exclude_categories=["Cs"])
special = st.sampled_from(["\r\n", "\r", "\n", '"', ",", "\t", "\0", "=1+1", "\N{CLAPPER BOARD}"])
cells = st.lists(characters | special, max_size=9).map("".join)
texts = cells.filter(lambda text: bool(text.strip()))


def read(path: Path, **options: Any) -> tuple[TableReader, list[Chunk]]:
    reader = TableReader(TableFile.at(path), **options)
    return reader, list(reader.chunks())


def converted(source: Path, target: Path) -> None:
    """Read a table and write it again with a verdict on each row."""
    file = TableFile.at(target)
    reader = TableReader(TableFile.at(source), output_format=file.format)
    with target.open("wb") as sink:
        writer = TableWriter(file, sink, reader.schema)
        for chunk in reader.chunks():
            writer.write(chunk.rows, ["positive"] * len(chunk.texts), np.full(len(chunk.texts), 0.7, np.float32))
        writer.close()


def rejections(path: Path) -> dict[int, str]:
    _, chunks = read(path)
    return {rejected.row: rejected.reason for chunk in chunks for rejected in chunk.rejected}


@pytest.mark.parametrize("ending", ["csv", "tsv.gz", "jsonl.gz", "parquet"])
@settings(max_examples=20)
@given(rows=st.lists(st.tuples(texts, cells), min_size=1, max_size=8))
def test_every_text_comes_through_every_format_unharmed(
    ending: str, rows: list[tuple[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("tables")
    with (folder / "in.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "note"), *rows])
    converted(folder / "in.csv", folder / f"middle.{ending}")
    content = (folder / f"middle.{ending}").read_bytes()
    _, chunks = read(folder / "in.csv")
    assert [text for chunk in chunks for text in chunk.texts] == [text for text, _ in rows]
    if ending == "parquet":
        table = pyarrow.parquet.read_table(io.BytesIO(content)).to_pylist()
    else:
        text = (gzip.decompress(content) if ending.endswith("gz") else content).decode()
        if ending.startswith("jsonl"):
            table = [json.loads(line) for line in text.split("\n") if line]
        else:
            table = list(
                csv.DictReader(io.StringIO(text, newline=""), delimiter="\t" if ending.startswith("tsv") else ",")
            )
    assert [(row["text"], row["note"]) for row in table] == rows
    verdicts = {(row["predicted_label"], round(float(row["positive_probability"]), 3)) for row in table}
    assert verdicts == {("positive", 0.7)}


def test_byte_order_mark_windows_line_ends_and_quoted_newlines_are_understood(tmp_path: Path) -> None:
    path = tmp_path / "windows.csv"
    path.write_bytes('\ufefftext,n\r\n"two\r\nlines",1\r\n\N{HEBREW LETTER SHIN} \N{CLAPPER BOARD},2\r\n\r\n'.encode())
    reader, [chunk] = read(path)
    assert reader.schema is not None
    assert reader.schema.names == ["text", "n"]
    assert chunk.texts == ["two\r\nlines", "\N{HEBREW LETTER SHIN} \N{CLAPPER BOARD}"]


def test_a_review_of_50_megabytes_comes_through(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    long = "a long film " * (50 * 2**20 // 12)
    path.write_text(f'text,n\n"{long}",1\nshort,2\n')
    _, chunks = read(path)
    assert [text for chunk in chunks for text in chunk.texts] == [long, "short"]
    assert len(chunks) == 2  # it is a chunk of its own


def write_dictionary_of_one_large_value(path: Path) -> None:
    """1,024 rows of 3 MB each in less than 1 kB."""
    large = pa.DictionaryArray.from_arrays(pa.array([0] * 1_024, pa.int32()), ["z" * 3_000_000])
    pyarrow.parquet.write_table(pa.table({"text": ["fine"] * 1_024, "n": large}), path, compression="zstd")


def write_large_pages(path: Path) -> None:
    """90 rows of 3 MB each in one page, which has to be decoded in one piece."""
    values = [f"{'z' * 3_000_000}{n}" for n in range(90)]
    table = pa.table({"text": ["fine"] * 90, "n": values})
    pyarrow.parquet.write_table(table, path, compression="zstd", use_dictionary=False)


def write_line_without_end(path: Path) -> None:
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(b"text,n\nfine,1\n")
        file.writelines(b"a" * 2**20 for _ in range(512))


def write_open_quotation_mark(path: Path) -> None:
    path.write_bytes(b'text,n\nfine,1\n"open,2\n' + b"a fine film it is,3\n" * (66 * 2**20 // 20))


def write_many_values(path: Path) -> None:
    path.write_bytes(b'{"text": "fine"}\n{"text": "fine", "n": [' + b"[]," * 10_000_000 + b"1]}\n")


@pytest.mark.parametrize(
    ("name", "write", "says"),
    [
        pytest.param("a.parquet", write_dictionary_of_one_large_value, "1024 used, 0 rejected", id="dictionary"),
        pytest.param("a.parquet", write_large_pages, "the pages of its row group 1 take 270", id="pages"),
        pytest.param("a.csv.gz", write_line_without_end, "1 used, 1 rejected", id="line"),
        pytest.param("a.csv", write_open_quotation_mark, "1 rejected", id="quotation mark"),
        pytest.param("a.jsonl", write_many_values, "1 used, 1 rejected", id="values"),
    ],
)
def test_memory_is_bounded_whatever_the_shape_of_a_table(
    tmp_path: Path, name: str, write: Callable[[Path], None], says: str
) -> None:
    write(tmp_path / name)
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from sentiment.data.tables.files import TableFile\nfrom sentiment.data.tables.reader import TableReader\n"
        "used = rejected = 0\ntry:\n"
        "    for chunk in TableReader(TableFile.at(Path(sys.argv[1])), output_format='parquet').chunks():\n"
        "        used, rejected = used + len(chunk.texts), rejected + len(chunk.rejected)\n"
        "except ValueError as error:\n    print(error)\n"
        "peak = Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0]\n"
        "print(used, 'used,', rejected, 'rejected', peak)"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / name], capture_output=True, text=True, check=True)
    assert says in done.stdout, done.stdout
    assert int(done.stdout.split()[-1]) < 500_000  # kB


def test_want_of_memory_ends_in_a_message(tmp_path: Path) -> None:
    """A limit on the address space stands in for a small machine."""
    write_dictionary_of_one_large_value(tmp_path / "a.parquet")
    code = (
        "import resource, sys\nfrom pathlib import Path\n"
        "from sentiment.data.tables.files import TableFile\nfrom sentiment.data.tables.reader import TableReader\n"
        "reader = TableReader(TableFile.at(Path(sys.argv[1])), output_format='csv')\n"
        "size = int(Path('/proc/self/status').read_text().split('VmSize:')[1].split()[0]) * 1024\n"
        "resource.setrlimit(resource.RLIMIT_AS, (size + 2**23, size + 2**23))\n"
        "try:\n    for chunk in reader.chunks():\n        pass\n"
        "except ValueError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "a.parquet"], capture_output=True, text=True)
    assert "needs more memory than there is" in done.stdout, done.stderr


def test_opening_and_reading_is_linear_in_the_columns(tmp_path: Path) -> None:
    """By the processor's time, best of three: ten times the columns, 100 times the time were it quadratic."""

    def seconds(columns: int) -> float:
        names = ["text", *(f"c{n}" for n in range(columns))]
        with (tmp_path / "wide.csv").open("w", newline="") as file:
            csv.writer(file).writerows([names, ["1"] * len(names)])
        (tmp_path / "wide.jsonl").write_text(f"{json.dumps(dict.fromkeys(names, 'fine'))}\n" * 2)
        taken = []
        for _ in range(3):
            started = time.process_time()
            for name in ("wide.csv", "wide.jsonl"):
                read(tmp_path / name, output_format="csv")
            taken.append(time.process_time() - started)
        return min(taken)

    assert seconds(40_000) < 50 * seconds(4_000)


def test_a_file_whose_first_rows_cannot_be_parsed_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("{'text': 'single quotes'}\n" * 3)
    with pytest.raises(InputError, match=r"no row of the first 3 can be used, as of row 1 \(it cannot be parsed: Exp"):
        read(tmp_path / "a.jsonl")


def test_names_of_columns_are_shortened_and_escaped_in_messages(tmp_path: Path) -> None:
    names = ["\u202eevil\x1b[2J", "x" * 10_000, *(f"c{n}" for n in range(1_000))]
    (tmp_path / "a.csv").write_text(",".join(names) + "\n")
    with pytest.raises(InputError) as raised:
        read(tmp_path / "a.csv")
    assert "\\u202eevil\\x1b[2J, xxx" in str(raised.value)
    assert "and 982 more" in str(raised.value)
    assert len(str(raised.value)) < 500


def test_columns_of_parquet_keep_their_types(tmp_path: Path) -> None:
    table = pa.table(
        {
            "id": pa.array([7, None], pa.uint8()),
            "review": ["fine", "poor"],
            "tags": pa.array([["a"], []], pa.list_(pa.string())),
            "seen": pa.array([pd.Timestamp("2020-02-02"), None], pa.timestamp("ns")),
            "site": pa.array(["x", "x"]).dictionary_encode(),
        }
    )
    pyarrow.parquet.write_table(table, tmp_path / "in.parquet")
    converted(tmp_path / "in.parquet", tmp_path / "out.parquet")
    written = pyarrow.parquet.read_table(tmp_path / "out.parquet")
    assert written.select(table.column_names).cast(table.schema).equals(table)
    assert written.schema.types[:5] == table.schema.types
    converted(tmp_path / "in.parquet", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text().splitlines()[1] == (
        '7,"fine","[""a""]","2020-02-02T00:00:00.000000000","x","positive",0.7'
    )


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_lists_of_dictionaries_are_read_across_row_groups(tmp_path: Path, ending: str) -> None:
    """Each row group has a dictionary of its own; one row group is null throughout."""
    schema = pa.schema([("text", pa.string()), ("tags", pa.list_(pa.dictionary(pa.int32(), pa.string())))])
    rows = [["a", "b"], None, ["c"], []]
    with pyarrow.parquet.ParquetWriter(tmp_path / "in.parquet", schema) as writer:
        for tags in rows:
            table = pa.table({"text": ["fine"], "tags": pa.array([tags], pa.list_(pa.string()))})
            lists = table.column("tags").chunk(0)
            encoded = pa.ListArray.from_arrays(lists.offsets, lists.values.dictionary_encode(), mask=lists.is_null())
            writer.write_table(pa.table([table.column("text"), encoded], schema=schema))
    converted(tmp_path / "in.parquet", tmp_path / f"out.{ending}")
    if ending == "parquet":
        found = pyarrow.parquet.read_table(tmp_path / "out.parquet").column("tags").to_pylist()
    elif ending == "jsonl":
        found = [json.loads(line)["tags"] for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    else:
        cells = [row["tags"] for row in csv.DictReader((tmp_path / "out.csv").open())]
        found = [json.loads(cell) if cell else None for cell in cells]
    assert found == rows


def test_objects_of_jsonl_keep_their_values(tmp_path: Path) -> None:
    lines = ['{"text": "a", "n": 1, "deep": {"x": [1.5, null]}}', '{"n": 12345678901234567890, "text": "b"}']
    (tmp_path / "in.jsonl").write_text("\n".join(lines))
    converted(tmp_path / "in.jsonl", tmp_path / "out.jsonl")
    written = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    verdict = {"predicted_label": "positive", "positive_probability": 0.7}
    assert written == [{**json.loads(line), **verdict} for line in lines]


def test_jsonl_becomes_columns_of_numbers_and_text(tmp_path: Path) -> None:
    rows = [{"text": "a", "n": 1, "deep": {"x": 1}, "mixed": 1}, {"text": "b", "n": 2, "mixed": "two"}]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, rows)))
    converted(tmp_path / "in.jsonl", tmp_path / "out.parquet")
    written = pyarrow.parquet.read_table(tmp_path / "out.parquet").to_pydict()
    assert (written["n"], written["deep"], written["mixed"]) == ([1, 2], ['{"x": 1}', None], ["1", "two"])


def test_objects_that_do_not_fit_the_columns_of_the_first_are_handed_over(tmp_path: Path) -> None:
    later = [{"text": "a", "n": 7.5}, {"text": "a", "n": "one"}, {"text": "a", "m": 1}, {"text": "a", "n": 2**60 + 1}]
    rows = [{"text": "a", "n": 1}] * CHUNK_ROWS + later
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, rows)))
    _, chunks = read(tmp_path / "in.jsonl", output_format="parquet")
    found = {rejected.row: rejected.reason for chunk in chunks for rejected in chunk.rejected}
    assert list(found) == [CHUNK_ROWS + 2, CHUNK_ROWS + 3, CHUNK_ROWS + 4]  # an integer may be followed by a fraction
    assert "does not fit" in found[CHUNK_ROWS + 2]
    assert "its column m is none of the first rows'" in found[CHUNK_ROWS + 3]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        pytest.param("a.csv", b"text,n\n,1\n  ,2\nok,3\n", {1: "blank", 2: "blank"}, id="blank"),
        pytest.param("a.csv", b"text,n\nok\nok,1,2\nok,3\n", {1: "1 cells", 2: "3 cells"}, id="number of cells"),
        pytest.param("a.csv", b'text,n\n"a"b,1\nok,2\n"c,3\n', {1: "expected after", 3: "unexpected end"}, id="quotes"),
        pytest.param("a.csv", b"text,n\ncaf\xe9,1\nok,caf\xe9\nok,3\n", {1: "UTF-8", 2: "UTF-8"}, id="bytes"),
        pytest.param("a.txt", b"fine\n\npoor\xff\nfine", {2: "blank", 3: "UTF-8"}, id="lines"),
        pytest.param(
            "a.jsonl",
            b'{"text": "ok"}\n{"text": null}\n{"text": 3}\nno json\n[1]\n{"n": 1}\n{"text": "\\ud800"}\n\n'
            b'{"text": ""}\n{"text": "ok", "n": NaN}\n{"text": "ok", "n": 1, "n": 2}\n{"text": "ok", "n": 1e400}',
            {2: "null", 3: "type int", 4: "cannot be parsed", 5: "no JSON object", 6: "null",
             7: "UTF-8", 8: "blank", 9: "NaN", 10: "twice", 11: "1e400"},
            id="objects",
        ),
    ],
)  # fmt: skip
def test_rows_that_cannot_be_scored_are_handed_over_with_number_and_reason(
    tmp_path: Path, name: str, content: bytes, expected: dict[int, str]
) -> None:
    (tmp_path / name).write_bytes(content)
    found = rejections(tmp_path / name)
    assert list(found) == list(expected)
    assert all(part in found[row] for row, part in expected.items()), found


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()], ids=str)
def test_reviews_of_parquet_that_cannot_be_scored_are_handed_over(tmp_path: Path, kind: pa.DataType) -> None:
    raw = pa.array([b"ok", None, b" ", b"caf\xe9", b"ok"], pa.binary())
    texts = (
        raw.view(pa.string()).cast(kind) if kind != pa.string_view() else pa.array(["ok", None, " ", "", "ok"], kind)
    )
    table = pa.table({"text": texts, "n": pa.array([1.0, 2.0, float("nan"), 4.0, 5.0])})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    _, [chunk] = read(tmp_path / "a.parquet", output_format="parquet")
    assert [rejected.row for rejected in chunk.rejected] == [2, 3, 4]
    assert json.loads(rejected_line(TableFile.at(tmp_path / "a.parquet"), chunk.rejected[1]))["content"]["n"] == "NaN"
    assert isinstance(chunk.rows, pa.RecordBatch)
    assert chunk.rows.column("n").to_pylist() == [1, 5]


def test_parquet_whose_size_statistics_are_damaged_is_refused(tmp_path: Path) -> None:
    """A nullable column counts two levels of definition, and a required one has but one. pyarrow would abort."""
    path = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(pa.table({"text": ["a fine film"]}), path)
    nullable, required = (b"\x25" + repetition + b"\x18\x04text" for repetition in (b"\x02", b"\x00"))
    content = path.read_bytes()
    assert content.count(nullable) == 1
    path.write_bytes(content.replace(nullable, required))
    with pytest.raises(InputError, match="statistics of a column in its footer are damaged"):
        read(path, output_format="parquet")


def test_no_value_of_parquet_is_altered_in_csv(tmp_path: Path) -> None:
    table = pa.table({"text": ["a"], "price": pa.array([Decimal("1.50")]), "tags": [["x"]]})
    pyarrow.parquet.write_table(table, tmp_path / "in.parquet")
    converted(tmp_path / "in.parquet", tmp_path / "out.csv")
    [row] = csv.DictReader((tmp_path / "out.csv").open())
    assert (row["price"], row["tags"]) == ("1.50", '["x"]')


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        pytest.param("a.csv", b"", "is empty", id="empty"),
        pytest.param("a.csv", b"body,n\na,1\n", "no column text or review; its columns are body, n", id="no text"),
        pytest.param("a.csv", b"text,predicted_label\na,b\n", "already has a column predicted_label", id="verdict"),
        pytest.param("a.csv", b"text,n,n\na,b,c\n", "two columns n", id="twice"),
        pytest.param("a.csv", b"te\xffxt,n\na,b\n", "its header cannot be used (it is not UTF-8)", id="header"),
        pytest.param("a.csv.gz", gzip.compress(b"text\n" + b"a\n" * 9_999)[:-9], "cannot be read", id="cut short"),
        pytest.param("a.csv.gz", b"text\na\n", "cannot be read", id="no gzip"),
        pytest.param("a.parquet", b"text", "cannot be read", id="no parquet"),
        pytest.param("a.xlsx", b"", "its ending tells no format", id="ending"),
        pytest.param("a.parquet.gz", b"", "its ending tells no format", id="compressed parquet"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_the_reason(
    tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as raised:
        read(tmp_path / name)
    assert name in str(raised.value)
    assert says in str(raised.value)


@pytest.mark.parametrize("ending", ["csv", "jsonl.gz"])
def test_a_file_that_is_changed_while_it_is_read_is_told(ending: str, tmp_path: Path) -> None:
    """One that grows, and one that is written anew and ends within its first part."""
    path = tmp_path / f"in.{ending}"
    frame = pd.DataFrame({"text": ["a fine film", "a dull one"] * CHUNK_ROWS * 4})
    write = frame.to_csv if ending == "csv" else functools.partial(frame.to_json, orient="records", lines=True)
    write(path)
    chunks = TableReader(TableFile.at(path)).chunks()
    next(chunks)
    if ending == "csv":
        with path.open("a") as file:
            file.write("one more\n")
    else:
        path.write_bytes(path.read_bytes()[:1_000])
    with pytest.raises(InputError, match="was changed while it was read: run the same command again"):
        list(chunks)

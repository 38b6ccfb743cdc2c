import csv
import functools
import gzip
import io
import json
import subprocess
import sys
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

from sentiment.batch.scored_table import ScoredTable
from sentiment.data.files import ReadOptions, TableFile
from sentiment.data.losses import check_losses, read_to_end
from sentiment.data.tables.reader import CHUNK_ROWS, Chunk, TableReader
from sentiment.data.tables.text_rows import delimited_rows, find_dialect
from sentiment.data.verdicts import VerdictRule
from sentiment.errors import InputError

characters = st.characters(exclude_categories=["Cs"])
special = st.sampled_from(["\r\n", "\r", "\n", '"', ",", "\t", "\0", "=1+1", "\N{CLAPPER BOARD}"])
cells = st.lists(characters | special, max_size=9).map("".join)
texts = cells.filter(lambda text: bool(text.strip()))


def read(path: Path, **options: Any) -> tuple[TableReader, list[Chunk]]:
    reader = TableReader(TableFile.at(path), **options)
    return reader, list(reader.chunks())


def converted(source: Path, target: Path) -> list[dict[str, Any]]:
    """Read a table and write it again with a verdict on each row; returns what was rejected."""
    file, rejected = TableFile.at(target), io.StringIO()
    reader = TableReader(TableFile.at(source), output_format=file.format)
    with target.open("wb") as sink:
        table = ScoredTable(file, sink, rejected, reader.schema, VerdictRule())
        for chunk in reader.chunks():
            table.write(file, chunk, np.full(len(chunk.texts), 0.7, np.float32))
        table.close()
    return [json.loads(line) for line in rejected.getvalue().splitlines()]


def rejections(path: Path) -> dict[int, str]:
    _, chunks = read(path)
    return {rejected.row: rejected.reason for chunk in chunks for rejected in chunk.rejected}


@pytest.mark.parametrize("ending", ["csv", "tsv.gz", "jsonl.gz", "parquet"])
@settings(max_examples=8, deadline=None)
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


def write_dictionary_of_one_large_value(path: Path) -> None:
    """1,024 rows of 3 MB each in less than 1 kB."""
    large = pa.DictionaryArray.from_arrays(pa.array([0] * 1_024, pa.int32()), ["z" * 3_000_000])
    pyarrow.parquet.write_table(pa.table({"text": ["fine"] * 1_024, "n": large}), path, compression="zstd")


def write_line_without_end(path: Path) -> None:
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(b"text,n\nfine,1\n")
        file.writelines(b"a" * 2**20 for _ in range(512))


def write_open_quotation_mark(path: Path) -> None:
    path.write_bytes(
        b'text,n\n"fine, it is",1\n"open,2\n' + (b"a fine film it is " * 50 + b",3\n") * (66 * 2**20 // 900)
    )


@pytest.mark.parametrize(
    ("name", "write", "says"),
    [
        pytest.param("a.parquet", write_dictionary_of_one_large_value, "1024 used, 0 rejected", id="dictionary"),
        pytest.param("a.csv.gz", write_line_without_end, "1 used, 1 rejected", id="line"),
        pytest.param("a.csv", write_open_quotation_mark, "used, 1 rejected", id="quotation mark"),
    ],
)
def test_memory_is_bounded_whatever_the_shape_of_a_table(
    tmp_path: Path, name: str, write: Callable[[Path], None], says: str
) -> None:
    write(tmp_path / name)
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from sentiment.data.files import TableFile\nfrom sentiment.data.tables.reader import TableReader\n"
        "used = rejected = 0\ntry:\n"
        "    for chunk in TableReader(TableFile.at(Path(sys.argv[1])), output_format='parquet').chunks():\n"
        "        used, rejected = used + len(chunk.texts), rejected + len(chunk.rejected)\n"
        "except ValueError as error:\n    print(error)\n"
        "peak = Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0]\n"
        "print(used, 'used,', rejected, 'rejected', peak)"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / name], capture_output=True, text=True, check=True)
    assert says in done.stdout, done.stdout
    assert int(done.stdout.split()[-1]) < 1_000_000  # kB


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
            "price": pa.array([Decimal("1.50"), None]),
        }
    )
    pyarrow.parquet.write_table(table, tmp_path / "in.parquet")
    converted(tmp_path / "in.parquet", tmp_path / "out.parquet")
    written = pyarrow.parquet.read_table(tmp_path / "out.parquet")
    assert written.select(table.column_names).cast(table.schema).equals(table)
    assert written.schema.types[:6] == table.schema.types
    converted(tmp_path / "in.parquet", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text().splitlines()[1] == (
        '7,"fine","[""a""]","2020-02-02T00:00:00","x","1.50","positive",0.7'
    )


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
        pytest.param("a.csv", b'text,n\n"a"b,1\n' + b'"o,k",2\n' * 3 + b'"c,3\n',
                     {1: "text follows a closing", 5: "not closed"}, id="quotes"),
        pytest.param("a.csv", b"text,n\ncaf\xe9,1\nok,caf\xe9\nok,3\n", {1: "UTF-8", 2: "UTF-8"}, id="bytes"),
        pytest.param("a.txt", b"fine\n\npoor\xff\nfine", {2: "blank", 3: "UTF-8"}, id="lines"),
        pytest.param(
            "a.jsonl",
            b'{"text": "ok"}\n{"text": null}\n{"text": 3}\nno json\n[1]\n{"n": 1}\n{"text": "\\ud800"}\n\n'
            b'{"text": ""}\n{"text": "ok", "n": NaN}',
            {2: "null", 3: "type int", 4: "cannot be parsed", 5: "no JSON object", 6: "null",
             7: "UTF-8", 8: "blank"},
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
    rejected = converted(tmp_path / "a.parquet", tmp_path / "b.parquet")
    assert [row["row"] for row in rejected] == [2, 3, 4]
    assert rejected[1]["content"] == {"text": " ", "n": "NaN"}
    written = pyarrow.parquet.read_table(tmp_path / "b.parquet")
    assert (written.schema.field("text").type, written.column("n").to_pylist()) == (kind, [1, 5])


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        pytest.param("a.csv", b"", "is empty", id="empty"),
        pytest.param("a.csv", b"body,n\na,1\n", "no column text or review; its columns are body, n", id="no text"),
        pytest.param("a.csv", b"text,predicted_label\na,b\n", "already has a column predicted_label", id="verdict"),
        pytest.param("a.csv", b"te\xffxt,n\na,b\n", "its columns are te\\udcffxt, n", id="header"),
        pytest.param("a.csv.gz", gzip.compress(b"text\n" + b"a\n" * 9_999)[:-9], "cannot be read", id="cut short"),
        pytest.param("a.parquet", b"text", "cannot be read", id="no parquet"),
        pytest.param("a.xlsx", b"", "its ending tells no format", id="ending"),
        pytest.param(
            "a.csv", b",".join([b"text", *(b"c%d" % n for n in range(20_000))]), "has 20,001 columns", id="wide"
        ),
        pytest.param(
            "a.jsonl",
            b"{'text': 'a'}\n" * 3,
            "no row of the first 3 can be used, as of line 1 (it cannot",
            id="no object",
        ),
        pytest.param("a.parquet.gz", b"", "its ending tells no format", id="compressed parquet"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_the_reason(
    tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as raised:
        read(tmp_path / name, added=["predicted_label"])
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


tables = st.integers(1, 3).flatmap(
    lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=12)
)


def read_delimited(content: bytes, options: ReadOptions) -> tuple[list[tuple[str, ...]], list[Any]]:
    """Rows and rejected rows."""
    lines = list(io.StringIO(content.decode("utf-8", "surrogateescape"), newline="\n"))
    rows = list(delimited_rows(iter(lines), find_dialect(lines, options, ",")))
    assert [row.line for row in rows] == sorted({row.line for row in rows})
    return [tuple(row.values.values()) for row in rows if not row.reason], [row for row in rows if row.reason]


@settings(max_examples=15, deadline=None)
@given(rows=tables, delimiter=st.sampled_from(",;\t|"), line_end=st.sampled_from(["\n", "\r\n"]))
def test_every_row_that_python_writes_is_read(rows: list[list[str]], delimiter: str, line_end: str) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=line_end, quoting=csv.QUOTE_ALL)
    writer.writerows([["text", "b", "c"][: len(rows[0])], *rows])
    content = text.getvalue().encode()
    found, rejected = read_delimited(content, ReadOptions(delimiter=delimiter, quote='"'))
    if not rejected or b'\\"' not in content:  # a backslash before a mark may be an escape
        assert (found, rejected) == (list(map(tuple, rows)), [])


@settings(max_examples=20, deadline=None)
@given(
    pieces=st.lists(st.sampled_from([b"a", b"fine,", b'"', b'""', b",", b"\n", b"x,y\n", b"\xff", b"\\"]), max_size=60)
)
def test_every_line_of_a_damaged_table_is_a_row_or_rejected(pieces: list[bytes]) -> None:
    content = b"".join(pieces)
    found, rejected = read_delimited(b"text,n\n" + content, ReadOptions(quote='"'))
    in_rows = sum(1 + cell.count("\n") for row in found for cell in row) - sum(len(row) - 1 for row in found)
    blank = sum(not line for line in content.splitlines())
    assert (
        len(content.splitlines()) - blank <= in_rows + sum(row.lines for row in rejected) <= len(content.splitlines())
    )


CAFE = "text;n\ncaf\N{LATIN SMALL LETTER E WITH ACUTE}, and \N{EN DASH} good;1\n"


@pytest.mark.parametrize(
    ("name", "content", "options"),
    [
        pytest.param("a.csv", CAFE.encode(), {}, id="semicolons"),
        pytest.param("a.CSV", CAFE.replace(";", "|").encode(), {}, id="pipes and an ending in capitals"),
        pytest.param("a.csv", CAFE.replace(";", "\t").encode(), {}, id="tabs in .csv"),
        pytest.param("a.csv", b"\xef\xbb\xbfsep=;\r\n" + CAFE.replace("\n", "\r\n").encode(), {}, id="sep="),
        pytest.param("a.csv", CAFE.encode("cp1252"), {"encoding": "cp1252"}, id="cp1252"),
        pytest.param("a.txt", CAFE.replace(";", "\t").encode("utf-16"), {}, id="UTF-16"),
        pytest.param("a.csv", CAFE.encode("utf-16-le"), {}, id="UTF-16 without a mark"),
        pytest.param("a.csv.gz", CAFE.encode(), {}, id="plain text called .gz"),
        pytest.param("a.csv", gzip.compress(CAFE.encode()), {}, id="gzip called .csv"),
        pytest.param("a.csv", CAFE.replace("\n", "\r").encode(), {}, id="carriage returns alone"),
    ],
)
def test_tables_of_every_origin_are_read(tmp_path: Path, name: str, content: bytes, options: dict[str, Any]) -> None:
    (tmp_path / name).write_bytes(content)
    _, [chunk] = read(tmp_path / name, options=ReadOptions(**options))
    assert chunk.texts == [CAFE.split("\n")[1].removesuffix(";1")]
    assert list(chunk.rows[0]) == ["text", "n"]


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        ('id\ttext\n"1"\t"they call it \\"fine\\""\n"2"\t"so\tso"\n', ['they call it "fine"', "so\tso"]),
        ('text\tn\n"Fine" is not the word\t1\nso-so\t2\n"open\t3\n', ['"Fine" is not the word', "so-so", '"open']),
    ],
    ids=["escaped by a backslash", "nothing special"],
)
def test_what_quotation_marks_mean_is_found_out(tmp_path: Path, content: str, texts: list[str]) -> None:
    (tmp_path / "a.tsv").write_text(content)
    _, [chunk] = read(tmp_path / "a.tsv")
    assert chunk.texts == texts


MANY = [f"{n},row {n} is a fine film,positive\n" for n in range(200)]


@pytest.mark.parametrize("closing", [None, 150])
def test_an_open_quotation_mark_swallows_no_row_without_a_word(tmp_path: Path, closing: int | None) -> None:
    """Only the line of the mark is lost, whether it is closed by another far below or not."""
    lines = [*MANY]
    lines[3] = '3,"a, good one",positive\n'
    lines[40] = '40,"the sound is bad,positive\n'
    if closing:
        lines[closing] = f'{closing},on a screen of 42",positive\n'
    (tmp_path / "a.csv").write_text("id,text,label\n" + "".join(lines))
    reader, chunks = read(tmp_path / "a.csv", options=ReadOptions(quote='"'))
    [rejected] = [row for chunk in chunks for row in chunk.rejected]
    assert (rejected.line, rejected.lines) == (42, 1)
    assert ("110 lines later" if closing else "159 lines follow") in rejected.reason
    assert reader.lines == 200 == sum(len(chunk.texts) for chunk in chunks) + reader.lost
    _, chunks = read(tmp_path / "a.csv", options=ReadOptions(quote="none"))
    assert sum(len(chunk.texts) for chunk in chunks) == 199  # the one with a comma in its text is lost


def test_many_lost_lines_are_refused_with_the_option_that_reads_them(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"text\n" + b"caf\xe9\n" * 5 + b"fine\n" * 95)
    readers = [*read_to_end([TableFile.at(tmp_path / "a.csv")], ReadOptions(), None)]
    said = "5 of 100 lines could not be read: it is not UTF-8 (5, first in line 2)."
    with pytest.raises(InputError) as raised:
        check_losses(readers, 0.01)
    assert f"{said} --encoding cp1252 reads all of them. To go on" in str(raised.value)
    assert "--allow-rejected 0.06" in str(raised.value)
    assert check_losses(readers, 0.06) == said


def test_columns_keep_their_names_and_a_second_one_is_numbered(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(",text,n,n\n1,fine,2,3\n")
    _, [chunk] = read(tmp_path / "a.csv")
    assert chunk.rows == [{"": "1", "text": "fine", "n": "2", "n.1": "3"}]
    (tmp_path / "b.csv").write_text("4,a fine film\n")
    _, [chunk] = read(tmp_path / "b.csv", text_column="column2", options=ReadOptions(header=False))
    assert chunk.rows == [{"column1": "4", "column2": "a fine film"}]


@pytest.mark.parametrize("indent", [None, 2])
def test_a_json_array_is_read_object_by_object(tmp_path: Path, indent: int | None) -> None:
    rows: list[Any] = [{"text": f"film {n} \u00e9", "n": [n, None]} for n in range(3_000)]
    (tmp_path / "a.json").write_text(json.dumps([*rows[:5], 7, {"text": ""}, *rows[5:]], indent=indent))
    _, chunks = read(tmp_path / "a.json")
    assert [row for chunk in chunks for row in chunk.rows] == rows
    assert [(r.row, r.lines) for chunk in chunks for r in chunk.rejected] == [(6, 1), (7, 0)]
    content = (tmp_path / "a.json").read_text()
    (tmp_path / "a.json").write_text(content[:-9])
    with pytest.raises(InputError, match="the JSON array is damaged or ends here, after 3,001 objects"):
        read(tmp_path / "a.json")


def test_lines_of_fasttext_are_a_text_and_its_label(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("__label__2 a fine film\n__label__1\tdull\nno label\n__label__a __label__b both\n")
    reader, [chunk] = read(tmp_path / "a.txt")
    assert reader.is_fasttext
    assert [tuple(row.values()) for row in chunk.rows] == [
        ("a fine film", "2"), ("dull", "1"), ("no label", ""), ("both", "a b"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        pytest.param("a.zip", b"PK\x03\x04" + b"reviews.csv", "is a zip archive: unpack it", id="zip"),
        pytest.param("a.csv", b"PK\x03\x04" + b"reviews.csv", "is a zip archive: unpack it", id="zip called .csv"),
        pytest.param("a.xlsx", b"PK\x03\x04" + b"xl/workbook.xml", "save its sheet as CSV UTF-8", id="Excel"),
        pytest.param("a.xls", b"\xd0\xcf\x11\xe0" + bytes(600), "save its sheet as CSV UTF-8", id="old Excel"),
        pytest.param("a.csv", b"PAR1" + bytes(600), "is a Parquet file", id="Parquet called .csv"),
        pytest.param("a.csv", b"<!DOCTYPE html><html>", "is a web page", id="HTML"),
    ],
)
def test_a_file_of_something_else_is_named_for_what_it_is(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=says):
        read(tmp_path / name)

"""Hostile inputs from a seeded generator: tables in every format, archives and files of Keras, odd, damaged and large.

Every kind is a function from a random generator and a folder to the file that it writes there.
"""

import csv
import gzip
import io
import json
import pickle
import random
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet

Writer = Callable[[random.Random, Path], Path]

REVIEWS = (
    "a fine film", "dull, and too long", "caf\u00e9 scene", "\U0001f600 good", "it isn't bad", "worst of all", " ", "",
)  # fmt: skip
NASTY = (
    "\0", "\r", "\n", "\r\n", '"', '""', ",", "\t", "\u2028", "\x85", "\ufeff", "\u202e", "=1+1", "\\", "'", "\x1a",
)  # fmt: skip
LABELS = ("0", "1", "pos", "neg", "positive", "TRUE", "", "2", "nan", "maybe")
SPLITS = ("train", "test", "validation", "unlabelled", "TRAIN ", "", "other")


def mutated(content: bytes, generator: random.Random, changes: int) -> bytes:
    """Some bytes flipped, inserted, removed or repeated."""
    changed = bytearray(content)
    for _ in range(changes):
        if not changed:
            break
        place = generator.randrange(len(changed))
        action = generator.randrange(4)
        if action == 0:
            changed[place] ^= 1 << generator.randrange(8)
        elif action == 1:
            changed[place:place] = generator.randbytes(generator.randrange(1, 5))
        elif action == 2:
            del changed[place : place + generator.randrange(1, 9)]
        else:
            changed[place:place] = changed[place : place + generator.randrange(1, 50)]
    return bytes(changed)


def flipped(content: bytes, generator: random.Random) -> bytes:
    """One bit flipped, or a few."""
    changed = bytearray(content)
    for _ in range(generator.choice((1, 3, 20))):
        changed[generator.randrange(len(changed))] ^= 1 << generator.randrange(8)
    return bytes(changed)


def cell(generator: random.Random) -> str:
    """A review, often with something nasty in it."""
    text = generator.choice(REVIEWS)
    for _ in range(generator.randrange(3)):
        place = generator.randrange(len(text) + 1)
        text = text[:place] + generator.choice(NASTY) + text[place:]
    return text


def table_rows(generator: random.Random) -> list[dict[str, str]]:
    """Rows with text, label and split."""
    return [
        {"text": cell(generator), "label": generator.choice(LABELS[: generator.choice((2, 6, len(LABELS)))]),
         "split": generator.choice(SPLITS[: generator.choice((2, 4, len(SPLITS)))])}
        for _ in range(generator.choice((0, 1, 3, 20, 200, 1_500)))
    ]  # fmt: skip


def _separated(generator: random.Random, folder: Path, ending: str, change: Callable[[bytes], bytes]) -> Path:
    text = io.StringIO(newline="")
    writer = csv.writer(
        text, delimiter="\t" if ending == "tsv" else ",", lineterminator=generator.choice(("\n", "\r\n"))
    )
    writer.writerow(["text", "label", "split"])
    writer.writerows(list(row.values()) for row in table_rows(generator))
    path = folder / f"in.{ending}"
    path.write_bytes(change(text.getvalue().encode()))
    return path


def _ending(generator: random.Random) -> str:
    return generator.choice(("csv", "tsv"))


def csv_damaged(generator: random.Random, folder: Path) -> Path:
    """CSV or TSV of nasty cells, some of its bytes changed."""
    changes = generator.choice((0, 0, 1, 3, 30))
    return _separated(generator, folder, _ending(generator), lambda content: mutated(content, generator, changes))


def csv_torn_utf_8(generator: random.Random, folder: Path) -> Path:
    """CSV or TSV with bytes that are not UTF-8."""
    torn = generator.choice((b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf"))
    return _separated(generator, folder, _ending(generator), lambda content: content.replace(b"fine", torn))


def csv_odd_header(generator: random.Random, folder: Path) -> Path:
    """CSV whose header is empty, repeated, reserved, huge or of another name."""
    header = generator.choice((
        "", "text,text", "text,predicted_label", "body,n", "text," + ",".join(f"c{n}" for n in range(5_000)),
        "\ufefftext", '"text', "text," + "x" * 100_000, ",", "\0", "text,\u202egnp", "review,text", "TEXT",
    ))  # fmt: skip
    path = folder / "in.csv"
    path.write_text(f"{header}\nfine,1\npoor,2\n", "utf-8")
    return path


def csv_open_quote(generator: random.Random, folder: Path) -> Path:
    """CSV with quotation marks that are not closed or stand in the wrong place."""
    lines = [generator.choice(('"fine,1', 'fi"ne,1', '"fi"ne,1', "fine,1", '"",1', '"""fine",1', "fine,1,2"))
             for _ in range(generator.choice((3, 50, 3_000)))]  # fmt: skip
    path = folder / "in.csv"
    path.write_text("text,n\n" + "\n".join(lines), "utf-8")
    return path


def json_odd(generator: random.Random, folder: Path) -> Path:
    """JSONL of odd objects: repeated keys, deep nesting, huge numbers, surrogates, other types, later keys."""
    odd = (
        '{"text": "a fine film", "n": 1}', '{"text": "poor", "n": 7.5}', '{"text": "x", "n": 1e400}',
        '{"text": "x", "n": NaN}', '{"text": "x", "n": -Infinity}', '{"text": "x", "n": ' + "9" * 5_000 + "}",
        '{"text": "x", "n": 1, "n": 2}', '{"text": "\\ud800"}', '{"text": "\\u0000"}', '{"text": null}', '{"text": 3}',
        '{"text": ["x"]}', "[1]", '"text"', "null", "{", "}", '{"text": "x", "late": true}', '{"n": 1}',
        '{"text": "x", "n": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"text": "x", "n": ' + "[" * 900 + "]" * 900 + "}",
        '{"text": "x", "predicted_label": "positive"}', '{"": "", "text": "x"}', "{'text': 'x'}", "\ufeff{}",
        '{"text": "x", "n": "7"}', '{"text": "x", "n": 12345678901234567890}', '{"text": "x", "n": true}',
        '{"text": "' + "a " * 100_000 + '"}', '{"text": "x", "label": 1, "split": "train"}', "\x1e{}",
    )  # fmt: skip
    chosen = generator.sample(odd, generator.randrange(1, len(odd)))
    lines = [generator.choice(chosen) for _ in range(generator.choice((1, 5, 100)))]
    path = folder / "in.jsonl"
    path.write_text("\n".join(generator.choice((lines, [odd[0]] * 1_100 + lines))), "utf-8", "surrogatepass")
    return path


def json_damaged(generator: random.Random, folder: Path) -> Path:
    """JSONL of nasty cells, some of its bytes changed."""
    content = "\n".join(
        json.dumps(row, ensure_ascii=generator.random() < 0.5) for row in table_rows(generator)
    ).encode()
    path = folder / "in.jsonl"
    path.write_bytes(mutated(content, generator, generator.choice((0, 1, 5, 50))))
    return path


def text_damaged(generator: random.Random, folder: Path) -> Path:
    """Plain text of nasty lines, some of its bytes changed."""
    content = "\n".join(cell(generator) for _ in range(generator.choice((0, 3, 2_000)))).encode()
    path = folder / "in.txt"
    path.write_bytes(mutated(content, generator, generator.choice((0, 5, 100))))
    return path


def gzip_damaged(generator: random.Random, folder: Path) -> Path:
    """A gzip file that is cut short, changed, not gzip at all, or in several parts."""
    path = generator.choice((csv_damaged, json_damaged, text_damaged))(generator, folder)
    content = path.read_bytes()
    packed = gzip.compress(content)
    packed = generator.choice((
        packed, packed[: generator.randrange(len(packed) + 1)], mutated(packed, generator, 2), content,
        packed + gzip.compress(content), packed + b"garbage", b"", packed[:-8], packed[:-4] + b"\0\0\0\0",
    ))  # fmt: skip
    path.unlink()
    path = path.with_name(path.name + ".gz")
    path.write_bytes(packed)
    return path


def _odd_columns(generator: random.Random, rows: int) -> dict[str, pa.Array]:
    """Columns of types and values that are hard to write, each a function of the number of rows."""
    whole = np.array([generator.randrange(-(2**63), 2**63) for _ in range(rows)], np.int64)
    small = np.array([generator.randrange(-(2**31), 2**31) for _ in range(rows)], np.int32)
    torn = pa.array([generator.choice((b"ok", b"\xff", b"caf\xe9", None)) for _ in range(rows)], pa.binary())
    offsets = pa.array(range(rows + 1), pa.int32())
    names = pa.array([generator.choice(REVIEWS) for _ in range(rows)], pa.string())
    unit = generator.choice(("ms", "us", "ns"))
    columns = {
        "torn": torn.view(pa.string()),
        "torn_list": pa.ListArray.from_arrays(offsets, torn.view(pa.string())),
        "torn_struct": pa.StructArray.from_arrays([torn.view(pa.string()), pa.array(small)], ["a", "b"]),
        "torn_map": pa.MapArray.from_arrays(offsets, names, torn.view(pa.string())),
        "torn_dictionary": pa.DictionaryArray.from_arrays(
            pa.array([generator.choice((0, 1)) for _ in range(rows)], pa.int32()),
            pa.array([b"ok", b"\xff"], pa.binary()).view(pa.string()),
        ),
        "date": pa.array(small).view(pa.date32()),
        "moment": pa.array(whole).view(pa.timestamp(unit)),
        "zoned": pa.array(whole).view(pa.timestamp(unit, generator.choice(("UTC", "Mars/Base", "+99:99", "")))),
        "span": pa.array(whole).view(pa.duration(unit)),
        "time": pa.array(whole).view(pa.time64(generator.choice(("us", "ns")))),
        "twice": pa.StructArray.from_arrays([pa.array(whole), names], ["a", "a"]),
        "listed_dictionary": pa.ListArray.from_arrays(offsets, names.dictionary_encode()),
        "half": pa.array(np.array([generator.choice((0.5, np.nan, np.inf)) for _ in range(rows)], np.float16)),
        "single": pa.array(np.array([generator.choice((0.7, np.nan, -np.inf)) for _ in range(rows)], np.float32)),
        "unsigned": pa.array(whole.view(np.uint64)),
        "bytes": torn,
        "view": pa.array([generator.choice(("caf\u00e9", None)) for _ in range(rows)], pa.string_view()),
        "nothing": pa.nulls(rows),
        "deep": pa.array([[[{"a": [None, generator.choice(REVIEWS)]}]]] * rows),
        "uuid": pa.ExtensionArray.from_storage(
            pa.uuid(), pa.array([generator.randbytes(16) for _ in range(rows)], pa.binary(16))
        ),
        "\u202ename\x1b": names,
        "dotted.name": pa.array(small),
    }  # fmt: skip
    return {name: columns[name] for name in generator.sample(sorted(columns), generator.randrange(5))}


def parquet_odd(generator: random.Random, folder: Path) -> Path:
    """Parquet with columns of odd types and values, in every encoding and layout."""
    rows = generator.choice((0, 1, 3, 50, 2_000))
    texts: Any = pa.array([generator.choice((*REVIEWS, None)) for _ in range(rows)], pa.string())
    kind = generator.randrange(6)
    if kind == 0:
        texts = pa.array([generator.choice((b"ok", b"\xff")) for _ in range(rows)], pa.binary()).view(pa.string())
    elif kind == 1:
        texts = texts.dictionary_encode()
    elif kind == 2:
        texts = texts.cast(pa.large_string())
    elif kind == 3 and generator.random() < 0.3:
        texts = pa.array(range(rows))
    labels = pa.array([generator.choice(LABELS[:2]) for _ in range(rows)], pa.string())
    table = pa.table({"text": texts, "label": labels, **_odd_columns(generator, rows)})
    path = folder / "in.parquet"
    pyarrow.parquet.write_table(
        table, path,
        compression=generator.choice(("none", "snappy", "zstd", "gzip")),
        use_dictionary=generator.random() < 0.7,
        data_page_version=generator.choice(("1.0", "2.0")),
        row_group_size=generator.choice((7, 100, 10_000)),
        data_page_size=generator.choice((100, 2**20)),
        store_schema=generator.random() < 0.8,
    )  # fmt: skip
    return path


def parquet_damaged(generator: random.Random, folder: Path) -> Path:
    """Parquet with changed bytes, in its pages or in its footer, or cut short."""
    path = parquet_odd(generator, folder)
    content = path.read_bytes()
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    kind = generator.randrange(4)
    if kind == 0:
        content = content[: generator.randrange(len(content))]
    elif kind == 1:
        content = content[:footer] + flipped(content[footer:], generator)
    else:
        content = flipped(content[:footer], generator) + content[footer:]
    path.write_bytes(content)
    return path


def archive_hostile(generator: random.Random, folder: Path) -> Path:
    """An aclImdb archive with links, devices, paths that lead elsewhere, torn text, or changed bytes."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode=generator.choice(("w", "w:gz"))) as archive:
        for split in ("train", "test"):
            for label in ("pos", "neg"):
                for number in range(generator.choice((1, 1, 3))):
                    _add(archive, f"aclImdb/{split}/{label}/{number}_7.txt", f"{split} {label} {number}".encode())
        for name, kind in (
            ("../../evil.txt", tarfile.REGTYPE),
            ("/etc/train/pos/9_9.txt", tarfile.SYMTYPE),
            ("aclImdb/train/pos/8_8.txt", tarfile.LNKTYPE),
            ("aclImdb/test/neg/5_5.txt", tarfile.CHRTYPE),
            ("aclImdb/train/unsup/1_0.txt", tarfile.FIFOTYPE),
            ("aclImdb/train/pos", tarfile.DIRTYPE),
        ):
            if generator.random() < 0.4:
                _add(archive, name, b"", kind)
        if generator.random() < 0.3:
            _add(archive, "aclImdb/train/pos/77_7.txt", b"caf\xe9")
        if generator.random() < 0.3:
            _add(archive, f"aclImdb/train/pos/{'9' * 5_000}_7.txt", b"large number")
    packed = content.getvalue()
    packed = generator.choice((packed, packed[: generator.randrange(len(packed))], mutated(packed, generator, 3)))
    path = folder / "aclImdb.tar.gz"
    path.write_bytes(packed)
    return path


def _add(archive: tarfile.TarFile, name: str, content: bytes, kind: bytes = tarfile.REGTYPE) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.type, member.linkname = len(content), kind, "/etc/passwd"
    archive.addfile(member, io.BytesIO(content))


def keras_hostile(generator: random.Random, folder: Path) -> Path:
    """imdb.npz and its word index with objects, wrong shapes and types, missing members, or changed bytes."""

    class Evil:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return (print, ("evil",))

    odd: tuple[Any, ...] = (
        np.array([[1, 2], [2]], dtype=object), np.array([[1], Evil()], dtype=object), np.array([[1, 2], [2, 1]]),
        np.array([1, 2]), np.array(["a", "b"]), np.array([[10**9], [-1]], dtype=object), np.zeros((0,), object),
        np.array([[1.5], [2.0]], dtype=object), np.array([None, [1]], dtype=object), np.zeros((2, 0), np.int64),
    )  # fmt: skip
    path = folder / "imdb.npz"
    with zipfile.ZipFile(path, "w", generator.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for name in ("x_train", "y_train", "x_test", "y_test"):
            if generator.random() < 0.05:
                continue
            labels = np.array([0, 1], generator.choice((np.int64, np.float64)))
            plain = odd[0] if name == "x_train" else np.array([[2, 1, 1], [1]], dtype=object)
            array = labels if name[0] == "y" else generator.choice(odd) if generator.random() < 0.3 else plain
            content = io.BytesIO()
            np.save(content, array, allow_pickle=True)
            kind = generator.randrange(40)
            raw = content.getvalue()
            if kind == 0:
                raw = mutated(raw, generator, 3)
            elif kind == 1:
                raw = raw[:128].replace(b"(2,)", b"(2000000000000,)") + raw[128:]
            elif kind == 2:
                raw = (
                    b"\x93NUMPY\x01\x00v\x00"
                    + b"{'descr': '|O', 'fortran_order': False, 'shape': (2,)}".ljust(118)
                    + pickle.dumps([1])
                )
            archive.writestr(f"{name}.npy", raw)
    odd_indices: tuple[Any, ...] = ({"good": "1"}, [1], {"good": -5}, {}, {"good": None}, {"a": [1]}, {"\ud800": 1})
    index = json.dumps(generator.choice((*({"good": 1, "bad": 2},) * 20, *odd_indices)))
    (folder / "imdb_word_index.json").write_text(generator.choice((*(index,) * 20, index[:-1], "[" * 100_000)))
    if generator.random() < 0.2:
        path.write_bytes(mutated(path.read_bytes(), generator, 3))
    return path


def small_file_of_large_content(generator: random.Random, folder: Path) -> Path:
    """A file whose content is a thousand times its size: in gzip, in pages and in dictionaries of Parquet."""
    large, few = "z" * generator.choice((500_000, 3_000_000)), generator.choice((20, 300))
    kind = generator.randrange(6)
    path = folder / f"in.{('csv.gz', 'jsonl.gz', 'txt.gz')[kind] if kind < 3 else 'parquet'}"
    if kind < 3:
        with gzip.open(path, "wb", 1) as file:
            file.write((b"text\nfine\n", b'{"text": "fine"}\n{"text": "', b"fine\n")[kind])
            file.writelines(
                generator.choice((b"a", b"a ", b'"', b"[")) * 2**19 for _ in range(generator.choice((100, 1_000)))
            )
        return path
    reviews = ["a fine film"] * few
    if kind == 3:
        column: Any = pa.DictionaryArray.from_arrays(pa.array([0] * few, pa.int32()), [large])
    elif kind == 4:
        column = pa.array([[large]] * few)
    else:
        column = pa.array([f"{large}{number}" for number in range(min(few, 60))] + ["x"] * max(0, few - 60))
    pyarrow.parquet.write_table(
        pa.table({"text": reviews, "n": column}), path, compression="zstd", use_dictionary=generator.random() < 0.5,
        row_group_size=generator.choice((1_000, 10)),
    )  # fmt: skip
    return path


def wide(generator: random.Random, folder: Path) -> Path:
    """A table of very many columns."""
    names = ["text", *(f"c{number}" for number in range(generator.choice((1_000, 20_000, 60_000))))]
    ending = generator.choice(("csv", "jsonl", "parquet"))
    path = folder / f"in.{ending}"
    if ending == "csv":
        path.write_text("\n".join((",".join(names), ",".join(["fine"] * len(names)))))
    elif ending == "jsonl":
        path.write_text(json.dumps(dict.fromkeys(names, "fine")))
    else:
        pyarrow.parquet.write_table(pa.table({name: ["fine"] for name in names[:20_000]}), path)
    return path


TABLES: dict[str, tuple[Writer, int]] = {
    "CSV and TSV, changed bytes": (csv_damaged, 12),
    "CSV and TSV, not UTF-8": (csv_torn_utf_8, 4),
    "CSV, odd header": (csv_odd_header, 4),
    "CSV, open quotation marks": (csv_open_quote, 6),
    "JSONL, odd objects": (json_odd, 14),
    "JSONL, changed bytes": (json_damaged, 8),
    "plain text, changed bytes": (text_damaged, 4),
    "gzip, damaged": (gzip_damaged, 10),
    "Parquet, odd types and values": (parquet_odd, 18),
    "Parquet, changed bytes": (parquet_damaged, 12),
    "small file, large content": (small_file_of_large_content, 2),
    "very many columns": (wide, 1),
}
"""Class -> how to write one, and how often."""

ARCHIVES: dict[str, tuple[Writer, int]] = {
    "archive of aclImdb": (archive_hostile, 6),
    "imdb.npz of Keras": (keras_hostile, 8),
}

"""Every source on real or generated reviews, and what each says of input that it cannot use."""

import io
import os
import pickle
import re
import shutil
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sentiment.data.corpus import Corpus
from sentiment.data.sources import find_files, load_corpus
from sentiment.data.sources.config import SourceConfig, SourceName
from sentiment.data.tokenizer import tokenize
from sentiment.errors import InputError
from tests.reviews import write_archive


def load(
    source: SourceName, data: Path | None = None, *, seed: int = 0, test_fraction: float = 0.2, **options: Any
) -> Corpus:
    config = SourceConfig(source=source, data=data, test_fraction=test_fraction, **options)
    return load_corpus(config, find_files(config), seed=seed)


def same_reviews(archive: Path, tfds_folder: Path) -> Corpus:
    """What an archive holds, which is also what tensorflow-datasets makes of it."""
    packed, prepared = load("aclimdb", archive), load("imdb", tfds_folder)
    for split in ("train", "test", "unlabelled"):
        ours, theirs = getattr(packed, split), getattr(prepared, split)
        assert sorted(ours.texts) == sorted(theirs.texts)
        assert ours.labels.sum() == theirs.labels.sum()
    with_labels = [set(zip(corpus.test.texts, corpus.test.labels, strict=True)) for corpus in (packed, prepared)]
    assert with_labels[0] == with_labels[1]
    return packed


def test_the_archive_and_tensorflow_datasets_hold_the_same_reviews(archive: Path, tfds_folder: Path) -> None:
    corpus = same_reviews(archive, tfds_folder)
    assert (len(corpus.train), len(corpus.test), len(corpus.unlabelled)) == (6_000, 2_000, 1_000)


@pytest.mark.reviews
def test_real_reviews_are_the_same_from_either_source_without_copies_of_test_reviews(
    real_archive: Path, real_tfds_folder: Path
) -> None:
    corpus = same_reviews(real_archive, real_tfds_folder)
    assert not set(corpus.test.texts) & {*corpus.train.texts, *corpus.unlabelled.texts}
    assert any("dropped, as the same text stands in test" in note for note in corpus.notes)


FOUR = {f"{split}/{label}/{n}_{rating}.txt": f"{label} {split} {n}".encode()
        for split in ("train", "test") for label, rating in (("pos", 9), ("neg", 2)) for n in (0, 1)}  # fmt: skip


def test_copies_of_test_reviews_leave_train_and_the_unlabelled_unless_they_are_to_be_kept(tmp_path: Path) -> None:
    copies = {"train/pos/7_9.txt": b"POS  test 0", "train/unsup/0_0.txt": b"neg\ttest 1", "train/unsup/1_0.txt": b"new"}
    archive = write_archive(tmp_path / "copies.tar.gz", {**FOUR, **copies})
    corpus = load("aclimdb", archive)
    assert (len(corpus.train), list(corpus.unlabelled.texts)) == (4, ["new"])
    assert corpus.notes == (
        "1 train review dropped, as the same text stands in test.",
        "1 unlabelled review dropped, as the same text stands in test.",
    )
    config = SourceConfig(source="aclimdb", data=archive, keep_duplicates=True)
    kept = load_corpus(config, find_files(config), seed=0)
    assert (len(kept.train), len(kept.unlabelled), kept.notes) == (5, 2, ())


def test_an_unpacked_folder_gives_the_corpus_of_its_archive(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "small.tar.gz", FOUR)
    shutil.unpack_archive(archive, tmp_path)
    packed_corpus, unpacked_corpus = load("aclimdb", archive), load("aclimdb", tmp_path / "aclImdb")
    assert (
        packed_corpus.train.texts
        == unpacked_corpus.train.texts
        == ["neg train 0", "neg train 1", "pos train 0", "pos train 1"]
    )
    assert packed_corpus.test.labels.tolist() == [0, 0, 1, 1]


def test_a_damaged_archive_is_named(tmp_path: Path) -> None:
    whole = write_archive(tmp_path / "whole.tar.gz", {**FOUR, "train/pos/7_9.txt": os.urandom(20_000)})
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(whole.read_bytes()[:9_000])
    with pytest.raises(InputError, match=r"cut\.tar\.gz is damaged"):
        load("aclimdb", cut)


def test_a_review_in_the_archive_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"train/pos/5_8\.txt is not UTF-8"):
        load("aclimdb", write_archive(tmp_path / "a.tar.gz", {**FOUR, "train/pos/5_8.txt": b"caf\xe9"}))


def test_the_demo_corpus_follows_from_its_seed_and_repeats_no_text() -> None:
    first, same, other = load("demo", seed=1), load("demo", seed=1), load("demo", seed=2)
    assert first.train.digest() == same.train.digest() != other.train.digest()
    texts = [*first.train.texts, *first.test.texts, *first.unlabelled.texts]
    assert len(set(texts)) == len(texts)
    assert max(len(tokenize(text)) for text in texts) <= 170
    assert SourceConfig(source="demo").is_synthetic
    assert first.summary(tokenize)["splits"]["train"]["labels"] == {"negative": 3_000, "positive": 3_000}


TABLE = pd.DataFrame(
    {"text": [f"review {n // 2 if n < 20 else n}" for n in range(100)], "label": [int(n % 4 < 2) for n in range(100)]}
)


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet", "csv.gz", "jsonl.gz"])
def test_a_table_is_read_in_every_format_and_copies_stay_on_one_side(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"reviews.{suffix}"
    if suffix == "parquet":
        TABLE.to_parquet(path)
    elif suffix.startswith("jsonl"):
        TABLE.to_json(path, orient="records", lines=True)
    else:
        TABLE.to_csv(path, index=False, sep="\t" if suffix == "tsv" else ",")
    corpus = load("table", path)
    assert len(corpus.train) + len(corpus.test) == 100
    assert not set(corpus.train.texts) & set(corpus.test.texts)
    assert corpus.test.labels.mean() == pytest.approx(0.5, abs=0.1)
    labels = dict(zip(TABLE["text"], TABLE["label"], strict=True))
    assert [labels[text] for text in corpus.test.texts] == corpus.test.labels.tolist()


@pytest.mark.parametrize(
    ("positive", "negative"), [("Positive", "NEGATIVE"), ("pos", "neg"), ("True", "false"), ("1", "0")]
)
def test_labels_may_be_words_of_any_case(tmp_path: Path, positive: str, negative: str) -> None:
    path = tmp_path / "t.csv"
    TABLE.assign(label=[positive if label else negative for label in TABLE["label"]]).to_csv(path, index=False)
    assert load("table", path).train.labels.mean() == pytest.approx(0.5, abs=0.1)


def test_a_split_column_decides_and_copies_of_test_reviews_leave_train(tmp_path: Path) -> None:
    rows = [("a", 1, "train"), ("b", 0, "train"), ("c", 0, "train"), ("c", 0, "Test"), ("d", 1, "test"),
            ("e", "", "unlabelled")]  # fmt: skip
    pd.DataFrame(rows, columns=["text", "label", "split"]).to_csv(tmp_path / "t.csv", index=False)
    corpus = load("table", tmp_path / "t.csv")
    assert (corpus.train.texts, corpus.test.texts, corpus.unlabelled.texts) == (["a", "b"], ["c", "d"], ["e"])
    assert corpus.notes == ("1 train review dropped, as the same text stands in test.",)


@pytest.mark.parametrize(("word", "unlabelled"), [("validation", "unsupervised"), ("Dev", "unlabelled")])
def test_a_split_column_may_set_reviews_aside_for_validation(tmp_path: Path, word: str, unlabelled: str) -> None:
    rows = [("a", 1, "train"), ("b", 0, word), ("c", 1, word), ("b", 0, "train"), ("d", 0, "train"), ("c", 1, "test"),
            ("e", 0, "test"), ("f", -1, unlabelled)]  # fmt: skip
    pd.DataFrame(rows, columns=["text", "label", "split"]).to_parquet(tmp_path / "t.parquet")
    corpus = load("table", tmp_path / "t.parquet")
    assert (corpus.train.texts, corpus.train.labels.tolist()) == (["a", "b", "d"], [1, 0, 0])
    assert [corpus.train.texts[i] for i in corpus.validation] == ["b"]
    assert (corpus.test.texts, corpus.unlabelled.texts) == (["c", "e"], ["f"])
    assert corpus.notes == (
        "1 validation review dropped, as the same text stands in test.",
        "1 train review dropped, as the same text stands in validation.",
    )


def test_rows_that_cannot_be_used_are_counted_by_reason(tmp_path: Path) -> None:
    TABLE.to_csv(tmp_path / "t.csv", index=False)
    with (tmp_path / "t.csv").open("ab") as file:
        file.write(b' ,1\n,?\n"too",many,cells\ncaf\xe9,1\n')
    with pytest.raises(InputError, match=r"2 of 104 lines could not be read.*--allow-rejected 0\.03"):
        load("table", tmp_path / "t.csv")
    corpus = load("table", tmp_path / "t.csv", allow_rejected=0.03)
    assert len(corpus.train) + len(corpus.test) == 100
    assert corpus.notes == ("2 rows left out: the review is blank (2, first row 101).",)
    assert corpus.lost == (
        "2 of 104 lines could not be read: it has 3 cells, the header 2 (1, first in line 104), it is not UTF-8 "
        "(1, first in line 105)."
    )


def test_rows_without_a_label_are_left_out_and_counted(tmp_path: Path) -> None:
    labels: list[Any] = [None if n < 3 else float(label) for n, label in enumerate(TABLE["label"])]
    TABLE.assign(label=labels).to_parquet(tmp_path / "t.parquet")
    corpus = load("table", tmp_path / "t.parquet")
    assert len(corpus.train) + len(corpus.test) == 97
    assert corpus.notes == ("3 rows left out: its label is missing (3, first row 1).",)


def split_tables() -> dict[str, pd.DataFrame]:
    """Three splits; the labels of the last are -1, as Hugging Face has them."""
    unlabelled = pd.DataFrame({"text": [f"unlabelled {n}" for n in range(9)], "label": [-1] * 9})
    return {"train": TABLE[20:80], "test": TABLE[80:], "unsupervised": unlabelled}


def test_a_test_set_of_its_own_is_tested_on(tmp_path: Path) -> None:
    tables = split_tables()
    tables["train"].to_csv(tmp_path / "mine.csv", index=False)
    tables["test"].to_json(tmp_path / "held-out.jsonl", orient="records", lines=True)
    corpus = load("table", tmp_path / "mine.csv", test_data=tmp_path / "held-out.jsonl")
    assert (corpus.train.texts, corpus.test.texts) == (list(tables["train"]["text"]), list(tables["test"]["text"]))
    assert not corpus.is_cut


@pytest.mark.parametrize("place", ["{split}-00000-of-00001.parquet", "{split}/0000.parquet", "imdb_{split}.parquet"])
def test_files_named_for_splits_are_these_splits(tmp_path: Path, place: str) -> None:
    tables = split_tables()
    for split, table in tables.items():
        path = tmp_path / "data" / place.format(split=split)
        path.parent.mkdir(parents=True, exist_ok=True)
        table.to_parquet(path)
    corpus = load("table", tmp_path / "data")
    assert [sorted(getattr(corpus, split).texts) for split in ("train", "test", "unlabelled")] == [
        sorted(table["text"]) for table in tables.values()
    ]
    if place.startswith("imdb"):
        TABLE.to_parquet(tmp_path / "data" / "more.parquet")
        with pytest.raises(InputError, match=r"files called test, train, unlabelled, and more\.parquet"):
            load("table", tmp_path / "data")


def test_lines_of_fasttext_are_trained_on(tmp_path: Path) -> None:
    lines = [f"__label__{label + 1} {text}\n" for text, label in zip(TABLE["text"], TABLE["label"], strict=True)]
    (tmp_path / "t.txt").write_text("".join(lines))
    corpus = load("table", tmp_path / "t.txt")
    labels = dict(zip(TABLE["text"], TABLE["label"], strict=True))
    assert [labels[text] for text in corpus.test.texts] == corpus.test.labels.tolist()
    assert "__label__1 is read as negative and __label__2 as positive" in corpus.notes[0]
    other = load("table", tmp_path / "t.txt", positive=("1",), negative=("2",))
    assert [1 - labels[text] for text in other.test.texts] == other.test.labels.tolist()


def test_a_folder_of_tables_and_a_column_review_are_read_as_one_table(tmp_path: Path) -> None:
    table = TABLE.rename(columns={"text": "review"})
    table[:50].to_csv(tmp_path / "a.csv", index=False)
    table[50:].to_csv(tmp_path / "b.csv.gz", index=False)
    TABLE.to_csv(tmp_path / "whole.tsv", index=False, sep="\t")
    whole, pattern = load("table", tmp_path / "whole.tsv"), load("table", tmp_path / "*.csv*")
    assert (pattern.train.digest(), pattern.test.digest()) == (whole.train.digest(), whole.test.digest())
    (tmp_path / "whole.tsv").unlink()
    assert load("table", tmp_path).train.digest() == whole.train.digest()


def test_an_unknown_label_is_named_with_its_row_whatever_the_index(tmp_path: Path) -> None:
    table = TABLE.assign(label=TABLE["label"].astype(str)).set_index(pd.Index([f"id-{n}" for n in range(100)]))
    table.iloc[41, 1] = "maybe"
    table.to_parquet(tmp_path / "t.parquet")
    with pytest.raises(InputError, match=r"t\.parquet, column label: found 'maybe', first in row 42; labels may be"):
        load("table", tmp_path / "t.parquet")


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_stars_are_labels_where_the_configuration_tells_which(tmp_path: Path, ending: str) -> None:
    stars = [None if n == 7 else (n // 2) % 5 + 1.0 for n in range(100)]  # as pandas reads whole numbers with a gap
    table = pd.DataFrame({"review": [f"review {n}" for n in range(100)], "stars": stars})
    path = tmp_path / f"t.{ending}"
    table.to_csv(path, index=False) if ending == "csv" else table.to_parquet(path)
    corpus = load("table", path, label_column="stars", positive=("4", "5.0"), negative=("1", "2"))
    rating = dict(zip(table["review"], table["stars"], strict=True))
    for split in (corpus.train, corpus.test):
        assert [rating[text] >= 4 for text in split.texts] == split.labels.tolist()
    left_out = [row for row, star in enumerate(stars, 1) if star in (None, 3)]
    assert corpus.notes == (
        f"{len(left_out)} rows left out: its label is neither positive nor negative ({len(left_out)}, first row 5).",
    )
    assert len(corpus.train) + len(corpus.test) == 100 - len(left_out)


def test_numbers_of_many_digits_are_different_labels() -> None:
    SourceConfig(source="table", positive=("1234567",), negative=("1234568", "1234567.5"))
    with pytest.raises(ValueError, match="1234567 cannot be both positive and negative"):
        SourceConfig(source="table", positive=("1234567",), negative=("1234567.0",))


def test_a_table_without_a_usable_review_says_why(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"text": null, "label": 1}\n{"text": "", "label": 0}\n')
    with pytest.raises(
        InputError, match=r"the review is null \(1, first row 1\), the review is blank \(1, first row 2\)"
    ):
        load("table", tmp_path / "t.jsonl")


def test_a_foreign_imdb_npz_is_read_without_running_what_it_pickles(tmp_path: Path) -> None:
    class Harmful:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (os.system, (f"touch {tmp_path / 'harmed'}",))

    labels = np.array([0, 1])
    sequences = np.array([[1], Harmful()], dtype=object)
    tested = np.array([[1, 2], [2]], dtype=object)
    np.savez(tmp_path / "imdb.npz", x_train=sequences, y_train=labels, x_test=tested, y_test=labels)
    (tmp_path / "imdb_word_index.json").write_text('{"good": 1}')
    with pytest.raises(InputError, match=r"it asks for posix\.system"):
        load("keras", tmp_path)
    assert not (tmp_path / "harmed").exists()
    assert pickle.loads(pickle.dumps(1)) == 1  # noqa: S301 the pickle module itself is left as it was


def test_a_foreign_imdb_npz_that_is_named_is_read_and_said_so(tmp_path: Path) -> None:
    labels, sequences = np.array([0, 1]), np.array([[2, 1], [1]], dtype=object)
    tested = np.array([[1, 2], [2]], dtype=object)
    np.savez(tmp_path / "imdb.npz", x_train=sequences, y_train=labels, x_test=tested, y_test=labels)
    (tmp_path / "imdb_word_index.json").write_text('{"good": 1, "not": 2}')
    corpus = load("keras", tmp_path / "imdb.npz")
    assert corpus.train.texts == ["not good", "good"]
    assert "is not the file that Keras pins" in corpus.notes[0]


def test_an_archive_with_odd_members_gives_its_reviews_or_a_message(tmp_path: Path) -> None:
    odd = {"train/pos/" + "9" * 5_000 + "_7.txt": b"a number too long", "../../evil.txt": b"elsewhere"}
    assert len(load("aclimdb", write_archive(tmp_path / "a.tar.gz", {**FOUR, **odd})).train) == 4
    (tmp_path / "short.tar.gz").write_bytes(b"\x1f\x8b\x08")
    with pytest.raises(InputError, match=r"short\.tar\.gz is damaged"):
        load("aclimdb", tmp_path / "short.tar.gz")
    with tarfile.open(tmp_path / "large.tar.gz", "w:gz", compresslevel=1) as archive:
        member = tarfile.TarInfo("aclImdb/train/pos/0_9.txt")
        member.size = 2**26 + 1
        archive.addfile(member, io.BytesIO(b"a" * member.size))
    with pytest.raises(InputError, match=r"0_9\.txt takes the reviews beyond any size"):
        load("aclimdb", tmp_path / "large.tar.gz")


@pytest.mark.parametrize(
    ("index", "labels", "says"),
    [
        pytest.param("[" * 100_000, [0, 1], "maximum recursion depth", id="brackets"),
        pytest.param('{"good": 1, "not": 2}', [0, 5], "no labels of 0 and 1", id="labels"),
        pytest.param('{"good": 1, "not": 2}', [0], "no labels of 0 and 1", id="too few labels"),
        pytest.param('{"good": 1, "\\ud800": 2}', [0, 1], "can't encode character", id="surrogate"),
        pytest.param('{"good": 1, "not": 3}', [0, 1], "cannot be read (2)", id="unknown word"),
    ],
)
def test_a_foreign_imdb_npz_that_cannot_be_used_is_named(
    tmp_path: Path, index: str, labels: list[int], says: str
) -> None:
    sequences = np.array([[2, 1], [1]], dtype=object)
    np.savez(tmp_path / "imdb.npz", x_train=sequences, y_train=labels, x_test=sequences, y_test=labels)
    (tmp_path / "imdb_word_index.json").write_text(index)
    with pytest.raises(InputError, match=re.escape(says)):
        load("keras", tmp_path)

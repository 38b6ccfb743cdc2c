"""Which labels a source has and in which order: given by --labels, or found."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from sentiment.data.corpus import Corpus
from sentiment.data.sources import find_files, load_corpus
from sentiment.data.sources.config import SourceConfig
from sentiment.data.sources.table import load_labelled
from sentiment.errors import InputError
from tests.conftest import Invoke
from tests.reviews import write_archive

FIVE = ("1", "2", "3", "4", "5")
THREE = ("negative", "neutral", "positive")


def table_of(path: Path, values: Sequence[object], rows: int = 100) -> Path:
    """Rows whose labels take turns; each text ends with its label."""
    labels = [values[n % len(values)] for n in range(rows)]
    table = pd.DataFrame({"text": [f"{n} says {label}" for n, label in enumerate(labels)], "label": labels})
    table.to_parquet(path) if path.suffix == ".parquet" else table.to_csv(path, index=False)
    return path


def load(data: Path, source: Any = "table", **options: Any) -> Corpus:
    config = SourceConfig(source=source, data=data, **options)
    return load_corpus(config, find_files(config), seed=0)


def read_labels(corpus: Corpus) -> dict[str, str]:
    """What each text ends with -> the class that was read."""
    pairs = [
        (text.split(" says ")[1], corpus.label_names[label])
        for split in (corpus.train, corpus.test)
        for text, label in zip(split.texts, split.labels, strict=True)
    ]
    return dict(sorted(pairs))


@pytest.mark.parametrize(
    ("values", "order"),
    [
        ((3.0, 1.0, 5.0, 2.0, 4.0), FIVE),
        (("5 stars", "1 star", "3 Stars"), ("1", "3", "5")),
        (("Positive", "neutral", "NEGATIVE"), THREE),
        (("pos", "neg", "neu"), ("neg", "neu", "pos")),
        ((1, -1, 0), ("-1", "0", "1")),
        (("0", "10", "9"), ("0", "9", "10")),
    ],
)
def test_three_labels_or_more_that_have_an_order_are_read_in_it(
    tmp_path: Path, values: Sequence[object], order: tuple[str, ...]
) -> None:
    corpus = load(table_of(tmp_path / "t.parquet", values))
    assert corpus.label_names == order
    assert {*corpus.train.labels.tolist()} == {*range(len(order))}
    assert len({*read_labels(corpus).items()}) == len(order)
    assert f"from worst to best as {', '.join(order)}" in corpus.notes[0]


def test_labels_are_read_in_the_order_that_is_given_and_others_are_counted(tmp_path: Path) -> None:
    path = table_of(tmp_path / "t.csv", ("good", "Bad", "so  so", "spam"))
    corpus = load(path, labels=("BAD", "so so", "good"))
    assert corpus.label_names == ("bad", "so so", "good")
    assert read_labels(corpus) == {"Bad": "bad", "good": "good", "so  so": "so so"}
    assert corpus.notes == ("25 rows left out: its label is none of bad, so so, good (25, first row 4).",)


def test_two_labels_that_are_given_are_the_two_classes(tmp_path: Path) -> None:
    corpus = load(table_of(tmp_path / "t.csv", (1, -1)), labels=("-1", "1"))
    assert corpus.label_names == ("negative", "positive")
    assert read_labels(corpus) == {"-1": "negative", "1": "positive"}


def test_stars_of_fasttext_are_ordered(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("".join(f"__label__{n % 5 + 1} {n} says {n % 5 + 1}\n" for n in range(50)))
    assert read_labels(load(tmp_path / "t.txt")) == {star: star for star in FIVE}


def test_minus_one_is_unlabelled_where_a_split_or_file_says_so(tmp_path: Path) -> None:
    table_of(tmp_path / "train.parquet", (0, 1))
    table_of(tmp_path / "test.parquet", (-1,))
    corpus = load(tmp_path)
    assert (corpus.label_names, corpus.is_cut) == (("negative", "positive"), True)
    assert "100 rows left out: its label is -1, as in unlabelled splits" in corpus.notes[0]
    mixed = load(table_of(tmp_path / "unsupervised.parquet", (0, 1, -1)))
    assert read_labels(mixed) == {"0": "negative", "1": "positive"}


def test_the_ratings_of_imdb_are_read_from_the_names_of_files(tmp_path: Path) -> None:
    files = {
        f"{split}/{'neg' if rating < 6 else 'pos'}/{n}_{rating}.txt": f"{split} {n} says {rating}".encode()
        for split, rows in (("train", 48), ("test", 16))
        for n, rating in enumerate((1, 2, 3, 4, 7, 8, 9, 10) * (rows // 8))
    }
    archive = write_archive(
        tmp_path / "a.tar.gz", {**files, "train/unsup/0_0.txt": b"more", "train/pos/99_5.txt": b"?"}
    )
    corpus = load(archive, "aclimdb", labels=("ratings",))
    assert corpus.label_names == ("1", "2", "3", "4", "7", "8", "9", "10")
    assert read_labels(corpus) == {rating: rating for rating in sorted(corpus.label_names)}
    assert (len(corpus.train), len(corpus.test), len(corpus.unlabelled)) == (48, 16, 1)
    assert corpus.notes == ("1 reviews left out, as their file names end with none of IMDB's ratings.",)


def test_a_table_that_tests_a_classifier_is_read_by_the_labels_of_the_classifier(tmp_path: Path) -> None:
    path = table_of(tmp_path / "t.csv", (5, 2, 5))
    reviews, names, notes = load_labelled(SourceConfig(source="table", data=path), FIVE)
    assert (names, {*reviews.labels.tolist()}, notes) == (FIVE, {1, 4}, ())
    with pytest.raises(InputError, match=r"'good' \(50\).*labels 1, 2, 3, 4, 5 leave out 100 of 100 labelled rows"):
        load_labelled(SourceConfig(source="table", data=table_of(path, ("good", "bad"))), FIVE)
    with pytest.raises(InputError, match=r"found '3', first in row 2.*such as --labels bad,good"):
        load_labelled(SourceConfig(source="table", data=table_of(path, (1, 3, 0))), ("negative", "positive"))


@pytest.mark.parametrize(
    ("values", "options", "says"),
    [
        (FIVE, "--labels 5", "--labels names one label alone"),
        (FIVE, "--labels 1,2,1.0", "--labels names '1' more than once"),
        (FIVE, "--labels Bad,good,bad", "'bad' more than once, as case and blanks make no difference"),
        (THREE, "--labels positive,neutral,negative", "begins with 'positive', which is not the worst"),
        (FIVE, "--labels 1,,2", "--labels holds an empty label"),
        (FIVE, f"--labels {','.join(map(str, range(60)))}", "names 60 labels, and a classifier takes at most 20"),
        (range(60), "", "column label holds 60 labels, and a classifier takes at most 20"),
        (FIVE, "--labels 4,5", "leave out 60 of 100 labelled rows"),
        (FIVE, "--labels 1,2 --positive 5 --negative 1", "--labels keeps all labels apart"),
        (FIVE, "--labels ratings", "--labels ratings and --source aclimdb go together"),
        (FIVE, "--source aclimdb --labels 1,2,3", "--labels ratings and --source aclimdb go together"),
        (FIVE, "--source demo --labels 1,2,3", "--labels is for --source table, tfds and aclimdb"),
        (FIVE, "--dataset glue/sst2", "--source tfds and --dataset go together"),
        ((*FIVE[:4], *FIVE[:4] * 7, "5"), "", "these have fewer: 5 (3)"),
        ((*THREE, "mixed"), "", "found 'mixed', 'neutral', first in row 2"),
        (("good", "bad", "fair"), "", "Name others by --labels, the worst first, such as --labels bad,fair,good"),
        ((1, -1), "", "and --labels can name it"),
    ],
)  # fmt: skip
def test_labels_that_cannot_be_are_named_with_a_remedy(
    invoke: Invoke, tmp_path: Path, values: Sequence[object], options: str, says: str
) -> None:
    table_of(tmp_path / "t.csv", values)
    result = invoke("load", "--source", "table", "--data", "t.csv", *options.split())
    assert (result.exit_code, says in " ".join(result.output.split())) == (2, True), result.output


def test_load_shows_the_share_of_each_label(invoke: Invoke, tmp_path: Path) -> None:
    table_of(tmp_path / "t.csv", THREE)
    result = invoke("load", "--source", "table", "--data", "t.csv", "--labels", "negative,neutral,positive")
    assert result.exit_code == 0, result.output
    assert all(name in result.output for name in THREE)

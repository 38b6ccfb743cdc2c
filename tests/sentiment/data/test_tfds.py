"""Data sets that the real builders of tensorflow-datasets write, from small downloads of the shape of theirs."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from sentiment.data.corpus import Corpus
from sentiment.data.sources import find_files, load_corpus
from sentiment.data.sources.config import SourceConfig
from sentiment.errors import InputError
from tests.conftest import Invoke, once
from tests.reviews import prepare_tfds

YELP, SST2, TWEETS, AMAZON = (
    "yelp_polarity_reviews", "glue/sst2", "sentiment140", "amazon_us_reviews/Mobile_Electronics_v1_00",
)  # fmt: skip


@pytest.fixture(scope="session")
def prepared(shared_folder: Path) -> Path:
    """Four prepared data sets, the text of every review of which ends with its label."""

    def prepare(folder: Path) -> None:
        downloads = {name: folder / "downloads" / name.replace("/", "-") for name in (YELP, SST2, TWEETS, AMAZON)}
        for name, inner in ((YELP, "yelp_review_polarity_csv"), (SST2, "SST-2"), (TWEETS, "")):
            (downloads[name] / inner).mkdir(parents=True)
        for split, rows in (("train", 40), ("test", 20)):
            lines = [f'"{n % 2 + 1}","{split} {n} of {n % 2 + 1}"\n' for n in range(rows)]
            (downloads[YELP] / f"yelp_review_polarity_csv/{split}.csv").write_text("".join(lines))
        for split, rows in (("train", 40), ("dev", 10)):
            sentences = [f"{split} {n} of {n % 2}" for n in range(rows)]
            table = pd.DataFrame({"sentence": sentences, "label": [0, 1] * (rows // 2)})
            table.to_csv(downloads[SST2] / f"SST-2/{split}.tsv", sep="\t", index=False)
        table = pd.DataFrame({"index": range(9), "sentence": [f"test {n}" for n in range(9)]})
        table.to_csv(downloads[SST2] / "SST-2/test.tsv", sep="\t", index=False)
        tweets = {"training.1600000.processed.noemoticon": [0, 4] * 20, "testdata.manual.2009.06.14": [0, 2, 4] * 5}
        for file, values in tweets.items():
            cells = (
                (label, n, "Mon", "NO_QUERY", "me", f"{file[:4]} {n} of {label}") for n, label in enumerate(values)
            )
            lines = [",".join(f'"{cell}"' for cell in row) + "\n" for row in cells]
            (downloads[TWEETS] / f"{file}.csv").write_text("".join(lines))
        columns = (
            "marketplace customer_id review_id product_id product_parent product_title product_category star_rating "
            "helpful_votes total_votes vine verified_purchase review_headline review_body review_date"
        ).split()
        rows_of_stars = [
            {**dict.fromkeys(columns, "x"), "helpful_votes": 0, "total_votes": 0, "vine": "N", "verified_purchase": "Y",
             "star_rating": n % 5 + 1, "review_body": f"review {n} of {n % 5 + 1}"}
            for n in range(60)
        ]  # fmt: skip
        pd.DataFrame(rows_of_stars).to_csv(downloads[AMAZON], sep="\t", index=False)
        prepare_tfds(downloads, folder / "prepared")

    return once(shared_folder / "text-tfds", prepare) / "prepared"


def load(prepared: Path, dataset: str, **options: Any) -> Corpus:
    config = SourceConfig(source="tfds", dataset=dataset, data=prepared, **options)
    return load_corpus(config, find_files(config), seed=0)


def labels_of(corpus: Corpus, split: str = "train") -> set[tuple[str, str]]:
    """The label that each text ends with, and the one that was read."""
    reviews = getattr(corpus, split)
    read = [corpus.label_names[label] for label in reviews.labels]
    return {(text.split()[-1], label) for text, label in zip(reviews.texts, read, strict=True)}


def test_classes_called_1_and_2_are_negative_and_positive_and_a_note_says_so(prepared: Path) -> None:
    corpus = load(prepared, YELP)
    assert (len(corpus.train), len(corpus.test), corpus.is_cut) == (40, 20, False)
    assert labels_of(corpus) == labels_of(corpus, "test") == {("1", "negative"), ("2", "positive")}
    assert "1 is read as negative and 2 as positive" in corpus.notes[0]
    assert labels_of(load(prepared, YELP, labels=("2", "1"))) == {("2", "negative"), ("1", "positive")}


def test_a_test_split_without_labels_is_unlabelled_and_another_is_cut(prepared: Path) -> None:
    corpus = load(prepared, SST2)
    assert labels_of(corpus) == labels_of(corpus, "test") == {("0", "negative"), ("1", "positive")}
    assert sorted(corpus.unlabelled.texts) == [f"test {n}" for n in range(9)]
    assert sorted(corpus.train.texts[at].split()[0] for at in corpus.validation) == ["dev"] * 10
    assert (len(corpus.test), corpus.is_cut) == (8, True)
    assert corpus.notes == ("9 reviews of the split test have no label and count as unlabelled.",)


def test_an_integer_label_takes_an_order_or_two_of_its_values(prepared: Path) -> None:
    corpus = load(prepared, TWEETS, labels=("0", "4"))
    assert labels_of(corpus) == labels_of(corpus, "test") == {("0", "negative"), ("4", "positive")}
    assert "5 rows left out: its label is none of 0, 4 (5, first row" in corpus.notes[0]
    with pytest.raises(InputError, match=r"have fewer: 2 \(0\).*naming the others with --labels"):
        load(prepared, TWEETS)


def test_features_are_named_where_their_types_do_not_tell_them(prepared: Path) -> None:
    with pytest.raises(InputError, match=r"data/review_body.*does not tell which feature is the text: choose with --t"):
        load(prepared, AMAZON)
    columns = {"text_column": "data/review_body", "label_column": "data/star_rating"}
    corpus = load(prepared, AMAZON, **columns)
    assert corpus.label_names == ("1", "2", "3", "4", "5")
    assert labels_of(corpus) == {(star, star) for star in corpus.label_names}
    assert (len(corpus.train), len(corpus.test), corpus.is_cut) == (48, 12, True)
    with pytest.raises(InputError, match="has no feature stars: choose with --label-column"):
        load(prepared, AMAZON, **{**columns, "label_column": "stars"})
    two = load(prepared, AMAZON, **columns, positive=("4", "5"), negative=("1", "2"))
    assert labels_of(two) == {("1", "negative"), ("2", "negative"), ("4", "positive"), ("5", "positive")}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--dataset yelp_polarity", "has no data set yelp_polarity. Is it yelp_polarity_reviews?"),
        ("--dataset glue/sst5", "glue has no sst5: choose one of cola, sst2"),
        ("--dataset yelp_polarity_reviews", "could not be downloaded from https://"),
        ("", "--source tfds needs --dataset"),
    ],
)
def test_a_data_set_that_is_not_there_is_named(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, options: str, says: str
) -> None:
    """Loopback stands in for the network that is not there: nothing answers at that proxy."""
    for variable in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    result = invoke("load", "--source", "tfds", "--data", "nothing", *options.split())
    assert (result.exit_code, says in " ".join(result.output.split())) == (2, True), result.output

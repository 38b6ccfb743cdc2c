"""What a classifier has learned from, as hashes; and that nothing of it tests what starts from it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sentiment.data.corpus import Corpus, Fold
from sentiment.data.fingerprints import FINGERPRINTS_FILE, Fingerprints
from sentiment.data.sources import find_files, load_corpus
from sentiment.data.sources.config import SourceConfig
from sentiment.errors import InputError

ROWS = pd.DataFrame({"text": [f"review {number}" for number in range(100)], "label": [0, 1] * 50})


def load(
    folder: Path, rows: pd.DataFrame, start: Fingerprints | None = None, *, seed: int = 0, fold: Fold | None = None
) -> Corpus:
    rows.to_csv(folder / "mine.csv", index=False)
    config = SourceConfig(source="table", data=folder / "mine.csv")
    return load_corpus(config, find_files(config), seed=seed, fold=fold, start=start)


def test_fingerprints_hold_copies_of_a_text_and_what_the_start_learned_from(tmp_path: Path) -> None:
    start = Fingerprints.of(["An older film"], Fingerprints.of(["the first\u00a0film"]))
    found = Fingerprints.of(["A good\nfilm", "a bad film", "A bad film"], start)
    assert (len(found.own), len(found.start)) == (2, 2)
    texts = ["a  GOOD film ", "a bad film", "an older film", "The first film", "a good film!", ""]
    assert found.holds(texts).tolist() == [True, True, True, True, False, False]
    found.save(tmp_path)
    read = Fingerprints.load(tmp_path)
    assert read.digest() == found.digest() != start.digest()
    assert np.array_equal(read.everything, found.everything)


@pytest.mark.parametrize("own", [np.array([2, 1], np.uint64), np.array([1, 2]), np.array([[1, 2]], np.uint64)])
def test_fingerprints_in_another_form_are_refused(tmp_path: Path, own: np.ndarray) -> None:
    np.savez(tmp_path / FINGERPRINTS_FILE, own=own, start=np.zeros(0, np.uint64))
    with pytest.raises(ValueError, match="its own fingerprints are not in their order"):
        Fingerprints.load(tmp_path)


def test_rows_that_a_start_has_seen_move_from_the_test_split_to_train(tmp_path: Path) -> None:
    learned = load(tmp_path, ROWS.head(50)).train.texts
    plain, corpus = load(tmp_path, ROWS), load(tmp_path, ROWS, Fingerprints.of(learned))
    kept = [text for text in plain.test.texts if text not in learned]
    assert 0 < len(kept) < 20 == len(plain.test)
    assert corpus.test.texts == kept
    assert sorted([*corpus.train.texts, *kept]) == sorted(ROWS["text"])
    labels = dict(zip(ROWS["text"], ROWS["label"], strict=True))
    assert [labels[text] for text in corpus.train.texts] == corpus.train.labels.tolist()
    taken = [text for text in plain.test.texts if text in learned]
    assert corpus.notes == (
        f"{len(taken)} test reviews moved to train, as the start has learned from the same text, which leaves "
        f'{len(kept)} to test on; the first: "{taken[0]}"',
    )
    same = load(tmp_path, ROWS.head(50), Fingerprints.of(learned))  # cut as the start was, so it has seen none
    assert (len(same.test), same.notes) == (10, ())


def test_rows_that_a_start_has_seen_are_dropped_from_a_test_split_of_the_source(tmp_path: Path) -> None:
    rows = ROWS.assign(split=np.where(ROWS.index < 20, "test", "train"))
    corpus = load(tmp_path, rows, Fingerprints.of(["Review 3", "review 30"]))
    assert (len(corpus.train), len(corpus.test), "review 3" in corpus.test.texts) == (80, 19, False)
    assert corpus.notes == (
        "1 test review dropped, as the start has learned from the same text, which leaves 19 to test on; the first: "
        '"review 3"',
    )


def test_rows_that_a_start_has_seen_are_in_no_fold(tmp_path: Path) -> None:
    learned = ROWS["text"][:90].tolist()
    folds = [load(tmp_path, ROWS, Fingerprints.of(learned), fold=Fold(number, 5)) for number in range(5)]
    assert sorted(text for corpus in folds for text in corpus.test.texts) == sorted(ROWS["text"][90:])
    assert all(set(learned) <= set(corpus.train.texts) for corpus in folds)
    assert all(sorted(corpus.test.labels) == [0, 1] for corpus in folds)
    assert folds[0].notes[0].startswith("90 rows kept out of all folds, as the start has learned from the same text")


@pytest.mark.parametrize(
    ("learned", "fold", "says"),
    [
        (100, None, r"learned from 20 of the 20 test reviews, and the others \(0\) lack .*: give reviews that"),
        (95, None, "lack a class: give a larger --test-fraction, or --folds, or reviews"),
        (100, Fold(None, 5), "The start has learned from all 100 labelled rows, so none is left to test on"),
    ],
)
def test_a_start_that_has_seen_all_rows_to_test_on_is_refused(
    tmp_path: Path, learned: int, fold: Fold | None, says: str
) -> None:
    tested = load(tmp_path, ROWS).test.texts
    first = [*tested, *(text for text in ROWS["text"] if text not in tested)][:learned]
    with pytest.raises(InputError, match=says):
        load(tmp_path, ROWS, Fingerprints.of(first), fold=fold)

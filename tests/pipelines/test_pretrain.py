"""The preset `strong`, made small: word vectors, pseudo-labels, pooling and masks at once."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sentiment.classifier import SentimentClassifier
from sentiment.data.sequences import pad_texts
from tests import parity
from tests.conftest import Invoke

pytestmark = pytest.mark.usefixtures("uncompiled")

SMALL_VECTORS = "--preset strong --source aclimdb --embedding-dim 8 --document-vectors 12".split()
SMALL_STRONG = [
    *SMALL_VECTORS,
    *"--num-words 2000 --maxlen 60 --units 8 --epochs 2 --batch-size 32 --learning-rate 0.01".split(),
]


@pytest.fixture
def folder(reviews_csv: Path, tmp_path: Path) -> Path:
    """Reviews in the layout of the archive: 300 to train on, 100 to test on, 200 without labels."""
    table = pd.read_csv(reviews_csv).sample(frac=1, random_state=0)
    splits = {"train": table[:300], "test": table[300:400], "train/unsup": table[400:]}
    for split, reviews in splits.items():
        for row, (text, label) in enumerate(zip(reviews["text"], reviews["label"], strict=True)):
            kind = "" if split == "train/unsup" else ("neg", "pos")[label]
            path = tmp_path / "aclImdb" / split / kind / f"{row}_0.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    return tmp_path / "aclImdb"


def test_vectors_come_from_training_and_unlabelled_text_alone(folder: Path, invoke: Invoke, tmp_path: Path) -> None:
    def pretrain(work_dir: str, *options: str) -> np.ndarray:
        result = invoke("pretrain", *SMALL_VECTORS, *options, "--data", folder, "--work-dir", work_dir)
        assert result.exit_code == 0, result.output
        [path] = (tmp_path / work_dir).glob("document-vectors/*/array.npy")
        vectors: np.ndarray = np.load(path)
        return vectors

    vectors = pretrain("before")
    assert vectors.shape == (500, 12)  # 300 of train, 200 without labels
    for path in folder.glob("test/*/*.txt"):
        path.write_text("the same words in every review of the test split")
    assert np.array_equal(pretrain("other-test"), vectors)
    assert np.array_equal(pretrain("other-test", "--pseudo-label-epochs", "1"), vectors)
    for path in folder.glob("train/unsup/*.txt"):
        path.write_text("the same words in every review without a label")
    assert not np.array_equal(pretrain("other-unlabelled"), vectors)


def test_pretraining_that_nobody_asked_for_is_refused(folder: Path, invoke: Invoke) -> None:
    result = invoke("pretrain", "--preset", "textbook", "--source", "aclimdb", "--data", folder)
    assert result.exit_code == 2
    assert "--word-vectors" in result.output


@pytest.mark.parametrize("epochs", [0, 1])
def test_training_learns_from_pseudo_labels_where_it_is_told_to(
    folder: Path, invoke: Invoke, tmp_path: Path, epochs: int
) -> None:
    def train(work_dir: str) -> object:
        options = f"--no-word-vectors --epochs 1 --pseudo-label-epochs {epochs}".split()
        result = invoke("train", *SMALL_STRONG, *options, "--data", folder, "--work-dir", work_dir)
        assert result.exit_code == 0, result.output
        [path] = (tmp_path / work_dir).glob("train/*/history.json")
        return json.loads(path.read_text())["loss"]

    before = train("before")
    for path in folder.glob("train/unsup/*.txt"):
        path.write_text("a bad film")
    assert (train("after") == before) == (epochs == 0)


@pytest.mark.parametrize("unlabelled", [True, False], ids=["unlabelled reviews", "none"])
def test_a_strong_classifier_is_trained_and_scores_as_keras_does(
    folder: Path, invoke: Invoke, tmp_path: Path, unlabelled: bool
) -> None:
    if not unlabelled:
        for path in folder.glob("train/unsup/*.txt"):
            path.unlink()
    options = "--model lstm --pseudo-label-epochs 4".split()  # with as many teachers as there may be
    result = invoke("evaluate", *SMALL_STRONG, *options, "--data", folder)
    assert result.exit_code == 0, result.output
    [saved] = (tmp_path / ".sentiment").glob("train/*/classifier")
    classifier = SentimentClassifier.load(saved)
    assert [layer.name for layer in classifier.keras_network.layers][-4:] == [
        "lstm_1", "max_mean_pooling", "dropout", "positive_probability"
    ]  # fmt: skip
    texts = [path.read_text("utf-8") for path in folder.glob("test/*/*.txt")]
    padded = pad_texts(texts, classifier.model_.vocabulary, classifier.recurrent_model.sequences)
    expected = classifier.keras_network.predict(padded, verbose=0)[:, 0]
    assert np.abs(classifier.positive_probability(texts) - expected).max() <= parity.of_probability(
        classifier.keras_network
    )

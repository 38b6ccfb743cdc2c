from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.classifier import SentimentClassifier
from sentiment.errors import InputError
from tests.conftest import PipelineRun


@pytest.fixture(scope="module")
def classifier(small_run: PipelineRun) -> SentimentClassifier:
    return SentimentClassifier.load(small_run.classifier)


@settings(max_examples=15)
@given(st.lists(st.text(), min_size=1, max_size=8), st.integers(0, 7))
def test_a_probability_does_not_depend_on_the_other_reviews(
    classifier: SentimentClassifier, texts: list[str], position: int
) -> None:
    position %= len(texts)
    together = classifier.positive_probability([*texts, *["a film"] * 300])[position]
    alone = classifier.positive_probability([texts[position]])[0]
    assert together == pytest.approx(alone, abs=1e-6)


def test_a_saved_classifier_predicts_the_same(classifier: SentimentClassifier, tmp_path: Path) -> None:
    classifier.save(tmp_path / "saved")
    texts = ["not at all good", "", "🎬 très bien", "bad " * 500]
    loaded = SentimentClassifier.load(tmp_path / "saved")
    expected = pytest.approx(classifier.positive_probability(texts), abs=1e-6)
    assert loaded.positive_probability(texts) == expected


def test_labels_follow_the_threshold(classifier: SentimentClassifier) -> None:
    probabilities = np.array([0.2, 0.5, 0.8], np.float32)
    assert classifier.labels(probabilities) == ["negative", "positive", "positive"]


def test_a_folder_without_a_classifier_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no saved classifier: classifier\.json, vocabulary\.json, model\.onnx"):
        SentimentClassifier.load(tmp_path)

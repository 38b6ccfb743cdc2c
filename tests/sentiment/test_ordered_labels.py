"""Ordered labels: one score with cut points, from `fit` to the saved classifier."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sentiment
from sentiment import InputError, SentimentClassifier
from sentiment.data.labels import (
    class_probabilities,
    cumulative,
    cut_scores,
    known_order,
    median_labels,
    verdict_probabilities,
)
from sentiment.training.start import PlacedCuts

pytestmark = pytest.mark.usefixtures("uncompiled")

STARS = np.random.default_rng(0).integers(1, 6, 400)
TEXTS = [" ".join(["fine"] * (2 * stars) + ["dull"] * (10 - 2 * stars)) + f" film {n}" for n, stars in enumerate(STARS)]


@pytest.mark.parametrize(
    ("settings", "learned"),
    [
        ({"preset": "linear"}, 300),
        ({"preset": "textbook", "epochs": 2, "units": 8}, 300),
        ({"start": "imdb", "epochs": 1}, 60),
    ],
)
def test_stars_are_learned_saved_and_read_back_to_the_last_bit(
    settings: dict[str, Any], learned: int, tmp_path: Path
) -> None:
    classifier = SentimentClassifier(**settings).fit(TEXTS[:learned], STARS[:learned])
    classifier.save(tmp_path)
    read, others = sentiment.load(tmp_path), TEXTS[300:]
    probabilities = classifier.predict_proba(others)
    assert np.array_equal(read.predict_proba(others), probabilities)
    assert read.classes_.tolist() == [1, 2, 3, 4, 5]
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    assert probabilities.min() >= 0
    assert np.array_equal(read.predict(others), 1 + median_labels(probabilities))
    frame = classifier.annotate(["fine " * 10, None])
    names = [f"probability_{stars}" for stars in range(1, 6)]
    assert [*frame.columns] == ["predicted_label", *names, "expected_label"]
    assert frame.isna().iloc[1].all()
    assert frame["expected_label"][0] == pytest.approx(frame.loc[0, names].to_numpy(float) @ np.arange(1, 6), abs=1e-4)


def test_columns_are_sorted_and_the_order_is_given() -> None:
    labels = np.array(["bad", "so so", "great"])[STARS[:300] // 2]
    classifier = SentimentClassifier(preset="linear", labels=["bad", "so so", "great"]).fit(TEXTS[:300], labels)
    assert classifier.classes_.tolist() == ["bad", "great", "so so"]
    assert classifier.label_names == ("bad", "so so", "great")
    assert classifier.positive_class_ == "great"
    best = classifier.predict_proba(["fine " * 10])[0]
    assert classifier.classes_[best.argmax()] == classifier.predict(["fine " * 10])[0]


def test_reviews_with_other_labels_are_left_out_and_counted() -> None:
    with pytest.warns(UserWarning, match=r"reviews left out, as `labels` does not name theirs"):
        classifier = SentimentClassifier(preset="linear", labels=[1, 2, 3, 5]).fit(TEXTS, STARS)
    assert classifier.classes_.tolist() == [1, 2, 3, 5]


def test_a_start_with_other_labels_is_refused(tmp_path: Path) -> None:
    SentimentClassifier(preset="textbook", epochs=1, units=8).fit(TEXTS, STARS).save(tmp_path)
    with pytest.raises(InputError, match="The start tells 1, 2, 3, 4, 5 apart, and these reviews have 1, 2, 3"):
        SentimentClassifier(start=tmp_path).fit(TEXTS, np.minimum(STARS, 3))


def test_probabilities_of_classes_are_the_steps_of_cumulative_ones() -> None:
    generator = np.random.default_rng(0)
    for count in range(3, 9):
        cuts, scores = np.sort(generator.normal(size=count - 1)), generator.normal(size=50)
        probabilities = class_probabilities(cut_scores(scores, cuts))
        assert probabilities.shape == (50, count)
        assert np.allclose(probabilities.sum(axis=1), 1)
        assert (probabilities >= 0).all()
        labels = generator.integers(count, size=50)
        assert np.array_equal(median_labels(class_probabilities(cumulative(labels, count))), labels)


@given(st.integers(3, 8), st.integers(0, 2**32 - 1))
def test_a_verdict_is_the_label_between_whose_cut_points_the_score_lies_and_the_fewest_steps_from_all(
    count: int, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    cuts, scores = np.sort(generator.normal(0, 2, count - 1)), generator.normal(0, 3, 50)
    probabilities = class_probabilities(cut_scores(scores, cuts))
    verdicts = median_labels(probabilities)
    assert np.array_equal(verdicts, (scores[:, None] > cuts).sum(axis=1))
    steps = np.abs(np.subtract.outer(np.arange(count), np.arange(count)))
    expected = probabilities @ steps
    assert np.allclose(expected[np.arange(50), verdicts], expected.min(axis=1), atol=1e-5)
    assert np.array_equal(verdict_probabilities(probabilities), probabilities[np.arange(50), verdicts])


def test_the_cuts_of_a_start_are_those_that_made_the_labels() -> None:
    generator, cuts = np.random.default_rng(0), np.array([-2.0, 0.5, 1.0])
    scores = generator.normal(0, 2, 4_000)
    labels = (generator.logistic(size=4_000)[:, None] + 2 * scores[:, None] > cuts).sum(axis=1)
    placed = PlacedCuts.fit(scores, labels, 4)
    assert placed.slope == pytest.approx(2, abs=0.15)
    assert placed.cut_points == pytest.approx(cuts, abs=0.2)


@pytest.mark.parametrize(
    ("words", "order"),
    [
        (["3", "1", "10"], ("1", "3", "10")),
        (["positive", "neutral", "negative"], ("negative", "neutral", "positive")),
        (["pos", "neg"], None),
        (["a", "b", "c"], None),
        (["neg", "negative", "pos"], None),
    ],
)
def test_an_order_is_found_for_numbers_and_names_that_have_one(words: list[str], order: tuple[str, ...] | None) -> None:
    assert known_order(words) == order

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment.classifier import SentimentClassifier
from sentiment.data.corpus import Reviews
from sentiment.evaluation.abstention import Abstention, GuaranteeCheck
from sentiment.evaluation.behaviour import behaviour_sentences
from sentiment.evaluation.result import (
    Result,
    confident_mistakes,
    evaluate_classifier,
    slice_accuracy,
    slice_reviews,
)
from sentiment.training.linear_model import LinearModel


@pytest.fixture(scope="module")
def result() -> Result:
    classifier = SentimentClassifier.from_model(
        LinearModel.fit(["a fine film", "a dull film"] * 4, np.array([1, 0] * 4))
    )
    reviews = Reviews(["fine", "dull", "not\x00 dull"], np.array([1, 0, 1], np.int8))
    seen = behaviour_sentences()  # all, so that a failure rate is missing
    return evaluate_classifier(classifier, reviews, "NB-LR", [Abstention(0.9, 0.0, 0.0)], seen)


def test_a_result_holds_what_a_classifier_did(result: Result) -> None:
    assert result.predictions["predicted_label"].tolist() == ["positive", "negative", "negative"]
    assert result.correct.tolist() == [True, True, False]
    assert result.metrics["accuracy"] == pytest.approx(2 / 3)
    assert result.metrics["scored_per_second"] > 0
    assert result.guarantees == [GuaranteeCheck(0.9, 3, 3, 2)]
    assert result.left_out > 100


def test_a_result_is_read_as_it_was_saved(result: Result, tmp_path: Path) -> None:
    for guarantees in (result.guarantees, []):
        saved = replace(result, history={"val_loss": [0.5, 0.25]}, guarantees=guarantees)
        saved.save(tmp_path)
        read = Result.load(tmp_path, saved.name)
        pd.testing.assert_frame_equal(read.predictions, saved.predictions)
        pd.testing.assert_frame_equal(read.behaviour, saved.behaviour)
        pd.testing.assert_frame_equal(read.fairness, saved.fairness)
        assert (read.metrics, read.history, read.guarantees) == (saved.metrics, saved.history, guarantees)
    assert Result.load(tmp_path, "other", metrics={}, history={}).metrics == {}


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ({}, np.nan),
        ({"loss": [0.1]}, np.nan),
        ({"val_loss": [np.nan, 0.4, 0.3, np.inf, 0.5]}, 0.3),
        ({"val_loss": [0.3, 0.4], "teacher_val_loss": [0.2, 0.1]}, 0.4),  # the last epoch has the best teacher
    ],
)
def test_the_validation_loss_is_that_of_the_weights_that_were_kept(
    result: Result, history: dict[str, list[float]], expected: float
) -> None:
    assert replace(result, history=history).validation_loss == pytest.approx(expected, nan_ok=True)


@given(st.lists(st.text("ab not", max_size=30), min_size=1, max_size=40))
def test_quartiles_and_negation_each_hold_every_review_once(reviews: list[str]) -> None:
    slices = slice_reviews(reviews)
    quartiles = [members for name, members in slices.items() if name.startswith("length")]
    assert np.sum(quartiles, axis=0).tolist() == [1] * len(reviews)
    assert (slices["with a negation"] ^ slices["without negation"]).all()


def test_quartiles_part_reviews_by_length_and_accuracy_is_that_of_each_part() -> None:
    reviews = [("word " * length).strip() for length in (40, 10, 30)]
    table = slice_accuracy([*reviews, "It isn't " + "long " * 18], np.array([True, False, True, False]))
    assert table.values.tolist() == [
        ["length quartile 1: 10 to 10 tokens", 1, 0.0],
        ["length quartile 2: 20 to 20 tokens", 1, 0.0],
        ["length quartile 3: 30 to 30 tokens", 1, 1.0],
        ["length quartile 4: 40 to 40 tokens", 1, 1.0],
        ["with a negation", 1, 0.0],
        ["without negation", 3, pytest.approx(2 / 3)],
    ]


def test_the_surest_mistakes_come_first_and_right_answers_never() -> None:
    predictions = pd.DataFrame(
        {
            "text": ["sure and wrong", "right", "hardly wrong", "wrong"],
            "label": ["positive", "positive", "negative", "negative"],
            "predicted_label": ["negative", "positive", "positive", "positive"],
            "positive_probability": [0.01, 0.99, 0.51, 0.9],
        }
    )
    assert confident_mistakes(predictions)["text"].tolist() == ["sure and wrong", "wrong", "hardly wrong"]
    assert len(confident_mistakes(pd.concat([predictions] * 30, ignore_index=True))) == 50

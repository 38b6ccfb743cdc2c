"""More than two labels, from the evaluation of a classifier to comparison, report and model card."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sentiment import InputError, SentimentClassifier
from sentiment.data.corpus import Reviews
from sentiment.data.labels import verdict_probabilities
from sentiment.evaluation.abstention import Abstention
from sentiment.evaluation.comparison import RIGHT, WRONG, Comparison, Flips
from sentiment.evaluation.drift import POSITION, ReviewSample
from sentiment.evaluation.result import Result, confident_mistakes, evaluate_classifier
from sentiment.evaluation.validation_profile import LEVELS_OF_MORE, ValidationProfile
from sentiment.reporting.model_card import Origin, render_model_card
from sentiment.reporting.pages import render_drift
from tests.sentiment.reporting.test_report import render

STARS = np.random.default_rng(0).integers(1, 6, 600)
TEXTS = [
    " ".join(np.random.default_rng(n).choice(["fine", "dull"], 9, p=[stars / 6, 1 - stars / 6])) + f" film {n}"
    for n, stars in enumerate(STARS)
]
NAMES = ("1", "2", "3", "4", "5")


@pytest.fixture(scope="module")
def classifier() -> SentimentClassifier:
    return SentimentClassifier(preset="linear").fit(TEXTS[:400], STARS[:400])


@pytest.fixture(scope="module")
def result(classifier: SentimentClassifier) -> Result:
    return classifier.evaluate(TEXTS[400:], STARS[400:], name="NB-LR")


def test_a_result_holds_the_probability_of_each_label_and_is_read_as_it_was_saved(
    classifier: SentimentClassifier, result: Result, tmp_path: Path
) -> None:
    columns = [f"probability_{name}" for name in NAMES]
    assert list(result.predictions) == ["text", "label", "predicted_label", *columns]
    assert np.array_equal(result.probabilities, classifier.predict_proba(TEXTS[400:]))
    result.save(tmp_path)
    read = Result.load(tmp_path, "NB-LR")
    assert read.label_names == NAMES
    assert np.array_equal(read.labels, STARS[400:] - 1)
    assert read.reviews.digest() == result.reviews.digest()
    assert read.metrics == result.metrics
    assert read.metrics["mean_absolute_error"] == np.abs(classifier.predict(TEXTS[400:]) - STARS[400:]).mean()
    matrix = read.confusion_matrix
    assert (list(matrix), list(matrix.index)) == ([*NAMES], [*NAMES])
    assert np.trace(matrix) == read.correct.sum()


def test_templates_are_judged_by_the_side_of_the_middle(result: Result) -> None:
    plain = result.behaviour.query("capability == 'plain verdict'")
    assert plain["failure_rate"].between(0, 1).all()
    assert set(result.fairness["moved"]) == {0.0}  # it knows none of the words


def test_mistakes_come_by_the_probability_of_the_true_label(result: Result) -> None:
    mistakes = confident_mistakes(result.predictions)
    assert list(mistakes) == ["label", "predicted_label", "label_probability", "text"]
    assert mistakes["label_probability"].is_monotonic_increasing
    first = mistakes.iloc[0]
    row = result.predictions.set_index("text").loc[first["text"]]
    assert first["label_probability"] == row[f"probability_{first['label']}"]
    assert first["label"] != first["predicted_label"]


def test_flips_tell_both_verdicts_the_largest_move_of_the_true_label_first(result: Result) -> None:
    columns = [f"probability_{name}" for name in NAMES]
    reversed_columns = result.predictions.rename(columns=dict(zip(columns, columns[::-1], strict=True)))[
        list(result.predictions)
    ]
    others = reversed_columns.assign(predicted_label=(6 - result.predictions["predicted_label"].astype(int)).map(str))
    flips = Flips.between("A", result.predictions, "B", others)
    assert flips.is_ordered
    assert (flips.select(RIGHT)["model_label"] == flips.select(RIGHT)["label"]).all()
    assert (flips.select(WRONG)["baseline_label"] == flips.select(WRONG)["label"]).all()
    moves = (flips.table["model_probability"] - flips.table["baseline_probability"]).abs()
    assert moves.is_monotonic_decreasing
    assert (flips.select(RIGHT)["model_probability"] > flips.select(RIGHT)["baseline_probability"]).all()


def test_one_label_for_all_is_named_where_a_model_is_no_better(result: Result) -> None:
    counts = np.bincount(STARS[400:])
    most = str(np.flatnonzero(counts == counts.max())[-1])
    poor = replace(result, predictions=result.predictions.assign(predicted_label=most))
    comparison = Comparison({"NB-LR": [poor]}, "NB-LR")
    assert f"NB-LR is not significantly better than calling every review {most}," in comparison.warnings["NB-LR"]
    assert Comparison({"NB-LR": [result]}, "NB-LR").warnings == {}


def test_answers_are_verdicts_from_a_probability_on(classifier: SentimentClassifier, result: Result) -> None:
    abstention, surest = Abstention(0.6, 0.0, 0.5), verdict_probabilities(result.probabilities)
    reviews = Reviews(TEXTS[400:], (STARS[400:] - 1).astype(np.int8))
    [check] = evaluate_classifier(classifier, reviews, "NB-LR", [abstention]).guarantees
    assert check.answered == np.sum(surest >= 0.5)
    assert check.right == np.sum(result.correct & (surest >= 0.5))


def test_the_profile_holds_the_expected_position(
    classifier: SentimentClassifier, result: Result, tmp_path: Path
) -> None:
    classifier.save(tmp_path)
    profile = ValidationProfile.load(tmp_path, classifier)
    assert profile is not None
    assert profile.levels == LEVELS_OF_MORE
    assert POSITION in profile.features
    sample = ReviewSample(classifier.model_)
    sample.add(TEXTS[400:], result.probabilities)
    assert sample.measures[POSITION].mean() == pytest.approx((result.probabilities @ np.arange(5) / 4).mean())
    assert sample.unsure_share == np.mean(verdict_probabilities(result.probabilities) < 0.5)
    page = render_drift(profile, sample, title="stars.csv", model="NB-LR")
    assert "unsure where its label has a probability below 0.5" in page


def test_report_and_card_speak_of_all_labels(result: Result) -> None:
    page = render(Comparison({"NB-LR": [result], "other": [result]}, "NB-LR"))
    for expected in ("quadratic weighted kappa", "Confusion matrix: NB-LR", "Reliability: other", "P(label)"):
        assert expected in page
    assert "ROC" not in page
    assert "P(positive)" not in page
    labels = dict.fromkeys(NAMES, 40)
    splits = {"train": {"reviews": 400, "labels": labels}, "test": {"reviews": 200, "labels": labels}}
    origin = Origin("table", "", {"splits": splits, "notes": [], "duplicates_within_train": 0}, "", False, [], 2**20, 0)
    card = render_model_card(replace(result, metrics={**result.metrics, "training_seconds": 1.0}), origin)
    assert "It says which of 5 labels a review has, with the probability of each: 1, 2, 3, 4, 5" in card
    assert "10.0 % labelled 1, 10.0 % labelled 2" in card
    assert "Two classes" not in card
    assert "P(positive)" not in card


def test_a_threshold_between_two_labels_is_refused() -> None:
    with pytest.raises(InputError, match="The reviews have 5 labels, whose median is the verdict"):
        SentimentClassifier(preset="linear", threshold="f1").fit(TEXTS, STARS)

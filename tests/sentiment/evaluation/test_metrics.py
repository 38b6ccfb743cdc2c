import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as of_sklearn

from sentiment.data.labels import class_probabilities, cut_scores, median_labels
from sentiment.evaluation.metrics import (
    ThresholdRule,
    calibration,
    choose_threshold,
    evaluate_predictions,
    expected_calibration_error,
    metric_intervals,
    tabulate_metrics,
)


def test_metrics_of_a_case_that_can_be_done_by_hand() -> None:
    metrics = evaluate_predictions(np.array([1, 1, 0, 0]), np.array([0.9, 0.4, 0.6, 0.1]))
    assert metrics["accuracy"] == metrics["precision"] == metrics["recall"] == metrics["f1"] == 0.5
    assert metrics["roc_auc"] == 0.75
    assert metrics["average_precision"] == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert metrics["log_loss"] == pytest.approx(-np.mean(np.log([0.9, 0.4, 0.4, 0.9])))
    assert metrics["brier_score"] == pytest.approx(np.mean(np.square([0.1, 0.6, 0.6, 0.1])))
    counts = ("true_negatives", "false_positives", "false_negatives", "true_positives")
    assert [metrics[name] for name in counts] == [1, 1, 1, 1]


def test_a_model_that_calls_every_review_positive_is_seen_through() -> None:
    labels = np.repeat([1, 0], [95, 5])
    metrics = evaluate_predictions(labels, np.full(100, 0.9))
    assert (metrics["accuracy"], metrics["majority_accuracy"], metrics["balanced_accuracy"]) == (0.95, 0.95, 0.5)
    assert metrics["macro_f1"] == pytest.approx(0.95 / 1.95)
    assert (metrics["false_positives"], metrics["true_positives"]) == (5, 95)


def ordered(reviews: int, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities of a model that has one score with cut points, and trusts itself too much."""
    generator, cuts = np.random.default_rng(seed), np.linspace(-2, 1.5, classes - 1)
    scores = generator.normal(0, 2, reviews)
    labels = (generator.logistic(scores)[:, None] > cuts).sum(axis=1).astype(np.int8)
    return labels, class_probabilities(cut_scores(2 * scores, cuts))


@settings(max_examples=20)
@given(st.integers(3, 8), st.integers(8, 60), st.integers(0, 2**32 - 1))
def test_metrics_of_ordered_labels_are_those_of_scikit_learn(classes: int, reviews: int, seed: int) -> None:
    labels, probabilities = ordered(reviews, classes, seed)
    labels[:classes] = np.arange(classes)
    verdicts = median_labels(probabilities)
    likely = np.maximum(probabilities[np.arange(reviews), labels], 1e-7)
    errors = [expected_calibration_error(labels == label, probabilities[:, label]) for label in range(classes)]
    expected = {
        "accuracy": of_sklearn.accuracy_score(labels, verdicts),
        "majority_accuracy": np.bincount(labels).max() / reviews,
        "balanced_accuracy": of_sklearn.balanced_accuracy_score(labels, verdicts),
        "macro_f1": of_sklearn.f1_score(labels, verdicts, average="macro", zero_division=0),
        "mean_absolute_error": of_sklearn.mean_absolute_error(labels, verdicts),
        "quadratic_weighted_kappa": of_sklearn.cohen_kappa_score(labels, verdicts, weights="quadratic"),
        "log_loss": -np.log(likely).mean(),
        "expected_calibration_error": np.mean(errors),
    }
    assert evaluate_predictions(labels, probabilities) == pytest.approx(expected)


def test_intervals_hold_the_true_metric_in_about_95_of_100_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sentiment.evaluation.metrics.RESAMPLES", 200)
    generator = np.random.default_rng(0)

    def reviews(number: int) -> tuple[np.ndarray, np.ndarray]:
        labels = (generator.random(number) < 0.7).astype(int)
        odds = np.exp(generator.normal(2 * labels - 1, 1.5)).round(1) + 0.05  # rounded, so that some are ties
        return labels, odds / (1 + odds)

    def stars(number: int) -> tuple[np.ndarray, np.ndarray]:
        return ordered(number, 5, seed=int(generator.integers(2**32)))

    common = {"accuracy", "balanced_accuracy", "macro_f1", "log_loss"}
    for draw, metrics in (
        (reviews, {"recall", "f1", "roc_auc"}),
        (stars, {"mean_absolute_error", "quadratic_weighted_kappa"}),
    ):
        true = evaluate_predictions(*draw(200_000))
        held: dict[str, list[bool]] = {}
        for _ in range(60):
            for metric, (low, high) in metric_intervals(*draw(300)).items():
                held.setdefault(metric, []).append(low <= true[metric] <= high)
        assert held.keys() == common | metrics
        assert all(sum(tables) >= 48 for tables in held.values()), held


def test_calibration_error_of_a_case_that_can_be_done_by_hand() -> None:
    labels = np.array([1, 0, 1, 1])
    probabilities = np.array([0.61, 0.65, 0.97, 1.0])  # bins of a fifteenth: two reviews each
    assert calibration(labels, probabilities)["reviews"].tolist() == [2, 2]
    assert expected_calibration_error(labels, probabilities) == pytest.approx(0.5 * 0.13 + 0.5 * 0.015)


@settings(max_examples=8)
@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1, width=32)), max_size=15), st.sampled_from(["accuracy", "f1"]))
def test_no_threshold_is_better_on_validation_than_the_chosen_one(
    reviews: list[tuple[bool, float]], rule: ThresholdRule
) -> None:
    labels = np.array([1, 0, *(int(label) for label, _ in reviews)])
    probabilities = np.array([0.25, 0.75, *(probability for _, probability in reviews)])
    chosen = choose_threshold(labels, probabilities, rule)
    best = max(evaluate_predictions(labels, probabilities, threshold)[rule] for threshold in [*probabilities, 1.1])
    assert evaluate_predictions(labels, probabilities, chosen)[rule] == pytest.approx(best)
    assert choose_threshold(labels, probabilities, "0.5") == 0.5


def test_models_stand_side_by_side_with_mean_and_standard_deviation_over_seeds() -> None:
    seeds: list[dict[str, float]] = [{"accuracy": 0.9, "epochs": 3}, {"accuracy": 0.8, "epochs": 5}]
    table = tabulate_metrics({"LSTM": seeds, "linear model": [{"accuracy": 0.7}]})
    assert table.loc["accuracy"].to_dict() == pytest.approx({"LSTM": 0.85, "LSTM std": 0.005**0.5, "linear model": 0.7})
    assert table.loc["epochs", "LSTM"] == 4
    assert np.isnan(table["linear model"]["epochs"])

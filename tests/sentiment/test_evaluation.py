import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment.evaluation import compare_models, evaluate_predictions


def test_metrics_of_a_case_that_can_be_done_by_hand() -> None:
    metrics = evaluate_predictions(np.array([1, 1, 0, 0]), np.array([0.9, 0.4, 0.6, 0.1]))
    assert metrics["accuracy"] == metrics["precision"] == metrics["recall"] == metrics["f1"] == 0.5
    assert metrics["roc_auc"] == 0.75
    assert metrics["average_precision"] == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert metrics["log_loss"] == pytest.approx(-np.mean(np.log([0.9, 0.4, 0.4, 0.9])))
    assert metrics["brier_score"] == pytest.approx(np.mean(np.square([0.1, 0.6, 0.6, 0.1])))
    assert [metrics[f"{kind}s"] for kind in ("true_negative", "false_positive", "false_negative", "true_positive")] == [
        1
    ] * 4


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1, width=32)), min_size=2, max_size=50))
def test_the_confusion_matrix_counts_every_review_once(reviews: list[tuple[bool, float]]) -> None:
    labels = np.array([True, False, *(label for label, _ in reviews)])
    probabilities = np.array([0.5, 0.5, *(probability for _, probability in reviews)])
    metrics = evaluate_predictions(labels, probabilities)
    correct = metrics["true_positives"] + metrics["true_negatives"]
    assert correct + metrics["false_positives"] + metrics["false_negatives"] == len(labels)
    assert correct / len(labels) == pytest.approx(metrics["accuracy"])


def test_the_difference_is_the_other_model_minus_the_baseline() -> None:
    table = compare_models({"lstm": {"accuracy": 0.9}, "simple_rnn": {"accuracy": 0.8}}, baseline="simple_rnn")
    assert table.loc["accuracy", "difference"] == pytest.approx(0.1)
    three = compare_models({name: {"accuracy": 0.5} for name in ("a", "b", "c")}, baseline="c")
    assert list(three.columns) == ["a", "b", "c"]

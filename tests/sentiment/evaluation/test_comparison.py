import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.evaluation.comparison import RIGHT, WRONG, Comparison, Flips, difference_rows, flip_rows
from sentiment.evaluation.metrics import metric_rows
from sentiment.evaluation.significance import mcnemar
from sentiment.training.linear_model import LINEAR_MODEL
from tests.sentiment.reporting.test_report import compare_drawn

reviews = st.lists(st.tuples(st.booleans(), st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=40)


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return compare_drawn()


def test_every_model_meets_the_baseline_and_then_the_linear_model(comparison: Comparison) -> None:
    found = [(difference.model, difference.baseline, difference.verdicts) for difference in comparison.differences]
    assert found == [("LSTM", "SimpleRNN", 3), ("LSTM", LINEAR_MODEL, 3), ("SimpleRNN", LINEAR_MODEL, 3)]
    _, rows = difference_rows(comparison.differences)
    assert rows[0][0].startswith("LSTM is better than SimpleRNN by ")
    assert rows[1][0].startswith(f"LSTM loses to {LINEAR_MODEL} by ")


def test_metrics_over_seeds_read_as_mean_and_standard_deviation(comparison: Comparison) -> None:
    headers, rows = metric_rows(comparison.metrics)
    accuracies = [r.metrics["accuracy"] for r in comparison.results["LSTM"]]
    assert headers == ["test metric", "LSTM", "SimpleRNN", LINEAR_MODEL]
    assert rows[0][:2] == ["accuracy", f"{100 * np.mean(accuracies):.2f} ± {100 * np.std(accuracies, ddof=1):.2f} %"]
    assert "±" not in rows[0][3]


def test_one_model_alone_has_the_intervals_of_its_metrics(comparison: Comparison) -> None:
    alone = Comparison({LINEAR_MODEL: comparison.results[LINEAR_MODEL]}, baseline=LINEAR_MODEL)
    assert not comparison.intervals
    headers, rows = metric_rows(alone.metrics, alone.intervals)
    assert headers == ["test metric", LINEAR_MODEL, "95 % interval"]
    cells = {row[0]: row[2] for row in rows}
    low, high = (100 * end for end in alone.intervals["accuracy"])
    assert cells["accuracy"] == f"{low:.2f} to {high:.2f} %"
    assert cells["Brier score"] == ""


def test_slices_and_behaviour_are_means_over_seeds(comparison: Comparison) -> None:
    row = comparison.slices.loc["without negation"]
    assert row["reviews"] == 400
    assert row["LSTM"] == pytest.approx(np.mean([r.metrics["accuracy"] for r in comparison.results["LSTM"]]))
    assert comparison.behaviour.loc[("behaviour", "plain verdict", "minimum functionality"), "LSTM"] == 0.5
    assert comparison.fairness["pairs"]["religion"] == 240
    assert comparison.fairness["LSTM"].eq(0).all()


def predictions(labels: np.ndarray, probabilities: np.ndarray) -> pd.DataFrame:
    words = np.array(["negative", "positive"])
    return pd.DataFrame(
        {
            "text": [f"review {number}" for number in range(len(labels))],
            "label": words[labels.astype(int)],
            "predicted_label": words[(probabilities >= 0.5).astype(int)],
            "positive_probability": probabilities,
        }
    )


@settings(max_examples=25)
@given(reviews)
def test_flips_are_what_one_model_alone_judges_rightly_the_largest_move_first(
    drawn: list[tuple[bool, float, float]],
) -> None:
    labels, after, before = (np.array(column) for column in zip(*drawn, strict=True))
    model, baseline = predictions(labels, after), predictions(labels, before)
    flips = Flips.between("A", model, "B", baseline)
    right, was_right = ((frame["label"] == frame["predicted_label"]).to_numpy() for frame in (model, baseline))
    assert len(flips.select(RIGHT)) == np.sum(right & ~was_right)
    assert len(flips.select(WRONG)) == np.sum(was_right & ~right)
    assert flips.p_value == mcnemar(right, was_right)
    moves = (flips.table["model_probability"] - flips.table["baseline_probability"]).abs()
    assert moves.is_monotonic_decreasing


def test_flips_are_counted_in_words_and_as_a_table() -> None:
    labels = np.ones(30, bool)
    flips = Flips.between("A", predictions(labels, np.full(30, 0.9)), "B", predictions(labels, np.full(30, 0.1)))
    assert flips.counts == "30 newly right, 0 newly wrong, McNemar's exact p < 0.0001"
    assert flip_rows([flips])[1] == [["A against B", "30", "0", "< 0.0001"]]

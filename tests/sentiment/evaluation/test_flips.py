import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment.evaluation.flips import RIGHT, WRONG, Flips, flip_rows
from sentiment.evaluation.significance import mcnemar

reviews = st.lists(st.tuples(st.booleans(), st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=40)


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


@given(reviews)
def test_flips_are_what_one_model_alone_judges_rightly_the_largest_move_first(
    drawn: list[tuple[bool, float, float]],
) -> None:
    labels, after, before = (np.array(column) for column in zip(*drawn, strict=True))
    model, baseline = predictions(labels, after), predictions(labels, before)
    flips = Flips.between("A", model, "B", baseline)
    right, was_right = ((frame["label"] == frame["predicted_label"]).to_numpy() for frame in (model, baseline))
    assert len(flips.of_kind(RIGHT)) == np.sum(right & ~was_right)
    assert len(flips.of_kind(WRONG)) == np.sum(was_right & ~right)
    assert flips.p_value == mcnemar(right, was_right)
    moves = (flips.table["model_probability"] - flips.table["baseline_probability"]).abs()
    assert moves.is_monotonic_decreasing
    backwards = Flips.between("B", baseline, "A", model)
    assert len(backwards.of_kind(WRONG)) == len(flips.of_kind(RIGHT))


def test_the_counts_are_told_in_words_and_as_a_table() -> None:
    labels = np.ones(30, bool)
    flips = Flips.between("A", predictions(labels, np.full(30, 0.9)), "B", predictions(labels, np.full(30, 0.1)))
    assert flips.counts == "30 newly right, 0 newly wrong, McNemar's exact p < 0.0001"
    assert flip_rows([flips])[1] == [["A against B", "30", "0", "< 0.0001"]]
    assert Flips.between("A", predictions(labels, np.ones(30)), "B", predictions(labels, np.ones(30))).p_value == (
        pytest.approx(1)
    )

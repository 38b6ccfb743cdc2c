import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment.evaluation.slices import confident_mistakes, slice_accuracy, slice_reviews

texts = st.lists(st.text("ab not", max_size=30), min_size=1, max_size=40)


@given(texts)
def test_quartiles_and_negation_each_hold_every_review_once(reviews: list[str]) -> None:
    slices = slice_reviews(reviews)
    quartiles = [inside for name, inside in slices.items() if name.startswith("length")]
    assert np.sum(quartiles, axis=0).tolist() == [1] * len(reviews)
    assert (slices["with a negation"] ^ slices["without negation"]).all()


def test_quartiles_part_reviews_by_length_and_accuracy_is_that_of_each_part() -> None:
    reviews = [("word " * length).strip() for length in (40, 10, 30, 20)]
    table = slice_accuracy([*reviews[:3], "It isn't " + "long " * 18], np.array([True, False, True, False]))
    assert table.values.tolist()[:4] == [
        ["length quartile 1: 10 to 10 tokens", 1, 0.0],
        ["length quartile 2: 20 to 20 tokens", 1, 0.0],
        ["length quartile 3: 30 to 30 tokens", 1, 1.0],
        ["length quartile 4: 40 to 40 tokens", 1, 1.0],
    ]
    by_name = table.set_index("slice")["accuracy"]
    assert by_name["with a negation"] == 0
    assert by_name["without negation"] == pytest.approx(2 / 3)


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

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sentiment.errors import InputError
from sentiment.training.linear_model import LinearModel


def test_it_learns_from_a_few_hundred_real_reviews_and_gives_the_same_every_time(reviews_csv: Path) -> None:
    table = pd.read_csv(reviews_csv).sample(frac=1, random_state=0)
    texts, labels = table["text"].tolist(), table["label"].to_numpy()
    first, again = (LinearModel(texts[:450], labels[:450]).positive_probability(texts[450:]) for _ in range(2))
    assert np.mean((first >= 0.5) == labels[450:]) > 0.7
    assert np.array_equal(first, again)


def test_reviews_that_share_no_word_are_named_with_a_way_out() -> None:
    with pytest.raises(InputError, match=r"No word occurs in two of the 2 training reviews.*--no-linear-model"):
        LinearModel(["good", "bad"], np.array([1, 0]))

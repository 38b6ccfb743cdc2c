"""Reviews as Python holds them, and the classifier that is asked with them."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import sentiment
from tests.conftest import PipelineRun

TEXTS = ["a good film", None, " ", "bad"]


@pytest.fixture(scope="module")
def classifier(small_run: PipelineRun) -> Any:
    return sentiment.load(small_run.classifier)


@pytest.mark.parametrize(
    "reviews",
    [
        TEXTS,
        ["a good film", np.float32("nan"), pd.NaT, "bad"],
        np.array(TEXTS, object),
        pd.Series(TEXTS, index=list("abcd")),
        pd.DataFrame({"id": range(4), "review": TEXTS}, index=[7, 7, 5, 3]),
        pd.DataFrame({"text": pd.array(TEXTS, "string"), "review": "other"}, index=list("abcd")),
    ],
    ids=["list", "other missing values", "array", "Series", "DataFrame", "text before review"],
)
def test_reviews_keep_their_index_and_missing_ones_have_missing_values(classifier: Any, reviews: Any) -> None:
    predicted = classifier.annotate(reviews)
    index = reviews.index if isinstance(reviews, pd.Series | pd.DataFrame) else range(4)
    assert list(predicted.index) == list(index)
    assert predicted.isna().to_numpy().tolist() == [[False, False], [True, True], [True, True], [False, False]]
    expected = classifier.positive_probability(["a good film", "bad"])
    assert np.allclose(predicted["positive_probability"].to_numpy()[[0, 3]], expected, atol=1e-6)


def test_one_text_is_one_row(classifier: Any) -> None:
    assert classifier.annotate("a good film").shape == (1, 2)
    assert classifier.annotate([]).shape == (0, 2)


@pytest.mark.parametrize(
    ("reviews", "says"),
    [
        (["good", 3], "index 1 is no text but of type int"),
        (pd.Series(["good", 2.5], index=["a", "b"]), "index b is no text but of type float"),
        (pd.DataFrame({"body": ["good"]}), "no column text or review; its columns are body"),
        (b"good", "not of type bytes"),
        (None, "not of type NoneType"),
    ],
)
def test_what_holds_no_reviews_is_named(classifier: Any, reviews: Any, says: str) -> None:
    with pytest.raises(sentiment.InputError, match=says):
        classifier.annotate(reviews)


def test_load_takes_a_folder_as_a_text_or_path_and_a_uri(
    small_run: PipelineRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", small_run.tracking_uri)
    folder = small_run.classifier
    loaded = [sentiment.load(model) for model in (folder, str(folder), "models:/reviews@champion")]
    assert len({classifier.digest() for classifier in loaded}) == 1
    assert loaded[2].parameters == loaded[0].parameters  # its Keras network is read late
    with pytest.raises(sentiment.InputError, match="There is no folder nowhere"):
        sentiment.load(Path("nowhere"))

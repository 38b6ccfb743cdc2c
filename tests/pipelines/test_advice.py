"""What the pipeline advises where a network loses to the linear model."""

import numpy as np
import pandas as pd
import pytest

from pipelines.advice import advice_on_linear_model
from pipelines.configuration import compose
from pipelines.stages.comparison import with_baseline
from sentiment.evaluation.comparison import Comparison, Result
from sentiment.training.linear_model import LINEAR_MODEL
from tests.pipelines.test_prepared import prepared

REVIEWS = 200
STEPS = (
    "The LSTM made 5 gradient steps an epoch, 30 in all, which is few: try --batch-size 16 --epochs 20 --patience 6,"
)
START = "--start-from models:/imdb-sentiment@champion"


def result(name: str, right: int) -> Result:
    """Of a model that judges so many test reviews rightly."""
    predicted = np.where(np.arange(REVIEWS) < right, "positive", "negative")
    predictions = pd.DataFrame({"text": map(str, range(REVIEWS)), "label": "positive", "predicted_label": predicted})
    return Result(name, predictions, {"epochs": 6.0}, pd.DataFrame())


def comparison(right: int) -> Comparison:
    """Of an LSTM that judges so many test reviews rightly with a linear model that misses ten."""
    return with_baseline({"LSTM": [result("LSTM", right)], LINEAR_MODEL: [result(LINEAR_MODEL, REVIEWS - 10)]})


@pytest.mark.parametrize(
    ("options", "said", "not_said"),
    [
        pytest.param({"source": "table"}, [STEPS, START], [], id="few rows of a table"),
        pytest.param({"source": "aclimdb"}, [STEPS], ["--start-from"], id="no table"),
        pytest.param({"source": "table", "start_from": "folder"}, ["try more labels"], ["--epochs", "strong"],
                     id="fine-tuned"),
    ],
)  # fmt: skip
def test_a_network_that_loses_is_told_what_its_training_allows(
    options: dict[str, str], said: list[str], not_said: list[str]
) -> None:
    config = compose("textbook", options)
    first, *remedies, last = advice_on_linear_model(config, prepared(np.zeros(0, int)), comparison(150), "LSTM")
    assert first == f"The linear model, {LINEAR_MODEL}, is better than the LSTM here, by 20.0 points."
    assert all(part in " ".join(remedies) for part in said), remedies
    assert not any(part in " ".join(remedies) for part in not_said), remedies
    assert last.startswith(f"Or take {LINEAR_MODEL}")


def test_a_network_that_does_not_clearly_lose_needs_no_advice() -> None:
    config = compose("textbook", {"source": "table"})
    assert not advice_on_linear_model(config, prepared(np.zeros(0, int)), comparison(REVIEWS - 11), "LSTM")

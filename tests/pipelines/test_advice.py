"""What the pipeline advises where a network loses to the linear model."""

import numpy as np
import pandas as pd
import pytest

from pipelines.advice import advise
from pipelines.configuration import PipelineConfig, compose
from pipelines.stages.comparison import with_baseline
from sentiment.evaluation.comparison import Comparison
from sentiment.evaluation.result import Result
from sentiment.training.linear_model import LINEAR_MODEL
from sentiment.training.recipe import Recipe
from sentiment.training.steps import InMemory, Output
from tests.sentiment.training.test_cut import CORPUS

REVIEWS = 200
STEPS = (
    "The LSTM made 6 gradient steps an epoch, 36 in all, which is few: try --batch-size 16 --epochs 20 --patience 6,"
)
START = "Below 5,000 labelled rows, start from the trained network that comes with sentiment: --start-from imdb."


def result(name: str, right: int, positive: int = REVIEWS // 2) -> Result:
    """The result of a model that judges so many test reviews rightly; so many are positive."""
    labels = np.where(np.arange(REVIEWS) < positive, "positive", "negative")
    wrong = np.where(labels == "positive", "negative", "positive")
    predicted = np.where(np.arange(REVIEWS) % (REVIEWS / 2) < right / 2, labels, wrong)
    predictions = pd.DataFrame({"text": map(str, range(REVIEWS)), "label": labels, "predicted_label": predicted})
    majority = max(positive, REVIEWS - positive) / REVIEWS
    return Result(name, predictions, {"epochs": 6.0, "majority_accuracy": majority}, pd.DataFrame())


def comparison(right: int) -> Comparison:
    """An LSTM that judges so many test reviews rightly, compared with a linear model that misses ten."""
    return with_baseline({"LSTM": [result("LSTM", right)], LINEAR_MODEL: [result(LINEAR_MODEL, REVIEWS - 10)]})


def recipe(config: PipelineConfig) -> Recipe:
    """For a corpus in memory."""
    return Recipe(config, Output("load", lambda: CORPUS), InMemory())


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
    first, *remedies, last = advise(config, recipe(config), comparison(150), "LSTM")
    assert first == f"The linear model, {LINEAR_MODEL}, is better than the LSTM here, by 20.0 points."
    assert all(part in " ".join(remedies) for part in said), remedies
    assert not any(part in " ".join(remedies) for part in not_said), remedies
    assert last.startswith(f"Or take {LINEAR_MODEL}")


def test_a_network_that_does_not_clearly_lose_needs_no_advice() -> None:
    config = compose("textbook", {"source": "table"})
    assert not advise(config, recipe(config), comparison(REVIEWS - 11), "LSTM")


def test_a_network_that_knows_one_label_alone_gets_the_advice_to_balance() -> None:
    few_negatives = REVIEWS - 10
    models = {"LSTM": [result("LSTM", few_negatives, few_negatives)]}
    config = compose("textbook", {"source": "table"})
    [advice] = advise(config, recipe(config), with_baseline(models), "LSTM")
    assert "--balance" in advice

"""Candidate and Trained: a model that the recipe is asked for, and what it makes."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from sentiment.data.fingerprints import Fingerprints
from sentiment.data.labels import LABEL_NAMES
from sentiment.engine.cells import CELLS
from sentiment.engine.recurrent_model import RecurrentModel
from sentiment.evaluation.validation_profile import ValidationProfile
from sentiment.training.linear_model import LINEAR_MODEL, LINEAR_MODEL_NAME, LinearModel
from sentiment.training.trainer import History

TITLES = {**{name: cell.layer for name, cell in CELLS.items()}, LINEAR_MODEL_NAME: LINEAR_MODEL}
"""Name of a model, in options, tags and metrics -> its title for people."""


class FoundByFolds(NamedTuple):
    """What a training on all reviews takes from those on folds, as no review is left to find it on.

    Attributes:
        epochs: after which it stops.
        profile: of its classifier, as an estimate.
    """

    epochs: int
    profile: ValidationProfile


class Candidate(NamedTuple):
    """A model to train.

    Attributes:
        model: a key of TITLES.
        name: its title, with the seed where there are several.
        found: needed where no review validates.
    """

    model: str
    seed: int
    name: str
    found: FoundByFolds | None = None

    @property
    def title(self) -> str:
        """What people call the model."""
        return TITLES[self.model]

    @property
    def is_linear(self) -> bool:
        """Whether it is the linear model, and no network."""
        return self.model == LINEAR_MODEL_NAME

    @property
    def found_key(self) -> dict[str, Any] | None:
        """What tells `found` from any other, as JSON can hold it."""
        return self.found and {"epochs": self.found.epochs, "profile": self.found.profile.model_dump(mode="json")}


@dataclass(frozen=True, eq=False)
class Trained:
    """What the recipe makes: a model, and what its training and validation reviews say of it.

    Attributes:
        profile: threshold, and what the validation reviews can promise.
        learned: the texts that it has learned from.
        history: metrics of every epoch; empty for the linear model.
        seconds: that the training took.
        label_names: its classes, from the worst to the best.
        label_column: what the labels are called.
    """

    model: RecurrentModel | LinearModel
    profile: ValidationProfile
    learned: Fingerprints
    history: History
    seconds: float
    label_names: tuple[str, ...] = LABEL_NAMES
    label_column: str = "label"

    @property
    def costs(self) -> dict[str, float]:
        """What the training took: training_seconds and, for a network, epochs."""
        epochs = {"epochs": len(self.history["loss"])} if self.history else {}
        return {"training_seconds": self.seconds, **epochs}

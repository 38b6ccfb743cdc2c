"""One trial of a search: it trains a network on what two cuts for validation leave, and is measured on the first."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from pipelines.configuration import PipelineConfig, Trial
from pipelines.stages.context import Context
from pipelines.stages.data import Prepared, prepare
from pipelines.stages.network import build_network
from pipelines.stages.training import train_network
from pipelines.working_directory import AbandonedError
from sentiment.classifier import SentimentClassifier
from sentiment.training.trainer import History, kept_epoch

ObjectiveName = Literal["loss", "accuracy"]

TIMED_REVIEWS, TIMES = 500, 3
"""Reviews that are scored to tell what one costs, and how often, of which the fastest counts."""


@dataclass(frozen=True)
class Objective:
    """What a search makes best.

    Attributes:
        metric: on the first cut for validation.
        max_microseconds: that scoring one review may take; None for no bound.
    """

    metric: ObjectiveName = "loss"
    max_microseconds: float | None = None

    def value(self, validation: Mapping[str, float]) -> float:
        """Of what `kept_figures` gives; the smaller the better."""
        return validation["validation_loss"] if self.metric == "loss" else 1 - validation["validation_accuracy"]


@dataclass(frozen=True)
class Figures:
    """What a classifier reaches on some reviews.

    Attributes:
        losses: of each review in nats, (N,).
        correct: whether each is judged rightly, bool (N,).
    """

    losses: np.ndarray
    correct: np.ndarray

    @property
    def loss(self) -> float:
        """Mean cross-entropy in nats."""
        return float(self.losses.mean())

    @property
    def accuracy(self) -> float:
        """Share of the reviews that are judged rightly."""
        return float(self.correct.mean())

    def of_each(self, metric: ObjectiveName) -> np.ndarray:
        """The metric of each review, (N,)."""
        return self.losses if metric == "loss" else self.correct.astype(float)


class TooSlowError(Exception):
    """Scoring a review takes longer than it may.

    Attributes:
        microseconds: that it takes.
    """

    def __init__(self, microseconds: float) -> None:
        super().__init__(microseconds)
        self.microseconds = microseconds


class HopelessError(AbandonedError):
    """Hyperband stops the trial."""


class TimeIsUpError(Exception):
    """The search is over before the trial is; its checkpoints stay."""


def trial_config(config: PipelineConfig) -> PipelineConfig:
    """Of one network with one seed, the first; its threshold is 0.5, as none is chosen."""
    return config.model_copy(update={"models": config.models[:1], "seeds": config.seeds[:1], "threshold": "0.5"})


def most_epochs(config: PipelineConfig, *, has_unlabelled: bool) -> int:
    """The most epochs whose validation losses a trial tells."""
    learns_pseudo_labels = config.pretraining.pseudo_label_epochs and has_unlabelled
    return config.pretraining.pseudo_label_epochs if learns_pseudo_labels else config.training.epochs


@dataclass(frozen=True)
class TrainedTrial:
    """A network that a trial has trained.

    Attributes:
        prepared: what it started from.
        classifier: that it became.
        history: of its epochs.
    """

    config: PipelineConfig
    prepared: Prepared
    classifier: SentimentClassifier
    history: History

    def first(self) -> Figures:
        """On the reviews that the search chooses by."""
        return self._figures(self.prepared.training_and_validation(self.config.seeds[0])[1])

    def second(self) -> Figures:
        """On the reviews that nothing chooses by."""
        return self._figures(self.prepared.second_validation(self.config.seeds[0]))

    def _figures(self, positions: np.ndarray) -> Figures:
        reviews = self.prepared.corpus.train
        probabilities = self.classifier.positive_probability([reviews.texts[position] for position in positions])
        is_positive = reviews.labels[positions] == 1
        of_label = np.clip(np.where(is_positive, probabilities, 1 - probabilities).astype(np.float64), 1e-7, None)
        return Figures(-np.log(of_label), (probabilities >= self.classifier.threshold) == is_positive)


def train_trial(
    context: Context,
    config: PipelineConfig,
    name: str,
    *,
    max_microseconds: float | None = None,
    on_epoch: Callable[[History], None] = lambda history: None,
) -> TrainedTrial:
    """Train the network of a trial, or find it trained.

    Args:
        config: as `trial_config` gives.
        name: for people.
        on_epoch: called with the history so far after every epoch, once more at the end, and for a network that is
            cached.

    Raises:
        TooSlowError: before training.
    """
    context = replace(context, config=config.model_copy(update={"settings_tried": 1}))  # a trial promises nothing
    prepared = replace(prepare(context), holds_out=True)
    trial = Trial(config.models[0], config.seeds[0], name)
    if max_microseconds is not None:
        cost = microseconds(context, prepared, trial)
        if cost > max_microseconds:
            raise TooSlowError(cost)
    trained = train_network(context, prepared, trial, on_epoch)
    return TrainedTrial(config, prepared, trained.classifier(), trained.history())


def microseconds(context: Context, prepared: Prepared, trial: Trial) -> float:
    """What scoring one review from its text takes on this machine, with all its cores; weights do not matter for it."""
    network = build_network(context, prepared, trial)
    classifier = SentimentClassifier.from_network(prepared.vocabulary(), context.config.sequences, network)
    texts = list(prepared.corpus.train.texts[:TIMED_REVIEWS])

    def timed() -> float:
        started = time.perf_counter()
        classifier.positive_probability(texts)
        return time.perf_counter() - started

    return min(timed() for _ in range(TIMES)) / len(texts) * 1e6


def kept_figures(history: History) -> dict[str, float]:
    """Validation loss and accuracy of the epoch whose weights are kept, and the number of epochs."""
    epoch = kept_epoch(history) - 1
    return {
        "validation_loss": history["val_loss"][epoch],
        "validation_accuracy": history["val_accuracy"][epoch],
        "epochs": len(history["loss"]),
    }

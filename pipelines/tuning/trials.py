"""One trial of a search: it trains a network on what two cuts for validation leave, and is measured on them."""

import timeit
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pipelines.configuration import PipelineConfig
from pipelines.stages.context import Context
from pipelines.stages.load import load
from pipelines.tuning.space import Space
from pipelines.working_directory import AbandonedError
from sentiment.classifier import SentimentClassifier
from sentiment.data.corpus import Corpus, Reviews
from sentiment.engine.recurrent_model import RecurrentModel
from sentiment.evaluation.result import Result, evaluate_classifier
from sentiment.training.cut import Cut, cut_validation, hold_out
from sentiment.training.recipe import Recipe
from sentiment.training.steps import Output
from sentiment.training.trained import Candidate, Trained
from sentiment.training.trainer import History, OnEpoch, kept_epoch

MetricName = Literal["loss", "accuracy"]

TIMED_REVIEWS, TIMES = 500, 3
"""Reviews that are scored to find what one costs, and how often, of which the fastest counts."""


@dataclass(frozen=True)
class SearchConfig:
    """What a search is for, how long it takes, and where its results go.

    Attributes:
        space: settings to search.
        metric: on the first cut for validation, which is made best.
        max_microseconds: that scoring one review may take; None for no bound.
        minutes: of this command; None for no bound.
        trials: of the search, those of other processes and earlier commands too; None for no bound.
        storage: URL of Optuna's storage; None for SQLite in the working directory.
        experiment: of MLflow.
        output: where the preset goes; None for best.toml beside the working directory.
    """

    space: Space
    metric: MetricName = "loss"
    max_microseconds: float | None = None
    minutes: float | None = None
    trials: int | None = None
    storage: str | None = None
    experiment: str = "tuning"
    output: Path | None = None

    def objective(self, metrics: Mapping[str, float]) -> float:
        """The objective for what `kept_metrics` gives; the smaller the better."""
        return metrics["validation_loss"] if self.metric == "loss" else 1 - metrics["validation_accuracy"]


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
    """The configuration of one network with one seed, the first; its threshold is 0.5, as none is chosen."""
    return config.model_copy(update={"models": config.models[:1], "seeds": config.seeds[:1], "threshold": "0.5"})


def most_epochs(config: PipelineConfig, *, has_unlabelled: bool) -> int:
    """The most epochs whose validation losses a trial reports."""
    learns_pseudo_labels = config.pretraining.pseudo_label_epochs and has_unlabelled
    return config.pretraining.pseudo_label_epochs if learns_pseudo_labels else config.training.epochs


def train_trial(
    context: Context,
    config: PipelineConfig,
    name: str,
    *,
    max_microseconds: float | None = None,
    on_epoch: OnEpoch = lambda history: None,
) -> tuple[Output[Trained], Recipe]:
    """Train the network of a trial, or find it trained.

    Args:
        config: as `trial_config` gives.
        name: for people.
        on_epoch: called with the history so far after every epoch, once more at the end, and for a network that is
            cached.

    Returns:
        The network, and the recipe that it is trained by.

    Raises:
        TooSlowError: before training.
    """
    context = replace(context, config=config.model_copy(update={"settings_tried": 1}))  # a trial promises nothing
    recipe = context.recipe(load(context), _two_cuts)
    candidate = Candidate(config.models[0], config.seeds[0], name)
    if max_microseconds is not None and (cost := microseconds(recipe, candidate)) > max_microseconds:
        raise TooSlowError(cost)
    return recipe.train(candidate, on_epoch), recipe


def _two_cuts(corpus: Corpus, share: float, seed: int) -> Cut:
    """The usual cut for validation, and a second one that nothing chooses by."""
    return hold_out(cut_validation(corpus, share, seed), corpus.train, seed)


def evaluate_trial(context: Context, config: PipelineConfig, name: str) -> tuple[Result, Result]:
    """The network of a trial on the reviews that the search chooses by, and on those that nothing chooses by."""
    trained, recipe = train_trial(context, config, name)
    classifier, train = SentimentClassifier.from_trained(trained.value), recipe.corpus.value.train
    cuts = recipe.cut(config.seeds[0])
    first, second = (
        evaluate_classifier(classifier, Reviews([train.texts[position] for position in cut], train.labels[cut]), name)
        for cut in (cuts.validation, cuts.held_out)
    )
    return first, second


def microseconds(recipe: Recipe, candidate: Candidate) -> float:
    """What scoring one review from its text takes on this machine, with all its cores; weights do not matter for it."""
    network = recipe.build_network(candidate)
    model = RecurrentModel.from_keras(recipe.prepared.vocabulary.value, recipe.config.sequences, network)
    texts = list(recipe.corpus.value.train.texts[:TIMED_REVIEWS])
    seconds = timeit.repeat(lambda: model.positive_probability(texts), number=1, repeat=TIMES)
    return min(seconds) / len(texts) * 1e6


def kept_metrics(history: History) -> dict[str, float]:
    """Validation loss and accuracy of the epoch whose weights are kept, and the number of epochs."""
    epoch = kept_epoch(history) - 1
    return {
        "validation_loss": history["val_loss"][epoch],
        "validation_accuracy": history["val_accuracy"][epoch],
        "epochs": len(history["loss"]),
    }

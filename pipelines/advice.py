"""What to do where the network that the pipeline registers is worse than the linear model, or than the majority."""

import math
from collections.abc import Sequence

from pipelines.configuration import PipelineConfig
from pipelines.stages.load import FEW_ROWS
from sentiment.evaluation.comparison import Comparison
from sentiment.evaluation.result import Result
from sentiment.saved_classifier import IN_THE_BOX
from sentiment.training.linear_model import LINEAR_MODEL
from sentiment.training.recipe import Recipe

ENOUGH_STEPS = 1_000
"""Gradient steps below which a network is advised to make more."""

SMALL_BATCH, MOST_EPOCHS = 16, 20

RARE = 0.7
"""The majority's share from which on the other labels are called rare."""

BALANCE = (
    "Most reviews have one label here: add --balance, so that all labels count alike in training, and judge the model "
    "by its balanced accuracy."
)


def advise(config: PipelineConfig, recipe: Recipe, comparison: Comparison, title: str) -> list[str]:
    """Sentences on a network that loses to the linear model or the majority, and on what helps; else none.

    Args:
        title: of the network.
    """
    if title in comparison.warnings and not config.training.balance:
        is_rare = comparison.any_result.metrics["majority_accuracy"] > RARE
        return [BALANCE] if is_rare else []
    return _on_linear_model(config, recipe, comparison, title)


def _on_linear_model(config: PipelineConfig, recipe: Recipe, comparison: Comparison, title: str) -> list[str]:
    lost = [
        difference
        for difference in comparison.differences
        if (difference.model, difference.baseline) == (title, LINEAR_MODEL)
        and difference.is_significant
        and difference.value < 0
    ]
    if not lost:
        return []
    return [
        f"The linear model, {LINEAR_MODEL}, is better than the {title} here, by {-100 * lost[0].value:.1f} points.",
        *_remedies(config, recipe, title, comparison.results[title]),
        f"Or take {LINEAR_MODEL}: `sentiment score` and `predict` use it as they use the {title}.",
    ]


def _remedies(config: PipelineConfig, recipe: Recipe, title: str, results: Sequence[Result]) -> list[str]:
    """What helps: for a network from scratch more steps; with few rows of a table, a trained network to start from."""
    if config.pretraining.start_from is not None:
        return [f"Folds chose how the {title} was fine-tuned, so try more labels, or another network to start from."]
    corpus = recipe.corpus.value
    count = len(recipe.cut(config.seeds[0]).training)
    if config.pretraining.pseudo_label_epochs:
        count += len(corpus.unlabelled)
    remedies = [_more_steps(config, config.training.examples_of_epoch(count), title, results)]
    if config.source.source == "table" and len(corpus.train) + len(corpus.test) < FEW_ROWS:
        trained = f"start from the trained network that comes with sentiment: --start-from {IN_THE_BOX}."
        remedies.insert(0, f"Below {FEW_ROWS:,} labelled rows, {trained}")
    return remedies


def _more_steps(config: PipelineConfig, examples: int, title: str, results: Sequence[Result]) -> str:
    """Whether more steps help, by the number of gradient steps that the seed with the most epochs made."""
    steps = math.ceil(examples / config.training.batch_size)
    epochs = int(max(result.metrics["epochs"] for result in results))
    made = f"The {title} made {steps:,} gradient step{'s' * (steps != 1)} an epoch, {steps * epochs:,} in all"
    if steps * epochs >= ENOUGH_STEPS:
        return f"{made}, so more of them will hardly help: try --preset strong, or more reviews."
    batch_size = min(SMALL_BATCH, config.training.batch_size)
    wanted = math.ceil(ENOUGH_STEPS * batch_size / examples)
    more = min(MOST_EPOCHS, max(wanted, epochs))
    patience = max(config.training.patience, more // 3)
    return (
        f"{made}, which is few: try --batch-size {batch_size} --epochs {more} --patience {patience}, or more reviews."
    )

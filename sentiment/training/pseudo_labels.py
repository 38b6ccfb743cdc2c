"""Pseudo-labels: unlabelled reviews in training, with the probability that a teacher gives them.

Lee (2013) names them; that the student learns the teacher's probability, not its verdict, is Hinton, Vinyals & Dean
(2015); that labelled and pseudo-labelled reviews are learned together, Sun et al. (2020). The first teacher is the
linear model. After an epoch the student's mistakes are others than its teacher's, so the mean of both teaches the
others, near to the co-training of Blum & Mitchell (1998).
"""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from sentiment.data.sequences import trim
from sentiment.data.vocabulary import PADDING
from sentiment.training.trainer import EpochExamples, History, OnBatch, TrainingConfig, fit

LEAST_PROBABILITY = 1e-6
"""Probabilities are taken as no nearer to 0 and 1, whose log-odds are infinite."""


def mean_log_odds(*probabilities: np.ndarray) -> np.ndarray:
    """The probability whose log-odds are the mean of those of the given ones, float32 of their shape."""
    clipped = np.clip(np.array(probabilities, np.float64), LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    log_odds = np.log(clipped / (1 - clipped)).mean(axis=0)
    probability: np.ndarray = (1 / (1 + np.exp(-log_odds))).astype(np.float32)
    return probability


def learn_pseudo_labels(
    network: Any,
    labelled: tuple[np.ndarray, np.ndarray],
    unlabelled: tuple[np.ndarray, np.ndarray],
    validation: tuple[np.ndarray, np.ndarray] | None,
    config: TrainingConfig,
    *,
    seed: int,
    checkpoints: Path,
    stop_after: int | None = None,
    draw: Callable[[np.ndarray], EpochExamples] | None = None,
    on_batch: OnBatch = lambda done, figures: None,
    on_epoch: Callable[[History], None] = lambda history: None,
) -> History:
    """Train in place on all reviews: an epoch with the first teacher, the others with the mean of it and `network`.

    It keeps the weights of the epoch with the lowest validation loss among the latter, if there are any.
    A killed training that starts again with the same arguments ends as if it had never stopped.

    Args:
        labelled: indices (N, maxlen) and labels (N,), which may be probabilities.
        unlabelled: indices (M, maxlen) and the first teacher's P(positive) (M,).
        validation: indices and labels; None: the last weights are kept.
        config: its losses of unlabelled reviews alone are left out, and its patience.
        checkpoints: a folder of this training alone; the caller removes it.
        stop_after: epochs after which training ends, those of the first teacher included, but two at least where
            `config` has so many.
        draw: from the labels of all reviews, the labelled ones first, to the examples of an epoch; None: the reviews.
        on_epoch: called with the history so far after every epoch.

    Returns:
        As `fit`.
    """
    inputs = np.concatenate([labelled[0], unlabelled[0]])
    taught, history = unlabelled[1], History()
    for number, epochs in enumerate([1, config.epochs - 1] if config.epochs > 1 else [1]):
        if number:
            taught = mean_log_odds(taught, positive_probability(network, unlabelled[0], config.batch_size))
        labels = np.concatenate([labelled[1], taught]).astype(np.float32)
        found = fit(
            network,
            (inputs, labels),
            validation,
            _of_round(config, number, epochs),
            stop_after=None if stop_after is None else max(1, stop_after - number),
            seed=int(np.random.SeedSequence([seed, number]).generate_state(1)[0]),
            checkpoints=checkpoints / f"teacher-{number + 1}",
            epoch_examples=None if draw is None else draw(labels),
            on_batch=on_batch,
            on_epoch=functools.partial(_tell, on_epoch, history),
        )
        history = _joined(history, found)
    return history


def _joined(before: History, found: History) -> History:
    return {metric: [*before.get(metric, []), *values] for metric, values in found.items()}


def _tell(on_epoch: Callable[[History], None], before: History, found: History) -> None:
    on_epoch(_joined(before, found))


def _of_round(config: TrainingConfig, number: int, epochs: int) -> TrainingConfig:
    """The step size rises with the first teacher and falls with the last; no loss is of unlabelled reviews alone."""
    is_last = number or config.epochs == 1
    return config.model_copy(
        update={
            "epochs": epochs,
            "patience": epochs,
            "warmup_epochs": 0.0 if number else min(config.warmup_epochs, 1.0),
            "schedule": config.schedule if is_last else "constant",
            "virtual_adversarial_epsilon": 0.0,
            "entropy_weight": 0.0,
        }
    )


def positive_probability(network: Any, inputs: np.ndarray, batch_size: int) -> np.ndarray:
    """(N,), from indices (N, maxlen)."""
    from sentiment.training.time_loop import compiled_time_loops

    order = np.argsort((inputs != PADDING).sum(axis=1), kind="stable")
    cut = trim if network.layers[0].mask_zero else np.asarray
    probabilities = np.empty(len(inputs))
    with compiled_time_loops(network):
        network.make_predict_function(force=True)  # with these loops
        for batch in np.split(order, range(batch_size, len(order), batch_size)):
            probabilities[batch] = network.predict_on_batch(cut(inputs[batch]))[:, 0]
    network.predict_function = None
    return probabilities

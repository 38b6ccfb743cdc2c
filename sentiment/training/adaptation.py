"""Adaptation: a trained network learns another domain from its texts alone, without labels.

Blitzer, Dredze & Pereira (2007) measure what a classifier of reviews loses on products that it has not seen. What helps
here is self-training by two teachers, as for `pseudo_labels`: the network itself, and a linear model of the texts that
it is sure of. That one learns which words of the domain go with good and with bad, new words too; and since it makes
other mistakes than the network, their mean is better than either.
"""

import functools
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sentiment.data.corpus import normalized
from sentiment.data.labels import LABEL_NAMES
from sentiment.data.sequences import pad_texts
from sentiment.data.tokenizer import tokenize
from sentiment.engine.recurrent_model import RecurrentModel
from sentiment.errors import InputError
from sentiment.training.linear_model import LinearModelConfig
from sentiment.training.models import shape_of
from sentiment.training.pseudo_labels import by_ngrams, mean_log_odds, out_of_fold_probability
from sentiment.training.start import MIN_COUNT, Start, check_language, grow_network
from sentiment.training.steps import Steps
from sentiment.training.trained import TITLES
from sentiment.training.trainer import History, Objective, SameExamples, TrainingConfig, fit

FEWEST_TEXTS, FEWEST_WORDS = 200, 3
"""Distinct texts that adaptation takes, as fewer make the teachers no better than the network; and words of a text that
counts as one, and not as a label or a number."""

FEWEST_VERDICTS = 20
"""Texts of either verdict that the linear model needs."""

CONFIDENT_SHARE = 0.8
"""The linear model learns from this share of the texts of either verdict, the surest. As many of both would make it
expect as many of both everywhere: 2 to 9 points are lost where four texts in five are of one kind."""

LINEAR_MODEL = LinearModelConfig(C=1.0)
"""Its penalty is larger than for labels that people gave, as some of the network's verdicts are wrong."""

TRAINING = TrainingConfig(batch_size=32, learning_rate=0.001, clipnorm=1.0)
"""Its epochs follow from the number of texts."""

STEPS, START_PENALTY = 300, 2.0
"""Gradient steps, at least an epoch; and the penalty on leaving the start, by which it keeps what it knows."""

AGREEMENT = Objective(metrics=(), examples="texts")
"""An accuracy would be that of agreeing with the teachers, and be taken for another."""


def adapt(start: Start, texts: Sequence[str], *, seed: int, steps: Steps) -> tuple[RecurrentModel, History]:
    """A copy of a trained network with the new words of the texts, fine-tuned on what both teachers say of them.

    Args:
        texts: of the domain.
        steps: shows the progress.

    Raises:
        InputError: the texts are too few, hardly texts, or in another language; or the network calls nearly all of them
            the same.
    """
    model = start.model
    check_texts(texts)
    check_language(start, texts, "Adapt a classifier of this language.")
    cell, shape = shape_of(model.network)
    labels = teach(model.positive_probability(texts), texts)
    vocabulary = model.vocabulary.grown(texts, MIN_COUNT)
    network = grow_network(model, vocabulary, shape, maxlen=model.sequences.maxlen, seed=seed, texts=texts)
    examples = SameExamples(pad_texts(texts, vocabulary, model.sequences), labels)
    epochs = max(1, round(STEPS * TRAINING.batch_size / len(texts)))
    config = TRAINING.model_copy(update={"epochs": epochs, "patience": epochs})
    with (
        tempfile.TemporaryDirectory(prefix="sentiment-") as folder,
        steps.training(TITLES[cell], epochs, len(texts), lambda history: None) as callbacks,
    ):
        purpose: dict[str, Any] = {"start_penalty": START_PENALTY, "objective": AGREEMENT, "callbacks": callbacks}
        history = fit(network, examples, None, config, seed=seed, checkpoints=Path(folder), **purpose)
    return RecurrentModel.from_keras(vocabulary, model.sequences, network), history


def check_texts(texts: Sequence[str]) -> None:
    """Make sure that there is enough to learn from.

    Raises:
        InputError: fewer than FEWEST_TEXTS are texts of FEWEST_WORDS words, each another one.
    """
    kept = {normalized(text) for text in texts if sum(map(_has_letter, tokenize(text))) >= FEWEST_WORDS}
    if len(kept) < FEWEST_TEXTS:
        raise InputError(
            f"Of the {len(texts):,} texts, {len(kept):,} are different ones with {FEWEST_WORDS} words or more, and "
            f"adapting takes {FEWEST_TEXTS:,}: give more, or say with --text-column which column holds the texts."
        )


def _has_letter(word: str) -> bool:
    return any(map(str.isalpha, word))


def teach(probabilities: np.ndarray, texts: Sequence[str]) -> np.ndarray:
    """What both teachers say of the texts: the P(positive) whose log-odds are the mean of theirs, float32 (N,).

    Each text that the linear model learns from is judged by one that has not seen it.

    Args:
        probabilities: P(positive) by the network, (N,).

    Raises:
        InputError: the network has one verdict for nearly all.
    """
    labels = (probabilities >= 0.5).astype(np.int8)
    sides = [np.flatnonzero(labels == label) for label in range(len(LABEL_NAMES))]
    rarer = int(np.argmin([*map(len, sides)]))
    if len(sides[rarer]) < FEWEST_VERDICTS:
        raise InputError(
            f"The classifier calls {len(sides[rarer]):,} of the {len(texts):,} texts {LABEL_NAMES[rarer]}, and "
            f"adapting takes {FEWEST_VERDICTS} of either verdict: give more texts."
        )
    doubt = -np.abs(probabilities - 0.5)
    surest = [side[np.argsort(doubt[side], kind="stable")][: int(CONFIDENT_SHARE * len(side))] for side in sides]
    learned = np.sort(np.concatenate(surest))
    judge = functools.partial(by_ngrams, texts, labels, LINEAR_MODEL, len(LABEL_NAMES))
    judged = judge(learned, np.arange(len(texts)))
    judged[learned] = out_of_fold_probability(labels, learned, judge)
    return mean_log_odds(probabilities, judged)

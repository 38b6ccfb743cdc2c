"""Pseudo-labels: unlabelled reviews in training, with the probability that a teacher gives them.

Lee (2013) names them; that the student learns the teacher's probability, not its verdict, is Hinton, Vinyals & Dean
(2015); that labelled and pseudo-labelled reviews are learned together, Sun et al. (2020). The first teacher is the
linear model, alone or with a regression on the vectors of reviews. After an epoch the student's mistakes are others
than its teacher's, so the mean of both teaches the others, near to the co-training of Blum & Mitchell (1998).

Labels of training reviews may be softened, too, by teachers that have not seen them: a network of so many
weights learns hard labels by heart.
"""

import contextlib
import functools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sentiment.cores import available_cores
from sentiment.data.corpus import Corpus
from sentiment.data.labels import cumulative, ordered_log_loss
from sentiment.data.sequences import SequenceConfig
from sentiment.data.vocabulary import Vocabulary
from sentiment.engine.recurrent_model import RecurrentModel
from sentiment.errors import InputError
from sentiment.training.cut import Cut
from sentiment.training.latent_semantics import regressed_probability
from sentiment.training.linear_model import LinearModel, LinearModelConfig
from sentiment.training.snippets import EpochSnippets
from sentiment.training.trainer import SILENT, Callbacks, History, OnEpoch, TrainingConfig, fit

LEAST_PROBABILITY = 1e-6
"""Probabilities are taken as no nearer to 0 and 1, whose log-odds are infinite."""

FOLDS = 3
"""Parts of the training reviews; the labels of each part are softened by teachers of the other parts."""

Judge = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From the positions of reviews to learn from, and of those to judge, to P(positive) of the latter, (N,)."""

TEACHER_VOTES = 1, 2, 2, 1
"""Votes of the first teacher in each round, beside one vote of the network from the second round on."""

LAST_STEP_SIZE = 0.35
"""Step size with the last of four teachers, as a share of the configured one, as the network is near its end then."""


def mean_log_odds(*probabilities: np.ndarray) -> np.ndarray:
    """The probability whose log-odds are the mean of those of the given ones, float32 of their shape."""
    clipped = np.clip(np.array(probabilities, np.float64), LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    log_odds = np.log(clipped / (1 - clipped)).mean(axis=0)
    probability: np.ndarray = (1 / (1 + np.exp(-log_odds))).astype(np.float32)
    return probability


def out_of_fold_probability(labels: np.ndarray, positions: np.ndarray, judge: Judge) -> np.ndarray:
    """P(positive) of reviews, each by a model of the other FOLDS, float64 (N,); (N, K - 1) of K ordered classes.

    A fold holds neighbours: archives list the reviews of a film one after the other, and no model is to know the film.

    Args:
        labels: of all reviews, the numbers of their classes.
        positions: of those to judge, rising, (N,).

    Raises:
        InputError: a class has fewer reviews than there are folds, or as `judge` does.
    """
    from sklearn.model_selection import StratifiedKFold

    classes = labels[positions].astype(int)
    if not has_enough_for_folds(classes):
        raise InputError(f"{len(positions):,} training reviews are too few for {FOLDS} folds of all classes.")
    folds = list(StratifiedKFold(FOLDS).split(np.zeros(len(positions)), classes))
    with ThreadPoolExecutor(available_cores()) as pool:
        judged = [*pool.map(lambda sides: judge(positions[sides[0]], positions[sides[1]]), folds)]
    probabilities = np.empty((len(positions), *judged[0].shape[1:]))
    for (_, fold), found in zip(folds, judged, strict=True):
        probabilities[fold] = found
    return probabilities


def has_enough_for_folds(labels: np.ndarray) -> bool:
    """Whether all classes have reviews for FOLDS folds; labels: their numbers, (N,)."""
    return int(np.bincount(labels, minlength=2).min()) >= FOLDS


class Teacher(NamedTuple):
    """What a teacher says of reviews: P(positive), float32; of K ordered classes P(label > k), with K - 1 columns.

    Attributes:
        training: of the reviews to learn from, (N,), each by a teacher that has not seen its label.
        validation: of the validation reviews, (V,).
        unlabelled: of the reviews without labels, (M,).
    """

    training: np.ndarray
    validation: np.ndarray
    unlabelled: np.ndarray


def teach(linear_model: LinearModel, corpus: Corpus, cut: Cut, vectors: np.ndarray | None, *, softens: bool) -> Teacher:
    """Let the linear model say what it thinks of reviews; where there are vectors, its mean log-odds with a regression.

    Args:
        linear_model: fitted on the reviews to learn from.
        vectors: of the reviews of train and then the unlabelled ones, (N + M, size).
        softens: whether training labels are to be softened; else, and where there are too few for folds, the teacher
            repeats the label of a training review.
    """
    train, texts = corpus.train, [*corpus.train.texts, *corpus.unlabelled.texts]
    others = np.concatenate([cut.validation, np.arange(len(train), len(texts))])
    classes = len(corpus.label_names)
    judges: list[Judge] = [functools.partial(by_ngrams, texts, train.labels, linear_model.config, classes)]
    taught = [linear_model.cumulative_probability([texts[position] for position in others])]
    if vectors is not None:
        judges.append(functools.partial(_by_vectors, vectors, train.labels, classes))
        taught.append(judges[-1](cut.training, others))
    softened = cumulative(train.labels, classes).astype(np.float32)
    if softens:
        in_order = np.sort(cut.training)
        with contextlib.suppress(InputError):
            softened[in_order] = mean_log_odds(
                *(out_of_fold_probability(train.labels, in_order, judge) for judge in judges)
            )
    validation, unlabelled = np.split(mean_log_odds(*taught), [len(cut.validation)])
    return Teacher(softened[cut.training], validation, unlabelled)


def linear_opinion(texts: Sequence[str], labels: np.ndarray, classes: int, positions: np.ndarray) -> np.ndarray:
    """What the linear model says of some reviews, each by one of other folds; where these are too few, their labels.

    Args:
        texts: of all reviews.
        labels: of all reviews, the numbers of their classes.
        positions: of those to judge, in any order and also more than once, (N,).

    Returns:
        float32, (N,); of more than two classes (N, classes - 1).
    """
    known, places = np.unique(positions, return_inverse=True)
    opinion: np.ndarray = cumulative(labels, classes)[known].astype(np.float32)
    if has_enough_for_folds(labels[known]):
        judge_others = functools.partial(by_ngrams, texts, labels, LinearModelConfig(), classes)
        opinion[:] = out_of_fold_probability(labels, known, judge_others)
    found: np.ndarray = opinion[places]
    return found


def by_ngrams(
    texts: Sequence[str],
    labels: np.ndarray,
    config: LinearModelConfig,
    classes: int,
    known: np.ndarray,
    asked: np.ndarray,
) -> np.ndarray:
    """A Judge: the linear model."""
    from scipy.special import expit

    model = LinearModel.fit([texts[position] for position in known], labels[known], config, classes)
    probabilities: np.ndarray = expit(model.log_odds([texts[position] for position in asked]))
    return probabilities


def _by_vectors(
    vectors: np.ndarray, labels: np.ndarray, classes: int, known: np.ndarray, asked: np.ndarray
) -> np.ndarray:
    """A Judge: a regression on vectors of reviews, one for each cut between classes."""
    columns = [
        regressed_probability(vectors[known], (labels[known] > cut).astype(np.int8), vectors[asked])
        for cut in range(classes - 1)
    ]
    return columns[0] if classes == 2 else -np.sort(-np.stack(columns, axis=1), axis=1)


def judge(vocabulary: Vocabulary, sequences: SequenceConfig, texts: Sequence[str], network: Any) -> np.ndarray:
    """What a network in training says of reviews, as a Teacher does; every core judges a part of them."""
    model = RecurrentModel.from_keras(vocabulary, sequences, network)
    share = -(-len(texts) // available_cores())
    parts = (texts[first : first + share] for first in range(0, len(texts), share))
    with ThreadPoolExecutor(available_cores()) as pool:
        return np.concatenate([*pool.map(model.cumulative_probability, parts)])


def learn_pseudo_labels(
    network: Any,
    snippets: EpochSnippets,
    labels: np.ndarray,
    teacher: Teacher,
    validation: tuple[np.ndarray, np.ndarray] | None,
    config: TrainingConfig,
    *,
    judge: Callable[[Any], np.ndarray],
    seed: int,
    checkpoints: Path,
    callbacks: Callbacks = SILENT,
) -> History:
    """Train in place on all reviews: an epoch with the first teacher, then with the mean of that one and `network`.

    The mean is made before the second epoch, and anew before the third and the last, as the network is better by then.
    The last mean trusts the network as much as the first teacher.
    The weights of the last epoch stay. Of the epochs with the third teacher, those of the lowest validation loss go on.
    A killed training that starts again with the same arguments ends as if it had never stopped.

    Args:
        snippets: of the labelled reviews and then the unlabelled ones, N + M.
        labels: (N,), which may be probabilities; of K ordered classes cumulative, (N, K - 1).
        teacher: the first teacher, of which no training sees what it says of validation reviews.
        validation: indices, and labels like those of training; None: the last weights are kept.
        config: its patience is left out.
        judge: from the network to what it says of the unlabelled and then the validation reviews, M + V.
        checkpoints: a folder of this training alone; the caller removes it.

    Returns:
        As `fit`, and teacher_val_loss and teacher_val_accuracy of the teacher of each epoch.
    """
    taught, judged, history = teacher.unlabelled, teacher.validation, History()
    first = np.concatenate([taught, judged])
    rounds = _rounds(config.epochs)
    for number in range(len(rounds)):
        if number:
            votes = [first] * TEACHER_VOTES[number]
            taught, judged = np.split(mean_log_odds(*votes, judge(network)), [len(taught)])
        metrics = {} if validation is None else _metrics(judged, validation[1])
        all_labels = np.concatenate([labels, taught]).astype(np.float32)
        found = fit(
            network,
            snippets.labelled(all_labels, first_epoch=sum(rounds[:number])),
            validation,
            _round_config(config, number, rounds),
            seed=int(np.random.SeedSequence([seed, number]).generate_state(1)[0]),
            checkpoints=checkpoints / f"teacher-{number + 1}",
            callbacks=callbacks._replace(on_epoch=functools.partial(_tell, callbacks.on_epoch, history, metrics)),
        )
        history = _joined(history, metrics, found)
    return history


def _metrics(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Loss and accuracy of a teacher on the validation reviews, both (V,) or (V, K - 1)."""
    from sklearn.metrics import accuracy_score, log_loss

    if labels.ndim == 2:
        numbers, verdicts = labels.sum(axis=1).astype(int), (probabilities >= 0.5).sum(axis=1)
        return {
            "teacher_val_loss": ordered_log_loss(numbers, probabilities),
            "teacher_val_accuracy": float(accuracy_score(numbers, verdicts)),
        }
    return {
        "teacher_val_loss": float(log_loss(labels, probabilities, labels=[0, 1])),
        "teacher_val_accuracy": float(accuracy_score(labels, probabilities > 0.5)),
    }


def _joined(before: History, teacher: dict[str, float], found: History) -> History:
    """The history so far, with the epochs of one teacher."""
    *metrics, seconds, speed = found.items()
    teachers = [(name, [value] * len(found["loss"])) for name, value in teacher.items()]
    return {metric: [*before.get(metric, []), *values] for metric, values in (*metrics, *teachers, seconds, speed)}


def _tell(on_epoch: OnEpoch, before: History, teacher: dict[str, float], found: History) -> None:
    on_epoch(_joined(before, teacher, found))


def _rounds(epochs: int) -> list[int]:
    """Epochs with each of the teachers, of whom there are at most four."""
    return [1] * epochs if epochs < len(TEACHER_VOTES) else [1, 1, epochs - 3, 1]


def _round_config(config: TrainingConfig, number: int, rounds: list[int]) -> TrainingConfig:
    """The step size rises with the first teacher, and falls with the third, with the fourth, and with the last.

    Args:
        number: of the round, from 0.
        rounds: epochs of each.
    """
    falls = number + 1 == len(rounds) or number >= 2
    is_fourth = number + 1 == len(TEACHER_VOTES)
    return config.model_copy(
        update={
            "epochs": rounds[number],
            "patience": rounds[number],
            "learning_rate": config.learning_rate * (LAST_STEP_SIZE if is_fourth else 1.0),
            "warmup_epochs": 0.0 if number else min(config.warmup_epochs, 1.0),
            "schedule": config.schedule if falls else "constant",
        }
    )

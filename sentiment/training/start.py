"""Start: a trained network that grows by new words, and is fine-tuned in the way that cross-validation chooses."""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sentiment.configuration import Configuration
from sentiment.data.fingerprints import Fingerprints
from sentiment.data.labels import LABEL_NAMES, cut_scores, cuts_of_shares, ordered_log_loss
from sentiment.data.sequences import trim
from sentiment.data.vocabulary import INDEX_FROM, OUT_OF_VOCABULARY, PADDING, Vocabulary, count_words
from sentiment.engine.recurrent_model import RecurrentModel
from sentiment.errors import InputError, shown_names
from sentiment.files import finish
from sentiment.training.models import ModelConfig, build_model, shape_of
from sentiment.training.trainer import SameExamples, TrainingConfig, fit
from sentiment.training.word_vectors import pair_counts

DROPOUT = ("dropout", "embedding_dropout")
"""Fields of ModelConfig that are no shape: they may differ from those of the start."""

LEFT_OUT = (
    "word_vectors",
    "document_vectors",
    "pseudo_label_epochs",
    "label_softness",
    "snippet_share",
    "counterfactual_share",
    "lexicon",
    "opposite_share",
    "exchange_people",
)
"""Settings that fine-tuning has no use for; a preset may name them all the same."""

MIN_COUNT = 5
"""Occurrences that a new word needs."""

FOLDS = 3

ONE_FOLD, MOST_TUNED = 1_500, 5_000
"""Above so many reviews, the ways to fine-tune are tried on one fold alone; and most reviews to try them on. A part of
the reviews would not do where there are many: it takes thousands until the linear model has something to teach."""

CANDIDATES = ((1.0, 0.0, 0.0), (0.25, 0.0, 0.0), (1.0, 20.0, 0.0), (1.0, 0.0, 0.5))
"""Ways to fine-tune: the step size as a share of the configuration's, the penalty on leaving the start, and the say
that the linear model has in the labels."""

MOST_COUNTED = 1_000
"""Reviews whose words are counted to tell their language."""

FOREIGN, UNUSUAL = 1 / 3, 2.0
"""Reviews are in another language where so many of their words are unknown, and so many times as many as usual."""

WINDOW, FEWEST_CONTEXTS, RIDGE = 5, 10, 1.0
"""Words to each side that are the context of a word; occurrences of a known word that the map is learned from; and the
penalty on the map."""


def grow_network(
    model: RecurrentModel,
    vocabulary: Vocabulary,
    config: ModelConfig,
    *,
    maxlen: int,
    seed: int,
    texts: Sequence[str] = (),
    placed: "PlacedCuts | None" = None,
) -> Any:
    """A copy of a trained network with word vectors for the words of a grown vocabulary.

    A new word starts with the vector of words out of vocabulary, as which the network read it so far. Where there are
    texts, it starts with the vector that its contexts speak for (`induce_vectors`).

    Args:
        model: trained.
        vocabulary: what `grown` of its vocabulary gives.
        config: the shape of its network, perhaps with other dropout.
        seed: of dropout.
        texts: to learn the vectors of new words from; none: they are not learned.
        placed: cut points for more than two classes; None: those that the network has, if any.
    """
    known, network = model.vocabulary, model.network
    cell, _ = shape_of(network)
    if placed is not None:
        kernel, bias = network.dense
        dense = placed.slope * kernel, placed.slope * bias
        network = replace(network, dense=dense, cut_points=placed.cut_points)
    cut_points = network.cut_points if network.cut_points.size else None
    grown = build_model(cell, config, num_words=vocabulary.num_words, maxlen=maxlen, seed=seed, cut_points=cut_points)
    vectors, *others = network.keras_weights()
    fresh = np.repeat(vectors[OUT_OF_VOCABULARY][None], vocabulary.num_words, axis=0)
    first_new = INDEX_FROM + len(known.words)
    fresh[:first_new] = vectors[:first_new]
    if len(texts) and len(vocabulary.words) > len(known.words):
        fresh = induce_vectors(texts, vocabulary, fresh, first_new)
    grown.set_weights([fresh, *others])
    return grown


def induce_vectors(texts: Sequence[str], vocabulary: Vocabulary, vectors: np.ndarray, first_new: int) -> np.ndarray:
    """Word vectors, those of new words from their contexts: "à la carte" embedding of Khodak et al. (2018).

    A linear map takes the mean vector of the known words around a word to the vector of that word. It is learned from
    the known words by ridge regression, and then applied to the new ones.

    Args:
        vectors: (num_words, embedding_dim).
        first_new: index of the first new word; those below are known.

    Returns:
        The same shape; a new word that stands beside no known word keeps its vector.
    """
    num_words, size = vectors.shape
    between = np.full(WINDOW, PADDING, np.int32)
    tokens = np.concatenate([part for text in texts for part in (vocabulary.encode(text)[1:], between)])
    beside_known = pair_counts(tokens, num_words, WINDOW)[:, :first_new]
    sums, counts = beside_known @ vectors[:first_new].astype(np.float64), beside_known.sum(axis=1)
    means = sums / np.maximum(counts, 1)[:, None]
    learned = np.flatnonzero(counts[:first_new] >= FEWEST_CONTEXTS)
    weights = np.log(np.maximum(counts[learned], 1))[:, None]  # a frequent word counts a little more
    by_context = (means[learned] * weights).T
    mapping = np.linalg.solve(by_context @ means[learned] + RIDGE * np.eye(size), by_context @ vectors[learned])
    result = vectors.copy()
    new = first_new + np.flatnonzero(counts[first_new:])
    result[new] = means[new] @ mapping
    return result


class PlacedCuts(NamedTuple):
    """How the score of a network with two classes becomes that of K ordered ones.

    Attributes:
        slope: that the score is multiplied by.
        cut_points: rising, float32 (K - 1,).
    """

    slope: np.float32
    cut_points: np.ndarray

    @classmethod
    def fit(cls, scores: np.ndarray, labels: np.ndarray, classes: int) -> "PlacedCuts":
        """Slope and cuts of the proportional-odds model (McCullagh 1980) with the score as its only variable.

        Args:
            scores: log-odds of P(positive), (N,).
            labels: numbers of the classes, (N,), of all `classes`.
        """
        from scipy.optimize import minimize

        def placed(point: np.ndarray) -> np.ndarray:
            return np.cumsum(np.concatenate([point[1:2], np.exp(point[2:])]))

        def loss(point: np.ndarray) -> Any:
            cumulative = cut_scores(np.exp(point[0]) * scores, placed(point))
            return ordered_log_loss(labels, cumulative) + RIDGE * point[0] ** 2 / len(scores)

        cuts = cuts_of_shares(labels, classes)
        first = np.concatenate([[0.0], cuts[:1], np.log(np.maximum(np.diff(cuts), 0.01))])
        point = minimize(loss, first, method="Nelder-Mead", options={"maxiter": 400 * classes}).x
        return cls(np.float32(np.exp(point[0])), placed(point).astype(np.float32))


class Start(NamedTuple):
    """A trained network to start from.

    Attributes:
        learned: the texts that it has learned from.
        unknown_share: of the words of its validation reviews, those that it did not know; None where it had none.
        label_names: its classes, from the worst to the best.
    """

    model: RecurrentModel
    learned: Fingerprints
    unknown_share: float | None
    label_names: tuple[str, ...] = LABEL_NAMES

    def check_labels(self, label_names: Sequence[str]) -> None:
        """Compare its classes with those of reviews. One of two classes fits all reviews.

        Raises:
            InputError: it has more than two, and the reviews have others.
        """
        if len(self.label_names) > 2 and tuple(label_names) != self.label_names:
            raise InputError(
                f"The start tells {shown_names(self.label_names)} apart, and these reviews have "
                f"{shown_names(label_names)}: start from a classifier of two classes, such as imdb, or of these labels."
            )


def fixed_settings(model: RecurrentModel) -> dict[str, dict[str, Any]]:
    """What a start fixes, by section of the configuration: vocabulary, padding and shape."""
    _, shape = shape_of(model.network)
    tokenizer = model.vocabulary.tokenizer
    return {
        "vocabulary": {
            "num_words": model.vocabulary.num_words,
            "punctuation_tokens": tokenizer.punctuation_tokens,
            "symbols": tokenizer.symbols,
        },
        "sequences": model.sequences.model_dump(),
        "model": shape.model_dump(exclude=set(DROPOUT)),
    }


def differences(model: RecurrentModel, given: Mapping[str, Any]) -> list[str]:
    """The settings that ask for another vocabulary, padding or shape than that of the start, and what it has."""
    return [
        f"{name} {given[name]} (the start has {value})"
        for section in fixed_settings(model).values()
        for name, value in section.items()
        if name in given and given[name] != value
    ]


def useless_settings(given: Mapping[str, Any]) -> list[str]:
    """The settings that fine-tuning has no use for, as it keeps the vocabulary and learns from labels alone."""
    return [*filter(given.get, LEFT_OUT), *(["names"] if given.get("names") is False else [])]


FROM_SCRATCH = "Train from scratch, or start from a classifier of this language."
"""What to do about reviews in another language than the start's."""


def check_language(start: Start, texts: Sequence[str], remedy: str = FROM_SCRATCH) -> str:
    """A sentence on how many words of the reviews the start does not know.

    Raises:
        InputError: there are so many that the reviews are hardly in its language.
    """
    words, known = count_words(start.model, texts[:MOST_COUNTED]).sum(axis=0)
    share = 1 - known / words if words else 0.0
    usual = "" if start.unknown_share is None else f"; of its own validation reviews {start.unknown_share:.1%}"
    sentence = f"{share:.1%} of the words of these reviews are unknown to the start{usual}"
    if share > max(FOREIGN, UNUSUAL * (start.unknown_share or 0)):
        raise InputError(f"{sentence}: they seem to be in another language. {remedy}")
    return sentence


class FineTuning(Configuration):
    """One way to fine-tune.

    Attributes:
        config: with its step size and its epochs.
        start_penalty: penalty on the distance from the start.
        softness: share that the opinion of the linear model has in the labels.
        loss: mean over the folds of the validation loss after these epochs, in nats.
    """

    config: TrainingConfig
    start_penalty: float
    softness: float
    loss: float


class FineTunings(Configuration):
    """Every way of CANDIDATES with its best number of epochs, that of the lowest loss first.

    Attributes:
        start_loss: log loss of the start as it is, in nats.
    """

    found: tuple[FineTuning, ...]
    start_loss: float

    @property
    def best(self) -> FineTuning:
        """The way that is taken."""
        return self.found[0]

    def __str__(self) -> str:
        best = self.best
        return (
            f"step size {best.config.learning_rate:g}, penalty on the distance from the start {best.start_penalty:g}, "
            f"{best.softness:.0%} of the labels by the linear model, {best.config.epochs} epochs: "
            f"loss {best.loss:.4f} on the folds; the start as it is {self.start_loss:.4f}"
        )


def choose_fine_tuning(
    network: Any,
    examples: tuple[np.ndarray, np.ndarray],
    folds: Sequence[tuple[np.ndarray, np.ndarray]],
    opinion: Callable[[np.ndarray], np.ndarray],
    config: TrainingConfig,
    *,
    seed: int,
    checkpoints: Path,
    on_training: Callable[[int, int], None] = lambda done, of: None,
) -> FineTunings:
    """Try every way of CANDIDATES on every fold.

    A killed choice that starts again with the same arguments goes on with the first training that is not finished.

    Args:
        network: the start; it has its weights again afterwards.
        examples: indices (N, maxlen) and labels (N,), of K ordered classes cumulative, (N, K - 1).
        folds: positions to learn from and to check on, as `split_folds` gives.
        opinion: what the linear model says of the examples at some positions, knowing the labels of these alone.
        config: its step size is that of training from scratch, its epochs are the most that are tried.
        checkpoints: a folder of this choice alone; the caller removes it.
        on_training: called with the number of finished trainings, and that of all.
    """
    start, start_loss = network.get_weights(), mean_loss(network, examples, config.batch_size)
    found, trainings = [], len(CANDIDATES) * len(folds)
    inputs, labels = examples
    opinions = [opinion(learned) for learned, _ in folds]
    for number, (share, penalty, softness) in enumerate(CANDIDATES):
        candidate = config.model_copy(update={"learning_rate": share * config.learning_rate})
        curves = []
        for fold, (learned, checked) in enumerate(folds):
            kept = checkpoints / f"{number}-{fold}.json"
            if not kept.exists():
                taught = soften(labels[learned], opinions[fold], softness)
                history = fit(
                    network,
                    SameExamples(inputs[learned], taught),
                    (inputs[checked], labels[checked]),
                    candidate,
                    seed=seed,
                    checkpoints=kept.with_suffix(""),
                    start_penalty=penalty,
                )
                shutil.rmtree(kept.with_suffix(""))
                network.set_weights(start)
                partial = kept.with_suffix(".partial")
                partial.write_text(json.dumps(history["val_loss"]))
                finish(partial, kept)
            curves.append(json.loads(kept.read_text()))
            on_training(number * len(folds) + fold + 1, trainings)
        epochs = min(map(len, curves))
        curve = np.nan_to_num(np.mean([losses[:epochs] for losses in curves], axis=0), nan=np.inf)
        best = int(np.argmin(curve)) + 1
        tuned = candidate.model_copy(update={"epochs": best, "patience": best})
        found.append(FineTuning(config=tuned, start_penalty=penalty, softness=softness, loss=float(curve[best - 1])))
    return FineTunings(found=tuple(sorted(found, key=lambda tuning: tuning.loss)), start_loss=start_loss)


def soften(labels: np.ndarray, opinion: np.ndarray, softness: float) -> np.ndarray:
    """Labels (N,) or (N, K - 1) with a share of an opinion of the same shape in them."""
    softened: np.ndarray = ((1 - softness) * labels + softness * opinion).astype(np.float32)
    return softened


def mean_loss(network: Any, examples: tuple[np.ndarray, np.ndarray], batch_size: int) -> float:
    """Log loss of a network as it is, in nats; examples as for `choose_fine_tuning`."""
    from sklearn.metrics import log_loss

    inputs, labels = examples
    found = _probabilities(network, inputs, batch_size)
    if labels.ndim == 2:
        return ordered_log_loss(labels.sum(axis=1).astype(int), found)
    return float(log_loss(labels, found[:, 0], labels=[0, 1]))


def _probabilities(network: Any, inputs: np.ndarray, batch_size: int) -> np.ndarray:
    """P(positive), (N, 1), or P(label > k), (N, K - 1), from indices (N, maxlen)."""
    from sentiment.training.time_loop import compiled_time_loops

    order = np.argsort((inputs != PADDING).sum(axis=1), kind="stable")
    cut = trim if network.layers[0].mask_zero else np.asarray
    probabilities = np.empty((len(inputs), network.output_shape[-1]))
    with compiled_time_loops(network):
        network.make_predict_function(force=True)  # with these loops
        for batch in np.split(order, range(batch_size, len(order), batch_size)):
            probabilities[batch] = network.predict_on_batch(cut(inputs[batch]))
    network.predict_function = None
    return probabilities

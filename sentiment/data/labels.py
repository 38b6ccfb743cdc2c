"""Labels: the classes of reviews from worst to best, how tables name them, and the probability of each.

More than two classes are ordered, so one score is enough: the proportional-odds model (McCullagh 1980) cuts it into
classes. P(label > k) is the logistic function of score - cut k, where the cuts rise. Whoever teaches or judges says
P(label > k) for every k but the last, the cumulative probabilities: (N, K - 1). Of two classes that is P(positive),
(N,).
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from sentiment.errors import InputError, shown_names

LABEL_NAMES = ("negative", "positive")
"""The names of two classes: 0 negative, 1 positive."""

LABELS = {
    **dict.fromkeys(("1", "positive", "pos", "true"), 1),
    **dict.fromkeys(("0", "negative", "neg", "false"), 0),
}
"""What the labels of two classes may say where the configuration does not tell which values are positive."""

RANKS = {
    **dict.fromkeys(("very negative", "extremely negative"), -2),
    **dict.fromkeys(("negative", "neg"), -1),
    **dict.fromkeys(("neutral", "neu"), 0),
    **dict.fromkeys(("positive", "pos"), 1),
    **dict.fromkeys(("very positive", "extremely positive"), 2),
}
"""The names whose order is known."""

MOST_LABELS = 20
FEWEST_OF_LABEL = 5
"""Reviews to learn from that each of more than two labels needs."""

LEAST_PROBABILITY = 1e-7
"""Probabilities are taken as no nearer to 0 and 1, whose log-odds are infinite."""

_STARS = re.compile(r"(\S+) stars?")


def label_word(value: object) -> str:
    """A label as it is compared: a word in lower case, a number without trailing zeros; "" for what is missing."""
    word = "" if value is None else " ".join(str(value).lower().split())
    stars = _STARS.fullmatch(word)
    try:
        return f"{float(stars[1] if stars else word):.15g}"
    except ValueError:
        return word


def positive_of(classes: Sequence[Any] | np.ndarray) -> Any:
    """The one of two labels that means positive; the second where neither is known to."""
    meanings = [LABELS.get(label_word(label)) for label in classes]
    return classes[0] if meanings == [1, 0] else classes[1]


def given_order(labels: Sequence[object], option: str = "--labels") -> tuple[str, ...]:
    """The words of an order that somebody gives, worst first.

    Raises:
        InputError: there are fewer than two or too many, two are the same but for case and blanks, or the best is
            first.
    """
    words = tuple(map(label_word, labels))
    if twice := [word for word, count in Counter(words).items() if count > 1]:
        raise InputError(
            f"{option} names {shown_names(map(repr, twice))} more than once, as case and blanks make no difference: "
            "give each label once, the worst first."
        )
    if "" in words:
        raise InputError(f"{option} holds an empty label: give their names, the worst first.")
    if len(words) < 2:
        raise InputError(f"{option} names one label alone: give two or more, the worst first.")
    known = RANKS if len(words) > 2 else LABELS
    if {*words} <= known.keys() and known[words[0]] > known[words[-1]]:
        raise InputError(f"{option} begins with {words[0]!r}, which is not the worst: give the worst first.")
    _check_number(words, f"{option} names")
    return words


def known_order(words: Iterable[str], who: str = "The reviews have") -> tuple[str, ...] | None:
    """The order of three labels or more, the worst first, where they are numbers or names of RANKS; None for others.

    Args:
        words: as `label_word` gives them.
        who: begins the message where there are too many.

    Raises:
        InputError: there are too many.
    """
    distinct = {*words}
    if len(distinct) < 3:
        return None
    ranks = {word: _rank(word) for word in distinct}
    if any(rank is None for rank in ranks.values()) or len({*ranks.values()}) < len(ranks):
        return None
    if not any(map(_is_number, distinct)) or all(map(_is_number, distinct)):
        order = tuple(sorted(distinct, key=lambda word: ranks[word] or 0.0))
        _check_number(order, who)
        return order
    return None


def _rank(word: str) -> float | None:
    return float(word) if _is_number(word) else RANKS.get(word)


def _is_number(word: str) -> bool:
    try:
        return bool(np.isfinite(float(word)))
    except ValueError:
        return False


def label_numbers(words: Sequence[str]) -> np.ndarray | None:
    """Labels that are numbers as such, (K,); None for names."""
    return np.array([float(word) for word in words]) if all(map(_is_number, words)) else None


def _check_number(words: Sequence[str], who: str) -> None:
    if len(words) > MOST_LABELS:
        raise InputError(
            f"{who} {len(words)} labels, and a classifier takes at most {MOST_LABELS}: join neighbours, such as 1 to 2 "
            "and 3 to 4 of 10, or make two classes of them with --positive and --negative."
        )


def check_counts(labels: np.ndarray, names: Sequence[str]) -> None:
    """Compare the reviews of each of more than two labels with the fewest that training needs.

    Args:
        labels: (N,), numbers of the names.

    Raises:
        InputError: a label has too few.
    """
    counts = np.bincount(labels, minlength=len(names))
    rare = [f"{name} ({count})" for name, count in zip(names, counts.tolist(), strict=True) if count < FEWEST_OF_LABEL]
    if rare:
        raise InputError(
            f"Each label needs {FEWEST_OF_LABEL} reviews to learn from, and these have fewer: {', '.join(rare)}. Add "
            "reviews, or leave the label out by naming the others with --labels."
        )


def cumulative(labels: np.ndarray, count: int) -> np.ndarray:
    """Labels (N,) as cumulative probabilities, 1 or 0: of `count` classes (N, count - 1), of two the labels."""
    return labels if count == 2 else (labels[:, None] > np.arange(count - 1)).astype(np.float32)


def class_probabilities(cumulative: np.ndarray) -> np.ndarray:
    """The probability of each class, (N, K), from the cumulative ones, (N, K - 1), which fall along a row; or (N,)."""
    inner = cumulative.reshape(len(cumulative), -1)
    ends = np.ones((len(inner), 1), inner.dtype)
    probabilities: np.ndarray = -np.diff(np.hstack([ends, inner, 0 * ends]))
    return probabilities


def label_probabilities(cumulative: np.ndarray) -> np.ndarray:
    """What is evaluated of cumulative probabilities: P(positive), (N,), or of K > 2 classes that of each, (N, K)."""
    return cumulative if cumulative.ndim == 1 else class_probabilities(cumulative)


def median_labels(probabilities: np.ndarray) -> np.ndarray:
    """The verdicts on more than two ordered labels, (N,): the median of each row, counted from 0, the worst.

    The score of a network lies between the cut points of this label. No other label is expected to be fewer steps away
    from the true one, and a label in the middle can be a verdict where an outer one is a little more probable.

    Args:
        probabilities: of each label, (N, K).
    """
    above = 1 - np.cumsum(probabilities, axis=1)[:, :-1]
    median: np.ndarray = (above >= 0.5).sum(axis=1)
    return median


def verdict_probabilities(probabilities: np.ndarray) -> np.ndarray:
    """The probability of each verdict that `median_labels` gives, (N,)."""
    found: np.ndarray = probabilities[np.arange(len(probabilities)), median_labels(probabilities)]
    return found


def expected_position(probabilities: np.ndarray) -> np.ndarray:
    """Where a label is expected on the way from the worst, 0, to the best, 1: (N,); of two classes P(positive).

    Args:
        probabilities: as `label_probabilities` gives them.
    """
    if probabilities.ndim == 1:
        return probabilities
    places = np.linspace(0, 1, probabilities.shape[1], dtype=probabilities.dtype)
    position: np.ndarray = (probabilities * places).sum(axis=1)
    return position


def log_odds(probabilities: np.ndarray) -> np.ndarray:
    """The log-odds of probabilities, float64, finite for 0 and 1, too."""
    clipped = np.clip(probabilities.astype(np.float64), LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    found: np.ndarray = np.log(clipped) - np.log1p(-clipped)
    return found


def cut_scores(scores: np.ndarray, cut_points: np.ndarray) -> np.ndarray:
    """The cumulative probabilities, float32 (N, K - 1), of scores (N,) with rising cut points (K - 1,)."""
    differences = scores.astype(np.float64)[:, None] - cut_points.astype(np.float64)
    found: np.ndarray = (1 / (1 + np.exp(-differences))).astype(np.float32)
    return found


def cuts_of_shares(labels: np.ndarray, count: int) -> np.ndarray:
    """The cut points, float32 (count - 1,), of a score that is always zero: those that give the shares of classes.

    Args:
        labels: (N,), each of `count` classes among them.
    """
    above = (labels[:, None] > np.arange(count - 1)).mean(axis=0)
    return -log_odds(above).astype(np.float32)


def ordered_log_loss(labels: np.ndarray, cumulative: np.ndarray) -> float:
    """Mean log loss, in nats, of the cumulative probabilities (N, K - 1) of reviews with labels (N,)."""
    likely = class_probabilities(cumulative)[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(likely, LEAST_PROBABILITY)).mean())


def sides(labels: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The positions of reviews whose label is above or below the middle of the order, and 1 or 0 for each.

    Args:
        labels: (N,), of `count` classes.
    """
    distance = 2 * labels.astype(int) - (count - 1)
    positions = np.flatnonzero(distance)
    return positions, (distance[positions] > 0).astype(np.int8)

"""Selective prediction: answer only where an accuracy can be guaranteed (El-Yaniv & Wiener 2010).

Thresholds are chosen on validation reviews, and checked on test reviews: two on P(positive), or of more than two labels
one on the probability of the verdict. The share of reviews that get an answer is the coverage; the accuracy of the
answers, which is one minus the selective risk, is what is guaranteed.
"""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sentiment.data.labels import median_labels, verdict_probabilities

CONFIDENCE = 0.95
MISTAKES_AT_FIRST = 2
"""The search begins with as many of the surest reviews as can hold this many mistakes and still keep the level."""

STEPS = 100


@dataclass(frozen=True)
class Abstention:
    """Which reviews are answered at a guaranteed accuracy.

    Attributes:
        level: the accuracy that is guaranteed for the answers.
        lower, upper: reviews with P(positive) below `lower` are negative, those at or above `upper` are positive; those
            between get no answer. Of more than two labels `upper` is the probability from which on a verdict is an
            answer, and `lower` is 0.
    """

    level: float
    lower: float
    upper: float

    def answered(self, probabilities: np.ndarray) -> np.ndarray:
        """Which reviews get an answer: bool (N,).

        Args:
            probabilities: P(positive), (N,); of more than two labels that of each, (N, K).
        """
        judged = probabilities if probabilities.ndim == 1 else verdict_probabilities(probabilities)
        answered: np.ndarray = (judged < self.lower) | (judged >= self.upper)
        return answered

    def _verdicts(self, probabilities: np.ndarray) -> np.ndarray:
        if probabilities.ndim == 1:
            return (probabilities >= self.upper).astype(int)
        return median_labels(probabilities)

    def check(self, labels: np.ndarray, probabilities: np.ndarray) -> "GuaranteeCheck":
        """What the guarantee is worth on labelled reviews.

        Args:
            labels: (N,), 1 positive, 0 negative; of more than two labels their numbers, from 0, the worst.
            probabilities: as `answered` takes them.
        """
        answered = self.answered(probabilities)
        right = answered & (self._verdicts(probabilities) == labels)
        return GuaranteeCheck(self.level, len(labels), int(answered.sum()), int(right.sum()))


@dataclass(frozen=True)
class GuaranteeCheck:
    """What a guarantee was worth on labelled reviews that did not choose its thresholds.

    Attributes:
        level: the accuracy guaranteed.
        reviews, answered, right: how many there were, got an answer, and got the right one.
    """

    level: float
    reviews: int
    answered: int
    right: int

    @property
    def coverage(self) -> float:
        """The share of reviews that got an answer."""
        return self.answered / self.reviews

    @property
    def accuracy(self) -> float:
        """The share of right answers; NaN where nothing was answered."""
        return self.right / self.answered if self.answered else np.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Both ends of the 95 % interval of the accuracy, by Clopper & Pearson (1934)."""
        return binomial_interval(self.right, self.answered)

    @property
    def is_kept(self) -> bool:
        """Whether the reviews agree with the guarantee: the interval does not lie wholly below the level."""
        return self.interval[1] >= self.level

    @property
    def cells(self) -> list[str]:
        """Accuracy found, its interval, coverage, and whether the guarantee is kept, as cells of a table."""
        if not self.answered:
            return ["n/a", "n/a", "0.0 %", "n/a"]
        low, high = self.interval
        found, interval = f"{100 * self.accuracy:.2f} %", f"{100 * low:.2f} to {100 * high:.2f} %"
        return [found, interval, f"{100 * self.coverage:.1f} %", "yes" if self.is_kept else "no"]


def choose_abstention(
    labels: np.ndarray, probabilities: np.ndarray, level: float, threshold: float = 0.5, choices: int = 1
) -> Abstention | None:
    """The thresholds with the highest coverage of validation reviews that keep the guaranteed accuracy.

    Reviews are answered in the order of how sure the model is: of two labels by a logistic curve fitted to the
    validation reviews (Platt 1999), so the two sides need not lie symmetrically around the threshold; of more by the
    probability of the verdict. From the surest on, one more
    hundredth of the reviews is answered at each step, while the lower bound of the accuracy of all that is answered
    (Clopper & Pearson 1934) is at least the level. The first step that fails ends the search. As the order is fixed,
    looking many times costs no confidence: the guarantee is broken on new reviews in at most 5 of 100 choices (fixed
    sequence testing; Angelopoulos et al. 2021, "Learn then Test"). The curve is fitted to the same reviews, but its two
    numbers cannot fit much.

    A model that was chosen among several by its validation reviews is the one that was luckiest with them. So the
    bound has a confidence of 1 - 0.05 / choices: then the guarantees of all models together are broken in at most 5 of
    100 cases (Bonferroni), and so is that of the chosen one, however it was chosen.

    Args:
        labels: (N,), 1 positive, 0 negative, of validation reviews that did not train the model; of more than two
            labels their numbers, from 0, the worst.
        probabilities: P(positive), (N,); of more than two labels that of each, (N, K).
        level: the accuracy to guarantee, above 0 and below 1.
        threshold: of a classifier of two labels. Answers are those of the classifier, so it lies between the two.
        choices: models that this one was chosen among by validation reviews, itself included.

    Returns:
        None where no share of the reviews is large enough and right enough to guarantee the level.
    """
    confidence = 1 - (1 - CONFIDENCE) / choices
    thresholds_at = (
        _thresholds_on_sides(labels, probabilities, threshold)
        if probabilities.ndim == 1
        else _threshold_on_verdicts(probabilities)
    )
    chosen = None
    for count in _counts(level, len(labels), confidence):
        step = Abstention(level, *thresholds_at(count))
        found = step.check(labels, probabilities)
        if accuracy_bound(found.right, found.answered, confidence) < level:
            break
        chosen = step
    return chosen


def _threshold_on_verdicts(probabilities: np.ndarray) -> Callable[[int], tuple[float, float]]:
    """How many of the surest of N reviews are answered -> lower and upper threshold, of more than two labels."""
    surest_first = -np.sort(-verdict_probabilities(probabilities))
    return lambda count: (0.0, float(surest_first[count - 1]) if count < len(surest_first) else 0.0)


def _thresholds_on_sides(
    labels: np.ndarray, probabilities: np.ndarray, threshold: float
) -> Callable[[int], tuple[float, float]]:
    """How many of the surest of N reviews are answered -> lower and upper threshold, of two labels."""
    slope, shift = _logistic_curve(labels, probabilities, threshold)
    sureness = (slope * _logit(probabilities) + shift) * np.where(probabilities >= threshold, 1, -1)
    surest_first = -np.sort(-sureness)

    def thresholds(count: int) -> tuple[float, float]:
        if count == len(labels):  # the last step answers every review
            return threshold, threshold
        cut = surest_first[count - 1]
        lower = float(1 / (1 + np.exp((cut + shift) / slope)))
        upper = float(1 / (1 + np.exp((shift - cut) / slope)))
        return min(lower, threshold), max(upper, threshold)

    return thresholds


def accuracy_bound(right: int, answered: int, confidence: float = CONFIDENCE) -> float:
    """The lower one-sided bound of an accuracy (Clopper & Pearson 1934); 0 where nothing is right."""
    from scipy.special import betaincinv  # scipy.stats, which has the same, takes half a second to import

    return float(betaincinv(right, answered - right + 1, 1 - confidence)) if right else 0.0


def binomial_interval(right: int, answered: int) -> tuple[float, float]:
    """Both ends of the 95 % interval of an accuracy, by Clopper & Pearson (1934)."""
    tail = (1 - CONFIDENCE) / 2
    return accuracy_bound(right, answered, 1 - tail), 1 - accuracy_bound(answered - right, answered, 1 - tail)


def _counts(level: float, reviews: int, confidence: float) -> list[int]:
    """How many of the surest reviews each step answers: at first as few as may hold some mistakes, at last all."""
    first = bisect_left(
        range(reviews + 1),
        level,
        lo=MISTAKES_AT_FIRST + 1,
        key=lambda count: accuracy_bound(count - MISTAKES_AT_FIRST, count, confidence),
    )
    return [*range(first, reviews, max(1, reviews // STEPS)), reviews] if first <= reviews else []


def _logistic_curve(labels: np.ndarray, probabilities: np.ndarray, threshold: float) -> tuple[float, float]:
    """Slope and shift of the log-odds of a positive label against the logit of P(positive)."""
    from sklearn.linear_model import LogisticRegression

    if len(np.unique(labels)) == 2:
        curve = LogisticRegression(C=100).fit(_logit(probabilities)[:, None], labels)
        slope, shift = float(curve.coef_[0, 0]), float(curve.intercept_[0])
        if slope > 0:
            return slope, shift
    return 1.0, float(-_logit(np.array([threshold]))[0])


def _logit(probabilities: np.ndarray) -> np.ndarray:
    """The log-odds of probabilities, finite for 0 and 1 too."""
    clipped = np.clip(probabilities.astype(np.float64), 1e-7, 1 - 1e-7)
    logit: np.ndarray = np.log(clipped) - np.log1p(-clipped)
    return logit

"""Answer only where a promised accuracy can be kept: two thresholds, chosen on validation reviews, checked on test."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from sentiment.data.corpus import predicted_labels

CONFIDENCE = 0.95
MISTAKES_AT_FIRST = 2
"""The search begins with as many of the surest reviews as can hold this many mistakes and still keep the level."""

STEPS = 100


@dataclass(frozen=True)
class Abstention:
    """Which reviews are answered at a promised accuracy.

    Attributes:
        level: the accuracy that is promised of what is answered.
        lower, upper: reviews with P(positive) below `lower` are negative, those at or above `upper` are positive; those
            between get no answer.
    """

    level: float
    lower: float
    upper: float

    def answered(self, probabilities: np.ndarray) -> np.ndarray:
        """Which reviews get an answer: bool (N,) of P(positive), (N,)."""
        answered: np.ndarray = (probabilities < self.lower) | (probabilities >= self.upper)
        return answered

    def labels(self, probabilities: np.ndarray) -> list[str | None]:
        """The verdict, positive or negative, on each P(positive), or None where there is no answer."""
        verdicts = zip(predicted_labels(probabilities, self.upper), self.answered(probabilities).tolist(), strict=True)
        return [label if is_answered else None for label, is_answered in verdicts]


@dataclass(frozen=True)
class AbstentionCheck:
    """What a promise was worth on labelled reviews that did not choose its thresholds.

    Attributes:
        level: the accuracy promised.
        reviews, answered, right: how many there were, got an answer, and got the right one.
    """

    level: float
    reviews: int
    answered: int
    right: int

    @property
    def share(self) -> float:
        """Of reviews that got an answer."""
        return self.answered / self.reviews

    @property
    def accuracy(self) -> float:
        """Of what was answered; NaN where nothing was."""
        return self.right / self.answered if self.answered else np.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Both ends of the 95 % interval of the accuracy, by Clopper & Pearson (1934)."""
        return binomial_interval(self.right, self.answered)

    @property
    def is_kept(self) -> bool:
        """Whether the reviews agree with the promise: the interval does not lie wholly below the level."""
        return self.interval[1] >= self.level

    @property
    def cells(self) -> list[str]:
        """Accuracy found, its interval, share answered and whether the promise is kept, as cells of a table."""
        if not self.answered:
            return ["n/a", "n/a", "0.0 %", "n/a"]
        low, high = self.interval
        found, interval = f"{100 * self.accuracy:.2f} %", f"{100 * low:.2f} to {100 * high:.2f} %"
        return [found, interval, f"{100 * self.share:.1f} %", "yes" if self.is_kept else "no"]

    @property
    def sentence(self) -> str:
        """Promised against found, in words."""
        if not self.answered:
            return f"promised {100 * self.level:.1f} %: none of {self.reviews:,} reviews was answered"
        low, high = self.interval
        return (
            f"promised {100 * self.level:.1f} %, found {100 * self.accuracy:.1f} % ({100 * low:.1f} to "
            f"{100 * high:.1f}) on the {100 * self.share:.1f} % of reviews that were answered"
        )


def choose_abstention(
    labels: np.ndarray, probabilities: np.ndarray, level: float, threshold: float = 0.5, choices: int = 1
) -> Abstention | None:
    """The two thresholds that answer most validation reviews and keep the promised accuracy.

    Reviews are answered in the order of how sure the model is, by a logistic curve fitted to the validation reviews
    (Platt 1999). So the two sides need not lie symmetrically around the threshold. From the surest on, one more
    hundredth of the reviews is answered at each step, while the lower bound of the accuracy of all that is answered
    (Clopper & Pearson 1934) is at least the level. The first step that fails ends the search. As the order is fixed,
    looking many times costs no confidence: the promise is broken on new reviews in at most 5 of 100 choices (fixed
    sequence testing; Angelopoulos et al. 2021, "Learn then Test"). The curve is fitted to the same reviews, but its two
    numbers cannot fit much.

    A model that was chosen among several by its validation reviews is the one that was luckiest with them. So the
    bound has a confidence of 1 - 0.05 / choices: then the promises of all models together are broken in at most 5 of
    100 cases (Bonferroni), and so is that of the chosen one, however it was chosen.

    Args:
        labels: (N,), 1 positive, 0 negative, of validation reviews that did not train the model.
        probabilities: (N,), P(positive).
        level: the accuracy to promise, above 0 and below 1.
        threshold: of the classifier. Answers are those of the classifier, so it lies between the two thresholds.
        choices: models that this one was chosen among by validation reviews, itself included.

    Returns:
        None where no share of the reviews is large enough and right enough to promise the level.
    """
    if not 0 < level < 1:
        raise ValueError(f"A level lies above 0 and below 1; got {level}.")
    confidence = 1 - (1 - CONFIDENCE) / choices
    counts = _counts(level, len(labels), confidence)  # (S,)
    if not len(counts):
        return None
    slope, shift = _logistic_curve(labels, probabilities, threshold)
    sureness = (slope * _logit(probabilities) + shift) * np.where(probabilities >= threshold, 1, -1)
    cuts = -np.sort(-sureness)[counts - 1]
    lower = np.minimum(1 / (1 + np.exp((cuts + shift) / slope)), threshold)  # (S,)
    upper = np.maximum(1 / (1 + np.exp((shift - cuts) / slope)), threshold)
    lower[-1] = upper[-1] = threshold  # the last step answers every review
    right, answered = _answers(labels, probabilities, lower, upper)
    fails = _accuracy_bounds(right, answered, confidence) < level
    steps = int(fails.argmax()) if fails.any() else len(counts)
    return Abstention(level, float(lower[steps - 1]), float(upper[steps - 1])) if steps else None


def check_abstention(abstention: Abstention, labels: np.ndarray, probabilities: np.ndarray) -> AbstentionCheck:
    """What the promise is worth on labelled reviews.

    Args:
        labels: (N,), 1 positive, 0 negative.
        probabilities: (N,), P(positive).
    """
    answered = abstention.answered(probabilities)
    right = answered & ((probabilities >= abstention.upper) == (labels == 1))
    return AbstentionCheck(abstention.level, len(labels), int(answered.sum()), int(right.sum()))


def write_promises(checks: Sequence[AbstentionCheck], path: Path) -> None:
    """Write a CSV table with a row for each check."""
    import pandas as pd

    columns = [field.name for field in fields(AbstentionCheck)]
    pd.DataFrame([asdict(check) for check in checks], columns=columns).to_csv(path, index=False)


def read_promises(path: Path) -> list[AbstentionCheck]:
    """The checks that `write_promises` wrote."""
    import pandas as pd

    rows = pd.read_csv(path, dtype={"level": float, "reviews": int, "answered": int, "right": int})
    return [AbstentionCheck(**{str(name): value for name, value in row.items()}) for row in rows.to_dict("records")]


def accuracy_bound(right: int, answered: int, confidence: float = CONFIDENCE) -> float:
    """The lower one-sided bound of an accuracy (Clopper & Pearson 1934); 0 where nothing is right."""
    return float(_accuracy_bounds(np.array(right), np.array(answered), confidence))


def binomial_interval(right: int, answered: int) -> tuple[float, float]:
    """Both ends of the 95 % interval of an accuracy, by Clopper & Pearson (1934)."""
    tail = (1 - CONFIDENCE) / 2
    return accuracy_bound(right, answered, 1 - tail), 1 - accuracy_bound(answered - right, answered, 1 - tail)


def _counts(level: float, reviews: int, confidence: float) -> np.ndarray:
    """How many of the surest reviews each step answers: at first as few as may hold some mistakes, at last all."""
    first = bisect_left(
        range(reviews + 1),
        level,
        lo=MISTAKES_AT_FIRST + 1,
        key=lambda count: accuracy_bound(count - MISTAKES_AT_FIRST, count, confidence),
    )
    counts = {*range(first, reviews, max(1, reviews // STEPS)), reviews} if first <= reviews else set()
    return np.array(sorted(counts), np.int64)


def _answers(
    labels: np.ndarray, probabilities: np.ndarray, lower: np.ndarray, upper: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How many answers are right, and how many there are, as `check_abstention` counts them: for S pairs, int (S,)."""
    order = np.argsort(probabilities)
    below, not_above = (
        np.searchsorted(probabilities[order], thresholds.astype(probabilities.dtype)) for thresholds in (lower, upper)
    )
    positive = np.concatenate([[0], np.cumsum(labels[order] == 1)])  # among the n lowest probabilities
    right = below - positive[below] + positive[-1] - positive[not_above]
    return right, below + len(labels) - not_above


def _accuracy_bounds(right: np.ndarray, answered: np.ndarray, confidence: float) -> np.ndarray:
    """As `accuracy_bound`, of several accuracies."""
    from scipy.special import betaincinv

    bounds: np.ndarray = np.where(right, betaincinv(np.maximum(right, 1), answered - right + 1, 1 - confidence), 0.0)
    return bounds


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

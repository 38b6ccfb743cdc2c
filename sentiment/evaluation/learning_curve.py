"""What more labels would bring: a power law through the accuracies of trainings on parts of the labels."""

from dataclasses import dataclass

import numpy as np

from sentiment.errors import InputError

RATES = np.linspace(0.05, 1.0, 96)
"""Exponents tried; those of text classifiers are found between 0.1 and 0.6 (Hestness et al. 2017)."""

LIMITS = 101
DRAWS = 10_000
SIZES = 4
"""Fewest different numbers of labels that tell the three numbers of a power law from noise."""


@dataclass(frozen=True)
class Gain:
    """What more labels are expected to bring, as shares of accuracy with a 95 % interval."""

    more: int
    value: float
    low: float
    high: float

    @property
    def sentence(self) -> str:
        """The gain in points."""
        value, low, high = (100 * share for share in (self.value, self.low, self.high))
        return f"{self.more:,} more labels: {value:+.1f} points ({low:.1f} to {high:.1f})"


@dataclass(frozen=True)
class LearningCurve:
    """A power law of the error: error(n) = limit + scale * n ** -rate, with what is not known of it.

    Attributes:
        labels: the largest number of labels that a training had.
        draws: (DRAWS, 3): limit, scale and rate, drawn as probable as they are after the trainings.
    """

    labels: int
    draws: np.ndarray

    def accuracy(self, labels: np.ndarray) -> np.ndarray:
        """The mean accuracy of trainings on so many labels: median, and the ends of its 95 % interval.

        Args:
            labels: (P,), above 0.

        Returns:
            Shares, (3, P).
        """
        limit, scale, rate = self.draws.T[:, :, None]
        return _median_and_interval(1 - limit - scale * np.asarray(labels, float) ** -rate)

    def gain(self, more: int) -> Gain:
        """What that many labels would add to the largest training."""
        _, scale, rate = self.draws.T
        gained = scale * (float(self.labels) ** -rate - float(self.labels + more) ** -rate)
        value, low, high = _median_and_interval(gained[:, None])[:, 0]
        return Gain(more, float(value), float(low), float(high))


def fit_learning_curve(labels: np.ndarray, accuracies: np.ndarray, *, seed: int = 0) -> LearningCurve:
    """The power laws that agree with the trainings (Hestness et al. 2017), each as probable as it is.

    The errors lie around the law with a normal spread that grows with the error. Before the trainings, every rate in
    RATES is taken for equally probable, and every limit up to the smallest mean error. The lowest is minus half of it:
    with zero as the lowest, curves that near it get intervals that are too short. All scales above zero, and all
    logarithms of the spread, are equally probable too. Limit and rate lie on a grid. For each pair the scale is a
    linear regression, whose probability is known in closed form (Gelman et al. 2013, chapter 14). That makes the
    interval as wide as limit and rate leave it open, without a search that may stop at a wrong place.

    Limits: the law speaks of labels like those there are, and of this configuration. Far beyond the largest training
    the interval still trusts the law.

    Args:
        labels: (T,), how many labels each training had.
        accuracies: (T,), of each training, on the same reviews.

    Raises:
        InputError: fewer than 4 different numbers of labels, or fewer than 5 trainings.
    """
    labels, errors = np.asarray(labels, float), 1 - np.asarray(accuracies, float)
    sizes = np.unique(labels)
    if len(sizes) < SIZES or len(labels) <= SIZES:
        raise InputError(
            f"A learning curve takes {SIZES + 1} trainings on {SIZES} different numbers of labels; there are "
            f"{len(labels)} on {len(sizes)}: name more sizes or more seeds."
        )
    means = np.array([errors[labels == size].mean() for size in sizes])
    weights = 1 / np.maximum(means, 1e-3)[np.searchsorted(sizes, labels)]  # (T,), one over the spread
    largest = sizes[-1]  # labels are counted in it, so that numbers stay near one
    features = weights * (labels / largest) ** -RATES[:, None]  # (R, T)
    limits = np.linspace(-means.min() / 2, means.min(), LIMITS)  # (L,)
    targets = weights * (errors - limits[:, None])  # (L, T)
    squares = np.sum(features**2, axis=1)  # (R,)
    scales = targets @ features.T / squares  # (L, R)
    residuals = np.maximum(np.sum(targets**2, axis=1)[:, None] - scales**2 * squares, 1e-12)  # (L, R)
    freedom = len(labels) - 1
    log_weight = -freedom / 2 * np.log(residuals) - np.log(squares) / 2
    weight = np.exp(log_weight - log_weight.max()).ravel()
    generator = np.random.default_rng(seed)
    drawn = generator.choice(weight.size, DRAWS, p=weight / weight.sum())
    limit, rate = np.unravel_index(drawn, residuals.shape)
    spread = np.sqrt(residuals[limit, rate] / generator.chisquare(freedom, DRAWS) / squares[rate])
    scale = np.maximum(scales[limit, rate] + spread * generator.standard_normal(DRAWS), 0)
    return LearningCurve(int(largest), np.stack([limits[limit], scale * largest ** RATES[rate], RATES[rate]], axis=1))


def find_crossing(first: LearningCurve, second: LearningCurve, fewest: int) -> int | None:
    """The number of labels, measured on both sides, at which the better of two models changes.

    Args:
        fewest: the smallest number of labels that a training had.

    Returns:
        None where one model is better from the fewest labels to the most, by the medians of both curves.
    """
    labels = np.geomspace(fewest, min(first.labels, second.labels), 200)
    ahead = first.accuracy(labels)[0] > second.accuracy(labels)[0]
    changes = np.flatnonzero(ahead[1:] != ahead[:-1])
    return round(float(labels[changes[-1] + 1])) if len(changes) else None


def _median_and_interval(values: np.ndarray) -> np.ndarray:
    """(draws, P) -> (3, P): the median, and the 2.5 % and 97.5 % quantiles."""
    quantiles: np.ndarray = np.quantile(values, [0.5, 0.025, 0.975], axis=0)
    return quantiles

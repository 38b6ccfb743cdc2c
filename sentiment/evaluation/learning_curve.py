"""What more labels would bring: a power law through the accuracies of trainings on parts of the labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from sentiment.evaluation.significance import accuracy_with_interval

RATES = np.linspace(0.05, 1.0, 96)
"""Exponents tried; those of text classifiers are found between 0.1 and 0.6 (Hestness et al. 2017)."""

LIMITS = 101
DRAWS = 10_000
SIZES = 4
"""Fewest different numbers of labels that distinguish the three numbers of a power law from noise."""


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

    def gain(self, more: int) -> tuple[float, float, float]:
        """What that many labels would add to the accuracy of the largest training: median and 95 % interval, shares."""
        _, scale, rate = self.draws.T
        gained = scale * (float(self.labels) ** -rate - float(self.labels + more) ** -rate)
        value, low, high = _median_and_interval(gained).tolist()
        return value, low, high


def fit_learning_curve(labels: np.ndarray, accuracies: np.ndarray) -> LearningCurve:
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
        labels: (T,), how many labels each training had: more trainings than SIZES, with SIZES different numbers.
        accuracies: (T,), of each training, on the same reviews.
    """
    labels, errors = np.asarray(labels, float), 1 - np.asarray(accuracies, float)
    sizes = np.unique(labels)
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
    generator = np.random.default_rng(0)
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


@dataclass(frozen=True)
class LearningCurves:
    """What models reach with parts of the labels, and what more labels would bring each.

    Attributes:
        points: columns `model`, `labels`, `accuracy`, `low`, `high` and `above_chance`: for each model and number of
            labels the mean over seeds, its 95 % interval over reviews and seeds, and whether all of the interval is
            above the share of the largest class.
        trainings: columns `model`, `seed`, `labels` and `accuracy`; a row for each training.
    """

    points: pd.DataFrame
    trainings: pd.DataFrame

    @classmethod
    def from_trainings(cls, trainings: pd.DataFrame, correct: Sequence[np.ndarray], chance: float) -> "LearningCurves":
        """The curves through some trainings.

        Args:
            trainings: columns `model`, `seed` and `labels`.
            correct: for each training, whether it judged each test review rightly, bool (N,).
            chance: the share of the largest class.
        """
        trainings = trainings.assign(accuracy=[float(judged.mean()) for judged in correct]).reset_index(drop=True)
        rows = []
        for (model, labels), seeds in trainings.groupby(["model", "labels"], sort=False):
            value, low, high = accuracy_with_interval(np.stack([correct[place] for place in seeds.index]))
            rows.append([model, labels, value, low, high, low > chance])
        columns = ["model", "labels", "accuracy", "low", "high", "above_chance"]
        return cls(pd.DataFrame(rows, columns=columns), trainings)

    @property
    def models(self) -> list[str]:
        """The models, in the order of the trainings."""
        return list(dict.fromkeys(self.points["model"]))

    @property
    def sizes(self) -> list[int]:
        """Numbers of labels, rising."""
        return sorted(set(self.points["labels"].tolist()))

    def points_of(self, model: str) -> pd.DataFrame:
        """The points of a model, the number of labels rising."""
        return self.points[self.points["model"] == model].sort_values("labels")

    def at_chance(self, model: str) -> int:
        """The most labels with which a model is no better than chance; 0 if it always is."""
        points = self.points_of(model)
        return int(points["labels"].where(~points["above_chance"], 0).max())

    @cached_property
    def laws(self) -> Mapping[str, LearningCurve]:
        """Model -> its power law.

        Below some number of labels a model learns nothing, and the law begins beyond it (Hestness et al. 2017). So
        trainings with no more labels than `at_chance` are left out. A model that has too few others has no law.
        """
        laws = {}
        for model in self.models:
            is_used = (self.trainings["model"] == model) & (self.trainings["labels"] > self.at_chance(model))
            used = self.trainings[is_used]
            if used["labels"].nunique() >= SIZES and len(used) > SIZES:
                laws[model] = fit_learning_curve(used["labels"].to_numpy(), used["accuracy"].to_numpy())
        return laws

    def gain(self, model: str, more: int) -> str:
        """What more labels would bring a model, in words."""
        if model in self.laws:
            value, low, high = (100 * share for share in self.laws[model].gain(more))
            return f"{more:,} more labels: {value:+.1f} points ({low:.1f} to {high:.1f})"
        return f"too few trainings better than chance: none with {self.at_chance(model):,} labels or fewer"

    def sentence(self, rival: str, more: int) -> str:
        """What more labels would bring the first model, and where a rival is better.

        Args:
            rival: a model that may be missing.
        """
        model = self.models[0]
        sentence = f"{model}, {self.gain(model, more)}"
        if rival == model or rival not in self.models:
            return sentence
        is_ahead = self.points_of(model)["accuracy"].to_numpy() > self.points_of(rival)["accuracy"].to_numpy()
        if is_ahead.all() or not is_ahead.any():
            better = model if is_ahead[0] else rival
            return f"{sentence}; {better} is better with {self.sizes[0]:,} to {self.sizes[-1]:,} labels"
        few = rival if is_ahead[-1] else model
        both_have_laws = {model, rival} <= set(self.laws)
        crossing = find_crossing(self.laws[model], self.laws[rival], self.sizes[0]) if both_have_laws else None
        if crossing is None:
            most = self.sizes[int(np.flatnonzero(is_ahead != is_ahead[-1])[-1])]
            return f"{sentence}; with {most:,} labels or fewer {few} is better"
        return f"{sentence}; below about {_rounded(crossing):,} labels {few} is better"


def default_more(labels: int) -> int:
    """How many more labels to ask about, where nobody said: a fifth, to one digit."""
    return _rounded(max(1, labels // 5), digits=1)


def _rounded(number: int, digits: int = 2) -> int:
    """A number to so many digits."""
    return int(float(f"{number:.{digits - 1}e}"))


def _median_and_interval(values: np.ndarray) -> np.ndarray:
    """(draws, ...) -> (3, ...): the median, and the 2.5 % and 97.5 % quantiles."""
    quantiles: np.ndarray = np.quantile(values, [0.5, 0.025, 0.975], axis=0)
    return quantiles

"""Figures of K trainings on folds: their mean with the corrected resampled t interval of Nadeau & Bengio (2003)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sentiment.evaluation.significance import Difference, correct_for_number

LEVEL = 0.95


@dataclass(frozen=True)
class Resampled:
    """The mean of a figure over the folds.

    Attributes:
        mean, low, high: with the ends of its 95 % interval.
        p_value: two-sided, of the same t test, that the mean is zero.
    """

    mean: float
    low: float
    high: float
    p_value: float


def resampled_mean(values: Sequence[float], within: tuple[float, float] = (-np.inf, np.inf)) -> Resampled:
    """The mean of one value per fold, each fold tested by the training on all others.

    Trainings share most of their reviews, so their values depend on one another, and the plain t interval is too short.
    The variance of the mean is taken as (1/K + tested/trained) times the variance between the folds, where tested and
    trained are the numbers of reviews; here their ratio is 1 / (K - 1).

    Args:
        values: K of them, at least 2.
        within: bounds of what is measured, at which the interval ends.
    """
    from scipy.stats import t

    folds = len(values)
    mean, variance = float(np.mean(values)), float(np.var(values, ddof=1))
    error = float(np.sqrt((1 / folds + 1 / (folds - 1)) * variance))
    reach = float(t.ppf((1 + LEVEL) / 2, folds - 1)) * error
    p_value = 2 * float(t.sf(abs(mean) / error, folds - 1)) if error else float(mean == 0)
    return Resampled(mean, max(within[0], mean - reach), min(within[1], mean + reach), p_value)


def compare_folds(
    accuracies: Mapping[str, Sequence[float]], pairs: Sequence[tuple[str, str]], reviews: int
) -> list[Difference]:
    """The difference in accuracy of every pair of models, corrected for their number.

    Args:
        accuracies: model -> one value per fold, the folds in the same order.
        pairs: the models, each with the one that it is held against.
        reviews: in all folds together.
    """
    found = []
    for model, other in pairs:
        difference = resampled_mean(np.subtract(accuracies[model], accuracies[other]).tolist())
        found.append(
            Difference(
                model,
                other,
                difference.mean,
                difference.low,
                difference.high,
                difference.p_value,
                reviews,
                corrected_p_value=difference.p_value,
            )
        )
    return correct_for_number(found)

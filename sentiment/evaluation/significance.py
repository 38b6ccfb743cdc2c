"""Is one model better than another on the same test reviews? An interval over reviews and seeds, and a verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

LEVEL = 0.05
"""A verdict takes a side when its p-value, corrected for the number of verdicts, is below this."""


@dataclass(frozen=True)
class Estimate:
    """A mean or a difference, with what its interval and its t test need.

    Attributes:
        value: a share between -1 and 1, or the mean of a metric.
        standard_error: of the value, in its unit.
        degrees_of_freedom: of the t distribution that value / standard_error is compared with.
    """

    value: float
    standard_error: float
    degrees_of_freedom: float

    @property
    def interval(self) -> tuple[float, float]:
        """Both ends of the 95 % interval."""
        from scipy.stats import t

        half = float(t.ppf(1 - LEVEL / 2, self.degrees_of_freedom)) * self.standard_error
        return self.value - half, self.value + half

    @property
    def p_value(self) -> float:
        """Two-sided, that the true value is zero; below 0.05 exactly where the interval leaves out zero."""
        from scipy.stats import t

        if not self.standard_error:
            return float(self.value == 0)
        return float(2 * t.sf(abs(self.value) / self.standard_error, self.degrees_of_freedom))


@dataclass(frozen=True)
class Difference:
    """The accuracy of a model minus that of a baseline, on the same test reviews.

    Attributes:
        value, low, high: shares between -1 and 1: the difference and the ends of its 95 % interval.
        p_value: of the t test that belongs to the interval.
        reviews: in the test split.
        corrected_p_value: the p-value, corrected for the number of verdicts (Holm 1979).
        verdicts: how many are given at once, this one with them.
        mcnemar_p_value: McNemar's exact test where each model is one run, else None.
    """

    model: str
    baseline: str
    value: float
    low: float
    high: float
    p_value: float
    reviews: int
    corrected_p_value: float
    verdicts: int = 1
    mcnemar_p_value: float | None = None

    @classmethod
    def from_estimate(
        cls, model: str, baseline: str, estimate: Estimate, reviews: int, mcnemar_p_value: float | None = None
    ) -> "Difference":
        """The difference of one pair, not corrected yet."""
        low, high = estimate.interval
        p_value = estimate.p_value
        return cls(
            model, baseline, estimate.value, low, high, p_value, reviews, p_value, mcnemar_p_value=mcnemar_p_value
        )

    @property
    def is_significant(self) -> bool:
        """Whether the verdict takes a side: the corrected p-value is below 0.05, so the interval leaves out zero."""
        return self.corrected_p_value < LEVEL

    @property
    def verdict(self) -> str:
        """The difference in words, with the interval of this pair."""
        value, low, high = (100 * share for share in (self.value, self.low, self.high))
        if self.is_significant and value > 0:
            return (
                f"{self.model} is better than {self.baseline} by {value:.1f} points, "
                f"95 % interval {low:.1f} to {high:.1f}"
            )
        if self.is_significant:
            return (
                f"{self.model} loses to {self.baseline} by {-value:.1f} points, 95 % interval {-high:.1f} to {-low:.1f}"
            )
        size = f"at this size ({self.reviews:,} test reviews)"
        if self.p_value < LEVEL:
            size = f"among {self.verdicts} verdicts"
        return (
            f"the difference between {self.model} and {self.baseline} is not significant {size}: {value:+.1f} points, "
            f"95 % interval {low:.1f} to {high:.1f}"
        )


def compare_accuracy(model: str, correct: np.ndarray, baseline: str, baseline_correct: np.ndarray) -> Difference:
    """The difference between two models, each trained once or with several seeds.

    Interval and p-value come from one estimate, `estimate_difference`, so they never disagree. McNemar's test compares
    two classifiers, not two ways to train them, so it is made only where each model is one run.

    Args:
        model, baseline: names for the verdict.
        correct, baseline_correct: bool (runs, N): whether each test review was judged rightly.
    """
    single_runs = len(correct) == len(baseline_correct) == 1
    p_value = mcnemar(correct[0], baseline_correct[0]) if single_runs else None
    estimate = estimate_difference(correct, baseline_correct)
    return Difference.from_estimate(model, baseline, estimate, correct.shape[1], p_value)


def compare_folds(
    accuracies: Mapping[str, Sequence[float]], pairs: Sequence[tuple[str, str]], reviews: int
) -> list[Difference]:
    """The difference in accuracy of every pair of models in a cross-validation, corrected for their number.

    Args:
        accuracies: model -> one value per fold, the folds in the same order.
        pairs: the models, each with the one that it is compared with.
        reviews: in all folds together.
    """
    return correct_for_number(
        [
            Difference.from_estimate(
                model, other, resampled_mean(np.subtract(accuracies[model], accuracies[other])), reviews
            )
            for model, other in pairs
        ]
    )


def correct_for_number(differences: Sequence[Difference]) -> list[Difference]:
    """The same differences as one family: each with its p-value corrected for their number (Holm 1979).

    The chance that any verdict takes a side where there is no difference stays below 0.05. The intervals stay those
    of each pair alone.
    """
    corrected = holm([difference.p_value for difference in differences])
    return [
        replace(difference, corrected_p_value=float(p_value), verdicts=len(differences))
        for difference, p_value in zip(differences, corrected, strict=True)
    ]


def estimate_difference(correct: np.ndarray, baseline_correct: np.ndarray) -> Estimate:
    """The difference in mean accuracy, with the variance of the choice of test reviews and that of seeds.

    Reviews and seeds are crossed (Owen 2007): every run judges the same reviews. The variance is the sum of
    independent parts, each estimated by its mean square (Searle, Casella & McCulloch 1992, chapter 4):

    - reviews: how much the mean judgement of a review differs between the models, less the part of the disagreement
      between runs of one model. As in the interval of Agresti & Min (2005), two reviews are added, and half a review
      that each model alone judges rightly. So the variance is never zero, and small test splits keep their level;
    - seeds of a model that has several: the variance between the accuracies of its runs, which holds the disagreement.

    Degrees of freedom are those of Satterthwaite (1946). His formula takes the estimated variances for the true ones.
    With two seeds, half of all estimates are below half of the true variance. The formula then gives too many degrees
    of freedom, and intervals are too short. So in the formula alone, the variance of seeds is its median-unbiased
    estimate: the mean square, divided by the median of a mean square whose variance is one. Then intervals cover 0.93
    to 0.97 with 2, 3 and 5 seeds (benchmarks/COVERAGE.md).

    Limits: a model with one run stands for that run, so the interval says nothing of other seeds of that model. Runs
    of two models with the same seed are taken for independent. Seeds are taken for normal.

    Args:
        correct, baseline_correct: bool (runs, N): whether each test review was judged rightly.
    """
    from scipy.stats import chi2

    reviews = correct.shape[1]
    differences = correct.mean(axis=0) - baseline_correct.mean(axis=0)  # (N,), -1 to 1
    between_reviews = (np.sum(differences**2) + 1) / (reviews + 2) - (np.sum(differences) / (reviews + 2)) ** 2
    between_seeds, for_freedom, freedom = [], [], []  # one entry for each model that has several runs
    for runs in (correct, baseline_correct):
        if len(runs) == 1:
            continue
        between_reviews -= _disagreement(runs) / len(runs)
        between_seeds.append(float(runs.mean(axis=1).var(ddof=1)) / len(runs))
        freedom.append(len(runs) - 1)
        for_freedom.append(between_seeds[-1] * freedom[-1] / float(chi2.median(freedom[-1])))
    variance = max(float(between_reviews), 1 / (reviews + 2)) / (reviews + 2)
    parts, freedoms = np.array([variance, *for_freedom]), np.array([reviews - 1, *freedom])
    degrees_of_freedom = float(parts.sum() ** 2 / np.sum(parts**2 / freedoms))
    return Estimate(float(differences.mean()), float(np.sqrt(variance + sum(between_seeds))), degrees_of_freedom)


def accuracy_with_interval(correct: np.ndarray) -> tuple[float, float, float]:
    """Mean accuracy and both ends of its 95 % interval over reviews and seeds, as shares.

    It is the difference to a model that is never right, as `estimate_difference` gives it.

    Args:
        correct: bool (runs, N): whether each run judged each test review rightly.
    """
    estimate = estimate_difference(correct, np.zeros((1, correct.shape[1]), bool))
    low, high = estimate.interval
    return estimate.value, max(low, 0.0), min(high, 1.0)


def resampled_mean(values: Sequence[float] | np.ndarray) -> Estimate:
    """The mean of one value per fold, with the corrected resampled t interval of Nadeau & Bengio (2003).

    Each fold is tested by the training on all others. Trainings share most of their reviews, so their values depend on
    one another, and the plain t interval is too short. The variance of the mean is taken as (1/K + tested/trained)
    times the variance between the folds, where tested and trained are numbers of reviews; here their ratio is
    1 / (K - 1).

    Args:
        values: K of them, at least 2.
    """
    folds = len(values)
    error = float(np.sqrt((1 / folds + 1 / (folds - 1)) * float(np.var(values, ddof=1))))
    return Estimate(float(np.mean(values)), error, folds - 1)


def _disagreement(runs: np.ndarray) -> float:
    """The mean square of reviews crossed with runs; bool (S, N), S > 1, N > 1.

    It is the variance of one judgement around what its review and its run would give.
    """
    seeds, reviews = runs.shape
    rightly = runs.mean(axis=0)  # (N,)
    within_reviews = seeds * float(np.sum(rightly * (1 - rightly)))
    between_runs = reviews * (seeds - 1) * float(runs.mean(axis=1).var(ddof=1))
    return float((within_reviews - between_runs) / ((reviews - 1) * (seeds - 1)))


def holm(p_values: Sequence[float]) -> np.ndarray:
    """P-values corrected for their number by Holm's step-down method (Holm 1979), in the same order, (M,)."""
    order = np.argsort(p_values, kind="stable")
    corrected = np.empty(len(order))
    corrected[order] = np.maximum.accumulate(np.asarray(p_values)[order] * np.arange(len(order), 0, -1))
    return np.minimum(corrected, 1)


def mcnemar(correct: np.ndarray, baseline_correct: np.ndarray) -> float:
    """Two-sided p-value of McNemar's exact test (McNemar 1947) that two classifiers err equally often.

    Args:
        correct, baseline_correct: bool (N,), of the same reviews.
    """
    from scipy.stats import binomtest

    only_model, only_baseline = int(np.sum(correct & ~baseline_correct)), int(np.sum(~correct & baseline_correct))
    if not only_model + only_baseline:
        return 1.0
    return float(binomtest(only_model, only_model + only_baseline).pvalue)

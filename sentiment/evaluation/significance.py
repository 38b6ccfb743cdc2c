"""Is one model better than another on the same test reviews? Paired bootstrap, McNemar's test, a verdict in words."""

from dataclasses import dataclass

import numpy as np

RESAMPLES = 10_000
DRAWS_AT_ONCE = 2**22


@dataclass(frozen=True)
class Difference:
    """The accuracy of a model minus that of a baseline, on the same test reviews.

    Attributes:
        value, low, high: shares between -1 and 1: the difference and the ends of its 95 % interval.
        p_value: McNemar's exact test; the largest where several pairs of runs were tested.
        reviews: in the test split.
    """

    model: str
    baseline: str
    value: float
    low: float
    high: float
    p_value: float
    reviews: int

    @property
    def verdict(self) -> str:
        """The difference in words; it takes a side only when the interval leaves out zero."""
        value, low, high = (100 * share for share in (self.value, self.low, self.high))
        if low > 0:
            return (
                f"{self.model} is better than {self.baseline} by {value:.1f} points, "
                f"95 % interval {low:.1f} to {high:.1f}"
            )
        if high < 0:
            return (
                f"{self.model} loses to {self.baseline} by {-value:.1f} points, 95 % interval {-high:.1f} to {-low:.1f}"
            )
        return (
            f"no difference between {self.model} and {self.baseline} can be told at this size ({self.reviews:,} test "
            f"reviews): {value:+.1f} points, 95 % interval {low:.1f} to {high:.1f}"
        )


def compare_accuracy(model: str, correct: np.ndarray, baseline: str, baseline_correct: np.ndarray) -> Difference:
    """The difference between two models, each trained once or with several seeds.

    McNemar's test is of two classifiers, so it is made for each pair of runs in turn (first with first, and so on; a
    single run with every other), and the largest p-value is kept: it speaks for the least certain pair.

    Args:
        model, baseline: names for the verdict.
        correct, baseline_correct: bool (runs, N): whether each test review was judged rightly.
    """
    low, high = bootstrap_interval(correct, baseline_correct)
    pairs = max(len(correct), len(baseline_correct))
    p_values = [
        mcnemar(correct[pair % len(correct)], baseline_correct[pair % len(baseline_correct)]) for pair in range(pairs)
    ]
    value = float(correct.mean() - baseline_correct.mean())
    return Difference(model, baseline, value, low, high, max(p_values), correct.shape[1])


def bootstrap_interval(
    correct: np.ndarray, baseline_correct: np.ndarray, *, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[float, float]:
    """95 % percentile interval of the difference in mean accuracy (Efron & Tibshirani 1993, chapter 13).

    The reviews are drawn with replacement, the same for both models, and so are the runs of each model that has
    several. Reviews and runs are crossed (the pigeonhole bootstrap, Owen 2007): the interval covers the choice of
    test reviews and that of seeds. Of S runs S - 1 are drawn, which makes the variance between runs unbiased (McCarthy
    & Snowden 1985); it matters as S is small. A single run always stands for itself.

    Reviews that the same runs judge rightly are alike. So one draw of all reviews is one multinomial draw of how many
    come from each kind. That is the same distribution as drawing the reviews one by one, and takes a fraction of the
    time.

    Args:
        correct, baseline_correct: bool (runs, N).

    Returns:
        Both ends as shares.
    """
    generator = np.random.default_rng(seed)
    runs, reviews = np.concatenate([correct, baseline_correct]), correct.shape[1]  # (R, N)
    kinds, counts = np.unique(runs, axis=1, return_counts=True)  # (R, K), (K,)
    at_once = max(1, DRAWS_AT_ONCE // len(counts))
    accuracies = np.concatenate(
        [
            generator.multinomial(reviews, counts / reviews, min(at_once, resamples - start)) @ kinds.T / reviews
            for start in range(0, resamples, at_once)
        ]
    )  # (resamples, R)
    model = _mean_of_drawn_runs(accuracies[:, : len(correct)], generator)
    baseline = _mean_of_drawn_runs(accuracies[:, len(correct) :], generator)
    low, high = np.quantile(model - baseline, [0.025, 0.975])
    return float(low), float(high)


def _mean_of_drawn_runs(accuracies: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """(resamples, S) -> (resamples,): the mean accuracy of S - 1 runs drawn with replacement, of one run itself."""
    resamples, runs = accuracies.shape
    if runs == 1:
        return accuracies[:, 0]
    drawn = generator.integers(runs, size=(resamples, runs - 1))
    means: np.ndarray = np.take_along_axis(accuracies, drawn, axis=1).mean(axis=1)
    return means


def mcnemar(correct: np.ndarray, baseline_correct: np.ndarray) -> float:
    """Two-sided p-value of McNemar's exact test (McNemar 1947) that two classifiers err equally often.

    Args:
        correct, baseline_correct: bool (N,), of the same reviews.
    """
    from scipy.stats import binomtest

    only_model = int(np.sum(correct & ~baseline_correct))
    only_baseline = int(np.sum(~correct & baseline_correct))
    if only_model + only_baseline == 0:
        return 1.0
    return float(binomtest(only_model, only_model + only_baseline).pvalue)

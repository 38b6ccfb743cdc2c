import numpy as np
import pytest

from sentiment.evaluation.cross_validation import compare_folds, resampled_mean


def test_the_interval_is_that_of_nadeau_and_bengio() -> None:
    """By hand: variance 0.0004, times 1/5 + 1/4, and the 97.5 % quantile of t with 4 degrees of freedom, 2.776."""
    values = [0.80, 0.82, 0.84, 0.80, 0.84]
    found = resampled_mean(values)
    assert found.mean == pytest.approx(0.82)
    reach = 2.7764 * np.sqrt(0.0004 * (1 / 5 + 1 / 4))
    assert [found.low, found.high] == pytest.approx([0.82 - reach, 0.82 + reach], abs=1e-5)
    assert resampled_mean(values, within=(0.81, 0.83)).low == 0.81
    assert resampled_mean(values, within=(0.81, 0.83)).high == 0.83


def test_interval_and_p_value_agree_on_every_side_of_zero() -> None:
    generator = np.random.default_rng(0)
    for shift in np.linspace(-1, 1, 41):
        found = resampled_mean((shift + 0.2 * generator.standard_normal(5)).tolist())
        assert (found.low > 0 or found.high < 0) == (found.p_value < 0.05)


def test_folds_that_share_their_reviews_hold_the_level() -> None:
    """K means of overlapping draws, as trainings on folds are: a plain t test would err far more than once in 20."""
    generator, false_alarms, rounds = np.random.default_rng(1), 0, 2_000
    for _ in range(rounds):
        draws = generator.standard_normal(5)
        shared = np.array([np.delete(draws, fold).mean() for fold in range(5)])  # what the training reviews bring
        false_alarms += resampled_mean((2 * shared + 0.5 * generator.standard_normal(5)).tolist()).p_value < 0.05
    assert false_alarms / rounds < 0.35  # it is a heuristic; the plain test gives more


def test_a_clear_difference_is_significant_and_a_small_one_is_not() -> None:
    accuracies = {
        "A": [0.9, 0.91, 0.9, 0.92, 0.91],
        "B": [0.8, 0.81, 0.79, 0.82, 0.8],
        "C": [0.79, 0.82, 0.8, 0.81, 0.8],
    }
    better, alike = compare_folds(accuracies, [("A", "B"), ("C", "B")], 500)
    assert better.verdict.startswith("A is better than B by 10.4 points")
    assert alike.verdict.startswith("the difference between C and B is not significant at this size (500 test reviews)")

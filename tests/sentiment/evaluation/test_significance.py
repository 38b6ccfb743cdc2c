import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmarks.coverage import Setting, coverage
from sentiment.evaluation.significance import (
    Difference,
    accuracy_with_interval,
    compare_accuracy,
    compare_folds,
    correct_for_number,
    estimate_difference,
    holm,
    mcnemar,
    resampled_mean,
)

pairs = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=60).map(np.array)


def judge(generator: np.random.Generator, accuracies: list[float], reviews: int) -> np.ndarray:
    """Which reviews runs with these true accuracies judge rightly, bool (runs, N); half are easy, right for all."""
    easy = generator.random(reviews) < 0.5
    on_hard = (np.array(accuracies) - 0.5) / 0.5
    judged: np.ndarray = easy | (generator.random((len(accuracies), reviews)) < on_hard[:, None])
    return judged


@pytest.mark.parametrize(
    "setting",
    [
        Setting(1, 100, (0.0, 0.0)),
        Setting(2, 25_000, (0.003, 0.012)),
        Setting(3, 5_000, (0.003, 0.003)),
        Setting(5, 5_000, (0.012, 0.006)),
    ],
    ids=str,
)
def test_the_interval_holds_the_true_difference_in_95_of_100_simulated_comparisons(setting: Setting) -> None:
    assert 0.91 <= coverage(setting, simulations=500, seed=1) <= 0.98  # 0.93 to 0.97 and two standard errors


def test_of_one_run_each_the_interval_is_that_of_the_paired_t_test() -> None:
    model, baseline = judge(np.random.default_rng(0), [0.85, 0.80], 5_000)
    expected = stats.ttest_rel(model.astype(float), baseline.astype(float))
    estimate = estimate_difference(model[None], baseline[None])
    assert estimate.interval == pytest.approx(tuple(expected.confidence_interval()), abs=1e-4)
    assert estimate.p_value == pytest.approx(expected.pvalue, rel=0.01)
    assert estimate.degrees_of_freedom == 4_999


def test_seeds_that_lie_apart_leave_few_degrees_of_freedom() -> None:
    generator = np.random.default_rng(0)
    apart = estimate_difference(judge(generator, [0.90, 0.80], 5_000), judge(generator, [0.75], 5_000))
    close = estimate_difference(judge(generator, [0.85, 0.85], 5_000), judge(generator, [0.75], 5_000))
    assert apart.degrees_of_freedom < 1.1 < close.degrees_of_freedom
    assert apart.interval[1] - apart.interval[0] > 0.5


@given(pairs, st.integers(1, 3))
def test_the_p_value_is_below_005_exactly_where_the_interval_leaves_out_zero(judged: np.ndarray, cut: int) -> None:
    runs = np.concatenate([judged.T, judged.T[:, ::-1]])
    estimate = estimate_difference(runs[:cut], runs[cut:])
    low, high = estimate.interval
    assert (estimate.p_value < 0.05) == (low > 0 or high < 0)
    assert low <= estimate.value <= high


def test_holm_on_the_numbers_of_its_definition() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_a_verdict_that_holds_alone_may_not_hold_among_many() -> None:
    close = Difference("A", "B", 0.01, 0.0005, 0.0195, 0.04, 5_000, corrected_p_value=0.04)
    clear = Difference("A", "C", 0.03, 0.0200, 0.0400, 0.001, 5_000, corrected_p_value=0.001)
    assert close.verdict == "A is better than B by 1.0 points, 95 % interval 0.1 to 1.9"
    first, second, _ = correct_for_number([clear, close, close])
    assert first.verdict == clear.verdict
    assert second.corrected_p_value == pytest.approx(0.08)
    assert second.verdict == (
        "the difference between A and B is not significant among 3 verdicts: +1.0 points, 95 % interval 0.1 to 1.9"
    )


@given(pairs)
def test_mcnemar_is_the_binomial_test_of_the_reviews_that_one_model_alone_judges_rightly(judged: np.ndarray) -> None:
    model, baseline = judged.T
    wins, losses = int(np.sum(model & ~baseline)), int(np.sum(~model & baseline))
    expected = min(1.0, 2 * stats.binom.cdf(min(wins, losses), wins + losses, 0.5))
    assert mcnemar(model, baseline) == mcnemar(baseline, model) == pytest.approx(expected)


@given(pairs)
def test_no_model_differs_from_itself(judged: np.ndarray) -> None:
    difference = compare_accuracy("A", judged[:, :1].T, "B", judged[:, :1].T)
    assert (difference.value, difference.p_value, difference.mcnemar_p_value) == (0, 1, 1)
    assert difference.low < 0 < difference.high  # so few reviews cannot say more
    assert difference.verdict.startswith("the difference between A and B is not significant at this size (")


def test_the_verdict_takes_the_side_of_the_interval() -> None:
    better, worse = judge(np.random.default_rng(0), [0.9, 0.8], 5_000)[:, None]
    gain, loss = compare_accuracy("LSTM", better, "RNN", worse), compare_accuracy("RNN", worse, "LSTM", better)
    points = f"{100 * (better.mean() - worse.mean()):.1f} points, 95 % interval "
    assert gain.verdict == f"LSTM is better than RNN by {points}{100 * gain.low:.1f} to {100 * gain.high:.1f}"
    assert loss.verdict == f"RNN loses to LSTM by {points}{-100 * loss.high:.1f} to {-100 * loss.low:.1f}"
    assert gain.p_value == pytest.approx(loss.p_value)
    assert gain.p_value < 1e-6
    assert gain.mcnemar_p_value == loss.mcnemar_p_value == mcnemar(better[0], worse[0])
    several = np.concatenate([better, better])
    assert compare_accuracy("LSTM", several, "RNN", worse).mcnemar_p_value is None  # it compares single runs


def test_the_interval_of_an_accuracy_is_that_of_its_t_test_and_holds_no_impossible_value() -> None:
    correct = judge(np.random.default_rng(0), [0.9], 5_000)
    value, low, high = accuracy_with_interval(correct)
    expected = stats.ttest_1samp(correct[0].astype(float), 0).confidence_interval()
    assert (value, low, high) == pytest.approx((correct.mean(), *expected), abs=1e-3)
    assert accuracy_with_interval(np.ones((2, 3), bool))[2] == 1
    assert accuracy_with_interval(np.zeros((2, 3), bool))[1] == 0


def test_the_interval_over_folds_is_that_of_nadeau_and_bengio() -> None:
    """By hand: variance 0.0004, times 1/5 + 1/4, and the 97.5 % quantile of t with 4 degrees of freedom, 2.776."""
    found = resampled_mean([0.80, 0.82, 0.84, 0.80, 0.84])
    reach = 2.7764 * np.sqrt(0.0004 * (1 / 5 + 1 / 4))
    assert found.value == pytest.approx(0.82)
    assert found.interval == pytest.approx((0.82 - reach, 0.82 + reach), abs=1e-5)


def test_over_folds_a_clear_difference_is_significant_and_a_small_one_is_not() -> None:
    accuracies = {
        "A": [0.9, 0.91, 0.9, 0.92, 0.91],
        "B": [0.8, 0.81, 0.79, 0.82, 0.8],
        "C": [0.79, 0.82, 0.8, 0.81, 0.8],
    }
    better, alike, same = compare_folds(accuracies, [("A", "B"), ("C", "B"), ("B", "B")], 500)
    assert better.verdict.startswith("A is better than B by 10.4 points")
    assert alike.verdict.startswith("the difference between C and B is not significant at this size (500 test reviews)")
    assert (same.value, same.p_value) == (0, 1)

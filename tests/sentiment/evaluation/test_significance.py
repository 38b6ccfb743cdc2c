import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sentiment.evaluation.significance import bootstrap_interval, compare_accuracy, mcnemar

pairs = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=60).map(np.array)


def judge(generator: np.random.Generator, accuracies: np.ndarray, reviews: int) -> np.ndarray:
    """Which reviews runs with these true accuracies judge rightly, bool (runs, N); half are easy, right for all."""
    easy = generator.random(reviews) < 0.5
    on_hard = (accuracies - 0.5) / 0.5
    judged: np.ndarray = easy | (generator.random((len(accuracies), reviews)) < on_hard[:, None])
    return judged


def test_the_interval_is_the_paired_percentile_bootstrap_of_scipy() -> None:
    generator = np.random.default_rng(0)
    model, baseline = judge(generator, np.array([0.85, 0.80]), 5_000)
    expected = stats.bootstrap(
        (model, baseline),
        lambda a, b, axis: a.mean(axis=axis) - b.mean(axis=axis),
        paired=True,
        vectorized=True,
        method="percentile",
        n_resamples=10_000,
        batch=500,
        rng=generator,
    ).confidence_interval
    assert bootstrap_interval(model[None], baseline[None]) == pytest.approx((expected.low, expected.high), abs=0.001)


@pytest.mark.parametrize(("seeds", "between_seeds"), [(1, 0.0), (3, 0.02)])
def test_the_interval_covers_the_true_difference_in_95_of_100_simulated_comparisons(
    seeds: int, between_seeds: float
) -> None:
    covered = 0
    for simulation in range(300):
        generator = np.random.default_rng(simulation)
        runs = np.clip(np.array([0.85, 0.82]) + generator.normal(0, between_seeds, (seeds, 2)), 0.5, 1).T  # (2, seeds)
        judged = judge(generator, runs.ravel(), 500)
        low, high = bootstrap_interval(judged[:seeds], judged[seeds:], resamples=500, seed=simulation)
        covered += low <= 0.03 <= high
    assert 0.91 <= covered / 300 <= 0.99  # three standard errors of 300 simulations


def test_the_interval_of_25_000_reviews_and_three_seeds_takes_less_than_two_seconds() -> None:
    judged = judge(np.random.default_rng(0), np.array([0.85, 0.86, 0.87, 0.80, 0.81, 0.79]), 25_000)
    started = time.process_time()
    bootstrap_interval(judged[:3], judged[3:])
    assert time.process_time() - started < 2


@given(pairs)
def test_mcnemar_is_the_binomial_test_of_the_reviews_that_one_model_alone_judges_rightly(judged: np.ndarray) -> None:
    model, baseline = judged.T
    wins, losses = int(np.sum(model & ~baseline)), int(np.sum(~model & baseline))
    expected = min(1.0, 2 * stats.binom.cdf(min(wins, losses), wins + losses, 0.5))
    assert mcnemar(model, baseline) == mcnemar(baseline, model) == pytest.approx(expected)


def test_mcnemar_finds_a_difference_between_equals_in_at_most_5_of_100_simulated_comparisons() -> None:
    found = 0
    for simulation in range(500):
        model, baseline = judge(np.random.default_rng(simulation), np.array([0.85, 0.85]), 500)
        found += mcnemar(model, baseline) < 0.05
    assert 0.02 <= found / 500 <= 0.08  # an exact test stays below 0.05; three standard errors above


@given(pairs)
def test_no_model_differs_from_itself(judged: np.ndarray) -> None:
    difference = compare_accuracy("A", judged[:, :1].T, "B", judged[:, :1].T)
    assert (difference.value, difference.low, difference.high, difference.p_value) == (0, 0, 0, 1)
    assert difference.verdict.startswith("no difference between A and B can be told at this size (")


def test_the_verdict_takes_the_side_of_the_interval() -> None:
    better, worse = judge(np.random.default_rng(0), np.array([0.9, 0.8]), 5_000)[:, None]
    gain, loss = compare_accuracy("LSTM", better, "RNN", worse), compare_accuracy("RNN", worse, "LSTM", better)
    points = f"{100 * (better.mean() - worse.mean()):.1f} points, 95 % interval "
    assert gain.verdict == f"LSTM is better than RNN by {points}{100 * gain.low:.1f} to {100 * gain.high:.1f}"
    assert loss.verdict == f"RNN loses to LSTM by {points}{-100 * loss.high:.1f} to {-100 * loss.low:.1f}"
    assert gain.p_value == loss.p_value < 1e-6


def test_of_several_seeds_the_least_certain_pair_speaks() -> None:
    judged = judge(np.random.default_rng(0), np.array([0.88, 0.80, 0.80]), 2_000)
    difference = compare_accuracy("A", judged[:2], "B", judged[2:])
    assert difference.p_value == mcnemar(judged[1], judged[2]) > mcnemar(judged[0], judged[2])

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment.evaluation.drift import Reference, find_drift, index_by_chance, population_stability_index
from sentiment.evaluation.review_sample import LENGTH, PROBABILITY

counts = st.lists(st.tuples(st.integers(0, 1_000), st.integers(0, 1_000)), min_size=2, max_size=10).map(np.array)
values = st.lists(st.floats(0, 1, width=32), min_size=1, max_size=60).map(np.array)


def grade(reference: np.ndarray, others: np.ndarray) -> str:
    kept = Reference.of(reference)
    [drift] = find_drift({LENGTH: kept}, {LENGTH: kept.count(others)})
    return drift.grade


def test_the_grade_follows_how_far_a_feature_moved() -> None:
    generator = np.random.default_rng(0)
    reference = generator.normal(0, 1, 2_000)
    assert grade(reference, generator.normal(0.1, 1, 5_000)) == "stable"
    assert grade(reference, generator.normal(0.4, 1, 5_000)) == "shifted"
    assert grade(reference, generator.normal(1.0, 1, 5_000)) == "strongly shifted"


def test_thirty_reviews_like_the_others_are_no_drift() -> None:
    generator = np.random.default_rng(0)
    reference = generator.normal(0, 1, 2_000)
    grades = [grade(reference, generator.normal(0, 1, 30)) for _ in range(200)]
    assert grades.count("stable") >= 0.9 * len(grades)


def test_the_index_stays_below_chance_in_95_of_100_samples_of_one_distribution() -> None:
    generator = np.random.default_rng(0)
    bound = index_by_chance(10, 2_000, 500)
    below = 0
    for _ in range(1_000):
        expected, actual = (generator.multinomial(size, np.full(10, 0.1)) for size in (2_000, 500))
        below += population_stability_index(expected, actual) < bound
    assert 0.93 <= below / 1_000 <= 0.97


@given(counts)
def test_the_index_is_symmetric_and_zero_only_between_equal_shares(both: np.ndarray) -> None:
    expected, actual = both.T
    index = population_stability_index(expected, actual)
    assert index == pytest.approx(population_stability_index(actual, expected))
    assert index >= 0
    assert population_stability_index(expected, expected) == 0


@given(values, values, values)
def test_counts_of_parts_add_up_and_leave_no_value_out(kept: np.ndarray, first: np.ndarray, second: np.ndarray) -> None:
    reference = Reference.of(kept)
    assert sum(reference.counts) == len(kept)
    assert min(reference.counts) > 0 or len(set(kept)) == 1
    assert list(reference.counts) == list(reference.count(kept))
    whole = reference.count(np.concatenate([first, second]))
    assert np.array_equal(reference.count(first) + reference.count(second), whole)


def test_a_reference_without_any_unknown_word_sees_them_come() -> None:
    assert grade(np.zeros(1_000), np.zeros(500)) == "stable"
    assert grade(np.zeros(1_000), np.full(500, 0.2)) == "strongly shifted"


def test_no_reviews_have_not_drifted() -> None:
    assert grade(np.arange(1_000), np.array([])) == "stable"


def test_the_largest_drift_comes_first_and_says_how_large_it_is() -> None:
    reference = {LENGTH: Reference((1.0,), (50, 50), 1.0), PROBABILITY: Reference((0.5,), (500, 500), 0.5)}
    found = find_drift(reference, {LENGTH: np.array([52, 48]), PROBABILITY: np.array([900, 100])})
    assert [drift.sentence for drift in found] == [
        "P(positive) has strongly shifted: population stability index 0.88 over 1,000 reviews",
        "length in words is stable: population stability index 0.00 over 100 reviews",
    ]

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment.classifier import SentimentClassifier
from sentiment.evaluation import drift
from sentiment.evaluation.drift import (
    LENGTH,
    PROBABILITY,
    UNKNOWN_SHARE,
    Reference,
    ReviewSample,
    find_drift,
    index_by_chance,
    population_stability_index,
)
from sentiment.training.linear_model import LinearModel

counts = st.lists(st.tuples(st.integers(0, 1_000), st.integers(0, 1_000)), min_size=2, max_size=10).map(np.array)
values = st.lists(st.floats(0, 1, width=32), min_size=1, max_size=60).map(np.array)


def grade(reference: np.ndarray, others: np.ndarray) -> str:
    kept = Reference.fit(reference)
    [found] = find_drift({LENGTH: kept}, {LENGTH: others})
    return found.grade


def test_the_grade_follows_how_far_a_feature_moved() -> None:
    generator = np.random.default_rng(0)
    reference = generator.normal(0, 1, 2_000)
    assert grade(reference, generator.normal(0.1, 1, 5_000)) == "stable"
    assert grade(reference, generator.normal(0.4, 1, 5_000)) == "shifted"
    assert grade(reference, generator.normal(1.0, 1, 5_000)) == "strongly shifted"
    assert grade(reference, generator.normal(0.4, 1, 15)) == "stable"  # so few reviews may differ by chance


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


@given(values, values)
def test_every_value_has_a_bin(kept: np.ndarray, others: np.ndarray) -> None:
    reference = Reference.fit(kept)
    assert sum(reference.counts) == len(kept)
    assert min(reference.counts) > 0 or len(set(kept)) == 1
    assert list(reference.counts) == list(reference.count(kept))
    assert reference.count(others).sum() == len(others)


def test_a_reference_of_equal_values_sees_others_come_and_no_reviews_have_not_drifted() -> None:
    assert grade(np.zeros(1_000), np.zeros(500)) == "stable"
    assert grade(np.zeros(1_000), np.full(500, 0.2)) == "strongly shifted"
    assert grade(np.arange(1_000), np.array([])) == "stable"


def test_the_largest_drift_comes_first_and_says_how_large_it_is() -> None:
    reference = {LENGTH: Reference((1.0,), (50, 50), 1.0), PROBABILITY: Reference((0.5,), (500, 500), 0.5)}
    measures = {LENGTH: np.repeat([1.0, 2.0], [52, 48]), PROBABILITY: np.repeat([0.5, 0.9], [900, 100])}
    found = find_drift(reference, measures)
    assert [moved.sentence for moved in found] == [
        "P(positive) has strongly shifted: population stability index 0.88 over 1,000 reviews",
        "length in words is stable: population stability index 0.00 over 100 reviews",
    ]


@pytest.fixture(scope="module")
def classifier() -> SentimentClassifier:
    return SentimentClassifier.from_model(LinearModel.fit(["a fine film", "a dull film"] * 4, np.array([1, 0] * 4)))


def test_length_unknown_words_and_probability_are_measured(classifier: SentimentClassifier) -> None:
    sample = ReviewSample(classifier.model_)
    sample.add(["A fine, moving film!", "film film", "..."], np.array([0.9, 0.5, 0.1], np.float32))
    measures = {feature: sorted(values.tolist()) for feature, values in sample.measures.items()}
    assert measures == {
        LENGTH: [1, 2, 4],
        UNKNOWN_SHARE: [0, 0, 0.25],
        PROBABILITY: pytest.approx([0.1, 0.5, 0.9]),
    }
    assert sample.unsure_share == pytest.approx(1 / 3)
    assert sample.unknown_words(5) == [("moving", 1)]


def test_every_review_has_the_same_chance_and_a_second_run_draws_the_same(
    classifier: SentimentClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drift, "SAMPLE_SIZE", 200)
    drawn = []
    for parts in ([1_000, 3_000], [1, 999, 3_000]):
        sample = ReviewSample(classifier.model_)
        numbers = iter(range(4_000))
        for part in parts:
            positions = [next(numbers) for _ in range(part)]
            sample.add(["film"] * part, np.array(positions) / 4_000)
        assert len(sample) == 200
        drawn.append(sorted(sample.measures[PROBABILITY]))
    assert drawn[0] == drawn[1]
    assert np.mean(drawn[0]) == pytest.approx(0.5, abs=4 * np.sqrt(1 / 12 / 200))


def test_texts_wait_to_be_measured_only_while_they_are_short(
    classifier: SentimentClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what is measured early is what is measured late."""
    monkeypatch.setattr(drift, "SAMPLE_SIZE", 20)
    texts = [f"a fine film {'moving ' * (number % 7)}" for number in range(300)]
    measures = []
    for longest in (0, 30, 10**6):
        monkeypatch.setattr(drift, "LONGEST_WAITING", longest)
        sample = ReviewSample(classifier.model_)
        for start in range(0, 300, 30):
            sample.add(texts[start : start + 30], np.full(30, 0.5))
            assert all(len(content) <= longest for *_, content in sample._kept if isinstance(content, str))
        measures.append([values.tolist() for values in sample.measures.values()])
    assert measures[1:] == [measures[0]] * 2

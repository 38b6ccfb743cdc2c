import numpy as np
import pytest

from sentiment.evaluation import review_sample
from sentiment.evaluation.review_sample import LENGTH, PROBABILITY, UNKNOWN_SHARE, ReviewSample
from sentiment.linear_classifier import LinearClassifier
from sentiment.training.linear_model import LinearModel


@pytest.fixture(scope="module")
def classifier() -> LinearClassifier:
    return LinearClassifier(LinearModel.fit(["a fine film", "a dull film"] * 4, np.array([1, 0] * 4)))


def test_length_unknown_words_and_probability_are_measured(classifier: LinearClassifier) -> None:
    sample = ReviewSample(classifier)
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
    classifier: LinearClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review_sample, "SAMPLE_SIZE", 200)
    drawn = []
    for parts in ([1_000, 3_000], [1, 999, 3_000]):
        sample = ReviewSample(classifier)
        numbers = iter(range(4_000))
        for part in parts:
            positions = [next(numbers) for _ in range(part)]
            sample.add(["film"] * part, np.array(positions) / 4_000)
        assert len(sample) == 200
        drawn.append(sorted(sample.measures[PROBABILITY]))
    assert drawn[0] == drawn[1]
    assert np.mean(drawn[0]) == pytest.approx(0.5, abs=4 * np.sqrt(1 / 12 / 200))


def test_texts_wait_to_be_measured_only_while_they_are_few(
    classifier: LinearClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what is measured early is what is measured late."""
    monkeypatch.setattr(review_sample, "SAMPLE_SIZE", 20)
    texts = [f"a fine film {'moving ' * (number % 7)}" for number in range(300)]
    samples = {}
    for most in (0, 100, 10**6):
        monkeypatch.setattr(review_sample, "MOST_CHARACTERS", most)
        samples[most] = ReviewSample(classifier)
        for start in range(0, 300, 30):
            samples[most].add(texts[start : start + 30], np.full(30, 0.5))
            assert sum(len(review.text) for review in samples[most]._kept) <= most
    at_once, *later = ([values.tolist() for values in sample.measures.values()] for sample in samples.values())
    assert later == [at_once, at_once]

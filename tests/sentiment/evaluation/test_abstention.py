import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import log_loss
from threadpoolctl import threadpool_limits

from sentiment.evaluation.abstention import (
    Abstention,
    AbstentionCheck,
    accuracy_bound,
    check_abstention,
    choose_abstention,
)


def score(generator: np.random.Generator, reviews: int, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Labels and P(positive) of a classifier that is right on about 86 %; the shift moves its log-odds."""
    log_odds = generator.normal(0, 4, reviews)
    labels = (generator.random(reviews) < 1 / (1 + np.exp(-log_odds))).astype(np.int8)
    return labels, (1 / (1 + np.exp(-log_odds - shift))).astype(np.float32)


@pytest.mark.parametrize("shift", [0.0, 1.5])
def test_the_promise_is_broken_in_at_most_5_of_100_choices(shift: float) -> None:
    broken, chosen = 0, 0
    shares: list[float] = []
    new_labels, new_probabilities = score(np.random.default_rng(0), 200_000, shift)
    for choice in range(1, 101):
        abstention = choose_abstention(*score(np.random.default_rng(choice), 2_000, shift), 0.97)
        if abstention:
            found = check_abstention(abstention, new_labels, new_probabilities)
            broken, chosen, shares = broken + (found.accuracy < 0.97), chosen + 1, [*shares, found.share]
    assert broken / 100 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 100)
    assert chosen > 95
    assert np.mean(shares) > 0.5  # with endless validation reviews it would be 0.66


@pytest.mark.parametrize("seeds", [1, 3, 5])
def test_the_promise_of_the_seed_with_the_lowest_validation_loss_is_broken_in_at_most_5_of_100(seeds: int) -> None:
    """All seeds are equally good, and each has validation reviews of its own: the one chosen was lucky with them."""
    simulations, level = 200, 0.9
    labels, probabilities = score(np.random.default_rng(0), 500_000)
    order = np.argsort(probabilities)
    right_below = np.concatenate([[0], np.cumsum(labels[order] == 0)])
    right_above = np.concatenate([np.cumsum(labels[order][::-1])[::-1], [0]])

    def accuracy(abstention: Abstention) -> float:
        thresholds = np.array([abstention.lower, abstention.upper], np.float32)
        lower, upper = np.searchsorted(probabilities[order], thresholds)
        return float((right_below[lower] + right_above[upper]) / (lower + len(labels) - upper))

    broken = 0
    with threadpool_limits(1):  # so little work only waits for threads
        for simulation in range(simulations):
            generator = np.random.default_rng([simulation, seeds])
            validations = [score(generator, 1_000) for _ in range(seeds)]
            best = min(validations, key=lambda validation: log_loss(*validation))
            abstention = choose_abstention(*best, level, choices=seeds)
            assert abstention is not None
            broken += accuracy(abstention) < level
    assert broken / simulations <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / simulations)


def test_what_is_chosen_keeps_the_level_on_the_reviews_that_chose_it() -> None:
    labels, probabilities = score(np.random.default_rng(0), 2_000)
    abstention = choose_abstention(labels, probabilities, 0.95, threshold=0.4)
    assert abstention is not None
    assert abstention.lower <= 0.4 <= abstention.upper
    found = check_abstention(abstention, labels, probabilities)
    assert stats.binomtest(found.right, found.answered, 0.95, "greater").pvalue <= 0.05
    assert found.answered == np.sum((probabilities < abstention.lower) | (probabilities >= abstention.upper))


def test_a_modest_promise_answers_every_review_and_an_immodest_one_cannot_be_given() -> None:
    labels, probabilities = score(np.random.default_rng(0), 2_000)
    assert choose_abstention(labels, probabilities, 0.80) == Abstention(0.80, 0.5, 0.5)
    assert choose_abstention(labels, probabilities, 0.9999) is None
    assert choose_abstention(labels[:20], probabilities[:20], 0.97) is None


def test_a_model_that_is_always_right_and_one_that_knows_nothing() -> None:
    labels = np.arange(1_000) % 2
    always_right = choose_abstention(labels, labels.astype(np.float32), 0.97)
    assert always_right is not None
    assert always_right.answered(labels.astype(np.float32)).all()
    assert choose_abstention(labels, np.full(1_000, 0.5, np.float32), 0.97) is None


def test_promised_stands_beside_found() -> None:
    found = check_abstention(Abstention(0.9, 0.2, 0.8), np.array([0, 1, 1, 0, 1]), np.array([0.1, 0.9, 0.5, 0.8, 0.2]))
    assert (found.answered, found.right, found.share) == (3, 2, 0.6)
    assert found.is_kept  # three answers cannot break a promise
    assert not AbstentionCheck(0.97, 5_000, 4_000, 3_800).is_kept
    assert AbstentionCheck(0.97, 5_000, 4_000, 3_900).sentence == (
        "promised 97.0 %, found 97.5 % (97.0 to 98.0) on the 80.0 % of reviews that were answered"
    )
    assert AbstentionCheck(0.97, 50, 0, 0).sentence == "promised 97.0 %: none of 50 reviews was answered"


def test_the_bound_is_that_of_the_exact_binomial_test() -> None:
    expected = stats.binomtest(97, 100, alternative="greater").proportion_ci(0.95, "exact").low
    assert accuracy_bound(97, 100) == pytest.approx(expected)
    assert accuracy_bound(0, 10) == 0

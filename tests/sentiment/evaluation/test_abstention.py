from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats
from threadpoolctl import threadpool_limits

from sentiment.data.labels import class_probabilities, cut_scores
from sentiment.evaluation.abstention import Abstention, GuaranteeCheck, accuracy_bound, choose_abstention

Score = Callable[..., tuple[np.ndarray, np.ndarray]]


def loss(labels: np.ndarray, probabilities: np.ndarray) -> float:
    if probabilities.ndim == 2:
        return float(-np.log(probabilities[np.arange(len(labels)), labels].clip(1e-7)).mean())
    return float(-np.log(np.abs(labels - 1 + probabilities).clip(1e-7)).mean())


def score(generator: np.random.Generator, reviews: int, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Labels and P(positive) of a classifier that is right on about 86 %; the shift moves its log-odds."""
    log_odds = generator.normal(0, 4, reviews)
    labels = (generator.random(reviews) < 1 / (1 + np.exp(-log_odds))).astype(np.int8)
    return labels, (1 / (1 + np.exp(-log_odds - shift))).astype(np.float32)


def stars(generator: np.random.Generator, reviews: int, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Labels of five classes and the probability of each, right on about 60 %; the shift moves the scores."""
    scores, cuts = generator.normal(0, 3, reviews), np.array([-2.0, -0.5, 0.5, 2.0])
    labels = (generator.logistic(scores)[:, None] > cuts).sum(axis=1).astype(np.int8)
    return labels, class_probabilities(cut_scores(scores + shift, cuts))


@pytest.mark.parametrize(
    ("score", "seeds", "shift", "level"),
    [
        *((score, 1, 0.0, 0.9), (score, 1, 1.5, 0.95), (score, 3, 0.0, 0.9), (score, 5, 0.0, 0.9)),
        *((stars, 1, 0.5, 0.7), (stars, 3, 0.0, 0.7)),
    ],
)
def test_the_guarantee_of_the_seed_with_the_lowest_validation_loss_is_broken_in_at_most_5_of_100(
    score: Score, seeds: int, shift: float, level: float
) -> None:
    """All seeds are equally good, and each has validation reviews of its own: the one chosen was lucky with them."""
    simulations, broken, coverages = 200, 0, []
    labels, probabilities = score(np.random.default_rng(0), 100_000, shift)
    with threadpool_limits(1):  # so little work only waits for threads
        for simulation in range(simulations):
            generator = np.random.default_rng([simulation, seeds])
            validations = [score(generator, 1_000, shift) for _ in range(seeds)]
            best = min(validations, key=lambda validation: loss(*validation))
            abstention = choose_abstention(*best, level, choices=seeds)
            if abstention is None:
                coverages.append(0.0)
                continue
            found = abstention.check(labels, probabilities)
            broken += found.accuracy < level
            coverages.append(found.coverage)
    assert broken / simulations <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / simulations)
    assert np.mean(coverages) > (0.5 if score is not stars else 0.3)


def test_what_is_chosen_keeps_the_level_on_the_reviews_that_chose_it() -> None:
    labels, probabilities = score(np.random.default_rng(0), 2_000)
    abstention = choose_abstention(labels, probabilities, 0.95, threshold=0.4)
    assert abstention is not None
    assert abstention.lower <= 0.4 <= abstention.upper
    found = abstention.check(labels, probabilities)
    assert stats.binomtest(found.right, found.answered, 0.95, "greater").pvalue <= 0.05
    assert found.answered == np.sum((probabilities < abstention.lower) | (probabilities >= abstention.upper))


def test_a_modest_guarantee_answers_every_review_and_an_immodest_one_cannot_be_given() -> None:
    labels, probabilities = score(np.random.default_rng(0), 2_000)
    assert choose_abstention(labels, probabilities, 0.80) == Abstention(0.80, 0.5, 0.5)
    assert choose_abstention(labels, probabilities, 0.9999) is None
    assert choose_abstention(labels[:20], probabilities[:20], 0.97) is None
    labels = np.arange(1_000) % 2
    always_right = choose_abstention(labels, labels.astype(np.float32), 0.97)
    assert always_right is not None
    assert always_right.answered(labels.astype(np.float32)).all()
    assert choose_abstention(labels, np.full(1_000, 0.5, np.float32), 0.97) is None


def test_a_guarantee_is_broken_only_where_the_whole_interval_lies_below_it() -> None:
    found = Abstention(0.9, 0.2, 0.8).check(np.array([0, 1, 1, 0, 1]), np.array([0.1, 0.9, 0.5, 0.8, 0.2]))
    assert (found.answered, found.right, found.coverage) == (3, 2, 0.6)
    assert found.is_kept  # three answers cannot break it
    assert GuaranteeCheck(0.97, 5_000, 4_000, 3_800).cells == ["95.00 %", "94.28 to 95.65 %", "80.0 %", "no"]
    assert GuaranteeCheck(0.97, 50, 0, 0).cells == ["n/a", "n/a", "0.0 %", "n/a"]


def test_the_bound_is_that_of_the_exact_binomial_test() -> None:
    expected = stats.binomtest(97, 100, alternative="greater").proportion_ci(0.95, "exact").low
    assert accuracy_bound(97, 100) == pytest.approx(expected)
    assert accuracy_bound(0, 10) == 0

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment.data.validation import nested_part, split_folds, split_validation
from sentiment.errors import InputError


def test_copies_of_a_text_are_validated_on_or_learned_from_but_not_both() -> None:
    texts = [f"Review {number // 3}{' ' * (number % 3)}" for number in range(60)]
    labels = np.arange(60) // 3 % 2
    training, validation = split_validation(texts, labels, 0.2, seed=0)
    numbers = [{number // 3 for number in side} for side in (training, validation)]
    assert (len(numbers[0]), len(numbers[1]), numbers[0] & numbers[1]) == (16, 4, set())
    assert sorted([*training, *validation]) == list(range(60))


def test_validation_keeps_both_classes_in_proportion() -> None:
    labels = np.array([1] * 30 + [0] * 90)
    training, validation = split_validation([f"review {number}" for number in range(120)], labels, 0.1, seed=0)
    assert labels[validation].tolist().count(1) == 3
    assert sorted([*training, *validation]) == list(range(120))


@given(
    st.lists(st.tuples(st.sampled_from("abcdefghijklmnopqrstuvwxyz"), st.integers(0, 1)), min_size=12, max_size=80),
    st.integers(2, 4),
    st.integers(0, 9),
)
def test_every_review_is_checked_on_once_with_all_copies_of_its_text(
    reviews: list[tuple[str, int]], folds: int, seed: int
) -> None:
    texts = [text.upper() if position % 2 else f" {text}" for position, (text, _) in enumerate(reviews)]
    labels = np.array([label for _, label in reviews], np.int8)
    try:
        sides = split_folds(texts, labels, folds, seed)
    except InputError:
        return  # too few of a class
    assert sorted(position for _, checked in sides for position in checked) == list(range(len(texts)))
    for training, checked in sides:
        assert sorted([*training, *checked]) == list(range(len(texts)))
        assert not {texts[i].strip().lower() for i in training} & {texts[i].strip().lower() for i in checked}


def test_fewer_reviews_of_a_class_than_folds_are_named() -> None:
    with pytest.raises(InputError, match=r"4 reviews with 1 distinct texts of the rarest class.*2 folds"):
        split_folds(["a", "A", "b", "c"], np.array([1, 1, 0, 0]), 2, 0)


@given(
    labels=st.lists(st.integers(0, 1), min_size=4, max_size=200).map(np.array),
    shares=st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)).map(sorted),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_larger_part_holds_every_smaller_one_with_both_classes_in_proportion(
    labels: np.ndarray, shares: list[float], seed: int
) -> None:
    positions = np.random.default_rng(0).permutation(len(labels))
    fewer, more = (nested_part(positions, labels, share, seed) for share in shares)
    assert set(fewer) <= set(more) <= set(positions)
    for label in (0, 1):
        count = int(np.sum(labels == label))
        assert int(np.sum(labels[more] == label)) == min(count, max(1, round(shares[1] * count)))

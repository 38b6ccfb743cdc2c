import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sentiment.data.validation import nested_part, split_validation


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

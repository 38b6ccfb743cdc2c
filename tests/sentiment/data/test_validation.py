import numpy as np

from sentiment.data.validation import split_validation


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

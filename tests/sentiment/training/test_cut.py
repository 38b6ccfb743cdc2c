"""Which training reviews are learned from, validated on, and held out."""

import numpy as np
import pytest

from sentiment.data.corpus import Corpus, Reviews
from sentiment.training.cut import cut_validation, hold_out, keep_labels, learn_from_all

TEXTS = [f"review {number // 2}" for number in range(400)]  # each stands there twice
LABELS = (np.arange(400) // 2 % 2).astype(np.int8)
TRAIN = Reviews(TEXTS, LABELS)
CORPUS = Corpus(TRAIN, Reviews([]))


@pytest.mark.parametrize("validation", [np.zeros(0, np.int64), np.arange(80)], ids=["drawn", "of the source"])
def test_the_second_cut_is_apart_from_the_first_and_from_what_is_learned(validation: np.ndarray) -> None:
    for seed in (0, 1):
        plain = cut_validation(Corpus(TRAIN, Reviews([]), validation=validation), 0.2, seed)
        holding = hold_out(plain, TRAIN, seed)
        sides = [holding.training, holding.validation, holding.held_out]
        assert [len(side) for side in sides] == [240, 80, 80]
        assert sorted(np.concatenate(sides)) == list(range(400))
        assert [int(LABELS[side].sum()) for side in sides] == [120, 40, 40]
        texts = [{TEXTS[position] for position in side} for side in sides]
        assert not texts[2] & (texts[0] | texts[1])
        assert np.array_equal(holding.validation, plain.validation)
        assert (len(plain.held_out), plain.digest == holding.digest) == (0, False)


def test_an_epoch_over_a_part_of_the_labels_is_as_long_as_over_all() -> None:
    whole = cut_validation(CORPUS, 0.2, 0)
    part = keep_labels(whole, LABELS, 0.1, 0)
    assert (len(part.training), len(part.validation), len(part.epoch)) == (32, 8, 320)
    assert np.array_equal(np.unique(part.epoch, return_counts=True)[1], np.full(32, 10))
    assert len(keep_labels(whole, LABELS, 0.011, 0).epoch) == 320  # 1.76 of 160 for each class become 2
    assert set(part.training) <= set(whole.training)


def test_who_learns_from_all_reviews_validates_on_none() -> None:
    cut = learn_from_all(CORPUS, 0.2, 0)
    assert (cut.epoch.tolist(), cut.training.tolist(), len(cut.validation)) == ([*range(400)], [*range(400)], 0)

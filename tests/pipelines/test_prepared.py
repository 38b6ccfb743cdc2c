"""Which training reviews are learned from, validated on, and held out."""

from pathlib import Path

import numpy as np
import pytest

from pipelines.stages.data import Prepared
from pipelines.working_directory import Stage
from sentiment.data.corpus import Corpus, Reviews

TEXTS = [f"review {number // 2}" for number in range(400)]  # each stands there twice
LABELS = (np.arange(400) // 2 % 2).astype(np.int8)


def prepared(validation: np.ndarray, *, labelled_share: float = 1, holds_out: bool = False) -> Prepared:
    """Of a corpus in memory, whose source sets these reviews aside for validation."""
    stage = Stage("load", "0" * 16, Path("none"), cached=True, seconds=0)
    found = Prepared(stage, stage, {}, validation_share=0.2, labelled_share=labelled_share, holds_out=holds_out)
    found.__dict__["corpus"] = Corpus(Reviews(TEXTS, LABELS), Reviews([]), validation=validation)
    return found


@pytest.mark.parametrize("validation", [np.zeros(0, np.int64), np.arange(80)], ids=["cut", "of the source"])
def test_the_second_cut_is_apart_from_the_first_and_from_what_is_learned(validation: np.ndarray) -> None:
    plain, holding = prepared(validation), prepared(validation, holds_out=True)
    for seed in (0, 1):
        sides = [*holding.training_and_validation(seed), holding.second_validation(seed)]
        assert [len(side) for side in sides] == [240, 80, 80]
        assert sorted(np.concatenate(sides)) == list(range(400))
        assert [int(LABELS[side].sum()) for side in sides] == [120, 40, 40]
        texts = [{TEXTS[position] for position in side} for side in sides]
        assert not texts[2] & (texts[0] | texts[1])
        assert np.array_equal(sides[1], plain.training_and_validation(seed)[1])
    assert len(plain.second_validation(0)) == 0
    assert plain.cut != holding.cut


def test_an_epoch_over_a_part_of_the_labels_is_as_long_as_over_all() -> None:
    part = prepared(np.zeros(0, np.int64), labelled_share=0.1)
    training, validation = part.training_and_validation(0)
    assert (len(training), len(validation)) == (32, 8)
    repeated = part.repeated(training, 0)
    assert len(repeated) == 320
    assert np.array_equal(np.unique(repeated, return_counts=True)[1], np.full(32, 10))
    few = prepared(np.zeros(0, np.int64), labelled_share=0.011)  # 1.76 of 160 for each class become 2
    assert len(few.repeated(few.training_and_validation(0)[0], 0)) == 320
    everything = prepared(np.zeros(0, np.int64)).training_and_validation(0)[0]
    assert set(training) <= set(everything)

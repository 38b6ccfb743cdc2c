import gc
import weakref

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sentiment.data.vocabulary import INDEX_FROM, OUT_OF_VOCABULARY
from sentiment.training.batches import LONGEST_WHOLE, drop_words, epoch_batches


@given(st.integers(0, 400), st.floats(0, 0.9), st.integers(0, 9))
def test_words_are_dropped_from_long_texts_alone_and_padding_stays(words: int, share: float, seed: int) -> None:
    indices = np.zeros((2, 401), np.int32)
    indices[:, 0] = 1
    indices[:, 1 : words + 1] = np.random.default_rng(seed).integers(INDEX_FROM, 99, (2, words))
    dropped = drop_words(indices, share, np.random.default_rng(seed))
    changed = dropped != indices
    assert dropped.dtype == indices.dtype
    assert (dropped[changed] == OUT_OF_VOCABULARY).all()
    assert (indices[changed] >= INDEX_FROM).all()
    if words <= LONGEST_WHOLE:
        assert not changed.any()
    else:
        assert abs(changed.mean() * 401 / words - share) < 0.25


def test_the_examples_of_an_epoch_are_forgotten_with_its_batches() -> None:
    inputs = np.random.default_rng(0).integers(INDEX_FROM, 99, (100, 8), np.int32)
    kept = weakref.ref(inputs)
    batches = epoch_batches(np.random.default_rng(0), inputs, np.zeros(100, np.float32), size=32, by_length=True)
    assert sum(len(labels) for _, labels in batches) == 100
    assert sum(len(labels) for _, labels in batches) == 100
    del inputs, batches
    gc.collect()
    assert kept() is None

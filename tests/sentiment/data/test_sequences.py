import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment.data.sequences import LENGTH_STEP, batches_of_similar_length, trim
from sentiment.training.models import ModelConfig, build_model
from tests import parity

LONGEST = 900
LENGTHS = st.lists(st.integers(1, LONGEST), min_size=1, max_size=300).map(np.array)


@given(LENGTHS, st.integers(1, 64), st.integers(0, 9))
def test_every_review_is_in_one_batch(lengths: np.ndarray, size: int, seed: int) -> None:
    batches = batches_of_similar_length(lengths, size, np.random.default_rng(seed))
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    assert sorted(map(len, batches))[1:] == [size] * (len(batches) - 1)  # but for what is left over


def test_batches_of_similar_length_hardly_need_padding() -> None:
    lengths = np.random.default_rng(0).integers(10, 400, 5_000)
    batches = batches_of_similar_length(lengths, 50, np.random.default_rng(1))
    padded = sum(lengths[batch].max() * len(batch) for batch in batches)
    assert padded < 1.1 * lengths.sum()


@given(LENGTHS, st.sampled_from(["pre", "post"]))
def test_trimming_takes_nothing_but_padding(lengths: np.ndarray, side: str) -> None:
    padded = np.zeros((len(lengths), LONGEST), np.int32)
    for row, length in zip(padded, lengths, strict=True):
        row[slice(length) if side == "post" else slice(LONGEST - length, LONGEST)] = np.arange(1, length + 1)
    trimmed = trim(padded)
    assert trimmed.sum() == padded.sum()
    assert lengths.max() <= trimmed.shape[1] < max(lengths.max() + LENGTH_STEP, 1.25 * lengths.max())


def test_batches_have_few_lengths() -> None:
    padded = np.tri(LONGEST, dtype=np.int32)  # of one token, two, three ...
    lengths = {trim(review[None]).shape[1] for review in padded}
    assert sorted(lengths) == [*range(25, 200, 25), *range(200, 400, 50), *range(400, 800, 100), 800, LONGEST]


@pytest.mark.parametrize("side", ["pre", "post"])
@pytest.mark.parametrize("pooling", ["last", "max", "mean", "max_mean"])
def test_a_network_that_skips_padding_reads_a_trimmed_review_alike(pooling: str, side: str) -> None:
    options = {"embedding_dim": 5, "units": 4, "bidirectional": True, "mask_padding": True, "pooling": pooling}
    network = build_model("lstm", ModelConfig.model_validate(options), num_words=30, maxlen=60, seed=1)
    network.set_weights([weights * 5 for weights in network.get_weights()])
    padded = np.zeros((8, 60), np.int32)
    for row, length in zip(padded, range(1, 25, 3), strict=True):
        row[slice(length) if side == "post" else slice(60 - length, 60)] = np.arange(4, 4 + length)
    trimmed = trim(padded)
    assert trimmed.shape == (8, LENGTH_STEP)
    assert network.predict(trimmed, verbose=0) == pytest.approx(
        network.predict(padded, verbose=0), abs=parity.of_probability(network)
    )

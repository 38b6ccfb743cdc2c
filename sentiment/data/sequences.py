"""Encoded reviews to one padded array, and to batches of similar length."""

from collections.abc import Iterable
from typing import Literal

import numpy as np
from pydantic import Field

from sentiment.configuration import Configuration
from sentiment.data.vocabulary import PADDING, Vocabulary

LENGTH_BLUR = 0.05
"""Largest change of a length, as a share of it, when reviews of similar length are brought together."""

LENGTH_STEP, FINE = 25, 200
"""Batches up to FINE tokens are as long as a multiple of the step, up to twice as many tokens of twice the step, and so
on, since code is compiled for every length."""


class SequenceConfig(Configuration):
    """The shape of the network's input."""

    maxlen: int = Field(200, ge=2, le=100_000, description="Tokens kept of a review, the start token included.")
    padding: Literal["pre", "post"] = Field("pre", description="Side on which short reviews are filled with zeros.")
    truncating: Literal["pre", "post"] = Field("pre", description="Side on which long reviews are cut.")


def pad_texts(texts: Iterable[str], vocabulary: Vocabulary, config: SequenceConfig) -> np.ndarray:
    """The reviews as `keras.utils.pad_sequences` lays them out.

    Returns:
        int32 array of shape (N, maxlen).
    """
    import keras

    padded: np.ndarray = keras.utils.pad_sequences(
        [vocabulary.encode(text, config.maxlen, config.truncating) for text in texts],
        maxlen=config.maxlen,
        padding=config.padding,
    )
    return padded


def batches_of_similar_length(lengths: np.ndarray, size: int, generator: np.random.Generator) -> list[np.ndarray]:
    """Positions of all reviews, each once, `size` at a time, in random order.

    Lengths are blurred before the reviews are sorted by them, so that other reviews meet in every epoch.

    Args:
        lengths: tokens of each review, (N,).
    """
    order = np.argsort(lengths * generator.uniform(1 - LENGTH_BLUR, 1 + LENGTH_BLUR, len(lengths)))
    batches = np.split(order, range(size, len(order), size))
    return [batches[position] for position in generator.permutation(len(batches))]


def trim(padded: np.ndarray) -> np.ndarray:
    """The reviews without most of the padding that all of them have.

    Args:
        padded: (N, maxlen), padded on either side.

    Returns:
        (N, time): the tokens of the longest review, rounded up as LENGTH_STEP says.
    """
    used = np.flatnonzero((padded != PADDING).any(axis=0))
    step = LENGTH_STEP
    while len(used) > step * FINE // LENGTH_STEP:
        step *= 2
    time = min(-(-len(used) // step) * step, padded.shape[1])
    return padded[:, :time] if used[0] == 0 else padded[:, -time:]

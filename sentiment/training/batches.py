"""epoch_batches: the examples of an epoch as batches of tf.data, in random order."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from sentiment.data.sequences import batches_of_similar_length, trim
from sentiment.data.vocabulary import PADDING


def epoch_batches(
    generator: np.random.Generator,
    inputs: np.ndarray,
    labels: np.ndarray,
    unlabelled: np.ndarray | None = None,
    *,
    size: int,
    by_length: bool,
) -> Any:
    """A tf.data.Dataset of (inputs, labels), or of ((inputs, unlabelled inputs), labels), in random order.

    Args:
        by_length: inputs are padded indices, and those of similar length are to share a batch, cut to the longest.
    """
    import tensorflow as tf

    def positions(padded: np.ndarray) -> list[np.ndarray]:
        if by_length:
            return batches_of_similar_length((padded != PADDING).sum(axis=1), size, generator)
        return np.split(generator.permutation(len(padded)), range(size, len(padded), size))

    cut = trim if by_length else np.asarray
    signature: Any = tf.TensorSpec((None, None) if by_length else (None, *inputs.shape[1:]), inputs.dtype)
    chosen, drawn, others = positions(inputs), np.empty(0), []
    if unlabelled is not None:
        signature = signature, signature
        drawn = unlabelled[np.resize(generator.permutation(len(unlabelled)), len(inputs))]
        others = positions(drawn)

    def read() -> Iterator[Any]:
        for batch, other in itertools.zip_longest(chosen, others):
            labelled = cut(inputs[batch])
            yield labelled if other is None else (labelled, cut(drawn[other])), labels[batch]

    dataset = tf.data.Dataset.from_generator(read, output_signature=(signature, tf.TensorSpec((None,), tf.float32)))
    options = tf.data.Options()
    options.autotune.enabled = False  # its thread, which may make `fit` wait at its end for seconds
    return dataset.apply(tf.data.experimental.assert_cardinality(len(chosen))).prefetch(1).with_options(options)

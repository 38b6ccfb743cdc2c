"""epoch_batches: the examples of an epoch as batches of tf.data, in random order."""

import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np

from sentiment.data.sequences import batches_of_similar_length, trim
from sentiment.data.vocabulary import INDEX_FROM, OUT_OF_VOCABULARY, PADDING

LONGEST_WHOLE = 100
"""Words of the longest text of which none is dropped: in a sentence each counts, a "not" above all."""


def drop_words(indices: np.ndarray, share: float, generator: np.random.Generator) -> np.ndarray:
    """Padded indices, (N, time), with a share of the words of long texts replaced by the one out of the vocabulary.

    Names of a film or an actor tell a training review's verdict, but not that of a review of another film. A network
    that misses some of its words leans less on each. Iyyer et al. (2015) leave the words out.
    """
    is_word = indices >= INDEX_FROM
    is_dropped = is_word & (is_word.sum(axis=1, keepdims=True) > LONGEST_WHOLE)
    is_dropped &= generator.random(indices.shape) < share
    return np.where(is_dropped, np.asarray(OUT_OF_VOCABULARY, indices.dtype), indices)


def epoch_batches(
    generator: np.random.Generator,
    inputs: np.ndarray,
    labels: np.ndarray,
    *,
    size: int,
    by_length: bool,
    word_dropout: float = 0.0,
) -> Any:
    """A tf.data.Dataset of (inputs, labels), in random order.

    Args:
        by_length: inputs are padded indices, and those of similar length are to share a batch, cut to the longest.
        word_dropout: as `drop_words` takes it; for padded indices alone.
    """
    import tensorflow as tf

    if by_length:
        batches = batches_of_similar_length((inputs != PADDING).sum(axis=1), size, generator)
    else:
        batches = np.split(generator.permutation(len(inputs)), range(size, len(inputs), size))
    signature: Any = tf.TensorSpec((None, None) if by_length else (None, *inputs.shape[1:]), inputs.dtype)

    def read() -> Iterator[Any]:
        for batch in batches:
            examples = trim(inputs[batch]) if by_length else inputs[batch]
            if word_dropout:
                examples = drop_words(examples, word_dropout, generator)
            yield examples, labels[batch]

    weak_read: Any = weakref.ref(read)  # TensorFlow never forgets a generator, which would keep the examples
    dataset: Any = tf.data.Dataset.from_generator(
        lambda: weak_read()(), output_signature=(signature, tf.TensorSpec((None, *labels.shape[1:]), tf.float32))
    )
    options = tf.data.Options()
    options.autotune.enabled = False  # its thread, which may make `fit` wait at its end for seconds
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(len(batches))).prefetch(1).with_options(options)
    dataset.read = read  # for as long as the dataset is used
    return dataset

"""learned_words: which words of a vocabulary a network has learned from."""

from collections.abc import Iterable

import numpy as np

from sentiment.data.vocabulary import INDEX_FROM, Vocabulary


def learned_words(vocabulary: Vocabulary, learned: Iterable[np.ndarray]) -> frozenset[str]:
    """The words that a review holds from which the network learns.

    A vocabulary is of all training reviews, those to validate on included. So the network has not learned all of it.

    Args:
        learned: padded indices of the reviews to learn from, arrays of shape (N, maxlen).
    """
    is_learned = np.zeros(vocabulary.num_words, bool)
    for indices in learned:
        is_learned[indices.ravel()] = True
    words = zip(vocabulary.words, is_learned[INDEX_FROM:].tolist(), strict=False)
    return frozenset(word for word, is_known in words if is_known)

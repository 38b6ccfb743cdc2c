"""Word vectors from the words that stand beside a word, learned from text without labels.

Words in the place of each other, such as "isn't" and "wasn't", or "boring" and "dull", get similar vectors. The counts
of pairs become positive pointwise mutual information, whose largest singular vectors are kept. Levy, Goldberg & Dagan
(2015) find these as good as those of word2vec; on this project's reviews they take seconds, and word2vec minutes.
"""

from typing import Any

import numpy as np

from sentiment.data.vocabulary import INDEX_FROM, PADDING
from sentiment.training.factorization import SEED, factorize, normalized_rows

WINDOW = 3
"""Words to each side that stand beside a word."""

LEAST_COUNT = 2
"""Times that two words must stand beside each other to count."""

CONTEXT_POWER = 0.75
"""Smooths the frequencies of the words beside a word, as else rare ones count too much."""

SPREAD = 0.3
"""Standard deviation of the numbers of a word's vector."""


RATED_SHARE = 1 / 16
"""Share of a vector's numbers that hold the rating of its word."""


def learn_word_vectors(inputs: np.ndarray, num_words: int, size: int, ratings: np.ndarray | None = None) -> np.ndarray:
    """Vectors for every index of a vocabulary, float32 (num_words, size).

    Padding has zeros. The other reserved indices, and words that stand beside too few others, have random numbers; but
    a rated one of them has the mean vector of words with ratings of its sign.

    Args:
        inputs: padded indices of reviews, int32 (N, maxlen).
        size: numbers of a vector.
        ratings: of every word, as from a lexicon, (num_words,): 0 for none. The last numbers of a vector then hold its
            rating, so that a network which learns what the ratings of some words say has learned it of all words.
    """
    tokens = np.pad(inputs, ((0, 0), (0, WINDOW)), constant_values=PADDING).ravel()
    information = mutual_information(pair_counts(tokens, num_words, WINDOW))
    left, values, _ = factorize(information, min(size, num_words))
    learned = np.zeros((num_words, size), np.float32)
    learned[:, : len(values)] = normalized_rows(left * np.sqrt(values)) * SPREAD * np.sqrt(size)
    vectors = np.random.default_rng(SEED).normal(0, SPREAD, (num_words, size)).astype(np.float32)
    is_learned = np.diff(information.indptr) > 0
    vectors[is_learned] = learned[is_learned]
    if ratings is not None:
        for sign in (-1, 1):
            is_ours = np.sign(ratings) == sign
            if (is_ours & is_learned).any():
                vectors[is_ours & ~is_learned] = vectors[is_ours & is_learned].mean(axis=0)
        vectors[:, size - max(1, round(RATED_SHARE * size)) :] = SPREAD * ratings[:, np.newaxis]
    vectors[PADDING] = 0
    return vectors


def pair_counts(tokens: np.ndarray, num_words: int, window: int) -> Any:
    """How often two words stand beside each other: a symmetric sparse array of SciPy, float32 (num_words, num_words).

    Args:
        tokens: indices of all reviews, (T,), with `window` of padding between two reviews; reserved ones are no words.
        window: words to each side that stand beside a word.
    """
    from scipy.sparse import coo_array, csr_array

    counts = csr_array((num_words, num_words), dtype=np.float32)
    for distance in range(1, window + 1):
        before, after = tokens[:-distance], tokens[distance:]
        are_words = (before >= INDEX_FROM) & (after >= INDEX_FROM)
        pairs = before[are_words], after[are_words]
        counts += coo_array((np.ones(len(pairs[0]), np.float32), pairs), counts.shape).tocsr()
    return (counts + counts.T).tocsr()


def mutual_information(counts: Any) -> Any:
    """Positive pointwise mutual information of words and those beside them, in nats, of the shape of `counts`.

    Args:
        counts: as `pair_counts` gives; pairs below LEAST_COUNT are left out.
    """
    from scipy.sparse import csr_array

    word_weights = counts.sum(axis=1)
    context_weights = word_weights**CONTEXT_POWER
    context_weights /= max(context_weights.sum(), 1)
    pairs = counts.tocoo()
    used = pairs.data >= LEAST_COUNT
    words, contexts, seen = pairs.row[used], pairs.col[used], pairs.data[used]
    information = np.log(seen / (word_weights[words] * context_weights[contexts]))
    is_positive = information > 0
    shown = information[is_positive].astype(np.float32), (words[is_positive], contexts[is_positive])
    return csr_array(shown, counts.shape)

"""Latent semantic analysis: vectors of reviews, from text without labels (Deerwester et al. 1990).

Reviews and the n-grams in them are a sparse matrix, of which the largest singular vectors keep what many reviews share.
Reviews that speak alike are near each other, labelled or not. So a regression on the vectors of labelled ones knows
n-grams that no labelled review holds.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from sentiment.training.factorization import factorize, normalized_rows
from sentiment.training.ngrams import Ngrams, index_words

HIGHEST_ORDER, MIN_REVIEWS, PUNCTUATION_TOKENS = 3, 10, "!?."
"""Most tokens of an n-gram, the reviews that it must occur in, and the marks that are tokens; all names are one word.
Among fewer than a thousand reviews, one in a hundred will do, and two at least."""

FREQUENCY_POWER = 0.4
"""An n-gram counts less the more reviews hold it, by this power of their number."""

INVERSE_PENALTY = 10.0
"""C of the regression on the vectors of reviews."""


def document_vectors(texts: Sequence[str], size: int) -> np.ndarray:
    """Vectors of reviews, labelled or not, from the n-grams of all: float32 (N, size), of length 1.

    A review that holds no n-gram that counts has zeros; fewer texts or n-grams than `size` leave zeros at the end.
    """
    vectors = np.zeros((len(texts), size), np.float32)
    matrix = weighted_ngrams(texts)
    if matrix.nnz:
        left, strengths, _ = factorize(matrix, min(size, *matrix.shape))
        vectors[:, : len(strengths)] = normalized_rows(left * np.sqrt(strengths))
    return vectors


def weighted_ngrams(texts: Sequence[str]) -> Any:
    """The n-grams that count in each review, rows of length 1: a sparse array of SciPy, float32 (N, n-grams)."""
    from scipy.sparse import csr_array

    vocabulary, tokens = index_words(texts, PUNCTUATION_TOKENS)
    min_reviews = max(2, min(MIN_REVIEWS, len(texts) // 100))
    known, reviews, ngrams = Ngrams.frequent(
        tokens, vocabulary.num_words, highest_order=HIGHEST_ORDER, min_reviews=min_reviews
    )
    shape = len(texts), len(known)
    values = np.bincount(ngrams, minlength=shape[1])[ngrams] ** -FREQUENCY_POWER
    values /= np.sqrt(np.bincount(reviews, values**2, len(texts)))[reviews]
    starts = np.searchsorted(reviews, np.arange(len(texts) + 1))
    return csr_array((values.astype(np.float32), ngrams, starts), shape)


def regressed_probability(vectors: np.ndarray, labels: np.ndarray, others: np.ndarray) -> np.ndarray:
    """P(positive) of other reviews, float64 (M,), by logistic regression on the vectors of labelled ones.

    Args:
        vectors: of the labelled reviews, (N, size).
        labels: (N,), of both classes.
        others: vectors, (M, size).
    """
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=INVERSE_PENALTY, max_iter=1_000).fit(vectors, labels)
    probabilities: np.ndarray = model.predict_proba(others)[:, 1]
    return probabilities

"""Latent semantic analysis: vectors of reviews and of words, from text without labels (Deerwester et al. 1990).

Reviews and the n-grams in them are a sparse matrix, of which the largest singular vectors keep what many reviews share.
Reviews that speak alike are near each other, labelled or not. So a regression on the vectors of labelled ones knows
n-grams that no labelled review holds. Words of the same reviews are near each other, too.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from sentiment.cores import available_cores
from sentiment.data.vocabulary import INDEX_FROM, OUT_OF_VOCABULARY, PADDING, Vocabulary
from sentiment.training.ngrams import frequent_keys, index_words, occurrences

HIGHEST_ORDER, MIN_REVIEWS, PUNCTUATION_TOKENS = 3, 10, "!?."
"""Most tokens of an n-gram, the reviews that it must occur in, and the marks that are tokens; all names are one word.
Among fewer than a thousand reviews, one in a hundred will do, and two at least."""

FREQUENCY_POWER = 0.4
"""An n-gram counts less the more reviews hold it, by this power of their number."""

ITERATIONS, OVERSAMPLES = 4, 10
"""Of the factorization. One or two iterations leave singular vectors so blurred that it costs a point of accuracy; the
oversamples are vectors that are computed beside those asked for, as the weakest are the least exact."""

SPREAD = 0.3
"""Standard deviation of the numbers of a word's vector."""

INVERSE_PENALTY = 10.0
"""C of the regression on the vectors of reviews."""

SEED = 0
"""The vectors are shared by all models and seeds of a run."""


class LatentSemantics(NamedTuple):
    """What `analyze` found.

    Attributes:
        documents: of each review, float32 (N, size), of length 1; zeros where it holds no n-gram that counts.
        words: those that have a vector.
        word_vectors: of these words, float32 (W, size).
    """

    documents: np.ndarray
    words: tuple[str, ...]
    word_vectors: np.ndarray


def analyze(texts: Sequence[str], size: int) -> LatentSemantics:
    """Factorize the n-grams of all reviews.

    Args:
        texts: N reviews, labelled or not.
        size: most numbers of a vector; fewer texts or n-grams give vectors with zeros at their end.
    """
    from scipy.sparse import csr_array

    vocabulary, tokens = index_words(texts, PUNCTUATION_TOKENS)
    min_reviews = max(2, min(MIN_REVIEWS, len(texts) // 100))
    keys = frequent_keys(tokens, vocabulary.num_words, highest_order=HIGHEST_ORDER, min_reviews=min_reviews)
    if not len(keys[0]):
        return LatentSemantics(np.zeros((len(texts), size), np.float32), (), np.zeros((0, size), np.float32))
    reviews, ngrams = occurrences(tokens, vocabulary.num_words, keys)
    shape = len(texts), sum(map(len, keys))
    values = np.bincount(ngrams, minlength=shape[1])[ngrams] ** -FREQUENCY_POWER
    values /= np.sqrt(np.bincount(reviews, values**2, len(texts)))[reviews]
    matrix = csr_array((values.astype(np.float32), (reviews, ngrams)), shape)
    documents, strengths, of_ngrams = factorize(matrix, min(size, *shape))
    numbers = np.flatnonzero(keys[0] != OUT_OF_VOCABULARY)
    words = tuple(vocabulary.words[index - INDEX_FROM] for index in keys[0][numbers].tolist())
    scales = np.sqrt(strengths)
    return LatentSemantics(
        _filled(_of_length_one(documents * scales), size), words, _filled(of_ngrams[numbers] * scales, size)
    )


def factorize(matrix: Any, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The largest singular values of a sparse matrix, and their vectors, by subspace iteration from a random start.

    Algorithm 4.4 of Halko, Martinsson & Tropp (2011). scikit-learn's `randomized_svd` gives the same, but multiplies on
    one core; here every core has some of the columns, which changes no digit of a product.

    Args:
        matrix: a sparse array of SciPy, float32 (N, F).
        size: how many, at most N and F.

    Returns:
        Left vectors (N, size), values (size,) from the largest on, right vectors (F, size).
    """
    rows, columns = matrix.shape
    transposed = matrix.T.tocsr()
    width = min(size + OVERSAMPLES, rows, columns)
    with ThreadPoolExecutor(available_cores()) as pool:

        def product(sparse: Any, dense: np.ndarray) -> np.ndarray:
            parts = np.array_split(dense, available_cores(), axis=1)
            return np.hstack([*pool.map(sparse.__matmul__, map(np.ascontiguousarray, parts))])

        sample = np.random.default_rng(SEED).standard_normal((columns, width), dtype=np.float32)
        left, _ = np.linalg.qr(product(matrix, sample))
        for _ in range(ITERATIONS):
            left, _ = np.linalg.qr(product(matrix, product(transposed, left)))
        right = product(transposed, left)
    squares, turn = np.linalg.eigh(right.T @ right)
    strongest = np.argsort(-squares)[:size]
    values = np.sqrt(np.maximum(squares[strongest], np.finfo(np.float32).tiny))
    return left @ turn[:, strongest], values, right @ turn[:, strongest] / values


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


def embedding(words: Sequence[str], word_vectors: np.ndarray, vocabulary: Vocabulary, size: int) -> np.ndarray:
    """Vectors for every index of a vocabulary, float32 (num_words, size).

    Padding has zeros. The other reserved indices and words without a vector have random numbers of the same spread.

    Args:
        words, word_vectors: as `LatentSemantics` has them; a vector's first numbers serve.
    """
    known = SPREAD * np.sqrt(size) * _of_length_one(word_vectors[:, :size])
    vectors = np.random.default_rng(SEED).normal(0, SPREAD, (vocabulary.num_words, size)).astype(np.float32)
    vectors[PADDING] = 0
    place = {word: position for position, word in enumerate(words)}
    for index, word in enumerate(vocabulary.words, INDEX_FROM):
        if word in place:
            vectors[index] = known[place[word]]
    return vectors


def _of_length_one(vectors: np.ndarray) -> np.ndarray:
    """Each row scaled to a Euclidean norm of 1; zeros stay."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(norms > 0, norms, 1)


def _filled(vectors: np.ndarray, size: int) -> np.ndarray:
    """float32, with zeros behind, (N, size)."""
    return np.pad(vectors.astype(np.float32), ((0, 0), (0, size - vectors.shape[1])))

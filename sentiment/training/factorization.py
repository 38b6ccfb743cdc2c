"""factorize: the largest singular vectors of a sparse matrix."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from sentiment.cores import available_cores

ITERATIONS, OVERSAMPLES = 4, 10
"""One or two iterations leave singular vectors so blurred that a regression on them loses a point of accuracy. The
oversamples are vectors that are computed beside those asked for, as the weakest are the least exact."""

COLUMNS_AT_ONCE = 32
"""Columns of a dense matrix that are multiplied at once: the rows needed most often then stay in the cache."""

SEED = 0
"""The vectors are shared by all models and seeds of a run."""


def factorize(matrix: Any, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The largest singular values of a sparse matrix, and their vectors, by subspace iteration from a random start.

    Algorithm 4.4 of Halko, Martinsson & Tropp (2011). scikit-learn's `randomized_svd` gives the same, but multiplies on
    one core; here every core has some of the columns at a time, which changes no digit of a product.

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
            found = np.empty((sparse.shape[0], dense.shape[1]), np.float32)

            def multiply(first: int) -> None:
                part = slice(first, first + COLUMNS_AT_ONCE)
                found[:, part] = sparse @ dense[:, part]

            list(pool.map(multiply, range(0, dense.shape[1], COLUMNS_AT_ONCE)))
            return found

        sample = np.random.default_rng(SEED).standard_normal((columns, width), dtype=np.float32)
        left, _ = np.linalg.qr(product(matrix, sample))
        for _ in range(ITERATIONS):
            left, _ = np.linalg.qr(product(matrix, product(transposed, left)))
        right = product(transposed, left)
    squares, turn = np.linalg.eigh(right.T @ right)
    strongest = np.argsort(-squares)[:size]
    values = np.sqrt(np.maximum(squares[strongest], np.finfo(np.float32).tiny))
    return left @ turn[:, strongest], values, right @ turn[:, strongest] / values


def normalized_rows(vectors: np.ndarray) -> np.ndarray:
    """Each row, (N, size), scaled to a Euclidean norm of 1; zeros stay."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(norms > 0, norms, 1)

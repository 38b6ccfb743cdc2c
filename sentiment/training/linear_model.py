"""NB-LR, the linear model: Naive Bayes log-count ratios of n-grams, and logistic regression on them.

Wang & Manning (2012) scale binary bags of n-grams by their log-count ratios before a linear classifier; Mesnil et al.
(2014) do so with logistic regression on up to three words in a row. It is what a recurrent network has to beat, and
what teaches one. Of K ordered classes there are K - 1 such models, one for each P(label > k) (Frank & Hall 2001).
"""

import functools
import hashlib
import json
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from sentiment.configuration import Configuration
from sentiment.cores import available_cores
from sentiment.data.arrays import read_arrays
from sentiment.data.tokenizer import Span
from sentiment.data.vocabulary import INDEX_FROM, OUT_OF_VOCABULARY, Vocabulary
from sentiment.errors import InputError
from sentiment.training.ngrams import Ngrams, Tokens, index_words

LINEAR_MODEL, LINEAR_MODEL_NAME = "NB-LR", "linear_model"
"""Its title for people, and its name in tags and metrics of MLflow."""

REVIEWS_AT_ONCE = 2_000
"""So many reviews are scored in one snippet, which bounds memory."""

ARRAYS_FILE, CONFIG_FILE, VOCABULARY_FILE = "linear_model.npz", "linear_model.json", "linear_model_vocabulary.json"


MOST_BYTES = 2**30
"""Most bytes of the arrays of a saved model, enough for 45 million n-grams."""


class LinearModelConfig(Configuration):
    """What the linear model counts, and how its weights are bound."""

    highest_order: int = Field(3, ge=1, le=5, description="Most tokens in a row that have a weight together.")
    min_reviews: int = Field(2, ge=1, description="Training reviews that an n-gram must occur in.")
    smoothing: float = Field(
        1.0, gt=0, allow_inf_nan=False, description="Added to the reviews of each class that hold an n-gram."
    )
    normalize: bool = Field(True, description="Scale the log-count ratios of a review to a Euclidean norm of 1.")
    C: float = Field(
        30.0, gt=0, allow_inf_nan=False, description="Inverse of the penalty on weights, as scikit-learn counts it."
    )
    balance: bool = Field(False, description="Weigh reviews so that both classes count alike.")
    punctuation_tokens: str = Field(
        "!?.",
        pattern=r"^[!?.,;:]*$",
        description="Punctuation marks that are tokens of their own; the others are dropped.",
    )


Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class LinearModelFile(Configuration):
    """The content of CONFIG_FILE."""

    intercept: Number | tuple[Number, ...]
    config: LinearModelConfig


@dataclass(frozen=True)
class NgramWeight:
    """What one n-gram adds to the log-odds of a review.

    Attributes:
        tokens: one to `highest_order` of them.
        spans: where it stands in the text, each time.
        weight: in nats; the weights of all n-grams of a review and the intercept add up to its log-odds. Of more than
            two classes, the mean over their cuts.
    """

    tokens: tuple[str, ...]
    spans: tuple[Span, ...]
    weight: float


class LinearModel:
    """Binary n-grams, scaled by their log-count ratios; then logistic regression. Nothing in it is drawn at random.

    Args:
        ngrams: F of them.
        ratios: log-count ratio of each n-gram, (C, F) with C = K - 1 cuts between K classes.
        weights: of the regressions, (C, F).
        intercepts: (C,).
    """

    engine, frees_lock = "NumPy", False

    FILES = (ARRAYS_FILE, CONFIG_FILE, VOCABULARY_FILE)
    """What `save` writes."""

    def __init__(
        self,
        config: LinearModelConfig,
        vocabulary: Vocabulary,
        ngrams: Ngrams,
        ratios: np.ndarray,
        weights: np.ndarray,
        intercepts: np.ndarray,
    ) -> None:
        self.config, self.vocabulary = config, vocabulary
        self._ngrams, self._ratios, self._weights, self._intercepts = ngrams, ratios, weights, intercepts

    @classmethod
    def fit(
        cls, texts: Sequence[str], labels: np.ndarray, config: LinearModelConfig | None = None, classes: int = 2
    ) -> "LinearModel":
        """The model of these training reviews.

        Args:
            texts: N reviews.
            labels: (N,), 1 positive, 0 negative; of more classes their numbers.
            classes: how many there are, K.

        Raises:
            InputError: the reviews are of one class, or no word occurs in `min_reviews` of them.
        """
        config = config or LinearModelConfig()
        if len(np.unique(labels)) < 2:
            raise InputError(f"The {len(texts):,} training reviews are of one class: {LINEAR_MODEL} needs both.")
        vocabulary, tokens = index_words(texts, config.punctuation_tokens)
        known, reviews, ngrams = Ngrams.frequent(
            tokens, vocabulary.num_words, highest_order=config.highest_order, min_reviews=config.min_reviews
        )
        if not len(known):
            raise InputError(
                f"No word occurs in {config.min_reviews} of the {len(texts):,} training reviews, which {LINEAR_MODEL} "
                "needs: give more reviews, or leave it out with --no-linear-model and --pseudo-label-epochs 0."
            )
        sides = [(labels > cut).astype(np.int8) for cut in range(classes - 1)]
        ratios = np.stack(
            [_log_count_ratios(ngrams, side[reviews] == 1, len(known), config.smoothing) for side in sides]
        )
        model = cls(config, vocabulary, known, ratios, np.zeros_like(ratios), np.zeros(len(ratios)))
        for cut, side in enumerate(sides):
            features = model._features(reviews, ngrams, len(texts), cut)
            model._weights[cut], model._intercepts[cut] = _regress(features, side, config.C, balance=config.balance)
        return model

    @property
    def parameters(self) -> int:
        """Weights of the regressions, the intercepts included."""
        return self._weights.size + len(self._intercepts)

    @functools.cached_property
    def known_words(self) -> frozenset[str]:
        """The words that have a weight of their own; others occur in fewer than `min_reviews` training reviews."""
        words = self._ngrams.keys[0]
        indices = words[words != OUT_OF_VOCABULARY]
        return frozenset(self.vocabulary.words[index - INDEX_FROM] for index in indices.tolist())

    def log_odds(self, texts: Sequence[str]) -> np.ndarray:
        """The log-odds of each text, float64 (N,); they do not depend on the texts beside it, to the last bit.

        Of K > 2 classes, those of P(label > k), (N, K - 1), which fall along a row, as what rises is rearranged
        (Chernozhukov, Fernandez-Val & Galichon 2010).
        """
        cuts, starts = len(self._intercepts), range(0, len(texts), REVIEWS_AT_ONCE)

        def score(start: int) -> np.ndarray:
            tokenized = map(self.vocabulary.tokens, texts[start : start + REVIEWS_AT_ONCE])
            tokens = Tokens.from_encoded([self.vocabulary.indices(words) for words in tokenized])
            reviews, ngrams = self._ngrams.occurrences(tokens)
            count = tokens.count
            added = (np.bincount(reviews, self._added(reviews, ngrams, count, cut), count) for cut in range(cuts))
            return self._intercepts + np.stack([*added], axis=1)

        with ThreadPoolExecutor(available_cores()) as pool:
            found = np.concatenate([np.empty((0, cuts)), *pool.map(score, starts)])
        return found[:, 0] if cuts == 1 else -np.sort(-found, axis=1)

    def score(self, texts: Sequence[str]) -> np.ndarray:
        """The log-odds of each text, float64 (N,); of more than two classes their mean over the cuts."""
        score: np.ndarray = self.log_odds(texts).reshape(len(texts), -1).mean(axis=1)
        return score

    def positive_probability(self, texts: Sequence[str]) -> np.ndarray:
        """P(positive) of each text by its score, float32 (N,); it does not depend on the other texts."""
        from scipy.special import expit

        probabilities: np.ndarray = expit(self.score(texts)).astype(np.float32)
        return probabilities

    def cumulative_probability(self, texts: Sequence[str]) -> np.ndarray:
        """P(label > k) of each text for every class k but the best, float32 (N, K - 1); of two P(positive), (N,)."""
        from scipy.special import expit

        probabilities: np.ndarray = expit(self.log_odds(texts)).astype(np.float32)
        return probabilities

    def words(self, text: str) -> list[tuple[str, bool]]:
        """All words of a text, and whether each has a weight of its own."""
        return [(token, token in self.known_words) for token in self.vocabulary.tokens(text)]

    def count_unread(self, text: str) -> int:
        """None: it reads texts of any length."""
        return 0

    def digest(self) -> str:
        """SHA-256 over all that decides a probability, as 32 hexadecimal digits."""
        return hashlib.sha256(self._to_bytes()).hexdigest()[:32]

    def explain(self, text: str) -> list[NgramWeight]:
        """The n-grams of a review that have a weight, the largest first, whatever their sign."""
        words, spans = self.vocabulary.tokenizer.tokenize(text), self.vocabulary.tokenizer.spans(text)
        tokens = Tokens.from_encoded([self.vocabulary.indices(words)])
        places: dict[int, list[tuple[int, int]]] = {}
        for order, (positions, ngrams) in enumerate(self._ngrams.found(tokens), 1):
            for position, ngram in zip(positions.tolist(), ngrams.tolist(), strict=True):
                places.setdefault(ngram, []).append((position, position + order))
        found = np.array(sorted(places), np.int64)
        cuts = range(len(self._intercepts))
        added = np.mean([self._added(np.zeros_like(found), found, 1, cut) for cut in cuts], axis=0)
        explained = [
            NgramWeight(
                tuple(words[slice(*places[ngram][0])]),
                tuple((spans[first][0], spans[last - 1][1]) for first, last in places[ngram]),
                float(weight),
            )
            for ngram, weight in zip(found.tolist(), added, strict=True)
        ]
        return sorted(explained, key=lambda ngram: -abs(ngram.weight))

    @property
    def _intercept(self) -> float | list[float]:
        """As the files have it: one number of two classes."""
        intercepts: list[float] = self._intercepts.tolist()
        return intercepts if len(intercepts) > 1 else intercepts[0]

    def _to_bytes(self) -> bytes:
        """All that decides a log-odds, for a digest."""
        description = json.dumps([self.config.model_dump(), self._intercept, self.vocabulary.words])
        return b"".join(
            [description.encode(), *(array.tobytes() for array in (*self._ngrams.keys, self._ratios, self._weights))]
        )

    def save(self, folder: Path) -> list[str]:
        """Write arrays, configuration and vocabulary as files of a folder, whose names it gives."""
        orders = {f"keys_{order}": keys for order, keys in enumerate(self._ngrams.keys, 1)}
        ratios, weights = (array if len(array) > 1 else array[0] for array in (self._ratios, self._weights))
        np.savez_compressed(folder / ARRAYS_FILE, allow_pickle=False, **orders, ratios=ratios, weights=weights)
        content = {"intercept": self._intercept, "config": self.config.model_dump()}
        (folder / CONFIG_FILE).write_text(json.dumps(content, indent=2), "utf-8")
        self.vocabulary.save(folder / VOCABULARY_FILE)
        return [*self.FILES]

    @classmethod
    def load(cls, folder: Path) -> "LinearModel":
        """Read what `save` wrote.

        Raises:
            InputError: a file is missing or holds something else.
        """
        try:
            content = LinearModelFile.model_validate_json((folder / CONFIG_FILE).read_bytes())
            config = content.config
            orders = [f"keys_{order}" for order in range(1, config.highest_order + 1)]
            arrays = read_arrays(
                (folder / ARRAYS_FILE).read_bytes(), [*orders, "ratios", "weights"], most_bytes=MOST_BYTES
            )
            vocabulary = Vocabulary.load(folder / VOCABULARY_FILE)
            keys, intercepts = [arrays[order] for order in orders], np.atleast_1d(np.array(content.intercept))
            ratios, weights = np.atleast_2d(arrays["ratios"]), np.atleast_2d(arrays["weights"])
            _check_arrays(keys, ratios, weights, len(intercepts), len(vocabulary.words))
            return cls(config, vocabulary, Ngrams(keys, vocabulary.num_words), ratios, weights, intercepts)
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise InputError(f"{folder} does not hold a linear model that can be read: {error}.") from None

    def _scales(self, reviews: np.ndarray, ngrams: np.ndarray, count: int, cut: int) -> np.ndarray:
        """What the log-count ratios of each review are divided by, (count,)."""
        if not self.config.normalize:
            return np.ones(count)
        norms = np.sqrt(np.bincount(reviews, self._ratios[cut][ngrams] ** 2, count))
        return np.where(norms > 0, norms, 1.0)

    def _added(self, reviews: np.ndarray, ngrams: np.ndarray, count: int, cut: int) -> np.ndarray:
        """What each occurrence adds to the log-odds of its review at a cut."""
        scales = self._scales(reviews, ngrams, count, cut)
        added: np.ndarray = (self._ratios[cut] * self._weights[cut])[ngrams] / scales[reviews]
        return added

    def _features(self, reviews: np.ndarray, ngrams: np.ndarray, count: int, cut: int) -> Any:
        """Scaled log-count ratios, a sparse matrix (count, F)."""
        from scipy.sparse import csr_matrix

        values = self._ratios[cut][ngrams] / self._scales(reviews, ngrams, count, cut)[reviews]
        starts = np.searchsorted(reviews, np.arange(count + 1))
        return csr_matrix((values, ngrams, starts), shape=(count, self._ratios.shape[1]))


def _check_arrays(keys: Sequence[np.ndarray], ratios: np.ndarray, weights: np.ndarray, cuts: int, words: int) -> None:
    """Compare arrays from a file with what `fit` makes.

    Args:
        cuts: between the classes.
        words: of the vocabulary.

    Raises:
        ValueError: they differ in shape, type, order or range.
    """
    for numbers in keys:
        if numbers.dtype != np.int64 or numbers.ndim != 1 or (numbers < 0).any() or (np.diff(numbers) <= 0).any():
            raise ValueError("its n-grams are not in their order")
    indices = keys[0][keys[0] != OUT_OF_VOCABULARY]
    if len(indices) and not INDEX_FROM <= indices[0] <= indices[-1] < INDEX_FROM + words:
        raise ValueError("its n-grams have words that its vocabulary lacks")
    for values in (ratios, weights):
        if values.dtype != np.float64 or values.shape != (cuts, sum(map(len, keys))) or not np.isfinite(values).all():
            raise ValueError("its n-grams have not a weight each")


def _log_count_ratios(ngrams: np.ndarray, is_positive: np.ndarray, size: int, smoothing: float) -> np.ndarray:
    """log of P(n-gram | positive) / P(n-gram | negative), (size,); the arguments hold one entry for each occurrence."""
    positive = smoothing + np.bincount(ngrams[is_positive], minlength=size)
    negative = smoothing + np.bincount(ngrams[~is_positive], minlength=size)
    ratios: np.ndarray = np.log(positive / positive.sum()) - np.log(negative / negative.sum())
    return ratios


def _regress(features: Any, labels: np.ndarray, inverse_penalty: float, *, balance: bool) -> tuple[np.ndarray, float]:
    """Weights (F,) and intercept of logistic regression with the objective of scikit-learn's, by L-BFGS.

    Args:
        features: sparse (N, F).
        labels: (N,).
        balance: whether both classes have half of the weight.
    """
    from scipy.optimize import minimize
    from scipy.special import expit

    targets = labels.astype(np.float64)
    shares: Any = (len(labels) / (2 * np.bincount(labels)))[labels] if balance else 1.0
    with ThreadPoolExecutor(available_cores()) as pool:
        log_odds_of, summed = _product(features, pool), _product(features.T.tocsr(), pool)

        def objective(point: np.ndarray) -> tuple[float, np.ndarray]:
            weights, intercept = point[:-1], point[-1]
            log_odds = log_odds_of(weights) + intercept
            errors = inverse_penalty * shares * (expit(log_odds) - targets)
            losses = np.logaddexp(0, log_odds) - targets * log_odds
            value = inverse_penalty * (shares * losses).sum() + weights @ weights / 2
            return float(value), np.append(summed(errors) + weights, errors.sum())

        start = np.zeros(features.shape[1] + 1)
        options = {"maxiter": 500, "maxcor": 4, "ftol": 1e-5}
        point = minimize(objective, start, jac=True, method="L-BFGS-B", options=options).x
    return point[:-1], float(point[-1])


def _product(matrix: Any, pool: Executor) -> Callable[[np.ndarray], np.ndarray]:
    """The product of a sparse matrix (N, F) with a vector, (F,) -> (N,); each core has rows with as many values."""
    bounds = np.searchsorted(matrix.indptr, np.linspace(0, matrix.nnz, available_cores() + 1)[1:-1])
    parts = [matrix[first:last] for first, last in pairwise([0, *bounds.tolist(), matrix.shape[0]])]
    return lambda vector: np.concatenate(list(pool.map(lambda part: part @ vector, parts)))

"""LinearModel: TF-IDF and logistic regression, the bag of words that a recurrent network has to beat.

Wang & Manning (2012) show how far words and pairs of words carry: on long reviews, often further than a small
recurrent network.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from sentiment.errors import InputError

LINEAR_MODEL, LINEAR_MODEL_NAME = "TF-IDF + logistic regression", "linear_model"
"""Its title for people, and its name in tags and metrics of MLflow."""


class LinearModel:
    """scikit-learn's TF-IDF over words and pairs of words, and its logistic regression.

    Nothing in it is drawn at random.

    Args:
        texts: N training reviews.
        labels: (N,), 1 positive, 0 negative.

    Raises:
        InputError: no word occurs in two of the reviews.
    """

    def __init__(self, texts: Sequence[str], labels: np.ndarray) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression

        self._tfidf: Any = TfidfVectorizer(sublinear_tf=True, min_df=2, ngram_range=(1, 2))
        try:
            features = self._tfidf.fit_transform(texts)  # (N, words and pairs), sparse
        except ValueError:
            raise InputError(
                f"No word occurs in two of the {len(texts):,} training reviews, which {LINEAR_MODEL} needs: "
                "give more reviews, or leave it out with --no-linear-model and --pseudo-label-epochs 0."
            ) from None
        self._regression: Any = LogisticRegression(C=10, max_iter=1_000).fit(features, labels)

    @property
    def parameters(self) -> int:
        """Weights of the regression, the intercept included."""
        return int(self._regression.coef_.size) + 1

    def positive_probability(self, texts: Sequence[str]) -> np.ndarray:
        """P(positive) of each text, float64 of shape (N,)."""
        probabilities: np.ndarray = self._regression.predict_proba(self._tfidf.transform(texts))[:, 1]
        return probabilities

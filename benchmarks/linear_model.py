"""NB-LR fitted and applied to 100,000 reviews, beside the same model as users of scikit-learn write it.

    python -m benchmarks.linear_model --archive aclImdb_v1.tar.gz [--rounds 2]

Both are fitted to the training reviews, then applied to all reviews of the archive, from the first on again until they
are 100,000. They take turns; prints seconds by the clock, of the best round each, and the test accuracy. The last line
is what a part of the first takes alone: to split texts into words, and to look up the token ids.
"""

import argparse
import itertools
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measuring import machine
from benchmarks.reviews import archive_reviews
from sentiment.data.corpus import Reviews
from sentiment.data.tokenizer import Tokenizer
from sentiment.training.linear_model import LinearModel, LinearModelConfig
from sentiment.training.ngrams import Tokens, index_words

COUNT = 100_000

LogOdds = Callable[[Sequence[str]], np.ndarray]
"""N texts to the log-odds of their being positive, (N,)."""


def ours(train: Reviews) -> LogOdds:
    """The linear model of this project."""
    return LinearModel.fit(train.texts, train.labels).log_odds


def with_scikit_learn(train: Reviews) -> LogOdds:
    """CountVectorizer and LogisticRegression, on the same tokens, names among them."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import normalize

    config = LinearModelConfig()
    vectorizer = CountVectorizer(
        analyzer="word", tokenizer=Tokenizer(config.punctuation_tokens).tokenize, token_pattern=None, lowercase=False,
        binary=True, ngram_range=(1, config.highest_order), min_df=config.min_reviews,
    )  # fmt: skip
    counts = vectorizer.fit_transform(train.texts)
    positive, negative = (
        config.smoothing + np.asarray(counts[train.labels == label].sum(axis=0)).ravel() for label in (1, 0)
    )
    ratios = np.log(positive / positive.sum()) - np.log(negative / negative.sum())

    def features(found: Any) -> Any:
        return normalize(found.multiply(ratios).tocsr())

    model = LogisticRegression(C=config.C, max_iter=500).fit(features(counts), train.labels)
    return lambda texts: model.decision_function(features(vectorizer.transform(texts)))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archive", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    corpus = archive_reviews(arguments.archive)
    everything = itertools.cycle([*corpus.train.texts, *corpus.unlabelled.texts, *corpus.test.texts])
    texts = list(itertools.islice(everything, COUNT))
    print(f"{machine()}; fitted to {len(corpus.train):,} reviews, applied to {COUNT:,}; best of {arguments.rounds}")
    times: dict[str, list[tuple[float, float]]] = {}
    for _ in range(arguments.rounds):
        for name, fit in {"this project": ours, "scikit-learn": with_scikit_learn}.items():
            started = time.perf_counter()
            model = fit(corpus.train)
            fitted = time.perf_counter()
            model(texts)
            times.setdefault(name, []).append((fitted - started, time.perf_counter() - fitted))
            accuracy = np.mean((model(corpus.test.texts) > 0) == (corpus.test.labels == 1))
            print(f"{name}: {times[name][-1][0]:.1f} s + {times[name][-1][1]:.1f} s, {accuracy:.2%}", flush=True)
    for name, measured in times.items():
        fitting, applying = min(measured, key=sum)
        print(f"{name}: fitted in {fitting:.1f} s, applied in {applying:.1f} s, {fitting + applying:.1f} s in all")
    started = time.perf_counter()
    vocabulary, _ = index_words(corpus.train.texts, LinearModelConfig().punctuation_tokens)
    counted = time.perf_counter()
    Tokens.from_encoded([vocabulary.indices(vocabulary.tokens(text)) for text in texts])
    found = time.perf_counter()
    print(f"texts to token ids: {counted - started:.1f} s of the fit, {found - counted:.1f} s of the application")


if __name__ == "__main__":
    main()

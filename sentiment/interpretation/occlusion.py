"""Occlusion: what each word of a review adds to the log-odds of a positive verdict, for classifiers of every kind.

A word's effect is what the review loses without it ("representation erasure", Li, Monroe & Jurafsky 2016).
"""

import numpy as np

from sentiment.classifier import Classifier, SentimentClassifier
from sentiment.data.vocabulary import Span, Tokenizer

SMALLEST = 1e-6
"""Probabilities nearer to 0 or 1 count as this near: they are single precision."""


def word_effects(classifier: Classifier, text: str) -> dict[Span, float]:
    """Place of each word that the classifier reads -> log-odds of the review less those without the word, in nats."""
    if isinstance(classifier, SentimentClassifier):
        spans, probabilities = _in_network(classifier, text)
    else:
        spans = Tokenizer().spans(text)
        without = [f"{text[:start]} {text[end:]}" for start, end in spans]
        probabilities = classifier.positive_probability([text, *without])
    log_odds = _log_odds(probabilities)
    return dict(zip(spans, (log_odds[0] - log_odds[1:]).tolist(), strict=True))


def moved_words(model: Classifier, baseline: Classifier, text: str) -> dict[Span, float]:
    """How much more each word adds to the log-odds of a model than to those of a baseline, in nats."""
    moved: dict[Span, float] = {}
    for classifier, sign in ((model, 1), (baseline, -1)):
        for span, effect in word_effects(classifier, text).items():
            moved[span] = moved.get(span, 0.0) + sign * effect
    return dict(sorted(moved.items()))


def _in_network(classifier: SentimentClassifier, text: str) -> tuple[list[Span], np.ndarray]:
    """The places of the words that a network reads, and P(positive) with all and without each."""
    sequences, words = classifier.sequences, classifier.vocabulary.tokenizer.spans(text)
    kept = slice(-sequences.maxlen, None) if sequences.truncating == "pre" else slice(sequences.maxlen)
    indices, spans = classifier.vocabulary.encode(text)[kept], [(0, 0), *words][kept]
    without = [np.delete(indices, place) for place, span in enumerate(spans) if span != (0, 0)]
    return [span for span in spans if span != (0, 0)], classifier.encoded_probability([indices, *without])


def _log_odds(probabilities: np.ndarray) -> np.ndarray:
    clipped = np.clip(probabilities.astype(np.float64), SMALLEST, 1 - SMALLEST)
    log_odds: np.ndarray = np.log(clipped) - np.log1p(-clipped)
    return log_odds

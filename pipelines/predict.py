"""Predicting a few reviews, given on the command line."""

from collections.abc import Sequence

from pipelines.console import Console
from pipelines.model_uri import located_classifier
from pipelines.unknown_words import unknown_words_warnings
from sentiment.classifier import load_classifier
from sentiment.errors import InputError


def predict(texts: Sequence[str], model: str | None, threshold: float | None, console: Console) -> None:
    """Print the verdict and P(positive) of each text, and on standard error the model that gave them.

    Warns of texts with unusually many words that the model does not know.

    Raises:
        InputError: a text is blank, or there is no such model.
    """
    for number, text in enumerate(texts, 1):
        if not text.strip():
            raise InputError(f"Review {number} is blank: give the text of a review.")
    with located_classifier(model) as (folder, name):
        classifier = load_classifier(folder)
        if threshold is not None:
            classifier.threshold = threshold
        probabilities = classifier.positive_probability(texts)
        warnings = list(unknown_words_warnings(classifier, texts))
    console.note(f"model: {name}")
    for text, label, probability in zip(texts, classifier.labels(probabilities), probabilities, strict=True):
        console.result(f"{label}  {probability:.4f}  {text}")
    for warning in warnings:
        console.warn(warning)

"""What a review classifier is made of, from text to verdict, and what stands around it.

- `data`: text to arrays. `training`: arrays to a network. `engine`: weights to probabilities.
- `classifier`: SentimentClassifier, vocabulary and network together; text in, probability out.
- `evaluation`: what a model is worth. `interpretation`: why. `reporting`: pages of both. `batch`: whole tables.
- `tracking`: MLflow, which nothing else imports.
"""

from typing import TYPE_CHECKING, Any

from sentiment.errors import InputError
from sentiment.version import __version__

if TYPE_CHECKING:
    from sentiment.classifier import SentimentClassifier
    from sentiment.loading import load


__all__ = ["InputError", "SentimentClassifier", "__version__", "load"]


def __getattr__(name: str) -> Any:
    """SentimentClassifier and load, imported when they are first asked for."""
    if name == "SentimentClassifier":
        from sentiment.classifier import SentimentClassifier

        return SentimentClassifier
    if name == "load":
        from sentiment.loading import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

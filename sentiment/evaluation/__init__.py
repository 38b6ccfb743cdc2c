"""What a trained model is worth: metrics, significance, slices, behaviour, comparison; and when not to trust it."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np


class TextModel(Protocol):
    """What an evaluation needs of a trained model."""

    def positive_probability(self, texts: Sequence[str]) -> np.ndarray:
        """P(positive) of each text, (N,)."""

    def words(self, text: str) -> list[tuple[str, bool]]:
        """The words of a text that it reads, in their order, and whether it knows each."""

    def count_unread(self, text: str) -> int:
        """How many words of a text it does not read because the text is too long."""

    def digest(self) -> str:
        """A digest of all that decides its probabilities."""


class TextClassifier(Protocol):
    """A model with a threshold: P(positive) from which on a review is positive."""

    threshold_: float

    @property
    def parameters(self) -> int:
        """How many weights it has."""

    def positive_probability(self, texts: Sequence[str]) -> np.ndarray:
        """P(positive) of each text, (N,)."""

    def digest(self) -> str:
        """A digest of all that decides its probabilities."""

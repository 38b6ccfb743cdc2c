"""What a trained model is worth: metrics, significance, slices, behaviour, comparison; and when not to trust it."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from sentiment.data.verdicts import VerdictRule


class TextModel(Protocol):
    """What an evaluation needs of a trained model."""

    def words(self, text: str) -> list[tuple[str, bool]]:
        """The words of a text that it reads, in their order, and whether it knows each."""

    def count_unread(self, text: str) -> int:
        """How many words of a text it does not read because the text is too long."""

    def digest(self) -> str:
        """A digest of all that decides its probabilities."""


class TextClassifier(Protocol):
    """A model with a verdict: of two labels, positive from the threshold on; of more, their median."""

    threshold_: float

    @property
    def label_names(self) -> tuple[str, ...]:
        """Its labels, the worst first."""

    @property
    def parameters(self) -> int:
        """How many weights it has."""

    def cumulative_probability(self, texts: Sequence[str]) -> np.ndarray:
        """P(label > k) of each text for every label k but the best, (N, K - 1); of two P(positive), (N,)."""

    def rule(self) -> VerdictRule:
        """How what `cumulative_probability` gives becomes labels."""

    def digest(self) -> str:
        """A digest of all that decides its probabilities."""

"""PieceConfig and EpochPieces: training on pieces of reviews, so that the verdict on a sentence is learned, too.

A network that only ever saw whole reviews is sure of itself after any five words. Of a piece that it was trained on,
P(positive) means: of the reviews that hold such a piece, so many are positive.
"""

import re
from collections.abc import Callable, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from sentiment.data.vocabulary import FILTERS
from sentiment.training.counterfactuals import Counterfactuals

PIECE_WORDS = 3, 100
"""Fewest and most words of a random piece."""

_WORD = re.compile(rf"[^\s{re.escape(FILTERS)}]+")
_SENTENCE_BORDER = re.compile(r"[.!?<\n]")

Examples = tuple[np.ndarray, np.ndarray]
"""Inputs (N, maxlen), padded indices, and labels (N,), which may be probabilities."""


class PieceConfig(BaseModel):
    """What stands in for whole reviews in training, drawn anew in every epoch; 0: nothing does."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    piece_share: float = Field(
        0.0, ge=0, le=1, description="Share of the training reviews of which an epoch sees a piece of 3 to 100 words."
    )
    counterfactual_share: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Share of the training reviews of which an epoch sees a clause turned into its opposite, "
        "where one can be.",
    )


class EpochPieces:
    """The training examples of every epoch: whole reviews, pieces and counterfactuals, which follow from (seed, epoch).

    Args:
        inputs, labels: of the whole reviews.
        texts: of the same reviews, N.
        pad: texts to padded indices, as the inputs were made.
        counterfactuals: needed where the configuration asks for a share of them.
    """

    def __init__(
        self,
        inputs: np.ndarray,
        labels: np.ndarray,
        texts: Sequence[str],
        config: PieceConfig,
        *,
        pad: Callable[[Sequence[str]], np.ndarray],
        seed: int,
        counterfactuals: Counterfactuals | None = None,
    ) -> None:
        self._examples = inputs, labels
        self._texts, self._pad = texts, pad
        self._config, self._seed = config, seed
        self._counterfactuals = counterfactuals

    def __call__(self, epoch: int) -> Examples:
        """The examples of an epoch, as many as there are reviews; a piece has its review's label."""
        inputs, labels = self._examples
        generator = np.random.default_rng([self._seed, epoch])
        drawn = generator.random(len(inputs))
        cut = np.flatnonzero(drawn < self._config.piece_share)
        turned = np.flatnonzero(drawn >= 1 - self._config.counterfactual_share)
        pieces = {int(position): random_piece(self._texts[position], generator) for position in cut}
        labels = labels.astype(np.float32)
        if self._counterfactuals is not None:
            counterfactuals = self._counterfactuals.pieces((self._texts[position] for position in turned), generator)
            for position, piece in zip(turned.tolist(), counterfactuals, strict=True):
                if piece is not None:
                    pieces[position], labels[position] = piece
        if pieces:
            inputs = inputs.copy()
            inputs[list(pieces)] = self._pad(list(pieces.values()))
        return inputs, labels


def random_piece(text: str, generator: np.random.Generator) -> str:
    """A contiguous piece of a text, of 3 to 100 words, every order of magnitude alike; all of a shorter text.

    It starts with a sentence, and ends with one where one ends in the second half of its length.
    """
    spans = [match.span() for match in _WORD.finditer(text)]
    fewest, most = PIECE_WORDS
    length = round(float(np.exp(generator.uniform(np.log(fewest), np.log(most)))))
    if length >= len(spans):
        return text
    borders = [
        after for after in range(1, len(spans)) if _SENTENCE_BORDER.search(text, spans[after - 1][1], spans[after][0])
    ]
    starts = [start for start in (0, *borders) if start + length <= len(spans)]
    start = int(generator.choice(starts)) if starts else 0
    ends = [end for end in borders if start + max(fewest, length / 2) <= end <= start + length]
    end = ends[-1] if ends else start + length
    return text[spans[start][0] : spans[end - 1][1]]

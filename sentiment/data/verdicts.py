"""VerdictRule: from the probabilities of a classifier to the labels that people read, and the columns of a table."""

import math
from dataclasses import dataclass, replace

import numpy as np

from sentiment.data.labels import LABEL_NAMES, LABELS, RANKS, label_numbers, label_probabilities, median_labels
from sentiment.errors import InputError, shown, shown_names

PREDICTED_LABEL, POSITIVE_PROBABILITY = "predicted_label", "positive_probability"
NEUTRAL, OWN_BAND = "neutral", "auto"

Band = tuple[float, float]
"""P(positive) from the first number on and below the second is called neutral."""

Neutral = Band | str
"""A band, also as in `0.35,0.65`; or `auto` for the classifier's own."""


@dataclass(frozen=True)
class VerdictRule:
    """How cumulative probabilities become labels and columns. It holds no model, so any process can have it.

    Attributes:
        names: of the classes, from the worst to the best.
        label_column: what `expected_...` is called after, where the names are numbers.
        threshold: of two classes, the P(positive) from which on a review is positive.
        band: of two classes, the P(positive) that is called neutral, in place of the threshold; None for none.
    """

    names: tuple[str, ...] = LABEL_NAMES
    label_column: str = "label"
    threshold: float = 0.5
    band: Band | None = None

    @property
    def cuts(self) -> int:
        """How many cumulative probabilities there are of a review."""
        return len(self.names) - 1

    @property
    def labels(self) -> tuple[str, ...]:
        """All that a verdict may be, from the worst to the best."""
        return self.names if self.band is None else (LABEL_NAMES[0], NEUTRAL, LABEL_NAMES[1])

    @property
    def probability_columns(self) -> tuple[str, ...]:
        """The columns that `probabilities` gives."""
        if self.cuts == 1:
            return (POSITIVE_PROBABILITY,)
        expected = () if label_numbers(self.names) is None else (f"expected_{self.label_column}",)
        return (*(f"probability_{name}" for name in self.names), *expected)

    @property
    def measure(self) -> str:
        """What words move, for people; see `sentiment.data.labels.expected_position`."""
        return "P(positive)" if self.cuts == 1 else f"the way from {self.names[0]} to {self.names[-1]}"

    def numbers(self, cumulative: np.ndarray) -> np.ndarray:
        """The position of each verdict in `labels`, (N,): of more than two classes their median.

        Args:
            cumulative: P(label > k) for each class k but the best, (N, K - 1); of two P(positive), (N,).
        """
        if cumulative.ndim == 1:
            bounds = self.band or (self.threshold,)
            found: np.ndarray = np.sum([cumulative >= bound for bound in bounds], axis=0)
        else:
            found = median_labels(label_probabilities(cumulative))
        return found

    def verdicts(self, cumulative: np.ndarray) -> list[str]:
        """The label of each review, N of them, for cumulative probabilities as `numbers` takes them."""
        return [self.labels[number] for number in self.numbers(cumulative).tolist()]

    def probabilities(self, cumulative: np.ndarray) -> dict[str, np.ndarray]:
        """Column -> float32 (N,): P(positive), or the probability of each class and, of numbers, their mean by these.

        Args:
            cumulative: as `numbers` takes it.
        """
        found, numbers = label_probabilities(cumulative), label_numbers(self.names)
        if self.cuts == 1:
            return {POSITIVE_PROBABILITY: found}
        columns = [*found.T] if numbers is None else [*found.T, (found @ numbers).astype(np.float32)]
        return dict(zip(self.probability_columns, columns, strict=True))

    def label_of(self, word: str) -> str | None:
        """The label that a word of a table means, as `label_word` gives it; None where it means none of `labels`."""
        if self.cuts > 1:
            return word if word in self.names else None
        if self.band and RANKS.get(word) == 0:
            return NEUTRAL
        return LABEL_NAMES[LABELS[word]] if word in LABELS else None

    def changed(self, threshold: float | None, neutral: Neutral | None, own: Band | None) -> "VerdictRule":
        """The rule with another threshold, or with a neutral band in its place.

        Args:
            own: the classifier's own band.

        Raises:
            InputError: there are more than two classes; both are given; the band is none, or the classifier has none.
        """
        if threshold is None and neutral is None:
            return self
        if self.cuts > 1:
            raise InputError(
                f"A threshold and a neutral band are for two labels, and this classifier has "
                f"{shown_names(self.names)}: leave them out."
            )
        if neutral is None:
            return self if threshold is None else replace(self, threshold=threshold)
        if threshold is not None:
            raise InputError("A neutral band has thresholds of its own: give either the band or a threshold.")
        if not isinstance(neutral, str) or neutral != OWN_BAND:
            return replace(self, band=_band(neutral))
        if own is None:
            raise InputError(
                "This classifier has no neutral band of its own: give both ends of one, such as 0.35,0.65, which you "
                "choose on reviews of your own that have the label neutral."
            )
        return replace(self, band=own)


def _band(given: Neutral) -> Band:
    try:
        lower, upper = map(float, given.split(",") if isinstance(given, str) else given)
    except (TypeError, ValueError):
        lower = upper = math.nan
    if not 0 <= lower <= upper <= 1:
        raise InputError(
            f"The neutral band is {shown(given)}: give both ends, from 0 to 1 and the lower one first, such as "
            f"0.35,0.65; or {OWN_BAND} for the classifier's own."
        )
    return lower, upper

"""Do the reviews that are scored look like those the classifier was checked on? The population stability index."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

BINS = 10
STABLE, SHIFTED = 0.1, 0.25
"""The usual thresholds (Siddiqi 2006): below the first nothing has changed, above the second much has."""


@dataclass(frozen=True)
class Reference:
    """How one feature is distributed over the reviews that others are held against.

    Attributes:
        edges: upper ends of all bins but the last, rising. A value on an edge belongs to the bin below the edge.
        counts: reviews in each bin, one more than edges.
        mean: of all values.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    mean: float

    def __post_init__(self) -> None:
        if len(self.counts) != len(self.edges) + 1:
            raise ValueError("a distribution needs one more count than edges")

    @classmethod
    def of(cls, values: np.ndarray, bins: int = BINS) -> "Reference":
        """Bins with about equally many of the values, (N,); values that are often equal make fewer bins.

        Where all values are equal, they have one bin, and what lies below and above has two more, empty ones.
        """
        if not len(values):
            raise ValueError("A reference needs at least one review.")
        inner = np.quantile(values, np.arange(1, bins) / bins, method="inverted_cdf")
        edges = np.unique(inner[inner < values.max()])
        if values.min() == values.max():
            edges = np.array([np.nextafter(float(values[0]), -np.inf), float(values[0])])
        return cls(tuple(map(float, edges)), tuple(map(int, _count(edges, values))), float(values.mean()))

    def count(self, values: np.ndarray) -> np.ndarray:
        """Values in each bin, int (bins,); counts of parts of a table add up to those of the table."""
        return _count(np.array(self.edges), values)


@dataclass(frozen=True)
class Drift:
    """How far one feature of the scored reviews lies from its reference.

    Attributes:
        feature: what was measured of each review.
        index: the population stability index.
        chance: what the index stays below in 95 of 100 samples of this size without any change.
        reviews: how many were held against the reference.
    """

    feature: str
    index: float
    chance: float
    reviews: int

    @property
    def grade(self) -> Literal["stable", "shifted", "strongly shifted"]:
        """By the usual thresholds; an index that chance alone may give in so small a sample is stable."""
        if self.index < STABLE or self.index <= self.chance:
            return "stable"
        return "shifted" if self.index <= SHIFTED else "strongly shifted"

    @property
    def sentence(self) -> str:
        """The drift in words."""
        return (
            f"{self.feature} {'is' if self.grade == 'stable' else 'has'} {self.grade}: "
            f"population stability index {self.index:.2f} over {self.reviews:,} review{'s' * (self.reviews != 1)}"
        )


def find_drift(references: Mapping[str, Reference], counts: Mapping[str, np.ndarray]) -> list[Drift]:
    """The drift of every feature, the largest index first.

    Args:
        references: feature -> its distribution.
        counts: feature -> what `Reference.count` gives of the other reviews, summed over all of them.
    """
    found = []
    for feature, reference in references.items():
        expected, actual = np.array(reference.counts), counts[feature]
        found.append(
            Drift(
                feature,
                population_stability_index(expected, actual),
                index_by_chance(len(expected), int(expected.sum()), int(actual.sum())),
                int(actual.sum()),
            )
        )
    return sorted(found, key=lambda drift: -drift.index)


def population_stability_index(expected: np.ndarray, actual: np.ndarray) -> float:
    """The sum over bins of (a - e) ln(a / e), a and e the shares of two samples: their Jeffreys divergence.

    Half a review is added to each bin, so that an empty bin gives a large index, not an infinite one.

    Args:
        expected, actual: reviews in each bin, (bins,).
    """
    shares = [(counts + 0.5) / (counts.sum() + 0.5 * len(counts)) for counts in (expected, actual)]
    return float(np.sum((shares[1] - shares[0]) * np.log(shares[1] / shares[0])))


def index_by_chance(bins: int, expected: int, actual: int) -> float:
    """What the index of two samples of one distribution stays below in 95 of 100 cases.

    The index, divided by 1 / expected + 1 / actual, is then about chi-square with bins - 1 degrees of freedom
    (Yurdakul & Naranjo 2020).

    Args:
        bins: their number, at least 2.
        expected, actual: size of each sample. Without reviews nothing can be told, and the answer is infinity.
    """
    from scipy.special import chdtri  # scipy.stats takes half a second to import

    if not expected or not actual:
        return np.inf
    return float(chdtri(bins - 1, 0.05) * (1 / expected + 1 / actual))


def _count(edges: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values in each bin, int (len(edges) + 1,)."""
    return np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1)

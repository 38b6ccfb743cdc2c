"""Do the reviews that are scored look like those the classifier was checked on? The population stability index.

A ReviewSample draws some reviews of a table of any size evenly, and measures each. A Reference is how one of these
measures is distributed over the validation reviews, and `find_drift` compares other reviews with it.
"""

import heapq
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from sentiment.data.labels import expected_position, verdict_probabilities
from sentiment.data.tokenizer import PUNCTUATION
from sentiment.evaluation import TextModel

LENGTH, UNKNOWN_SHARE, PROBABILITY = "length in words", "share of unknown words", "P(positive)"
POSITION = "expected label from 0, the worst, to 1, the best"
"""What is measured of more than two labels in place of P(positive)."""

BINS = 10
STABLE, SHIFTED = 0.1, 0.25
"""The usual thresholds (Siddiqi 2006): below the first nothing has changed, above the second much has."""

SAMPLE_SIZE = 2_000
"""Most reviews that are measured: enough to distinguish an index of 0.02 from chance, and little work."""

LONGEST_WAITING = 2**14
"""Characters of a text up to which it waits to be measured, so that the texts of a sample take little memory."""

SURE, SURE_OF_MORE = 0.75, 0.5
"""A verdict is unsure where its probability is below: of two labels the odds are below 3 to 1 either way; of more it is
less probable than all others together."""


@dataclass(frozen=True)
class Reference:
    """How one feature is distributed over the reviews that others are compared with.

    Attributes:
        edges: upper ends of all bins but the last, rising. A value on an edge belongs to the bin below the edge.
        counts: reviews in each bin, one more than edges.
        mean: of all values.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    mean: float

    @classmethod
    def fit(cls, values: np.ndarray) -> "Reference":
        """Bins with about equally many of the values, (N,), at least one; equal values make fewer bins.

        Where all values are equal, they have one bin, and what lies below and above has two more, empty ones.
        """
        inner = np.quantile(values, np.arange(1, BINS) / BINS, method="inverted_cdf")
        edges = np.unique(inner[inner < values.max()])
        if values.min() == values.max():
            edges = np.array([np.nextafter(float(values[0]), -np.inf), float(values[0])])
        return cls(tuple(map(float, edges)), tuple(_count(edges, values).tolist()), float(values.mean()))

    def count(self, values: np.ndarray) -> np.ndarray:
        """How many values, (N,), each bin holds: int (bins,)."""
        return _count(np.array(self.edges), values)


def _count(edges: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1)


@dataclass(frozen=True)
class Drift:
    """How far one feature of the scored reviews lies from its reference.

    Attributes:
        feature: what was measured of each review.
        index: the population stability index.
        chance: what the index stays below in 95 of 100 samples of this size without any change.
        reviews: how many were compared with the reference.
    """

    feature: str
    index: float
    chance: float
    reviews: int

    @property
    def grade(self) -> Literal["stable", "shifted", "strongly shifted"]:
        """The usual thresholds decide; an index that chance alone may give in so small a sample is stable."""
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


def find_drift(references: Mapping[str, Reference], measures: Mapping[str, np.ndarray]) -> list[Drift]:
    """The drift of every feature, the largest index first.

    Args:
        references: feature -> its distribution.
        measures: feature -> its values for the other reviews, (N,).
    """
    found = []
    for feature, reference in references.items():
        expected, actual = np.array(reference.counts), reference.count(measures[feature])
        reviews = int(actual.sum())
        index = population_stability_index(expected, actual)
        found.append(Drift(feature, index, index_by_chance(len(expected), int(expected.sum()), reviews), reviews))
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
        expected, actual: size of each sample. Without reviews any index may be chance, and the answer is infinity.
    """
    from scipy.special import chdtri  # scipy.stats takes half a second to import

    if not expected or not actual:
        return np.inf
    return float(chdtri(bins - 1, 0.05) * (1 / expected + 1 / actual))


class Measures(NamedTuple):
    """What is measured of one review.

    Attributes:
        length: words between white space.
        read: words that the classifier reads, punctuation marks apart.
        unknown: those of them that it does not know.
        is_cut: whether it is too long for the classifier to read in whole.
    """

    length: int
    read: int
    unknown: tuple[str, ...]
    is_cut: bool


class ReviewSample:
    """At most SAMPLE_SIZE reviews, drawn with equal chances: those with the highest random keys.

    Which ones are drawn follows from the number of reviews before them alone, so that a second run draws the same.

    Attributes:
        seen: how many reviews there were.
    """

    def __init__(self, model: TextModel, learned: Collection[str] | None = None) -> None:
        """Begin an empty sample.

        Args:
            model: what the reviews are for.
            learned: words that it learned from other reviews; None for all that it knows.
        """
        self.seen = 0
        self._model, self._learned = model, learned
        self._random = np.random.default_rng(0)
        self._feature = PROBABILITY
        # A heap, the lowest key first: key, P(positive) or expected position, whether the verdict is unsure, and the
        # text. It waits to be measured until somebody asks, as most reviews leave the sample before.
        self._kept: list[tuple[float, float, bool, str | Measures]] = []

    def add(self, texts: Sequence[str], probabilities: np.ndarray) -> None:
        """Take the next reviews into account.

        Args:
            probabilities: P(positive), (N,); of more than two labels that of each, (N, K).
        """
        self._feature = PROBABILITY if probabilities.ndim == 1 else POSITION
        positions, unsure = expected_position(probabilities), _is_unsure(probabilities)
        self.seen += len(texts)
        keys = self._random.random(len(texts))
        lowest = self._kept[0][0] if len(self) >= SAMPLE_SIZE else -1.0
        for position in np.flatnonzero(keys > lowest).tolist():
            text = texts[position]
            content = self._measure(text) if len(text) > LONGEST_WAITING else text
            push = heapq.heappush if len(self) < SAMPLE_SIZE else heapq.heappushpop
            push(self._kept, (float(keys[position]), float(positions[position]), bool(unsure[position]), content))

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def measures(self) -> dict[str, np.ndarray]:
        """Length, share of unknown words, and P(positive) or the expected position: feature -> (N,)."""
        measured = self._measured()
        return {
            LENGTH: np.array([review.length for review in measured], float),
            UNKNOWN_SHARE: np.array([len(review.unknown) / max(1, review.read) for review in measured]),
            self._feature: np.array([position for _, position, _, _ in self._kept]),
        }

    @property
    def unknown_share(self) -> float:
        """The share of all words of the sample that the classifier does not know; 0 where there is no word."""
        measured = self._measured()
        return sum(len(review.unknown) for review in measured) / max(1, sum(review.read for review in measured))

    @property
    def cut_reviews(self) -> int:
        """Reviews of the sample that are too long for the classifier to read in whole."""
        return sum(review.is_cut for review in self._measured())

    @property
    def unsure_share(self) -> float:
        """The share of verdicts that are unsure, as SURE says."""
        return float(np.mean([is_unsure for _, _, is_unsure, _ in self._kept]))

    def unknown_words(self, most: int) -> list[tuple[str, int]]:
        """The unknown words that stand in most reviews, and in how many."""
        reviews = Counter(word for review in self._measured() for word in set(review.unknown))
        return sorted(reviews.items(), key=lambda word: (-word[1], word[0]))[:most]

    def _measured(self) -> list[Measures]:
        """The measures of all reviews of the sample; their texts are then not needed any more."""
        measured = [self._measure(content) for *_, content in self._kept]
        self._kept = [
            (key, position, is_unsure, content)
            for (key, position, is_unsure, _), content in zip(self._kept, measured, strict=True)
        ]
        return measured

    def _measure(self, content: str | Measures) -> Measures:
        if not isinstance(content, str):
            return content
        words = [(word, is_known) for word, is_known in self._model.words(content) if word not in PUNCTUATION]
        learned = self._learned
        unknown = tuple(w for w, is_known in words if not is_known or (learned is not None and w not in learned))
        return Measures(len(content.split()), len(words), unknown, self._model.count_unread(content) > 0)


def _is_unsure(probabilities: np.ndarray) -> np.ndarray:
    """Whether each verdict is unsure, as SURE says: bool (N,)."""
    unsure: np.ndarray = (
        (probabilities > 1 - SURE) & (probabilities < SURE)
        if probabilities.ndim == 1
        else verdict_probabilities(probabilities) < SURE_OF_MORE
    )
    return unsure

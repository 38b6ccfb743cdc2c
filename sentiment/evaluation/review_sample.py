"""ReviewSample: some reviews of a table of any size, drawn evenly, with what is measured of each."""

import heapq
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from sentiment.data.vocabulary import PUNCTUATION

if TYPE_CHECKING:
    from sentiment.classifier import Classifier

LENGTH, UNKNOWN_SHARE, PROBABILITY = "length in words", "share of unknown words", "P(positive)"

SAMPLE_SIZE = 2_000
"""Most reviews that are measured: enough to tell an index of 0.02 from chance, and little work."""

MOST_CHARACTERS = 2**25
"""Of the texts that wait to be measured."""

UNSURE = (0.25, 0.75)
"""A verdict is unsure where P(positive) lies between: the odds are below 3 to 1 either way."""


@dataclass(frozen=True)
class MeasuredReview:
    """What is told of one review.

    Attributes:
        length: words between white space.
        read: words that the classifier reads, punctuation marks apart.
        unknown: those of them that it does not know.
        is_cut: whether it has words that the classifier does not read, as it is too long.
    """

    length: int
    read: int
    unknown: tuple[str, ...]
    is_cut: bool


@dataclass(order=True)
class DrawnReview:
    """One review of the sample; those with the highest keys stay in it.

    Attributes:
        key: drawn at random.
        text: empty once it is measured.
        probability: P(positive).
        measured: None until somebody asks. Most reviews that are drawn leave the sample before.
    """

    key: float
    text: str = field(compare=False)
    probability: float = field(compare=False)
    measured: MeasuredReview | None = field(compare=False, default=None)


class ReviewSample:
    """At most SAMPLE_SIZE reviews, drawn with equal chances: those with the highest random keys.

    Which ones are drawn follows from the number of reviews before them alone, so that a second run draws the same.

    Attributes:
        seen: how many reviews there were.
    """

    def __init__(self, classifier: "Classifier", learned: Collection[str] | None = None) -> None:
        """Begin an empty sample.

        Args:
            learned: words that the classifier learned from other reviews; None for all that it knows.
        """
        self.seen = 0
        self._classifier, self._learned = classifier, learned
        self._random = np.random.default_rng(0)
        self._kept: list[DrawnReview] = []  # a heap, the lowest key first
        self._characters = 0  # of their texts

    def add(self, texts: Sequence[str], probabilities: np.ndarray) -> None:
        """Take the next reviews into account; probabilities: P(positive), (N,)."""
        self.seen += len(texts)
        keys = self._random.random(len(texts))
        lowest = self._kept[0].key if self._is_full else -1.0
        for position in np.flatnonzero(keys > lowest).tolist():
            drawn = DrawnReview(float(keys[position]), texts[position], float(probabilities[position]))
            if not self._is_full:
                heapq.heappush(self._kept, drawn)
            elif drawn.key > self._kept[0].key:
                self._characters -= len(heapq.heapreplace(self._kept, drawn).text)
            else:
                continue
            self._characters += len(drawn.text)
            if self._characters > MOST_CHARACTERS:
                self._measured()

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def measures(self) -> dict[str, np.ndarray]:
        """Length, share of unknown words and P(positive): feature -> (N,)."""
        measured = self._measured()
        return {
            LENGTH: np.array([review.length for review in measured], float),
            UNKNOWN_SHARE: np.array([len(review.unknown) / max(1, review.read) for review in measured]),
            PROBABILITY: np.array([review.probability for review in self._kept]),
        }

    @property
    def unknown_share(self) -> float:
        """Of all words of the sample, those that the classifier does not know; 0 where there is no word."""
        measured = self._measured()
        return sum(len(review.unknown) for review in measured) / max(1, sum(review.read for review in measured))

    @property
    def cut_reviews(self) -> int:
        """Reviews of the sample that are too long for the classifier to read in whole."""
        return sum(review.is_cut for review in self._measured())

    @property
    def unsure_share(self) -> float:
        """Of verdicts that are unsure, as UNSURE says."""
        probabilities = np.array([review.probability for review in self._kept])
        return float(np.mean((probabilities > UNSURE[0]) & (probabilities < UNSURE[1])))

    def unknown_words(self, most: int) -> list[tuple[str, int]]:
        """The unknown words that stand in most reviews, and in how many."""
        reviews = Counter(word for review in self._measured() for word in set(review.unknown))
        return sorted(reviews.items(), key=lambda word: (-word[1], word[0]))[:most]

    @property
    def _is_full(self) -> bool:
        return len(self._kept) >= SAMPLE_SIZE

    def _measured(self) -> list[MeasuredReview]:
        """Of all reviews of the sample, whose texts then are not needed any more."""
        for review in self._kept:
            if review.measured is None:
                review.measured, review.text = self._measure(review.text), ""
        self._characters = 0
        return [review.measured for review in self._kept if review.measured is not None]

    def _measure(self, text: str) -> MeasuredReview:
        words = [(word, is_known) for word, is_known in self._classifier.words(text) if word not in PUNCTUATION]
        learned = self._learned
        unknown = tuple(w for w, is_known in words if not is_known or (learned is not None and w not in learned))
        is_cut = self._classifier.count_unread(text) > 0
        return MeasuredReview(len(text.split()), len(words), unknown, is_cut)

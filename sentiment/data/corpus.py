"""Reviews and Corpus: what every source yields and everything else starts from."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sentiment.errors import InputError

LABEL_NAMES = ("negative", "positive")
"""The word for each label, by its number: 0 negative, 1 positive."""

LENGTH_PERCENTILES = (5, 25, 50, 75, 95, 100)


def predicted_labels(probabilities: np.ndarray, threshold: float) -> list[str]:
    """The label, positive or negative, for each P(positive); positive from the threshold on."""
    return [LABEL_NAMES[is_positive] for is_positive in (probabilities >= threshold).tolist()]


@dataclass(frozen=True)
class Reviews:
    """Texts with their labels.

    Attributes:
        texts: N reviews.
        labels: int8 array of shape (N,): 1 positive, 0 negative; empty for reviews without labels.
    """

    texts: Sequence[str]
    labels: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int8))

    def __len__(self) -> int:
        return len(self.texts)

    def without_blanks(self) -> "Reviews":
        """The reviews that hold more than white space, in the same order."""
        kept = [position for position, text in enumerate(self.texts) if text.strip()]
        if len(kept) == len(self):
            return self
        return Reviews([self.texts[i] for i in kept], self.labels[kept] if len(self.labels) else self.labels)

    def digest(self) -> str:
        """SHA-256 over texts and labels in their order, as 32 hexadecimal digits."""
        hasher = hashlib.sha256()
        for text in self.texts:
            encoded = text.encode("utf-8", "surrogatepass")
            hasher.update(len(encoded).to_bytes(8, "little"))
            hasher.update(encoded)
        hasher.update(self.labels.tobytes())
        return hasher.hexdigest()[:32]


@dataclass(frozen=True)
class Corpus:
    """All reviews of one source.

    Attributes:
        train, test: labelled reviews.
        unlabelled: reviews without labels, perhaps none.
        notes: what the source left out or changed, one sentence each.
        validation: int64 positions in train of the reviews that the source sets aside for validation; empty where
            it leaves the choice to training.
    """

    train: Reviews
    test: Reviews
    unlabelled: Reviews = field(default_factory=lambda: Reviews([]))
    notes: tuple[str, ...] = ()
    validation: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))

    def checked(self) -> "Corpus":
        """This corpus without its blank reviews, which a note counts.

        Raises:
            InputError: train or test is empty or holds one class only.
        """
        train, test, unlabelled = (split.without_blanks() for split in (self.train, self.test, self.unlabelled))
        dropped = sum(map(len, (self.train, self.test, self.unlabelled))) - sum(map(len, (train, test, unlabelled)))
        notes = self.notes + ((f"{dropped:,} empty or blank reviews dropped.",) if dropped else ())
        for name, split in (("train", train), ("test", test)):
            if not len(split):
                raise InputError(f"The {name} split has no reviews: give it some of both classes.")
            classes = np.unique(split.labels)
            if len(classes) == 1:
                raise InputError(
                    f"The {name} split has only {LABEL_NAMES[classes[0]]} reviews ({len(split):,}): "
                    "a classifier needs both classes; check the label column."
                )
        kept = np.cumsum([bool(text.strip()) for text in self.train.texts])  # how many up to each
        validation = np.array([kept[i] - 1 for i in self.validation if self.train.texts[i].strip()], np.int64)
        return Corpus(train, test, unlabelled, notes, validation)

    def summary(self, tokenize: Callable[[str], list[str]]) -> dict[str, Any]:
        """Size, balance, lengths in tokens and exact duplicates, as plain numbers that JSON can hold.

        Returns:
            {"splits": {split: {"reviews", "positive", "negative", "tokens": {percentile: tokens}}},
            "duplicates_within_train", "duplicates_between_train_and_test"}; the two counts are of reviews
            whose text already stands earlier in train, and of test reviews whose text stands in train.
        """
        splits: dict[str, Any] = {}
        for name, split in (("train", self.train), ("test", self.test), ("unlabelled", self.unlabelled)):
            if not len(split):
                continue
            lengths = np.array([len(tokenize(text)) for text in split.texts])
            percentiles = np.percentile(lengths, LENGTH_PERCENTILES, method="nearest")
            positive = int(np.sum(split.labels == 1))
            splits[name] = {
                "reviews": len(split),
                "positive": positive,
                "negative": len(split.labels) - positive,
                "tokens": {str(p): int(tokens) for p, tokens in zip(LENGTH_PERCENTILES, percentiles, strict=True)},
            }
        seen = set(self.train.texts)
        return {
            "splits": splits,
            "duplicates_within_train": len(self.train) - len(seen),
            "duplicates_between_train_and_test": sum(text in seen for text in self.test.texts),
        }

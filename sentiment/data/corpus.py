"""Reviews and Corpus: what every source yields and everything else starts from."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from sentiment.data.labels import LABEL_NAMES, check_counts
from sentiment.errors import InputError, shown

LENGTH_PERCENTILES = (5, 25, 50, 75, 95, 100)


def normalized(text: str) -> str:
    """What copies of a text have in common: the text in lower case, with one space for all white space."""
    return " ".join(text.lower().split())


@dataclass(frozen=True)
class Reviews:
    """Texts with their labels.

    Attributes:
        texts: N reviews.
        labels: int8 array of shape (N,), the numbers of their classes from the worst, 0, to the best: 1 positive and 0
            negative of two. Empty for reviews without labels.
    """

    texts: Sequence[str]
    labels: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int8))

    def __len__(self) -> int:
        return len(self.texts)

    def where(self, kept: np.ndarray) -> "Reviews":
        """The reviews that `kept`, bool (N,), names, in the same order."""
        texts = [text for text, is_kept in zip(self.texts, kept, strict=True) if is_kept]
        return Reviews(texts, self.labels[kept] if len(self.labels) else self.labels)

    def digest(self) -> str:
        """SHA-256 over texts and labels in their order, as 32 hexadecimal digits."""
        hasher = hashlib.sha256()
        for text in self.texts:
            encoded = text.encode("utf-8", "surrogatepass")
            hasher.update(len(encoded).to_bytes(8, "little"))
            hasher.update(encoded)
        hasher.update(self.labels.tobytes())
        return hasher.hexdigest()[:32]


class Fold(NamedTuple):
    """A part of all labelled reviews of a source, in turn the test split of a training on the others.

    Attributes:
        number: from 0; None for a training on all reviews, which are tested on nowhere.
        of: how many folds there are.
    """

    number: int | None
    of: int


@dataclass(frozen=True)
class Corpus:
    """All reviews of one source.

    Attributes:
        train, test: labelled reviews.
        unlabelled: reviews without labels, perhaps none.
        notes: what the source left out or changed, one sentence each.
        validation: int64 positions in train of the reviews that the source sets aside for validation; empty where
            it leaves the choice to training.
        is_cut: whether the test split was drawn at random, as the source sets none aside.
        lost: a sentence on the lines of the source that could not be read, or "".
        label_names: the classes, from the worst to the best.
        label_column: what the labels are called.
    """

    train: Reviews
    test: Reviews
    unlabelled: Reviews = field(default_factory=lambda: Reviews([]))
    notes: tuple[str, ...] = ()
    validation: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    is_cut: bool = False
    lost: str = ""
    label_names: tuple[str, ...] = LABEL_NAMES
    label_column: str = "label"

    def tested_without(self, is_seen: Callable[[Sequence[str]], np.ndarray]) -> "Corpus":
        """This corpus without test reviews that a trained network to start from has learned from; a note counts them.

        They are learned from where the test split was drawn at random, and dropped where the source sets it aside.
        What is left of a split that was drawn is no other than without a start.

        Args:
            is_seen: whether the start has learned from each of N texts, bool (N,).

        Raises:
            InputError: a class has no reviews left to test on.
        """
        seen = is_seen(self.test.texts)
        if not seen.any():
            return self
        left, taken = self.test.where(~seen), self.test.where(seen)
        if len(np.unique(left.labels)) < len(np.unique(self.test.labels)):
            more = ""
            if self.is_cut and not is_seen(self.train.texts).all():
                more = "a larger --test-fraction, or --folds, or "
            raise InputError(
                f"The start has learned from {len(taken):,} of the {len(seen):,} test reviews, and the others "
                f"({len(left):,}) lack a class: give {more}reviews that the start has not seen, name "
                "another start, or train from scratch without --start-from."
            )
        notes = (
            *self.notes,
            seen_note(taken, "test review", "moved to train" if self.is_cut else "dropped", left),
        )
        if not self.is_cut:
            return replace(self, test=left, notes=notes)
        labels = np.concatenate([self.train.labels, taken.labels])
        return replace(self, train=Reviews([*self.train.texts, *taken.texts], labels), test=left, notes=notes)

    def checked(self, *, keep_duplicates: bool = False, tests: bool = True) -> "Corpus":
        """This corpus without blank reviews, and without copies of test reviews in train and unlabelled.

        Nor does train hold copies of its validation reviews. Copies differ in white space and case alone. Notes count
        what is left out.

        Args:
            keep_duplicates: keep the copies, for comparison with figures that others published.
            tests: whether there has to be a test split.

        Raises:
            InputError: train or test is empty or holds one class only.
        """
        keys = {name: list(map(normalized, getattr(self, name).texts)) for name in ("train", "test", "unlabelled")}
        notes = list(self.notes)
        kept = {name: np.array([bool(key) for key in of_split], bool) for name, of_split in keys.items()}
        if blanks := sum(int(np.sum(~of_split)) for of_split in kept.values()):
            notes.append(f"{blanks:,} empty or blank reviews dropped.")
        is_validation = np.isin(np.arange(len(self.train)), self.validation)
        tested = set(keys["test"])
        validated = {key for key, inside in zip(keys["train"], is_validation, strict=True) if inside} - tested
        for part, split, inside, others, where in (
            ("train", "train", ~is_validation, tested, "test"),
            ("validation", "train", is_validation, tested, "test"),
            ("unlabelled", "unlabelled", np.ones(len(self.unlabelled), bool), tested, "test"),
            ("train", "train", ~is_validation, validated, "validation"),
        ):
            copies = kept[split] & inside & np.array([key in others for key in keys[split]], bool)
            if copies.any() and not keep_duplicates:
                reviews = "review" if copies.sum() == 1 else "reviews"
                notes.append(f"{copies.sum():,} {part} {reviews} dropped, as the same text stands in {where}.")
                kept[split] &= ~copies
        train, test = self.train.where(kept["train"]), self.test.where(kept["test"])
        _check_classes("train", train, self.label_names, notes)
        if tests:
            _check_classes("test", test, self.label_names, notes)
        position = np.cumsum(kept["train"]) - 1  # of each kept review of train
        validation = position[self.validation[kept["train"][self.validation]]]
        unlabelled = self.unlabelled.where(kept["unlabelled"])
        return replace(self, train=train, test=test, unlabelled=unlabelled, notes=tuple(notes), validation=validation)

    def summary(self, tokenize: Callable[[str], list[str]]) -> dict[str, Any]:
        """Size, balance, lengths in tokens and exact duplicates, as plain numbers that JSON can hold.

        Returns:
            {"splits": {split: {"reviews", "labels": {label: reviews}, "tokens": {percentile: tokens}}},
            "duplicates_within_train", "duplicates_between_train_and_test"}; the two counts are of reviews
            whose text already stands earlier in train, and of test reviews whose text stands in train.
        """
        splits: dict[str, Any] = {}
        for name, split in (("train", self.train), ("test", self.test), ("unlabelled", self.unlabelled)):
            if not len(split):
                continue
            lengths = np.array([len(tokenize(text)) for text in split.texts])
            percentiles = np.percentile(lengths, LENGTH_PERCENTILES, method="nearest")
            counts = np.bincount(split.labels, minlength=len(self.label_names)).tolist()
            splits[name] = {
                "reviews": len(split),
                "labels": dict(zip(self.label_names, counts, strict=True)),
                "tokens": {str(p): int(tokens) for p, tokens in zip(LENGTH_PERCENTILES, percentiles, strict=True)},
            }
        seen = set(self.train.texts)
        return {
            "splits": splits,
            "duplicates_within_train": len(self.train) - len(seen),
            "duplicates_between_train_and_test": sum(text in seen for text in self.test.texts),
        }


def seen_note(seen: Reviews, noun: str, fate: str, left: Reviews) -> str:
    """A sentence that counts the reviews that a start has seen, and names the first of them."""
    counted = f"{len(seen):,} {noun}{'s' * (len(seen) > 1)}"
    return (
        f"{counted} {fate}, as the start has learned from the same text, which leaves {len(left):,} to test on; "
        f'the first: "{shown(seen.texts[0])}"'
    )


def _check_classes(name: str, split: Reviews, label_names: Sequence[str], notes: Sequence[str]) -> None:
    if not len(split):
        raise InputError(f"The {name} split has no reviews: give it some of every class.")
    classes = np.unique(split.labels)
    if len(classes) == 1:
        raise InputError(
            f"The {name} split has only {label_names[classes[0]]} reviews ({len(split):,}): "
            f"a classifier needs another class, too; check the label column. {' '.join(notes)}".rstrip()
        )
    if name == "train" and len(label_names) > 2:
        check_counts(split.labels, label_names)


def reason_against_review(review: Any) -> str | None:
    """Why a review cannot be used; None if it can."""
    if review is None:
        return "the review is null"
    if not isinstance(review, str):
        return f"the review is no text but of type {type(review).__name__}"
    return None if review and not review.isspace() else "the review is blank"

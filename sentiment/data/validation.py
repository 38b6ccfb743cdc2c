"""Reviews to learn from and to check on: by split_validation, split_folds and in_fold; nested_part takes fewer."""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from sentiment.data.corpus import Corpus, Fold, Reviews, normalized, seen_note
from sentiment.errors import InputError


def split_validation(
    texts: Sequence[str], labels: np.ndarray, share: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the reviews to train on and of those to validate on, all classes in their proportion.

    Copies of one text stand on one side.

    Args:
        texts: N reviews.
        labels: (N,).
        share: of the distinct texts to validate on, at least two.

    Raises:
        InputError: there are too few reviews of a class for both sides.
    """
    copies = _copies(texts)
    return _two_sides(
        copies,
        labels,
        max(2, round(share * len(copies))),
        seed,
        f"training and validation reviews of every class at a validation share of {share}",
    )


def split_test(texts: Sequence[str], labels: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the reviews to learn from and of those to test on, as `split_validation` gives them."""
    copies = _copies(texts)
    return _two_sides(
        copies,
        labels,
        math.ceil(share * len(copies)),
        seed,
        f"train and test of every class at a test fraction of {share}",
    )


def _two_sides(
    copies: list[list[int]], labels: np.ndarray, size: int, seed: int, sides: str
) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.model_selection import train_test_split

    first_labels = [labels[positions[0]] for positions in copies]
    try:
        first, second = train_test_split(copies, test_size=size, stratify=first_labels, random_state=seed)
    except ValueError:
        raise InputError(
            f"{len(labels)} reviews with {min(np.bincount(first_labels))} distinct texts of the rarest class cannot be "
            f"cut into {sides}: give more reviews of every class."
        ) from None
    return np.array([*itertools.chain.from_iterable(first)]), np.array([*itertools.chain.from_iterable(second)])


def split_folds(texts: Sequence[str], labels: np.ndarray, folds: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each fold, positions of the reviews to learn from and of those to check on, both rising.

    Each review is checked on in one fold. All classes stand in every fold in their proportion, and copies of one text
    in the same fold.

    Args:
        texts: N reviews.
        labels: (N,).
        folds: at least 2.

    Raises:
        InputError: a class has fewer distinct texts than there are folds.
    """
    from sklearn.model_selection import StratifiedKFold

    distinct = _copies(texts)
    first_labels = np.array([labels[positions[0]] for positions in distinct], np.int64)
    fewest = int(np.bincount(first_labels, minlength=2).min())
    if fewest < folds:
        raise InputError(
            f"{len(labels):,} reviews with {fewest} distinct texts of the rarest class cannot be cut into {folds} "
            "folds with every class in each: give more reviews of every class, or fewer folds."
        )
    number = np.empty(len(texts), np.int64)
    splits = StratifiedKFold(folds, shuffle=True, random_state=seed).split(np.zeros(len(distinct)), first_labels)
    for fold, (_, chosen) in enumerate(splits):
        number[[position for text in chosen.tolist() for position in distinct[text]]] = fold
    return [(np.flatnonzero(number != fold), np.flatnonzero(number == fold)) for fold in range(folds)]


def in_fold(
    corpus: Corpus, fold: Fold, seed: int, is_seen: Callable[[Sequence[str]], np.ndarray] | None = None
) -> Corpus:
    """All labelled reviews, those of one fold as the test split; copies of one text stand in the same fold.

    Args:
        is_seen: whether a trained network to start from has learned from each of N texts, bool (N,). Such reviews
            are in no fold, so every training learns from them; a note counts them.

    Raises:
        InputError: the source sets reviews aside; a class has fewer distinct texts than there are folds, or the
            start has learned from all of them.
    """
    if len(corpus.validation) or (len(corpus.test) and not corpus.is_cut):
        raise InputError(
            "--folds tests on every labelled row in turn, but the column split sets rows aside for test or "
            "validation: say train or unlabelled there, or leave out --folds."
        )
    texts = [*corpus.train.texts, *corpus.test.texts]
    everything = Reviews(texts, np.concatenate([corpus.train.labels, corpus.test.labels]))
    seen = np.zeros(len(texts), bool) if is_seen is None else is_seen(texts)
    fresh, notes = everything.where(~seen), corpus.notes
    if seen.all():
        raise InputError(
            f"The start has learned from all {len(texts):,} labelled rows, so none is left to test on: add rows "
            "that it has not seen, name another start, or train from scratch without --start-from."
        )
    if seen.any():
        notes = (*notes, seen_note(everything.where(seen), "row", "kept out of all folds", fresh))
    folds, tested = split_folds(fresh.texts, fresh.labels, fold.of, seed), np.zeros(len(texts), bool)
    if fold.number is not None:
        tested[np.flatnonzero(~seen)[folds[fold.number][1]]] = True
    return replace(corpus, train=everything.where(~tested), test=everything.where(tested), notes=notes, is_cut=False)


def _copies(texts: Sequence[str]) -> list[list[int]]:
    """The positions where each distinct text stands."""
    copies: dict[str, list[int]] = {}
    for position, text in enumerate(texts):
        copies.setdefault(normalized(text), []).append(position)
    return list(copies.values())


def nested_part(positions: np.ndarray, labels: np.ndarray, share: float, seed: int) -> np.ndarray:
    """A share of some reviews, all classes in their proportion; with the same seed a larger share holds a smaller.

    Args:
        positions: of the reviews in `labels`, (P,).
        labels: of all reviews, (N,).
        share: above 0 and up to 1.

    Returns:
        The chosen positions in their order, at least one for each class that there is.
    """
    kept = np.zeros(len(positions), bool)
    for label in np.unique(labels[positions]).tolist():
        places = np.random.default_rng([seed, label]).permutation(np.flatnonzero(labels[positions] == label))
        kept[places[: max(1, round(share * len(places)))]] = True
    return positions[kept]

"""LabelledRows: reviews with the words of their labels and splits as a source holds them, and the corpus of them."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from sentiment.data.corpus import Corpus, Reviews
from sentiment.data.labels import LABEL_NAMES, LABELS, check_counts, given_order, known_order, label_word
from sentiment.data.sources.config import SourceConfig
from sentiment.data.validation import split_test
from sentiment.errors import InputError, shown, shown_names

DEFAULT_LABEL_COLUMNS = ("label", "sentiment")
"""Where labels are looked for when no column is named: the first that there is."""

OTHER_LABEL = "its label is neither positive nor negative"
UNUSED_LABELS = {
    **dict.fromkeys(("", "nan", "none", "null"), "its label is missing"),
    "-1": "its label is -1, as in unlabelled splits of Hugging Face (a split called unlabelled uses them, and --labels "
    "can name it)",
}
"""Labels that say that there is none -> why their rows are left out."""

SPLIT_COLUMN = "split"
SPLITS = {
    "train": "train",
    "test": "test",
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("unlabelled", "unlabeled", "unsupervised"), "unlabelled"),
}
"""What the column `split` may say, and the split that each word means."""

UNLABELLED = tuple(word for word, split in SPLITS.items() if split == "unlabelled")


@dataclass(frozen=True)
class LabelledRows:
    """Rows as a source holds them.

    Attributes:
        table: `file` and `row`, where each row stands; `text`; `label`, as `label_word` gives it; and `split`, a word
            of SPLITS, or "" where nothing names any.
        left_out: the rows that are not in the table: why, the file and the row.
        column: the column of the labels.
        prefix: what stands before labels 1 and 2 that mean negative and positive, as in the files of Zhang et al.
            (2015); None where these mean nothing known.
        notes: what else the source left out or changed.
        lost: a sentence on the lines that could not be read, or "".
    """

    table: pd.DataFrame
    left_out: Sequence[tuple[str, Path, int]]
    column: str
    prefix: str | None = None
    notes: tuple[str, ...] = ()
    lost: str = ""

    def corpus(self, config: SourceConfig, seed: int) -> Corpus:
        """Their splits; where none says test, it is cut by `test_fraction`, stratified, copies of a text on one side.

        Notes count the rows that cannot be used, by reason.

        Raises:
            InputError: a label or split is unknown, --labels leaves out most rows, or a label has too few.
        """
        table, names, notes = self.classified(config)
        split = table["split"].replace("", "train").to_numpy(copy=True)
        if is_cut := "test" not in split:
            free = np.flatnonzero(split == "train")
            reviews = reviews_of(table.iloc[free])
            if len(names) > 2:
                check_counts(reviews.labels, names)
            split[free[split_test(reviews.texts, reviews.labels, config.test_fraction, seed)[1]]] = "test"
        is_train = np.isin(split, ("train", "validation"))
        return Corpus(
            reviews_of(table[is_train]),
            reviews_of(table[split == "test"]),
            Reviews(list(table["text"][split == "unlabelled"])),
            notes=notes,
            validation=np.flatnonzero(split[is_train] == "validation"),
            is_cut=is_cut,
            lost=self.lost,
            label_names=names,
            label_column=self.column or "label",
        )

    def classified(
        self, config: SourceConfig, expected: Sequence[str] = ()
    ) -> tuple[pd.DataFrame, tuple[str, ...], tuple[str, ...]]:
        """The rows that can be used, their classes and notes.

        Args:
            expected: the classes of a classifier that these rows test; () where the rows say what there is.

        Returns:
            The table, in which `label` is the number of the class, or -1 where there is none; the names of
            the classes, the worst first; and sentences on what was left out and how labels are read.

        Raises:
            InputError: a label or split is unknown, an order leaves out most rows, or no row can be used.
        """
        table, is_labelled = self.table, ~self.table["split"].isin(UNLABELLED)
        numbers, names, note = self._classes(table[is_labelled], config, expected)
        unknown = table["label"][is_labelled & ~table["label"].isin(numbers)]
        if config.positive:
            reasons = unknown.map(lambda word: OTHER_LABEL)
        else:
            is_order = bool(config.labels) or len(expected) > 2
            if is_order:
                self._check_order(table[is_labelled], numbers)
            other = f"its label is none of {', '.join(numbers)}" if is_order else None
            reasons = unknown.map(lambda word: UNUSED_LABELS.get(word, other))
        unused = reasons[reasons.notna()]
        left_out = [*self.left_out, *zip(unused, table["file"][unused.index], table["row"][unused.index], strict=True)]
        notes = (*self.notes, *_rows_left_out(left_out, {*table["file"]}), *filter(None, [note]))
        table = table.drop(unused.index)
        if table.empty:
            raise InputError(f"{config.data} holds no review that can be used. {' '.join(notes)}".rstrip())
        splits = table["split"].map(SPLITS) if table["split"].any() else table["split"]
        if splits.isna().any():
            choices = ", ".join(dict.fromkeys(SPLITS.values()))
            raise InputError(f"{_first_of(table[splits.isna()], 'split', SPLIT_COLUMN)}; it may hold {choices}.")
        labels = table["label"].map(numbers)
        is_unknown = labels.isna() & (splits != "unlabelled")
        if is_unknown.any():
            raise InputError(self._unknown(table, labels, is_unknown, is_two=bool(expected)))
        return table.assign(split=splits, label=labels.fillna(-1).astype(np.int8)), names, notes

    def _classes(
        self, table: pd.DataFrame, config: SourceConfig, expected: Sequence[str]
    ) -> tuple[dict[str, int], tuple[str, ...], str]:
        """The number of every known label, the names of the classes, and a sentence on them where nobody named them."""
        if config.positive:
            both = enumerate((config.negative, config.positive))
            return {label_word(value): label for label, values in both for value in values}, LABEL_NAMES, ""
        order = given_order(config.labels) if config.labels else None
        if order is None and len(expected) > 2:
            return {label_word(name): number for number, name in enumerate(expected)}, tuple(expected), ""
        note = ""
        if order is None:
            found = {*table["label"]} - UNUSED_LABELS.keys()
            if any(map(_is_minus_one_a_label, table.groupby("split")["label"].agg(set))):
                found.add("-1")
            if found == {"1", "2"} and self.prefix is not None:
                order = ("1", "2")
                note = (
                    f"{self.prefix}1 is read as negative and {self.prefix}2 as positive, as in Amazon's and Yelp's "
                    "files of reviews; --labels 2,1 says otherwise."
                )
            elif not expected and (order := known_order(found, f"{self._place(table)} holds")):
                note = (
                    f"The labels are read from worst to best as {', '.join(order)}; --labels gives another order, and "
                    "--positive and --negative make two classes of them."
                )
        if order is None:
            return LABELS, LABEL_NAMES, ""
        return {word: number for number, word in enumerate(order)}, order if len(order) > 2 else LABEL_NAMES, note

    def _check_order(self, table: pd.DataFrame, order: Mapping[str, int]) -> None:
        """Raise InputError where an order leaves out most rows."""
        named = table["label"][table["label"].isin(order) | ~table["label"].isin(UNUSED_LABELS)]
        outside = named[~named.isin(order)]
        if 2 * len(outside) > len(named):
            found = shown_names(f"{word!r} ({count:,})" for word, count in outside.value_counts().items())
            raise InputError(
                f"{self._place(table)} holds {found}, so the labels {', '.join(order)} leave out {len(outside):,} of "
                f"{len(named):,} labelled rows: name all labels with --labels, the worst first, or choose another "
                "column with --label-column."
            )

    def _place(self, table: pd.DataFrame) -> str:
        return f"{table['file'].iloc[0]}, column {shown(self.column)}" if len(table) else "The source"

    def _unknown(self, table: pd.DataFrame, labels: pd.Series, is_unknown: pd.Series, *, is_two: bool) -> str:
        """What to say of labels that are neither positive nor negative."""
        negative, positive = (",".join(sorted({*table["label"][labels == label]})) for label in (0, 1))
        more, example = ("", "bad,good") if is_two else (", or three or more numbers", "bad,fair,good")
        remedy = f"Name others by --labels, the worst first, such as --labels {example}"
        if negative and positive:
            remedy = f"To leave these rows out, add --positive {positive} --negative {negative}. {remedy}"
        return (
            f"{_first_of(table[is_unknown], 'label', self.column)}; labels may be 0/1, positive/negative, pos/neg, "
            f"true/false{more}. {remedy}; or make two classes of them, such as --positive 4,5 --negative 1,2."
        )


def reviews_of(table: pd.DataFrame) -> Reviews:
    """The reviews of rows with the numbers of their labels."""
    return Reviews(list(table["text"]), table["label"].to_numpy(np.int8))


def split_named(name: str) -> str:
    """The split that a name has as its only such word, as in train-00000-of-00001; "" for none."""
    words = {SPLITS[word] for word in re.split(r"[^a-z]+", name.lower()) if word in SPLITS}
    return words.pop() if len(words) == 1 else ""


def _is_minus_one_a_label(words: set[str]) -> bool:
    """Whether -1 is a label like others: where they are the same below zero and above, as -1, 0 and 1 are."""
    signed = words - {"0"} - (UNUSED_LABELS.keys() - {"-1"})
    mirrored = {word.removeprefix("-") if word.startswith("-") else f"-{word}" for word in signed}
    return "0" in words and "-1" in words and signed == mirrored


def _rows_left_out(left_out: Sequence[tuple[str, Path, int]], files: set[Path]) -> list[str]:
    """A sentence such as `3 rows left out: the review is blank (2, first row 7), it is not UTF-8 (1, first row 9).`"""
    if not left_out:
        return []
    is_named = len(files | {path for _, path, _ in left_out}) > 1
    counts = Counter(reason for reason, _, _ in left_out)
    first = {reason: f"row {row}" + f" of {path.name}" * is_named for reason, path, row in reversed(left_out)}
    parts = ", ".join(f"{reason} ({count:,}, first {first[reason]})" for reason, count in counts.items())
    return [f"{len(left_out):,} row{'s' * (len(left_out) > 1)} left out: {parts}."]


def _first_of(rows: pd.DataFrame, name: str, column: str) -> str:
    values = shown_names(map(repr, sorted({*rows[name]})))
    return f"{rows['file'].iloc[0]}, column {shown(column)}: found {values}, first in row {rows['row'].iloc[0]}"

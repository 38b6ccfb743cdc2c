"""The user's own reviews: every table that can be scored, with a column of labels beside the reviews."""

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sentiment.data.corpus import LABELS, Corpus, Reviews, label_word
from sentiment.data.sources import SourceConfig
from sentiment.data.tables.files import TableFile, find_tables
from sentiment.data.tables.reader import TableReader
from sentiment.errors import InputError, shown, shown_names

OTHER_LABEL = "its label is neither positive nor negative"

SPLIT_COLUMN = "split"
SPLITS = {
    "train": "train",
    "test": "test",
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("unlabelled", "unlabeled", "unsupervised"), "unlabelled"),
}
"""What the column `split` may say, and the split that each word means."""

UNLABELLED = tuple(word for word, split in SPLITS.items() if split == "unlabelled")


class _Row(NamedTuple):
    """A review, and what its row says as lower-case words; `split` is None where there is no such column."""

    file: Path
    number: int
    text: str
    label: str
    split: str | None


def find_table(config: SourceConfig, show_progress: bool) -> list[Path]:
    """The files that --data names: one, those in a folder, or those of a pattern.

    Raises:
        InputError: --data is missing, or names no table, or tables of several formats.
    """
    if config.data is None or not set(str(config.data)) & {*"*?["}:
        config.existing_data()
    files, _ = find_tables(str(config.data))
    return [file.path for file in files]


def load_table(config: SourceConfig, files: list[Path], seed: int) -> Corpus:
    """Splits from the column `split` if there is one, else train and test cut by `test_fraction`, stratified.

    A cut keeps copies of one text together. Notes count the rows that cannot be used, by reason; where the
    configuration names the positive and the negative values, rows with another label are among them.

    Raises:
        InputError: a file cannot be read, lacks a column, or holds an unknown label or split.
    """
    left_out: dict[str, list[str]] = {}
    rows = list(_read_rows(config, files, left_out))
    notes: tuple[str, ...] = (_rows_left_out(left_out),) if left_out else ()
    if not rows:
        raise InputError(f"{config.data} holds no review that can be used. {' '.join(notes)}".rstrip())
    if is_cut := all(row.split is None for row in rows):
        labels = _labels(rows, config)
        is_test = _cut([row.text for row in rows], labels, config.test_fraction, seed)
        splits = np.where(is_test, "test", "train")
        unlabelled = []
    else:
        given = np.array(_splits(rows))
        unlabelled = [row.text for row, split in zip(rows, given, strict=True) if split == "unlabelled"]
        rows = [row for row, split in zip(rows, given, strict=True) if split != "unlabelled"]
        labels = _labels(rows, config)
        splits = given[given != "unlabelled"]
    train, test = np.flatnonzero(np.isin(splits, ("train", "validation"))), np.flatnonzero(splits == "test")
    return Corpus(
        Reviews([rows[i].text for i in train], labels[train]),
        Reviews([rows[i].text for i in test], labels[test]),
        Reviews(unlabelled),
        notes=notes,
        validation=np.flatnonzero(splits[train] == "validation"),
        is_cut=is_cut,
    )


def load_labelled(config: SourceConfig) -> tuple[Reviews, tuple[str, ...]]:
    """The labelled rows of a table, to test on: with a column `split` those of test, else all; and notes on the others.

    Raises:
        InputError: a file cannot be read, lacks a column or holds an unknown label, or no row is left.
    """
    left_out: dict[str, list[str]] = {}
    rows = list(_read_rows(config, find_table(config, False), left_out))
    notes: tuple[str, ...] = (_rows_left_out(left_out),) if left_out else ()
    if any(row.split is not None for row in rows):
        of_test = [row for row, split in zip(rows, _splits(rows), strict=True) if split == "test"]
        notes += (f"{len(rows) - len(of_test):,} rows left out, as their split is not test.",)
        rows = of_test
    if not rows:
        raise InputError(f"{config.data} holds no labelled review to test on. {' '.join(notes)}".rstrip())
    return Reviews([row.text for row in rows], _labels(rows, config)), notes


def _read_rows(config: SourceConfig, files: list[Path], left_out: dict[str, list[str]]) -> Iterator[_Row]:
    """Every row that can be used.

    Args:
        left_out: gets the places of the other rows, by reason.

    Raises:
        InputError: a file cannot be read or lacks a column.
    """
    text_column, known = config.text_column, _known_labels(config)
    for path in files:
        with contextlib.closing(
            TableReader(TableFile.at(path), text_column, columns=(config.label_column, SPLIT_COLUMN), is_scored=True)
        ) as reader:
            text_column = reader.text_column
            names = dict.fromkeys(reader.schema.names if reader.schema is not None else ())
            for chunk in reader.chunks():
                for rejected in chunk.rejected:
                    place = _place(rejected.row, path, files)
                    left_out.setdefault(rejected.reason.partition(":")[0], []).append(place)
                for number, text, row in zip(chunk.row_numbers(), chunk.texts, chunk.rows, strict=True):
                    names.update(dict.fromkeys(row))
                    split = _word(row[SPLIT_COLUMN]) if SPLIT_COLUMN in row else None
                    label = label_word(row.get(config.label_column))
                    if config.positive and label not in known and split not in UNLABELLED:
                        left_out.setdefault(OTHER_LABEL, []).append(_place(number, path, files))
                        continue
                    yield _Row(path, number, text, label, split)
            if names and config.label_column not in names:  # objects, if all are left out, have no names
                raise InputError(
                    f"{path} has no column {shown(config.label_column)}; its columns are {shown_names(names)}. "
                    "Choose with --label-column."
                )


def _word(value: Any) -> str:
    return "" if value is None else str(value).strip().lower()


def _place(number: int, path: Path, files: list[Path]) -> str:
    return f"row {number}" + (f" of {path.name}" if len(files) > 1 else "")


def _rows_left_out(places: dict[str, list[str]]) -> str:
    """A sentence such as `3 rows left out: the review is blank (2, first row 7), it is not UTF-8 (1, first row 9).`"""
    total = sum(map(len, places.values()))
    parts = ", ".join(f"{reason} ({len(rows):,}, first {rows[0]})" for reason, rows in places.items())
    return f"{total:,} row{'s' * (total > 1)} left out: {parts}."


def _splits(rows: list[_Row]) -> list[str]:
    """The split that each row names."""
    unknown = [row for row in rows if (row.split or "") not in SPLITS]
    if unknown:
        raise InputError(
            f"{unknown[0].file}, column {SPLIT_COLUMN}: found {_listed(row.split or '' for row in unknown)}, "
            f"first in row {unknown[0].number}; it may hold {', '.join(dict.fromkeys(SPLITS.values()))}."
        )
    return [SPLITS[row.split or ""] for row in rows]


def _known_labels(config: SourceConfig) -> dict[str, int]:
    """Each label, as `label_word` gives it, and what it means."""
    if not config.positive:
        return LABELS
    return {label_word(value): meaning for meaning in (0, 1) for value in (config.negative, config.positive)[meaning]}


def _labels(rows: list[_Row], config: SourceConfig) -> np.ndarray:
    """The label of each row, int8 (N,)."""
    known, column = _known_labels(config), config.label_column
    unknown = [row for row in rows if row.label not in known]
    if unknown:
        raise InputError(
            f"{unknown[0].file}, column {column}: found {_listed(row.label for row in unknown)}, "
            f"first in row {unknown[0].number}; labels may be 0/1, positive/negative, pos/neg or true/false. Other "
            "values take both options, such as --positive 4,5 --negative 1,2."
        )
    return np.array([known[row.label] for row in rows], np.int8)


def _listed(words: Iterable[str]) -> str:
    return shown_names(map(repr, sorted(set(words))))


def _cut(texts: list[str], labels: np.ndarray, test_fraction: float, seed: int) -> np.ndarray:
    """Which reviews are for testing, (N,) bool: stratified by the label of a text's first copy."""
    from sklearn.model_selection import train_test_split

    first = dict(zip(reversed(texts), reversed(labels.tolist()), strict=True))
    distinct = {text: first[text] for text in texts}
    first_labels = list(distinct.values())
    try:
        _, test = train_test_split(list(distinct), test_size=test_fraction, stratify=first_labels, random_state=seed)
    except ValueError:  # too few reviews of a class to stand on both sides
        counts = np.bincount(first_labels, minlength=2)
        raise InputError(
            f"{len(labels)} reviews ({counts[1]} positive and {counts[0]} negative distinct texts) cannot be cut into "
            f"train and test of both classes at a test fraction of {test_fraction}: give more reviews of both classes."
        ) from None
    chosen = set(test)
    return np.array([text in chosen for text in texts])

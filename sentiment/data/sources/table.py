"""The user's own reviews: every table that can be scored, with a column of labels beside the reviews."""

import contextlib
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from sentiment.data.corpus import Corpus, Reviews
from sentiment.data.files import TableFile, find_tables
from sentiment.data.labels import LABELS, label_word
from sentiment.data.losses import check_losses
from sentiment.data.sources.config import SourceConfig
from sentiment.data.tables.reader import TableReader
from sentiment.data.validation import split_test
from sentiment.errors import InputError, shown, shown_names

DEFAULT_LABEL_COLUMNS = ("label", "sentiment")
"""Where labels are looked for when no column is named: the first that there is."""

OTHER_LABEL = "its label is neither positive nor negative"
UNUSED_LABELS = {
    **dict.fromkeys(("", "nan", "none", "null"), "its label is missing"),
    "-1": "its label is -1, as in unlabelled splits of Hugging Face (a split called unlabelled uses them)",
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


def find_table(config: SourceConfig, show_progress: bool) -> list[Path]:
    """The files that --data names, one, those in a folder, or those of a pattern; then those of --test-data.

    Raises:
        InputError: --data is missing, or names no table, or tables of several formats.
    """
    return [*_split_of_files(config)]


def _split_of_files(config: SourceConfig) -> dict[Path, str]:
    """The files to read, and the split that each is by its name or by --test-data; "" where its rows decide."""
    data = config.data
    if data is None or not set(str(data)) & {*"*?["}:
        data = config.existing_data()
    named = {path: _split_named(path) for path in _files_in(data)}
    found = {*named.values()}
    if not ("train" in found and found & {"test", "validation", "unlabelled"}):
        named = dict.fromkeys(named, "")
    elif "" in found:
        other = next(path for path, split in named.items() if not split)
        raise InputError(
            f"{data} holds files called {', '.join(sorted(found - {''}))}, and {other.name}: move it elsewhere, or let "
            "its name say which split it is."
        )
    return {**named, **dict.fromkeys(_files_in(config.test_data) if config.test_data else (), "test")}


def _files_in(data: Path) -> list[Path]:
    """The files of a path, also those in its subfolders that have the names of splits."""
    entries = sorted(data.iterdir()) if data.is_dir() else []
    folders = [entry for entry in entries if entry.is_dir() and _split_named(entry)]
    has_files = not folders or any(entry.is_file() for entry in entries)
    files = [file.path for file in find_tables(str(data))[0]] if has_files else []
    return [*files, *(path for folder in folders for path in _files_in(folder))]


def _split_named(path: Path) -> str:
    """The split that the name of a file or of its folder has as its only such word, as in train-00000-of-00001."""
    for name in (path.name.lower(), path.parent.name.lower()):
        words = {SPLITS[word] for word in re.split(r"[^a-z]+", name) if word in SPLITS}
        if len(words) == 1:
            return words.pop()
    return ""


def load_table(config: SourceConfig, files: list[Path], seed: int) -> Corpus:
    """Splits by the names of the files or the column `split`; where none says test, it is cut by `test_fraction`.

    A cut is stratified and keeps copies of one text together. Notes count the rows that cannot be used, by reason;
    where the configuration names the positive and the negative values, rows with another label are among them.

    Raises:
        InputError: a file cannot be read, lacks a column, or holds an unknown label or split; or more of the lines
            cannot be read than the configuration allows.
    """
    table, notes, lost = _read_table(config)
    split = table["split"].replace("", "train").to_numpy(copy=True)
    if is_cut := "test" not in split:
        free = np.flatnonzero(split == "train")
        reviews = _reviews(table.iloc[free])
        split[free[split_test(reviews.texts, reviews.labels, config.test_fraction, seed)[1]]] = "test"
    is_train = np.isin(split, ("train", "validation"))
    return Corpus(
        _reviews(table[is_train]),
        _reviews(table[split == "test"]),
        Reviews(list(table["text"][split == "unlabelled"])),
        notes=notes,
        validation=np.flatnonzero(split[is_train] == "validation"),
        is_cut=is_cut,
        lost=lost,
    )


def load_labelled(config: SourceConfig) -> tuple[Reviews, tuple[str, ...]]:
    """The labelled rows of a table to test on, those of test where splits are named, else all; and notes on the others.

    Raises:
        InputError: a file cannot be read, lacks a column or holds an unknown label, or no row is left; or more of the
            lines cannot be read than the configuration allows.
    """
    table, notes, lost = _read_table(config)
    if table["split"].any():
        rows, table = len(table), table[table["split"] == "test"]
        notes += (f"{rows - len(table):,} rows left out, as their split is not test.",)
    if table.empty:
        raise InputError(f"{config.data} holds no labelled review to test on. {' '.join(notes)}")
    return _reviews(table), (*notes, *filter(None, (lost,)))


def _reviews(table: pd.DataFrame) -> Reviews:
    return Reviews(list(table["text"]), table["label"].to_numpy(np.int8))


def _read_table(config: SourceConfig) -> tuple[pd.DataFrame, tuple[str, ...], str]:
    """The rows that can be used, notes on the others, and a sentence on the lines that could not be read.

    The rows are a review's text, its label (1, 0, or -1 where the split is unlabelled) and its split ("" where neither
    a file nor a row names any).
    """
    rows: list[tuple[Path, int, str, str, str]] = []
    left_out: list[tuple[str, Path, int]] = []
    readers: list[TableReader] = []
    text_column, label_column, files = config.text_column, "", _split_of_files(config)
    label_columns = (config.label_column,) if config.label_column else DEFAULT_LABEL_COLUMNS
    columns = (*label_columns, SPLIT_COLUMN)
    for path, split_of_file in files.items():
        reader = TableReader(TableFile.at(path), text_column, options=config.read_options, columns=columns)
        readers.append(reader)
        with contextlib.closing(reader):
            text_column = text_column or (None if reader.is_fasttext else reader.text_column)
            label_column = next((name for name in label_columns if name in reader.names), "")
            if not label_column and split_of_file != "unlabelled":
                raise InputError(
                    f"{path} has no column {shown(' or '.join(label_columns))}; its columns are "
                    f"{shown_names(reader.names)}. Choose with --label-column."
                )
            for chunk in reader.chunks():
                left_out += [(found.reason, path, found.row) for found in chunk.rejected if not found.lines]
                for number, text, row in zip(chunk.numbers, chunk.texts, chunk.rows, strict=True):
                    split = split_of_file or label_word(row.get(SPLIT_COLUMN))
                    if config.test_data is not None and not split_of_file and split == "test":
                        raise InputError(
                            f"{path}, row {number}: the column {SPLIT_COLUMN} says test, and --test-data names other "
                            "reviews to test on: leave out one of them."
                        )
                    split = split or ("train" if config.test_data is not None else "")
                    rows.append((path, number, text, label_word(row.get(label_column)), split))
    lost = check_losses(readers, config.allow_rejected)
    table = pd.DataFrame(rows, columns=["file", "row", "text", "label", "split"], dtype=object)
    known = {
        label_word(value): label for label, values in enumerate((config.negative, config.positive)) for value in values
    }
    known = known or LABELS
    is_unknown = ~table["label"].isin(known) & ~table["split"].isin(UNLABELLED)
    reasons = table["label"].map(lambda label: OTHER_LABEL if config.positive else UNUSED_LABELS.get(label))[is_unknown]
    unused = reasons[reasons.notna()]
    left_out += zip(unused, table["file"][unused.index], table["row"][unused.index], strict=True)
    table = table.drop(unused.index)
    notes: tuple[str, ...] = (_rows_left_out(left_out, len(files)),) if left_out else ()
    if table.empty:
        raise InputError(f"{config.data} holds no review that can be used. {' '.join(notes)}".rstrip())
    if not config.positive and all(reader.is_fasttext for reader in readers) and {*table["label"]} == {"1", "2"}:
        known = {"1": 0, "2": 1}
        notes += (
            "__label__1 is read as negative and __label__2 as positive, as in Amazon's and Yelp's files of reviews; "
            "--positive and --negative say otherwise.",
        )
    if table["split"].any():
        table["split"] = _known_splits(table)
    table["label"] = _known_labels(table, known, label_column)
    return table, notes, lost


def _rows_left_out(left_out: list[tuple[str, Path, int]], files: int) -> str:
    """A sentence such as `3 rows left out: the review is blank (2, first row 7), it is not UTF-8 (1, first row 9).`"""
    counts = Counter(reason for reason, _, _ in left_out)
    first = {reason: f"row {row}" + f" of {path.name}" * (files > 1) for reason, path, row in reversed(left_out)}
    parts = ", ".join(f"{reason} ({count:,}, first {first[reason]})" for reason, count in counts.items())
    return f"{len(left_out):,} row{'s' * (len(left_out) > 1)} left out: {parts}."


def _known_splits(table: pd.DataFrame) -> pd.Series:
    splits = table["split"].map(SPLITS)
    if splits.isna().any():
        raise InputError(
            f"{_first_unknown(table, 'split', splits.isna())}; it may hold {', '.join(dict.fromkeys(SPLITS.values()))}."
        )
    return splits


def _known_labels(table: pd.DataFrame, known: Mapping[str, int], column: str) -> pd.Series:
    labels = table["label"].map(known)
    is_unknown = labels.isna() & (table["split"] != "unlabelled")
    if is_unknown.any():
        negative, positive = (",".join(sorted({*table["label"][labels == label]})) for label in (0, 1))
        remedy = "Other values take both options, such as --positive 4,5 --negative 1,2."
        if negative and positive:
            remedy = (
                f"To leave these rows out, add --positive {positive} --negative {negative}; or name other values of "
                "both."
            )
        raise InputError(
            f"{_first_unknown(table, 'label', is_unknown, column)}; labels may be 0/1, positive/negative, pos/neg or "
            f"true/false. {remedy}"
        )
    return labels.fillna(-1)


def _first_unknown(table: pd.DataFrame, name: str, is_unknown: pd.Series, column: str = SPLIT_COLUMN) -> str:
    unknown = table[is_unknown]
    values = shown_names(map(repr, sorted({*unknown[name]})))
    return f"{unknown['file'].iloc[0]}, column {shown(column)}: found {values}, first in row {unknown['row'].iloc[0]}"

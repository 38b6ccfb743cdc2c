"""The user's own reviews: every table that can be scored, with a column of labels beside the reviews."""

import contextlib
import re
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sentiment.data.corpus import LABELS, Corpus, Reviews, label_word
from sentiment.data.files import TableFile, find_tables
from sentiment.data.losses import check_losses
from sentiment.data.sources import SourceConfig
from sentiment.data.tables.reader import TableReader
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


class _Row(NamedTuple):
    """A review, and what its row says as lower-case words; `split` is None where nothing names one."""

    file: Path
    number: int
    text: str
    label: str
    split: str | None


def find_table(config: SourceConfig, show_progress: bool) -> list[Path]:
    """The files that --data names, one, those in a folder, or those of a pattern; then those of --test-data.

    Raises:
        InputError: --data is missing, or names no table, or tables of several formats.
    """
    if config.data is None or not set(str(config.data)) & {*"*?["}:
        config.existing_data()
    return [*_split_of_files(config)]


def _split_of_files(config: SourceConfig) -> dict[Path, str | None]:
    """The files to read, and the split that each is by its name or by --test-data; None where its rows decide.

    Raises:
        InputError: some of the files have the names of splits and others have not.
    """
    assert config.data is not None
    files = _files_in(config.data)
    named = {path: _split_named(path) for path in files}
    found = {*named.values()}
    if not ("train" in found and found & {"test", "validation", "unlabelled"}):
        named = dict.fromkeys(files)
    elif None in found:
        other = next(path for path, split in named.items() if split is None)
        raise InputError(
            f"{config.data} holds files called {', '.join(sorted(map(str, found - {None})))}, and {other.name}: move "
            "it elsewhere, or let its name say which split it is."
        )
    tests = _files_in(config.test_data) if config.test_data is not None else []
    return {**named, **dict.fromkeys(tests, "test")}


def _files_in(data: Path) -> list[Path]:
    """The files of a path, also those in its subfolders that have the names of splits."""
    folders = [path for path in sorted(data.iterdir()) if path.is_dir() and _split_named(path)] if data.is_dir() else []
    if folders and not any(path.is_file() for path in data.iterdir()):
        return [path for folder in folders for path in _files_in(folder)]
    return [file.path for file in find_tables(str(data))[0]] + [
        path for folder in folders for path in _files_in(folder)
    ]


def _split_named(path: Path) -> str | None:
    """The split that the name of a file or of its folder has as its only such word, as in train-00000-of-00001."""
    for name in (path.name.lower(), path.parent.name.lower()):
        words = {SPLITS[word] for word in re.split(r"[^a-z]+", name) if word in SPLITS}
        if len(words) == 1:
            return words.pop()
    return None


def load_table(config: SourceConfig, files: list[Path], seed: int) -> Corpus:
    """Splits by the names of the files or the column `split`; where none says test, it is cut by `test_fraction`.

    A cut is stratified and keeps copies of one text together. Notes count the rows that cannot be used, by reason;
    where the configuration names the positive and the negative values, rows with another label are among them.

    Raises:
        InputError: a file cannot be read, lacks a column, or holds an unknown label or split; or more of the lines
            cannot be read than the configuration allows.
    """
    rows, label_column, known, notes, lost = _read_table(config)
    given = np.array(_splits(rows))
    unlabelled = [row.text for row, split in zip(rows, given, strict=True) if split == "unlabelled"]
    rows = [row for row, split in zip(rows, given, strict=True) if split != "unlabelled"]
    splits = given[given != "unlabelled"]
    labels = _labels(rows, known, label_column)
    if is_cut := "test" not in splits:
        free = np.flatnonzero(splits == "train")
        is_test = _cut([rows[i].text for i in free], labels[free], config.test_fraction, seed)
        splits[free[is_test]] = "test"
    train, test = np.flatnonzero(np.isin(splits, ("train", "validation"))), np.flatnonzero(splits == "test")
    return Corpus(
        Reviews([rows[i].text for i in train], labels[train]),
        Reviews([rows[i].text for i in test], labels[test]),
        Reviews(unlabelled),
        notes=notes,
        validation=np.flatnonzero(splits[train] == "validation"),
        is_cut=is_cut,
        lost=lost,
    )


def load_labelled(config: SourceConfig) -> tuple[Reviews, tuple[str, ...]]:
    """The labelled rows of a table to test on, those of test where splits are named, else all; and notes on the others.

    Raises:
        InputError: a file cannot be read, lacks a column or holds an unknown label, or no row is left; or more of the
            lines cannot be read than the configuration allows.
    """
    find_table(config, False)
    rows, label_column, known, notes, lost = _read_table(config)
    if any(row.split is not None for row in rows):
        of_test = [row for row, split in zip(rows, _splits(rows), strict=True) if split == "test"]
        notes += (f"{len(rows) - len(of_test):,} rows left out, as their split is not test.",)
        rows = of_test
    if not rows:
        raise InputError(f"{config.data} holds no labelled review to test on. {' '.join(notes)}".rstrip())
    labels = _labels(rows, known, label_column)
    return Reviews([row.text for row in rows], labels), (*notes, *filter(None, (lost,)))


def _read_table(config: SourceConfig) -> tuple[list[_Row], str, dict[str, int], tuple[str, ...], str]:
    """Rows, the column of their labels and what these mean; notes on other rows, and a sentence on lost lines.

    Raises:
        InputError: as `load_table` does.
    """
    left_out: dict[str, list[str]] = {}
    files = [TableFile.at(path) for path in _split_of_files(config)]
    lost = check_losses(files, config.read_options, config.text_column, config.allow_rejected)
    rows, label_column, is_fasttext = _read_rows(config, left_out)
    notes: tuple[str, ...] = (_rows_left_out(left_out),) if left_out else ()
    if not rows:
        raise InputError(f"{config.data} holds no review that can be used. {' '.join(notes)}".rstrip())
    known = _known_labels(config)
    if is_fasttext and not config.positive and {row.label for row in rows} == {"1", "2"}:
        known = {"1": 0, "2": 1}
        notes += (
            "__label__1 is read as negative and __label__2 as positive, as in Amazon's and Yelp's files of reviews; "
            "--positive and --negative say otherwise.",
        )
    return rows, label_column, known, notes, lost


def _read_rows(config: SourceConfig, left_out: dict[str, list[str]]) -> tuple[list[_Row], str, bool]:
    """Every row that can be used, the column of the labels, and whether all files are fastText's.

    Args:
        left_out: gets the places of the other rows, by reason.

    Raises:
        InputError: a file cannot be read or lacks a column.
    """
    rows: list[_Row] = []
    text_column, known, files = config.text_column, _known_labels(config), _split_of_files(config)
    is_fasttext, label_column = True, ""
    label_columns = (config.label_column,) if config.label_column else DEFAULT_LABEL_COLUMNS
    for path, split_of_file in files.items():
        with contextlib.closing(
            TableReader(
                TableFile.at(path),
                text_column,
                options=config.read_options,
                columns=(*label_columns, SPLIT_COLUMN),
            )
        ) as reader:
            text_column = text_column or (None if reader.is_fasttext else reader.text_column)
            is_fasttext &= reader.is_fasttext
            label_column = next((name for name in label_columns if name in reader.names), "")
            if not label_column and split_of_file != "unlabelled":
                raise InputError(
                    f"{path} has no column {shown(' or '.join(label_columns))}; its columns are "
                    f"{shown_names(reader.names)}. Choose with --label-column."
                )
            for chunk in reader.chunks():
                for rejected in chunk.rejected:
                    if not rejected.lines:
                        left_out.setdefault(rejected.reason, []).append(_place(rejected.row, path, files))
                for number, text, row in zip(chunk.numbers, chunk.texts, chunk.rows, strict=True):
                    split = _word(row[SPLIT_COLUMN]) if SPLIT_COLUMN in row else None
                    if config.test_data is not None and split_of_file is None and split == "test":
                        raise InputError(
                            f"{path}, row {number}: the column {SPLIT_COLUMN} says test, and --test-data names other "
                            "reviews to test on: leave out one of them."
                        )
                    split = split_of_file or split or ("train" if config.test_data is not None else None)
                    label = label_word(row.get(label_column))
                    if split not in UNLABELLED and label not in known:
                        reason = OTHER_LABEL if config.positive else UNUSED_LABELS.get(label)
                        if reason is not None:
                            left_out.setdefault(reason, []).append(_place(number, path, files))
                            continue
                    rows.append(_Row(path, number, text, label, split))
    return rows, label_column, is_fasttext


def _word(value: Any) -> str:
    return "" if value is None else str(value).strip().lower()


def _place(number: int, path: Path, files: Collection[Path]) -> str:
    return f"row {number}" + (f" of {path.name}" if len(files) > 1 else "")


def _rows_left_out(places: dict[str, list[str]]) -> str:
    """A sentence such as `3 rows left out: the review is blank (2, first row 7), it is not UTF-8 (1, first row 9).`"""
    total = sum(map(len, places.values()))
    parts = ", ".join(f"{reason} ({len(rows):,}, first {rows[0]})" for reason, rows in places.items())
    return f"{total:,} row{'s' * (total > 1)} left out: {parts}."


def _splits(rows: list[_Row]) -> list[str]:
    """The split that each row names, train where none names any."""
    if all(row.split is None for row in rows):
        return ["train"] * len(rows)
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


def _labels(rows: list[_Row], known: dict[str, int], column: str) -> np.ndarray:
    """The label of each row, int8 (N,)."""
    unknown = [row for row in rows if row.label not in known]
    if unknown:
        words = {meaning: sorted({row.label for row in rows if known.get(row.label) == meaning}) for meaning in (0, 1)}
        remedy = "Other values take both options, such as --positive 4,5 --negative 1,2."
        if words[0] and words[1]:
            remedy = (
                f"To leave these rows out, add --positive {','.join(words[1])} --negative {','.join(words[0])}; or "
                "name other values of both."
            )
        raise InputError(
            f"{unknown[0].file}, column {shown(column)}: found {_listed(row.label for row in unknown)}, first in row "
            f"{unknown[0].number}; labels may be 0/1, positive/negative, pos/neg or true/false. {remedy}"
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

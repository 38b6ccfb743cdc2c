"""The user's own reviews: a CSV, TSV, JSONL or Parquet file with a text and a label column."""

import csv
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sentiment.data.corpus import Corpus, Reviews
from sentiment.data.sources import SourceConfig
from sentiment.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

LABELS = {
    **dict.fromkeys(("1", "1.0", "positive", "pos", "true"), 1),
    **dict.fromkeys(("0", "0.0", "negative", "neg", "false"), 0),
}
SPLIT_COLUMN = "split"
SPLITS = ("train", "test", "unlabelled")
FORMATS = (".csv", ".tsv", ".jsonl", ".parquet")


def find_table(config: SourceConfig, show_progress: bool) -> list[Path]:
    """The file that --data names.

    Raises:
        InputError: --data is missing or no file of a known format.
    """
    path = config.existing_data()
    if path.suffix.lower() not in FORMATS or not path.is_file():
        raise InputError(f"{path} is no table: --data must be a file ending with {', '.join(FORMATS)}.")
    return [path]


def load_table(config: SourceConfig, files: list[Path], seed: int) -> Corpus:
    """Train and test from the column `split` (train, test, unlabelled) if there is one, else cut by `test_fraction`,
    stratified. Copies of one text never stand on both sides: a cut keeps them together, and of a given split the
    copies in train are dropped, which a note counts.

    Raises:
        InputError: the file cannot be read, lacks a column, or holds an unknown label or split.
    """
    [path] = files
    table = _read(path)
    for option, column in (("--text-column", config.text_column), ("--label-column", config.label_column)):
        if column not in table.columns:
            raise InputError(
                f"{path} has no column {column}; its columns are {', '.join(map(str, table.columns))}. "
                f"Choose with {option}."
            )
    blank = table[config.text_column].isna() | (table[config.text_column].astype(str).str.strip() == "")
    notes: tuple[str, ...] = (f"{int(blank.sum()):,} empty or blank reviews dropped.",) if blank.any() else ()
    table = table[~blank]
    texts = table[config.text_column].astype(str)
    given = table[SPLIT_COLUMN].astype(str).str.strip().str.lower() if SPLIT_COLUMN in table.columns else None
    if given is not None and not set(given) <= set(SPLITS):
        found = ", ".join(map(repr, sorted(set(given) - set(SPLITS))[:10]))
        raise InputError(f"{path}, column {SPLIT_COLUMN}: found {found}; it may hold {', '.join(SPLITS)}.")
    labelled = np.ones(len(table), bool) if given is None else (given != "unlabelled").to_numpy()
    labels = _labels(path, config.label_column, table[config.label_column][labelled])
    unlabelled = Reviews(texts[~labelled].tolist())
    texts = texts[labelled]
    if given is None:
        is_test = _cut(texts, labels, config.test_fraction, seed)
        is_train = ~is_test
    else:
        is_test = (given[labelled] == "test").to_numpy()
        copies = ~is_test & texts.isin(set(texts[is_test])).to_numpy()
        is_train = ~is_test & ~copies
        if copies.any():
            notes += (f"{int(copies.sum()):,} train reviews dropped, as the same text stands in test.",)
    train = Reviews(texts[is_train].tolist(), labels[is_train])
    return Corpus(train, Reviews(texts[is_test].tolist(), labels[is_test]), unlabelled, notes=notes)


def _cut(texts: "pd.Series[str]", labels: np.ndarray, test_fraction: float, seed: int) -> np.ndarray:
    """Which reviews are for testing, (N,) bool: stratified by the label of a text's first copy."""
    from sklearn.model_selection import train_test_split

    distinct = ~texts.duplicated().to_numpy()
    try:
        _, test = train_test_split(
            texts[distinct].to_numpy(), test_size=test_fraction, stratify=labels[distinct], random_state=seed
        )
    except ValueError:  # too few reviews of a class to stand on both sides
        counts = np.bincount(labels[distinct], minlength=2)
        raise InputError(
            f"{len(labels)} reviews ({counts[1]} positive and {counts[0]} negative distinct texts) cannot be cut into "
            f"train and test of both classes at a test fraction of {test_fraction}: give more reviews of both classes."
        ) from None
    return texts.isin(set(test)).to_numpy()


def _labels(path: Path, column: str, values: "pd.Series[str]") -> np.ndarray:
    words = values.astype(str).str.strip().str.lower()
    unknown = words[~words.isin(list(LABELS))]
    if len(unknown):
        found = ", ".join(repr(value) for value in sorted(set(unknown))[:10])
        raise InputError(
            f"{path}, column {column}: found {found}, first in row {unknown.index[0] + 1}; "
            "labels may be 0/1, positive/negative, pos/neg or true/false."
        )
    return words.map(LABELS).to_numpy(np.int8)


def _read(path: Path) -> "pd.DataFrame":
    """The whole file; row numbers, from 1, are the index plus 1."""
    import pandas as pd

    suffix = path.suffix.lower()
    try:
        if suffix == ".parquet":
            return pd.read_parquet(path)
        if suffix == ".jsonl":
            return pd.read_json(path, lines=True, dtype=False, convert_dates=False, encoding="utf-8-sig")
        separator = "\t" if suffix == ".tsv" else ","
        return pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 {_undecodable(path)}: convert the file to UTF-8.") from error
    except pd.errors.EmptyDataError as error:
        raise InputError(f"{path} is empty: it needs a header and reviews.") from error
    except (ValueError, OSError) as error:  # pandas and pyarrow derive their parser errors from these
        raise InputError(f"{path} cannot be read as {suffix[1:].upper()} ({error}).") from error


def _undecodable(path: Path) -> str:
    """Where the first byte stands that is not UTF-8."""
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        if path.suffix.lower() == ".jsonl":
            rows: Iterable[list[str]] = ([line] for line in file)
        else:
            csv.field_size_limit(sys.maxsize)
            rows = csv.reader(file, delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
            next(rows)
        for number, row in enumerate(rows, 1):
            for cell in row:
                if any("\udc80" <= character <= "\udcff" for character in cell):
                    return f"in row {number}"
    return "in its header"

"""The user's own reviews: every table that can be scored, with a column of labels beside the reviews."""

import contextlib
from pathlib import Path

import pandas as pd

from sentiment.data.corpus import Corpus, Reviews
from sentiment.data.files import TableFile, find_tables
from sentiment.data.labels import label_word
from sentiment.data.losses import check_losses
from sentiment.data.sources.config import SourceConfig
from sentiment.data.sources.rows import (
    DEFAULT_LABEL_COLUMNS,
    SPLIT_COLUMN,
    UNUSED_LABELS,
    LabelledRows,
    reviews_of,
    split_named,
)
from sentiment.data.tables.reader import TableReader
from sentiment.errors import InputError, shown, shown_names


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
    """The split that the name of a file, or else that of its folder, says; "" for none."""
    return split_named(path.name) or split_named(path.parent.name)


def load_table(config: SourceConfig, files: list[Path], seed: int) -> Corpus:
    """Splits by the names of the files or the column `split`; where none says test, it is cut by `test_fraction`.

    Raises:
        InputError: a file cannot be read, lacks a column, or holds an unknown label or split; or more of the lines
            cannot be read than the configuration allows.
    """
    return _read_rows(config).corpus(config, seed)


def load_labelled(
    config: SourceConfig, label_names: tuple[str, ...]
) -> tuple[Reviews, tuple[str, ...], tuple[str, ...]]:
    """The labelled rows of a table to test a classifier on: those of test where splits are named, else all.

    Args:
        label_names: the classes of the classifier, the worst first.

    Returns:
        The reviews, the names of their classes, and notes on the other rows.

    Raises:
        InputError: a file cannot be read, lacks a column or holds an unknown label, or no row is left; or more of the
            lines cannot be read than the configuration allows.
    """
    rows = _read_rows(config)
    table, names, notes = rows.classified(config, label_names)
    if table["split"].any():
        count, table = len(table), table[table["split"] == "test"]
        notes += (f"{count - len(table):,} rows left out, as their split is not test.",)
    if table.empty:
        raise InputError(f"{config.data} holds no labelled review to test on. {' '.join(notes)}")
    return reviews_of(table), names, (*notes, *filter(None, (rows.lost,)))


def _read_rows(config: SourceConfig) -> LabelledRows:
    rows: list[tuple[Path, int, str, str, str]] = []
    left_out: list[tuple[str, Path, int]] = []
    readers: list[TableReader] = []
    text_column, label_column = config.text_column, ""
    label_columns = (config.label_column,) if config.label_column else DEFAULT_LABEL_COLUMNS
    columns = (*label_columns, SPLIT_COLUMN)
    for path, split_of_file in _split_of_files(config).items():
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
                    label, split = label_word(row.get(label_column)), split_of_file or label_word(row.get(SPLIT_COLUMN))
                    if config.test_data is not None and not split_of_file and split == "test":
                        raise InputError(
                            f"{path}, row {number}: the column {SPLIT_COLUMN} says test, and --test-data names other "
                            "reviews to test on: leave out one of them."
                        )
                    if label == "-1" and not split and _split_named(path) == "unlabelled":
                        left_out.append((UNUSED_LABELS[label], path, number))
                        continue
                    split = split or ("train" if config.test_data is not None else "")
                    rows.append((path, number, text, label, split))
    return LabelledRows(
        pd.DataFrame(rows, columns=["file", "row", "text", "label", "split"], dtype=object),
        left_out,
        label_column,
        prefix="__label__" if all(reader.is_fasttext for reader in readers) else None,
        lost=check_losses(readers, config.allow_rejected),
    )

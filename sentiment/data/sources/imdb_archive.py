"""The official archive of the Large Movie Review Dataset (Maas et al. 2011), packed or unpacked."""

import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from sentiment.data.corpus import Corpus, Reviews
from sentiment.data.labels import LABEL_NAMES
from sentiment.data.sources.config import SourceConfig
from sentiment.errors import InputError, shown

REVIEW_PATH = re.compile(r"(?:^|/)(train|test)/(pos|neg|unsup)/(\d{1,9})_(\d+)\.txt$")

RATINGS = ("1", "2", "3", "4", "7", "8", "9", "10")
"""The ratings that reviews of the archive have, with which their file names end."""

LONGEST_REVIEW, MOST_BYTES = 2**26, 2**31
"""Bytes of a review, and of all reviews of an archive together; a hostile archive of a few MB can hold more."""


def find_archive(config: SourceConfig, show_progress: bool) -> list[Path]:
    """The archive itself, or the review files below the folder.

    Raises:
        InputError: --data is missing, or names a folder without reviews.
    """
    data = config.existing_data()
    if data.is_file():
        return [data]
    files = sorted(path for path in data.rglob("*_*.txt") if REVIEW_PATH.search(path.as_posix()))
    if not files:
        raise InputError(f"{data} holds no file like train/pos/0_9.txt: give the folder aclImdb or the archive.")
    return files


def load_archive(config: SourceConfig, files: list[Path], seed: int) -> Corpus:
    """Splits train and test from their pos and neg, unlabelled from unsup, each ordered by class and number.

    Where the configuration asks for ratings, they are the labels.

    Raises:
        InputError: the archive is damaged or holds no reviews, or a review is not UTF-8.
    """
    data = config.existing_data()
    found: dict[tuple[str, str], list[tuple[int, str, str]]] = {}
    unrated = 0
    unpacked = ((path.as_posix(), path.read_bytes()) for path in files)
    for path, content in _read_archive(data) if data.is_file() else unpacked:
        match = REVIEW_PATH.search(path)
        assert match is not None
        split, kind, number, rating = match.groups()
        if config.reads_ratings and kind != "unsup" and rating not in RATINGS:
            unrated += 1
            continue
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise InputError(
                f"{data}: {path} is not UTF-8 (byte {error.start}): convert that review to UTF-8."
            ) from error
        found.setdefault((split, kind), []).append((int(number), text, rating))
    if not found:
        raise InputError(f"{data} holds no file like aclImdb/train/pos/0_9.txt: it is not the aclImdb archive.")

    def labelled(split: str) -> Reviews:
        texts, labels = [], []
        for label, kind in enumerate(("neg", "pos")):
            for _, text, rating in sorted(found.get((split, kind), [])):
                texts.append(text)
                labels.append(RATINGS.index(rating) if config.reads_ratings else label)
        return Reviews(texts, np.array(labels, np.int8))

    return Corpus(
        labelled("train"),
        labelled("test"),
        Reviews([text for _, text, _ in sorted(found.get(("train", "unsup"), []))]),
        notes=(f"{unrated:,} reviews left out, as their file names end with none of IMDB's ratings.",) * bool(unrated),
        label_names=RATINGS if config.reads_ratings else LABEL_NAMES,
        label_column="rating" if config.reads_ratings else "label",
    )


def _read_archive(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of every review in the archive, in one pass and without unpacking."""
    total = 0
    try:
        with tarfile.open(path, "r|*") as archive:
            for member in archive:
                if not member.isfile() or not REVIEW_PATH.search(member.name):
                    continue
                total += member.size
                if member.size > LONGEST_REVIEW or total > MOST_BYTES:
                    raise InputError(f"{path}: {shown(member.name)} takes the reviews beyond any size of theirs.")
                content = archive.extractfile(member)
                assert content is not None  # as it is a file
                yield member.name, content.read()
    except InputError:
        raise
    except Exception as error:  # tarfile lets errors of any kind out of damaged bytes
        raise InputError(
            f"{path} is damaged or no tar archive ({shown(error)}): fetch aclImdb_v1.tar.gz again and compare its size."
        ) from error

"""The official archive of the Large Movie Review Dataset (Maas et al. 2011), packed or unpacked."""

import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from sentiment.data.corpus import Corpus, Reviews
from sentiment.data.sources.config import SourceConfig
from sentiment.errors import InputError, shown

REVIEW_PATH = re.compile(r"(?:^|/)(train|test)/(pos|neg|unsup)/(\d{1,9})_\d+\.txt$")

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

    Raises:
        InputError: the archive is damaged or holds no reviews, or a review is not UTF-8.
    """
    data = config.existing_data()
    found: dict[tuple[str, str], list[tuple[int, str]]] = {}
    unpacked = ((path.as_posix(), path.read_bytes()) for path in files)
    for path, content in _read_archive(data) if data.is_file() else unpacked:
        match = REVIEW_PATH.search(path)
        assert match is not None
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise InputError(
                f"{data}: {path} is not UTF-8 (byte {error.start}): convert that review to UTF-8."
            ) from error
        found.setdefault((match[1], match[2]), []).append((int(match[3]), text))
    if not found:
        raise InputError(f"{data} holds no file like aclImdb/train/pos/0_9.txt: it is not the aclImdb archive.")

    def texts(split: str, kind: str) -> list[str]:
        return [text for _, text in sorted(found.get((split, kind), []))]

    def labelled(split: str) -> Reviews:
        negative, positive = texts(split, "neg"), texts(split, "pos")
        labels = np.repeat(np.array([0, 1], np.int8), [len(negative), len(positive)])
        return Reviews(negative + positive, labels)

    return Corpus(labelled("train"), labelled("test"), Reviews(texts("train", "unsup")))


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

"""Where reviews come from: the table of sources, and load_corpus."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from sentiment.data.corpus import Corpus, Fold
from sentiment.data.fingerprints import Fingerprints
from sentiment.data.sources.config import SourceConfig
from sentiment.data.validation import in_fold


class Source(NamedTuple):
    """One place that reviews come from.

    Attributes:
        find: the files to read, downloaded first where the source can; shows progress if told to.
        load: reads those files; the seed is for what is drawn at random.
    """

    find: Callable[[SourceConfig, bool], list[Path]]
    load: Callable[[SourceConfig, list[Path], int], Corpus]


def find_files(config: SourceConfig, *, show_progress: bool = False) -> list[Path]:
    """The files that the source reads, downloaded first if need be; none for a source that reads no file.

    Raises:
        InputError: they are not there and cannot be downloaded.
    """
    return _sources()[config.source].find(config, show_progress)


def load_corpus(
    config: SourceConfig,
    files: list[Path],
    *,
    seed: int,
    fold: Fold | None = None,
    start: Fingerprints | None = None,
) -> Corpus:
    """All reviews of the source, without blank ones and, unless they are to be kept, copies of test reviews.

    Args:
        files: what `find_files` gave.
        fold: to test on, of all labelled reviews of a table; None: the test split is the source's.
        start: what the trained network to start from has learned from; such reviews are not tested on.

    Raises:
        InputError: a file cannot be read as what it should be; a split is empty or holds one class only; or the start
            has learned from the reviews to test on.
    """
    corpus = _sources()[config.source].load(config, files, seed)
    is_seen = None if start is None else start.holds
    if fold is not None:
        corpus = in_fold(corpus, fold, seed, is_seen)
    elif is_seen is not None:
        corpus = corpus.tested_without(is_seen)
    return corpus.checked(keep_duplicates=config.keep_duplicates, tests=fold is None or fold.number is not None)


def _sources() -> dict[str, Source]:
    from sentiment.data.sources import demo, imdb_archive, imdb_keras, table, tfds

    return {
        "imdb": Source(tfds.find_dataset, tfds.load_dataset),
        "keras": Source(imdb_keras.find_keras, imdb_keras.load_keras),
        "aclimdb": Source(imdb_archive.find_archive, imdb_archive.load_archive),
        "tfds": Source(tfds.find_dataset, tfds.load_dataset),
        "table": Source(table.find_table, table.load_table),
        "demo": Source(lambda config, show_progress: [], lambda config, files, seed: demo.load_demo(seed)),
    }

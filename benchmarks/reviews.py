"""The reviews that benchmarks read: IMDB's, from an archive, and texts of other kinds, from tables."""

from pathlib import Path

import numpy as np
import pandas as pd

from sentiment.data.corpus import Corpus, Reviews
from sentiment.data.labels import LABEL_NAMES
from sentiment.data.sources import find_files, load_corpus
from sentiment.data.sources.config import SourceConfig

ENDING = ".csv.gz"
"""Of the tables."""


def archive_reviews(archive: Path) -> Corpus:
    """The splits train, test and unlabelled of an archive of IMDB's reviews."""
    config = SourceConfig(source="aclimdb", data=archive)
    return load_corpus(config, find_files(config), seed=0)


def table_reviews(path: Path) -> Reviews:
    """The positive and negative rows of a table with the columns text and label."""
    table = pd.read_csv(path, keep_default_na=False).query("label in @LABEL_NAMES")
    return Reviews(table["text"].tolist(), (table["label"] == LABEL_NAMES[1]).to_numpy(np.int8))

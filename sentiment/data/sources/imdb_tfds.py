"""The Large Movie Review Dataset (Maas et al. 2011) as tensorflow-datasets prepares it."""

import os
from pathlib import Path

import numpy as np

from sentiment.data.corpus import Corpus, Reviews
from sentiment.data.sources.config import SourceConfig
from sentiment.errors import InputError

ARCHIVE_URL = "http://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz"
SECONDS_TO_ANSWER = 10


def find_imdb(config: SourceConfig, show_progress: bool) -> list[Path]:
    """The prepared files under --data, else TFDS_DATA_DIR, else tensorflow-datasets' own folder.

    What is not there is downloaded (80 MB); tensorflow-datasets gives the folder its final name only when it is whole.

    Raises:
        InputError: nothing is prepared and the download fails.
    """
    data_dir = config.data or Path(os.environ.get("TFDS_DATA_DIR", "~/tensorflow_datasets"))
    data_dir = data_dir.expanduser()
    if not _prepared(data_dir):
        _download(data_dir, show_progress)
    return _prepared(data_dir)


def load_imdb(config: SourceConfig, files: list[Path], seed: int) -> Corpus:
    """Splits train, test and unsupervised, in the order of the files."""
    import tensorflow_datasets as tfds

    builder = tfds.builder_from_directory(files[0].parent)
    splits = {}
    for split in ("train", "test", "unsupervised"):
        if split not in builder.info.splits:
            raise InputError(f"{files[0].parent} has no split {split}: delete the folder and prepare it again.")
        try:
            columns = tfds.as_numpy(builder.as_dataset(split=split, batch_size=-1))
        except Exception as error:
            raise InputError(
                f"{files[0].parent}: split {split} cannot be read ({error}); delete the folder and prepare it again."
            ) from error
        splits[split] = Reviews([text.decode() for text in columns["text"]], columns["label"].astype(np.int8))
    return Corpus(splits["train"], splits["test"], Reviews(splits["unsupervised"].texts))


def _prepared(data_dir: Path) -> list[Path]:
    """Files of the newest prepared version; none where there is none."""
    versions = sorted((data_dir / "imdb_reviews" / "plain_text").glob("[0-9]*/dataset_info.json"))
    return sorted(versions[-1].parent.iterdir()) if versions else []


def _download(data_dir: Path, show_progress: bool) -> None:
    import requests

    def failure(error: Exception) -> InputError:
        return InputError(
            f"The IMDB reviews are not in {data_dir} and could not be downloaded from {ARCHIVE_URL} "
            f"({type(error).__name__}). Give a folder that tensorflow-datasets has prepared as --data or "
            "TFDS_DATA_DIR, read the official archive with --source aclimdb --data aclImdb_v1.tar.gz, "
            "or try without data: --source demo."
        )

    try:  # tensorflow-datasets tries for minutes before it gives up; one request tells at once
        requests.head(ARCHIVE_URL, timeout=SECONDS_TO_ANSWER).raise_for_status()
    except requests.RequestException as error:
        raise failure(error) from error
    import tensorflow_datasets as tfds

    if not show_progress:
        tfds.disable_progress_bar()
    try:
        tfds.builder("imdb_reviews", data_dir=data_dir).download_and_prepare()
    except (requests.RequestException, tfds.download.DownloadError) as error:
        raise failure(error) from error

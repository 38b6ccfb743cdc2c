"""`keras.datasets.imdb`: sequences of word ranks, decoded to text with Keras' word index."""

import hashlib
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from sentiment.data.arrays import read_arrays
from sentiment.data.corpus import Corpus, Reviews
from sentiment.data.sources.config import SourceConfig
from sentiment.errors import InputError, shown

BASE_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
REVIEWS_FILE, INDEX_FILE = "imdb.npz", "imdb_word_index.json"
REVIEWS_SHA256 = "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"
INDEX_MD5 = "bfafd718b763782e994055a2d397834f"
"""Both as pinned by keras.datasets.imdb."""

MOST_BYTES = 2**28
"""Most bytes of the arrays together, many times what those of Keras take."""


def find_keras(config: SourceConfig, show_progress: bool) -> list[Path]:
    """imdb.npz and imdb_word_index.json: where --data says, else downloaded to Keras' cache and checked by hash.

    Raises:
        InputError: a file is missing and cannot be downloaded.
    """
    if config.data is not None:
        data = config.existing_data()
        files = [data / REVIEWS_FILE, data / INDEX_FILE] if data.is_dir() else [data, data.with_name(INDEX_FILE)]
        for path in files:
            if not path.is_file():
                raise InputError(f"{path} does not exist: --data needs {REVIEWS_FILE} with {INDEX_FILE} beside it.")
        return files
    import keras

    pinned = {REVIEWS_FILE: REVIEWS_SHA256, INDEX_FILE: INDEX_MD5}
    try:
        if not show_progress:
            keras.config.disable_interactive_logging()
        return [Path(keras.utils.get_file(name, BASE_URL + name, file_hash=pinned[name])) for name in pinned]
    except Exception as error:  # Keras raises no narrower one
        raise InputError(
            f"Keras' IMDB reviews could not be downloaded from {BASE_URL}{REVIEWS_FILE} ({error}). Give a folder "
            f"that holds {REVIEWS_FILE} and {INDEX_FILE} as --data, put both into ~/.keras/datasets, "
            "or try without data: --source demo."
        ) from error


def load_keras(config: SourceConfig, files: list[Path], seed: int) -> Corpus:
    """The official splits. No file of another hash than Keras pins is unpickled freely: it may hold lists of numbers
    only, and a note says so.

    Raises:
        InputError: the files are not what Keras ships, in form.
    """
    reviews, index = files
    notes: tuple[str, ...] = ()
    content = reviews.read_bytes()
    if hashlib.sha256(content).hexdigest() != REVIEWS_SHA256:
        notes = (f"{reviews} is not the file that Keras pins: read as named by --data, numbers only.",)
    try:
        word_index: dict[str, int] = json.loads(index.read_text("utf-8"))
        words = {rank: word for word, rank in word_index.items()}
        names = ("x_train", "y_train", "x_test", "y_test")
        arrays = read_arrays(content, names, most_bytes=MOST_BYTES, unpickle=lambda file: _NumbersOnly(file).load())
        splits = {split: _reviews(arrays[f"x_{split}"], arrays[f"y_{split}"], words) for split in ("train", "test")}
    except Exception as error:  # a foreign file can make any step fail, in any way
        raise InputError(
            f"{reviews} with {index.name} cannot be read ({shown(error)}): they must be {REVIEWS_FILE} "
            f"and {INDEX_FILE} as Keras ships them."
        ) from error
    return Corpus(splits["train"], splits["test"], notes=notes)


def _reviews(sequences: Any, labels: Any, words: dict[int, str]) -> Reviews:
    texts = [" ".join(words[rank] for rank in sequence) for sequence in sequences]
    "".join(texts).encode()  # Unicode, and nothing else
    numbers = np.asarray(labels)
    if numbers.shape != (len(texts),) or not np.isin(numbers, (0, 1)).all():
        raise ValueError(f"its {len(texts):,} reviews have no labels of 0 and 1 each")
    return Reviews(texts, numbers.astype(np.int8))


class _NumbersOnly(pickle.Unpickler):
    """Builds NumPy arrays of lists of numbers, and nothing else: any other name in the pickle is an error."""

    ALLOWED = frozenset({"_reconstruct", "ndarray", "dtype", "scalar"})

    def find_class(self, module: str, name: str) -> Any:
        if module.split(".")[0] != "numpy" or name not in self.ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no list of numbers needs")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)

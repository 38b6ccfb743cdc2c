"""RecurrentModel: a vocabulary and a trained network; text in, P(positive) out, without TensorFlow."""

import functools
import hashlib
import json
import math
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from sentiment.data.sequences import SequenceConfig
from sentiment.data.tokenizer import PUNCTUATION
from sentiment.data.vocabulary import OUT_OF_VOCABULARY, Vocabulary
from sentiment.engine import native
from sentiment.engine.native import NativeNetwork
from sentiment.engine.network import Network
from sentiment.engine.numpy_network import NumpyNetwork
from sentiment.errors import InputError, damaged_classifier

VOCABULARY_FILE, WEIGHTS_FILE, KERAS_FILE = "vocabulary.json", "weights.npz", "model.keras"


class RecurrentModel:
    """A trained recurrent network with the vocabulary that it reads by.

    It scores in the project's own core, or in NumPy where there is no core or the network is too large for it. Both
    give the same probabilities, but for rounding: they differ by less than 1e-6.

    Attributes:
        vocabulary, sequences: how a text becomes indices.
        network: the weights.
    """

    FILES = (VOCABULARY_FILE, WEIGHTS_FILE, KERAS_FILE)
    """What `save` writes."""

    def __init__(
        self, vocabulary: Vocabulary, sequences: SequenceConfig, network: Network, load_keras: Callable[[], Any]
    ) -> None:
        """Make a model ready to score.

        Args:
            load_keras: gives the same network as a Keras model.

        Raises:
            InputError: the network and the vocabulary do not fit each other.
        """
        if len(network.embedding) != vocabulary.num_words:
            words = f"{len(network.embedding):,} words, its vocabulary {vocabulary.num_words:,}"
            raise InputError(f"the network has {words}")
        self.vocabulary, self.sequences, self.network = vocabulary, sequences, network
        self._load_keras = load_keras
        self._engine: NativeNetwork | NumpyNetwork
        try:
            self._engine = NativeNetwork(network, vocabulary, sequences)
        except (ImportError, ValueError):
            self._engine = NumpyNetwork(network, vocabulary, sequences)

    @classmethod
    def from_keras(cls, vocabulary: Vocabulary, sequences: SequenceConfig, network: Any) -> "RecurrentModel":
        """The model of a trained Keras network, as `build_model` makes it.

        Raises:
            TypeError: the network has a layer that `build_model` makes none of.
        """
        return cls(vocabulary, sequences, Network.from_keras(network), lambda: network)

    @functools.cached_property
    def keras_network(self) -> Any:
        """The Keras model, from int32 (batch, maxlen) to P(positive) (batch, 1), read when it is first asked for."""
        return self._load_keras()

    @property
    def engine(self) -> str:
        """Name of what scores; two engines differ in the last bits of a probability."""
        return self._engine.name

    @property
    def frees_lock(self) -> bool:
        """Whether other threads of Python go on while it scores."""
        return isinstance(self._engine, NativeNetwork)

    @property
    def parameters(self) -> int:
        """Weights of the network, word vectors included."""
        return self.network.parameters

    def positive_probability(self, texts: Sequence[str]) -> np.ndarray:
        """P(positive) of each text, float32 (N,); it does not depend on the other texts.

        Raises:
            InputError: the network gives numbers that are no probabilities.
        """
        return _checked(self._engine.positive_probability(texts))

    def encoded_probability(self, encoded: Sequence[np.ndarray]) -> np.ndarray:
        """P(positive) of reviews that are arrays of one to `maxlen` indices, float32 (N,).

        Raises:
            InputError: the network gives numbers that are no probabilities.
        """
        return _checked(self._engine.encoded_probability(encoded))

    def words(self, text: str) -> list[tuple[str, bool]]:
        """The last or first `maxlen` words of a text, as `sequences` cuts, and whether the vocabulary knows each."""
        tokens = self.vocabulary.tokens(text, self.sequences.maxlen, self.sequences.truncating)
        known = self.vocabulary.indices(tokens) != OUT_OF_VOCABULARY
        return list(zip(tokens, known.tolist(), strict=True))

    def count_unread(self, text: str) -> int:
        """How many words of a text lie beyond its last or first `maxlen`, punctuation marks apart."""
        read = [word for word, _ in self.words(text)]
        return sum(token not in PUNCTUATION for token in self.vocabulary.tokens(text)) - sum(
            token not in PUNCTUATION for token in read
        )

    def digest(self) -> str:
        """SHA-256 over all that decides a probability, as 32 hexadecimal digits."""
        tokenizer = asdict(self.vocabulary.tokenizer)
        content = [self.network.digest(), self.vocabulary.words, tokenizer, self.sequences.model_dump()]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]

    def save(self, folder: Path) -> list[str]:
        """Write the network as weights.npz and model.keras, and vocabulary.json; the names of these files."""
        self.vocabulary.save(folder / VOCABULARY_FILE)
        (folder / WEIGHTS_FILE).write_bytes(self.network.to_npz())
        self.keras_network.save(folder / KERAS_FILE)
        return [*self.FILES]

    @classmethod
    def load(cls, folder: Path, sequences: SequenceConfig, check: Callable[[Path], None]) -> "RecurrentModel":
        """Read what `save` wrote. Nothing is unpickled, and Keras reads its network in its safe mode.

        Args:
            sequences: how reviews were padded in training.
            check: raises ValueError for a file that is not the one that was saved.

        Raises:
            ValueError: a file is damaged, or does not fit the others.
        """
        for name in (VOCABULARY_FILE, WEIGHTS_FILE):
            check(folder / name)
        vocabulary = Vocabulary.load(folder / VOCABULARY_FILE)
        network = Network.from_npz((folder / WEIGHTS_FILE).read_bytes())
        return cls(vocabulary, sequences, network, functools.partial(_load_keras, folder / KERAS_FILE, check))


def engine_here() -> str:
    """Name of what scores a network of this project on this machine."""
    return native.name_of(native.core().widest()) if native.available() else NumpyNetwork.name


def _checked(probabilities: np.ndarray) -> np.ndarray:
    if not np.all((probabilities >= 0) & (probabilities <= 1)):  # NaN neither
        raise InputError("the network gives numbers that are no probabilities: train another")
    return probabilities


def _load_keras(path: Path, check: Callable[[Path], None]) -> Any:
    import keras

    import sentiment.engine.pooling  # noqa: F401 - Keras then knows its layers

    try:
        check(path)
        _check_sizes(path)
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras lets errors of any kind out of a foreign file
        raise damaged_classifier(path.parent, error) from error


def _check_sizes(path: Path) -> None:
    """Compare the layers that a file of Keras describes with its size, as Keras allocates them before it reads weights.

    Raises:
        ValueError: the layers have more weights than the file can hold.
        OSError, KeyError, zipfile.BadZipFile: it is no file of Keras.
    """
    size = path.stat().st_size
    with zipfile.ZipFile(path) as archive:
        if sum(member.file_size for member in archive.infolist()) > size:
            raise ValueError(f"{path.name} holds more than its size")
        waiting = [json.loads(archive.read("config.json"))]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            units, inputs, outputs = (part.get(name) for name in ("units", "input_dim", "output_dim"))
            numbers = [number for number in (units, inputs, outputs) if isinstance(number, int)]
            if 4 * math.prod(max(1, abs(number)) for number in numbers) > size:
                raise ValueError(f"{path.name} describes layers of more weights than it holds")
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part

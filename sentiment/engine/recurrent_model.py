"""RecurrentModel: a vocabulary and a trained network; text in, P(positive) out, without TensorFlow."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from sentiment.data.labels import cut_scores, log_odds
from sentiment.data.sequences import SequenceConfig
from sentiment.data.tokenizer import PUNCTUATION
from sentiment.data.vocabulary import OUT_OF_VOCABULARY, Vocabulary
from sentiment.engine import native
from sentiment.engine.native import NativeNetwork
from sentiment.engine.network import Network
from sentiment.engine.numpy_network import NumpyNetwork
from sentiment.errors import InputError

VOCABULARY_FILE, WEIGHTS_FILE = "vocabulary.json", "weights.npz"


class RecurrentModel:
    """A trained recurrent network with the vocabulary that it reads by.

    It scores in the project's own core, or in NumPy where there is no core or the network is too large for it. Both
    give the same probabilities, but for rounding: they differ by less than 1e-6.

    Attributes:
        vocabulary, sequences: how a text becomes indices.
        network: the weights.
    """

    FILES = (VOCABULARY_FILE, WEIGHTS_FILE)
    """What `save` writes."""

    def __init__(self, vocabulary: Vocabulary, sequences: SequenceConfig, network: Network) -> None:
        """Make a model ready to score.

        Raises:
            InputError: the network and the vocabulary do not fit each other.
        """
        if len(network.embedding) != vocabulary.num_words:
            words = f"{len(network.embedding):,} words, its vocabulary {vocabulary.num_words:,}"
            raise InputError(f"the network has {words}")
        self.vocabulary, self.sequences, self.network = vocabulary, sequences, network
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
        return cls(vocabulary, sequences, Network.from_keras(network))

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

    def cumulative_probability(self, texts: Sequence[str]) -> np.ndarray:
        """P(label > k) of each text for every class k but the best, float32 (N, K - 1); of two P(positive), (N,).

        Raises:
            InputError: the network gives numbers that are no probabilities.
        """
        return self.cut(self.positive_probability(texts))

    def cut(self, probabilities: np.ndarray) -> np.ndarray:
        """What `cumulative_probability` gives of reviews with these P(positive), (N,)."""
        cut_points = self.network.cut_points
        return cut_scores(log_odds(probabilities), cut_points) if cut_points.size else probabilities

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

    def save(self, folder: Path, *, small: bool = False) -> list[str]:
        """Write weights.npz and vocabulary.json; the names of these files.

        Args:
            small: word vectors are rounded to 8 bits, which moves probabilities a little.
        """
        self.vocabulary.save(folder / VOCABULARY_FILE)
        (folder / WEIGHTS_FILE).write_bytes(self.network.to_npz(small=small))
        return [*self.FILES]

    @classmethod
    def load(cls, folder: Path, sequences: SequenceConfig) -> "RecurrentModel":
        """Read what `save` wrote. Nothing is unpickled.

        Args:
            sequences: how reviews were padded in training.

        Raises:
            InputError, ValueError: a file is damaged, or does not fit the others.
        """
        vocabulary = Vocabulary.load(folder / VOCABULARY_FILE)
        network = Network.from_npz((folder / WEIGHTS_FILE).read_bytes())
        return cls(vocabulary, sequences, network)


def engine_here() -> str:
    """Name of what scores a network of this project on this machine."""
    return native.name_of(native.core().widest()) if native.available() else NumpyNetwork.name


def _checked(probabilities: np.ndarray) -> np.ndarray:
    if not np.all((probabilities >= 0) & (probabilities <= 1)):  # NaN neither
        raise InputError("the network gives numbers that are no probabilities: train another")
    return probabilities

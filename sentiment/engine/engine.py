"""scoring_engine: the fastest way that this installation has from texts to probabilities."""

from collections.abc import Sequence

import numpy as np

from sentiment.data.sequences import SequenceConfig
from sentiment.data.vocabulary import Vocabulary
from sentiment.engine import native
from sentiment.engine.native import NativeNetwork
from sentiment.engine.network import Network
from sentiment.engine.onnx_network import BATCH_SIZE, OnnxNetwork
from sentiment.errors import InputError


class OnnxEngine:
    """A network in ONNX Runtime, with its vocabulary: each text is encoded in Python.

    Attributes:
        name: of what decides the last bits of a probability.
        frees_lock: whether other threads of Python go on while it scores.
    """

    name, frees_lock = "ONNX Runtime", False

    def __init__(self, network: Network, vocabulary: Vocabulary, sequences: SequenceConfig) -> None:
        self._network, self._vocabulary, self._sequences = OnnxNetwork(network), vocabulary, sequences

    def positive_probability(self, texts: Sequence[str], batch_size: int = BATCH_SIZE) -> np.ndarray:
        """P(positive) of each text, float32 (N,)."""
        maxlen, truncating = self._sequences.maxlen, self._sequences.truncating
        return self.encoded_probability(
            [self._vocabulary.encode(text, maxlen, truncating) for text in texts], batch_size
        )

    def encoded_probability(self, encoded: Sequence[np.ndarray], batch_size: int = BATCH_SIZE) -> np.ndarray:
        """P(positive) of reviews that are arrays of one to maxlen indices, float32 (N,)."""
        return self._network.positive_probability(encoded, batch_size)


def engine_here() -> str:
    """Name of what scores a network of this project on this machine."""
    return native.name_of(native.core().widest()) if native.available() else OnnxEngine.name


def scoring_engine(model: bytes, vocabulary: Vocabulary, sequences: SequenceConfig) -> NativeNetwork | OnnxEngine:
    """The project's own core, or ONNX Runtime where there is no core or the network is too large for it.

    Both give the same probabilities, but for rounding: they differ by less than 1e-5.

    Args:
        model: what `export_onnx` gives.

    Raises:
        ValueError: the model is damaged or was not made by this project.
        InputError: it does not fit the vocabulary and sequences, gives no probabilities, or cannot be run.
    """
    network = Network.of_onnx(model)
    if network.maxlen != sequences.maxlen or network.padding not in ("", sequences.padding):
        raise InputError(
            f"the network reads {network.maxlen} tokens, its sequences have {sequences.maxlen}, "
            f"padded {sequences.padding}"
        )
    if len(network.embedding) != vocabulary.num_words:
        raise InputError(f"the network has {len(network.embedding):,} words, its vocabulary {vocabulary.num_words:,}")
    engine: NativeNetwork | OnnxEngine
    try:
        try:
            engine = NativeNetwork(network, vocabulary, sequences)
        except (ImportError, ValueError):
            engine = OnnxEngine(network, vocabulary, sequences)
        engine.encoded_probability([np.array([index], np.int32) for index in (0, vocabulary.num_words - 1)])
    except InputError:
        raise
    except Exception as error:  # ONNX Runtime's classes are not public
        raise InputError(f"the network cannot be run: {error}") from error
    return engine

"""scoring_engine: the fastest way that this installation has from texts to probabilities."""

from collections.abc import Sequence

import numpy as np

from sentiment.data.sequences import SequenceConfig
from sentiment.data.vocabulary import Vocabulary
from sentiment.scoring import native
from sentiment.scoring.native import NativeNetwork
from sentiment.scoring.network import BATCH_SIZE, OnnxNetwork


class OnnxEngine:
    """A network in ONNX Runtime, with its vocabulary: each text is encoded in Python.

    Attributes:
        name: of what decides the last bits of a probability.
        frees_lock: whether other threads of Python go on while it scores.
    """

    name, frees_lock = "ONNX Runtime", False

    def __init__(self, model: bytes, vocabulary: Vocabulary, sequences: SequenceConfig) -> None:
        """Read the model.

        Raises:
            InputError: it is no network of this project.
        """
        self._network, self._vocabulary, self._sequences = OnnxNetwork(model), vocabulary, sequences

    def check(self) -> None:
        """See `OnnxNetwork.check`."""
        self._network.check(self._sequences, self._vocabulary.num_words)

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
    """The project's own core, or ONNX Runtime where there is no core or the model is not one that the core knows.

    Both give the same probabilities, but for rounding: they differ by less than 1e-5.

    Args:
        model: what `export_onnx` gives.

    Raises:
        InputError: ONNX Runtime cannot read the model either.
    """
    try:
        return NativeNetwork(model, vocabulary, sequences)
    except (ImportError, ValueError):
        return OnnxEngine(model, vocabulary, sequences)

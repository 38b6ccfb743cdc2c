"""NativeNetwork: the trained network in the project's own C core, where the package was built with a C compiler.

An Embedding before an LSTM, GRU or SimpleRNN is a table with one row per word: the word vector times the input kernel,
plus the bias. The core makes the table when it loads a network, so that the recurrence alone is left to compute. For
30,000 words and 512 gate inputs the table takes 61 MB. The core reads ASCII texts itself that hold no markup but line
breaks and, where symbols are tokens, nothing that may be one; any other goes through the Python tokenizer. The core
holds no lock of Python while it scores, and threads share one network.
"""

import functools
import importlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from sentiment.data.markup import has_line_breaks_alone
from sentiment.data.sequences import SequenceConfig
from sentiment.data.symbols import STARTS
from sentiment.data.vocabulary import Vocabulary
from sentiment.engine.cells import CELLS
from sentiment.engine.network import Network, Padding

_CELLS = ("lstm", "gru", "simple_rnn")
_POOLINGS = ("last", "max", "mean", "max_mean")
"""In the order of the numbers that the core knows them by."""

MOST_BYTES = 2**30
"""Most bytes of the table."""

MARK, SEPARATOR = 128, 255
"""Classes of a character from MARK on: a token of its own, MARK + that token; or a separator. Below: part of a word."""

NO_STATES = np.empty(0, np.float32)

ALIGNMENT = 64
"""Bytes of the widest vector register."""

SIGMOID_SCALE, TANH_SCALE = -np.log2(np.e), -2 * np.log2(np.e)
"""Sigmoid is 1 / (1 + e) and tanh is (1 - e) / (1 + e). Here e is two to the power of the scaled argument."""


def core() -> Any:
    """The compiled module.

    Raises:
        ImportError: the package was installed without a C compiler.
    """
    return importlib.import_module("sentiment.engine._native")


def available() -> bool:
    """Whether this installation has the core."""
    try:
        core()
    except ImportError:
        return False
    return True


def name_of(width: int) -> str:
    """The name of the core with vectors of so many floats, which decide the last bits of a probability."""
    return f"core with vectors of {width}"


class NativeNetwork:
    """A network with its vocabulary. Each probability depends on its review alone.

    Attributes:
        name: of what decides the last bits of a probability.
        sequences: how its reviews were padded.
    """

    def __init__(
        self, network: Network, vocabulary: Vocabulary, sequences: SequenceConfig, width: int | None = None
    ) -> None:
        """Lay out the weights and make the table.

        Args:
            width: floats in a vector: 16, 8 or 4; None: as many as the registers of this processor hold.

        Raises:
            ValueError: the network does not fit, or is too large for the core; NumPy does without a table.
            ImportError: the package was installed without a C compiler.
        """
        if len(vocabulary.index) < len(vocabulary.words):
            raise ValueError("the vocabulary has a word twice")
        self.sequences = sequences
        self._core = core()
        self._vocabulary = vocabulary
        tokenize = vocabulary.tokenizer.tokenize
        classes = character_classes(tokenize)
        self._can_read = classes is not None
        width = width or self._core.widest()
        self.name = name_of(width)
        gates, units = len(CELLS[network.cell].gate_order), network.layers[0].units
        if 4 * len(network.embedding) * network.directions * gates * (units + width) > MOST_BYTES:
            raise ValueError("the table would be too large")
        words = [word.encode() for word in vocabulary.words]
        padding = network.padding(sequences)
        self._network = self._core.load(
            width,
            _CELLS.index(network.cell),
            sequences.maxlen,
            int(padding),
            _POOLINGS.index(network.pooling),
            network.directions,
            sequences.truncating == "post",
            True,  # <br /> is white space
            vocabulary.tokenizer.symbols,  # so that "sooo" is known as "so"
            len(network.embedding),
            np.array([layer.units for layer in network.layers], np.int32),
            _aligned(network.embedding),
            (
                *_laid_out(network, sequences, width),
                classes or bytes(256),
                b"".join(words),
                _aligned(np.cumsum([len(word) for word in words], dtype=np.int32)),
                _aligned(np.concatenate(network.dense)),
            ),
        )

    def positive_probability(self, texts: Sequence[str]) -> np.ndarray:
        """P(positive) of each text, float32 (N,)."""
        return self._score(text if self.reads(text) else self._indices(text) for text in texts)

    def reads(self, text: str) -> bool:
        """Whether the core finds the tokens of a text itself."""
        if not (self._can_read and text.isascii() and has_line_breaks_alone(text)):
            return False
        return not (self._vocabulary.tokenizer.symbols and self._core.has_pair(symbol_pairs(), text))

    def encoded_probability(self, encoded: Sequence[np.ndarray]) -> np.ndarray:
        """P(positive) of reviews that are arrays of one to maxlen indices, float32 (N,)."""
        return self._score(np.asarray(indices, np.int32).tobytes() for indices in encoded)

    def encode(self, text: str) -> np.ndarray:
        """The indices of a text that the core reads, int32, from its own tokenizer."""
        return np.frombuffer(self._core.encode(self._network, text), np.int32)

    def _indices(self, text: str) -> bytes:
        return self._vocabulary.encode(text, self.sequences.maxlen, self.sequences.truncating).tobytes()

    def _score(self, reviews: Iterable[str | bytes]) -> np.ndarray:
        reviews = tuple(reviews)
        probabilities = np.empty(len(reviews), np.float32)
        self._core.score(self._network, reviews, probabilities)
        return probabilities


def character_classes(tokenize: Callable[[str], list[str]]) -> bytes | None:
    """What each ASCII character is to a tokenizer: 256 classes, or None for a tokenizer that the core cannot follow.

    The core can follow one that splits at separators, lower-cases, makes some marks tokens of their own, and takes
    `<br />` for a separator.
    """
    classes = bytearray([SEPARATOR] * 256)
    for code in range(128):
        tokens = tokenize(f"a{chr(code)}b")
        if len(tokens) == 1 and len(tokens[0]) == 3 and tokens[0].isascii():
            classes[code] = ord(tokens[0][1])
        elif len(tokens) == 3 and len(tokens[1]) == 1 and tokens[1].isascii():
            classes[code] = MARK + ord(tokens[1])
        elif tokens != ["a", "b"]:
            return None
    if any(classes[ord(character)] != SEPARATOR for character in "</> "):
        return None
    return bytes(classes)


@functools.cache
def symbol_pairs() -> bytes:
    """For each two ASCII characters whether a symbol may start with them: a byte each."""
    pairs = np.zeros((128, 128), np.bool_)
    for start in filter(str.isascii, STARTS):
        pairs[ord(start[0]), ord(start[1]) if len(start) > 1 else slice(None)] = True
    return pairs.tobytes()


def _laid_out(network: Network, sequences: SequenceConfig, width: int) -> list[np.ndarray]:
    """Five arrays for each direction of each layer, as the core takes them."""
    is_tabulated = network.padding(sequences) is Padding.TABULATED
    states = network.padding_states(sequences.maxlen) if is_tabulated else [NO_STATES] * len(network.layers)
    arrays: list[np.ndarray] = []
    for layer, layer_states in zip(network.layers, states, strict=True):
        for kernel, recurrent_kernel, bias in zip(layer.kernel, layer.recurrent_kernel, layer.bias, strict=True):
            input_bias, state_bias = bias if len(bias) > 1 else (bias[0], np.zeros_like(bias[0]))
            inner = np.zeros_like(state_bias[-1:])
            if network.cell == "gru":  # what the reset gate multiplies too
                state_bias, inner = np.concatenate([state_bias[:-1], inner]), state_bias[-1:]
            arrays += [
                _packed(kernel, width),
                _packed(recurrent_kernel, width),
                _packed((input_bias + state_bias)[:, None], width),
                _packed(inner[:, None], width),
                _aligned(layer_states),
            ]
    return arrays


def _packed(weights: np.ndarray, width: int) -> np.ndarray:
    """Weights (gates, inputs, units) as the core reads them: (blocks, inputs, gates, width), scaled."""
    gates, inputs, units = weights.shape
    scales = np.array([*[SIGMOID_SCALE] * (gates - 1), TANH_SCALE], np.float32)
    with np.errstate(over="ignore"):  # the probabilities tell
        scaled = weights * scales[:, None, None]
    padded = np.pad(scaled, ((0, 0), (0, 0), (0, -units % width)))
    return _aligned(padded.reshape(gates, inputs, -1, width).transpose(2, 1, 0, 3))


def _aligned(values: np.ndarray) -> np.ndarray:
    """A copy, flat, in 4 bytes a number, that starts at a multiple of ALIGNMENT."""
    kind = np.dtype(np.int32 if values.dtype.kind == "i" else np.float32)
    memory = np.empty(values.size * kind.itemsize + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    copy = memory[start : start + values.size * kind.itemsize].view(kind)
    copy[:] = values.reshape(-1)
    return copy

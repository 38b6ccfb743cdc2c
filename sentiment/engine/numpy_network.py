"""NumpyNetwork: the trained network in NumPy, where the package was built without a C compiler.

As in the core, the product of a word vector with the kernel of the first layer is looked up in a table with a row per
word, and what is left to compute at a time step is one product for each gate and the step of the cell. A BLAS rounds a
row in one way or another as the shape of a product is, so all products have the same: BLOCK reviews, repeated where
there are fewer. So a probability depends on its review alone.
"""

from collections.abc import Callable, Sequence

import numpy as np

from sentiment.data.sequences import SequenceConfig
from sentiment.data.vocabulary import Vocabulary
from sentiment.engine.cells import CELLS, STATES, Values
from sentiment.engine.network import Network, Padding, RecurrentLayer

BLOCK = 48
"""Reviews of similar length that are read side by side. More make a product so large that a BLAS divides it among
threads, which then wait for one another.
"""

MOST_BYTES = 2**30
"""Most bytes of a table."""

Product = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""(BLOCK rows of features, weights (gates, features, units)) -> (gates, BLOCK, units)."""


class NumpyNetwork:
    """A network with its vocabulary. Each probability depends on its review alone.

    Attributes:
        name: of what decides the last bits of a probability.
    """

    name = "NumPy"

    def __init__(self, network: Network, vocabulary: Vocabulary, sequences: SequenceConfig) -> None:
        self._network, self._vocabulary, self._sequences = network, vocabulary, sequences
        self._padding = network.padding(sequences)
        is_tabulated = self._padding is Padding.TABULATED
        self._states = network.padding_states(sequences.maxlen) if is_tabulated else []
        first, *others = network.layers
        self._product = product_of_rows(
            [
                (network.embedding.shape[1], first.units),
                *((layer.units, layer.units) for layer in network.layers),
                *((layer.kernel.shape[2], layer.units) for layer in others),
            ]
        )
        self._layers = [self._directions(layer) for layer in network.layers]
        bytes_of_table = 4 * len(network.embedding) * first.bias[:, 0].size
        self._tables = [self._table(direction) for direction in self._layers[0]] if bytes_of_table <= MOST_BYTES else []

    def positive_probability(self, texts: Sequence[str]) -> np.ndarray:
        """P(positive) of each text, float32 (N,)."""
        maxlen, truncating = self._sequences.maxlen, self._sequences.truncating
        return self.encoded_probability([self._vocabulary.encode(text, maxlen, truncating) for text in texts])

    def encoded_probability(self, encoded: Sequence[np.ndarray]) -> np.ndarray:
        """P(positive) of reviews that are arrays of one to maxlen indices, float32 (N,)."""
        probabilities = np.empty(len(encoded), np.float32)
        order = np.argsort([len(indices) for indices in encoded], kind="stable")
        for start in range(0, len(order), BLOCK):
            chosen = np.resize(order[start : start + BLOCK], BLOCK)
            with np.errstate(over="ignore", invalid="ignore"):  # the probabilities tell
                probabilities[chosen] = self._block_probability([encoded[int(position)] for position in chosen])
        return probabilities

    def _block_probability(self, encoded: Sequence[np.ndarray]) -> np.ndarray:
        """P(positive) of BLOCK reviews, float32 (BLOCK,)."""
        tokens, lengths = self._lay_out(encoded)
        time = np.arange(len(tokens))[:, None]
        backwards = np.where(time < lengths, lengths - 1 - time, time)  # (time, BLOCK); its own inverse
        features: np.ndarray | None = None
        for number in range(len(self._layers)):
            states = []
            for direction in range(self._network.directions):
                read_tokens, read_features = tokens, features
                if direction:
                    read_tokens = np.take_along_axis(tokens, backwards, axis=0)
                    read_features = None if features is None else _reordered(features, backwards)
                found = self._read(number, direction, read_tokens, read_features, self._sequences.maxlen - lengths)
                is_sequence = direction and number < len(self._layers) - 1  # pooling takes it in any order
                states.append(_reordered(found, backwards) if is_sequence else found)
            features = np.concatenate(states, axis=-1) if len(states) > 1 else states[0]
        assert features is not None
        kernel, bias = (weights.astype(np.float64) for weights in self._network.dense)
        logit = (self._pooled(features, lengths) * kernel).sum(axis=1) + bias
        probability: np.ndarray = 1 / (1 + np.exp(-logit))
        return probability.astype(np.float32)

    def _lay_out(self, encoded: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Indices, int32 (time, BLOCK), and how many of them to read of each review, (BLOCK,)."""
        lengths = np.array([len(indices) for indices in encoded])
        if self._padding in (Padding.SKIPPED, Padding.TABULATED):
            steps, starts, read = int(lengths.max()), np.zeros_like(lengths), lengths
        else:
            steps = self._sequences.maxlen
            starts = steps - lengths if self._padding is Padding.READ_BEFORE else np.zeros_like(lengths)
            read = np.full_like(lengths, steps)
        tokens = np.zeros((steps, BLOCK), np.int32)
        for column, (indices, start) in enumerate(zip(encoded, starts, strict=True)):
            tokens[start : start + len(indices), column] = indices
        return tokens, read

    def _read(
        self, number: int, direction: int, tokens: np.ndarray, features: np.ndarray | None, missing: np.ndarray
    ) -> np.ndarray:
        """The hidden states of a layer in one direction: (time, BLOCK, units). What follows a review's end is void.

        Args:
            tokens, features: what the first layer, or a later one, reads: (time, BLOCK), (time, BLOCK, features).
            missing: padding tokens of each review, (BLOCK,).
        """
        kernel, recurrent_kernel, (input_bias, *state_bias) = self._layers[number][direction]
        step, units = CELLS[self._network.cell].step, kernel.shape[-1]
        values: Values = dict.fromkeys(STATES, np.zeros((BLOCK, units), np.float32))
        if self._states:
            values = dict(zip(STATES, self._states[number][:, missing], strict=False))
        states = np.empty((len(tokens), BLOCK, units), np.float32)
        for time, indices in enumerate(tokens):
            if features is None and self._tables:
                from_inputs = self._tables[direction][indices].swapaxes(0, 1)
            else:
                inputs = self._network.embedding[indices] if features is None else features[time]
                from_inputs = self._product(inputs, kernel) + input_bias
            from_state = self._product(values["hidden_state"], recurrent_kernel)
            if state_bias:
                from_state += state_bias[0]
            values = step(from_inputs, from_state, values)
            states[time] = values["hidden_state"]
        return states

    def _pooled(self, states: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """What goes on to Dense, float64 (BLOCK, features). The states of a review follow its order of reading."""
        pooled = []
        if self._network.pooling == "last":
            pooled = [states[lengths - 1, np.arange(BLOCK)]]
        if self._network.pooling in ("max", "max_mean"):
            pooled = [_filled(states, lengths, -np.inf).max(axis=0)]
        if self._network.pooling in ("mean", "max_mean"):
            pooled += [_filled(states, lengths, 0).sum(axis=0) / lengths[:, None]]
        return np.concatenate(pooled, axis=1, dtype=np.float64)

    def _directions(self, layer: RecurrentLayer) -> list[tuple[np.ndarray, np.ndarray, list[np.ndarray]]]:
        """For each direction the kernel, the recurrent kernel and the biases (gates, 1, units), halved for the step."""
        halved = CELLS[self._network.cell].halved
        weights = zip(layer.kernel, layer.recurrent_kernel, layer.bias, strict=True)
        return [
            (halved(kernel), halved(recurrent_kernel), [halved(row)[:, None] for row in bias])
            for kernel, recurrent_kernel, bias in weights
        ]

    def _table(self, direction: tuple[np.ndarray, np.ndarray, list[np.ndarray]]) -> np.ndarray:
        """The input products of all words: (words, gates, units)."""
        kernel, _, biases = direction
        words = self._network.embedding
        table = np.empty((len(words), *biases[0].shape[::2]), np.float32)
        for start in range(0, len(words), BLOCK):
            rows = np.arange(start, min(start + BLOCK, len(words)))
            with np.errstate(over="ignore", invalid="ignore"):  # the probabilities tell
                products = self._product(words[np.resize(rows, BLOCK)], kernel) + biases[0]
            table[rows] = products.swapaxes(0, 1)[: len(rows)]
        return table


def product_of_rows(shapes: Sequence[tuple[int, int]]) -> Product:
    """NumPy's product where its BLAS rounds a row of a block in one way wherever it stands; else sums without a BLAS.

    Args:
        shapes: (features, units) of the weights.
    """
    generator = np.random.default_rng(0)
    for features, units in set(shapes):
        rows = generator.standard_normal((BLOCK, features), np.float32)
        weights = generator.standard_normal((1, features, units), np.float32)
        expected = np.matmul(rows, weights)
        for shift in range(1, BLOCK):
            if not np.array_equal(np.matmul(np.roll(rows, shift, axis=0), weights), np.roll(expected, shift, axis=1)):
                return _product_without_blas
    return np.matmul


def _product_without_blas(rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
    product: np.ndarray = np.einsum("bf,gfu->gbu", rows, weights)
    return product


def _reordered(sequences: np.ndarray, order: np.ndarray) -> np.ndarray:
    return np.take_along_axis(sequences, order[:, :, None], axis=0)


def _filled(states: np.ndarray, lengths: np.ndarray, value: float) -> np.ndarray:
    """The states (time, BLOCK, units) with another value behind the end of each review."""
    filled = states.copy()
    for review, length in enumerate(lengths):
        filled[length:, review] = value
    return filled

"""OnnxNetwork: the trained network in ONNX Runtime, without TensorFlow and, where it can be, without padding.

ONNX Runtime's LSTM, GRU and RNN operators take the true length of every review, so a batch costs what its words cost.
That is all for a Keras network that skips padding. Any other reads padding tokens like words. Say that all of them come
before the words and are read first, and the last state decides. Then k of them leave the same state behind in every
review: it is computed once for each k, and a review starts from it. Else reviews are padded as for Keras.
"""

from collections.abc import Sequence

import numpy as np

from sentiment.engine.network import Network, onnx_session
from sentiment.errors import InputError

BATCH_SIZE = 24
"""Reviews that go through the network at once; small enough for their states to stay in the processor's cache."""


class OnnxNetwork:
    """A network in ONNX Runtime. It runs in the calling thread alone, so that scoring scales with processes."""

    def __init__(self, network: Network) -> None:
        self._session = onnx_session(network.to_onnx())
        self._maxlen, self._padding = network.maxlen, network.padding

    def positive_probability(self, encoded: Sequence[np.ndarray], batch_size: int = BATCH_SIZE) -> np.ndarray:
        """P(positive) of each review, float32 (N,).

        Args:
            encoded: N arrays of at most maxlen indices, as `Vocabulary.encode` gives them.
            batch_size: reviews, of similar length, that go through the network at once; it does not change the result.

        Raises:
            InputError: the network gives numbers that are no probabilities.
        """
        probabilities = np.empty(len(encoded), np.float32)
        lengths = np.fromiter(map(len, encoded), np.int32, len(encoded))
        order = np.argsort(lengths, kind="stable")
        for start in range(0, len(order), batch_size):
            chosen = order[start : start + batch_size]
            if len(chosen) == 1:  # the product of one row is rounded in another way
                chosen = np.repeat(chosen, 2)
            tokens, read = self._lay_out([encoded[i] for i in chosen], lengths[chosen])
            inputs = {"tokens": tokens, "lengths": read}
            probabilities[chosen] = self._session.run(["positive_probability"], inputs)[0][:, 0]
        check_probabilities(probabilities)
        return probabilities

    def _lay_out(self, encoded: Sequence[np.ndarray], lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Indices, int32 (time, batch), and how many of them to read of each review, int32 (batch,)."""
        batch, steps = len(encoded), self._maxlen if self._padding else int(lengths.max())
        position = np.arange(steps)
        first = steps - lengths[:, None] if self._padding == "pre" else np.zeros((batch, 1), np.int32)
        is_word = (position >= first) & (position < first + lengths[:, None])
        tokens = np.zeros((batch, steps), np.int32)
        tokens[is_word] = np.concatenate(encoded)
        return np.ascontiguousarray(tokens.T), np.full(batch, steps, np.int32) if self._padding else lengths


def check_probabilities(probabilities: np.ndarray) -> None:
    """Refuse numbers that are none.

    Raises:
        InputError: one lies outside 0 to 1, or is NaN.
    """
    if not np.all((probabilities >= 0) & (probabilities <= 1)):  # NaN neither
        raise InputError("the network gives numbers that are no probabilities: train another")

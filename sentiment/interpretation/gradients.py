"""probability_gradients: the verdicts on reviews that are word vectors, and their derivatives by them, in NumPy."""

from collections.abc import Callable, Sequence

import numpy as np

from sentiment.engine.cells import CELLS, Cell, Tensors
from sentiment.engine.network import Network

Back = Callable[[np.ndarray], np.ndarray]
"""What the derivative by the results of a part of the network is by what goes into it."""


def probability_gradients(network: Network, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """P(positive) of each review, or its expected position among more labels, and how each of its numbers moves it.

    Args:
        vectors: float32 (reviews, time, features), all of which is read.

    Returns:
        (reviews,), and an array of the shape of `vectors`.
    """
    cell, states, parts = CELLS[network.cell], vectors.swapaxes(0, 1), []  # (time, reviews, features)
    for layer in network.layers:
        directions = zip(layer.kernel, layer.recurrent_kernel, layer.bias, strict=True)
        states, back = _read_layer(cell, [cell.by_layer(*weights) for weights in directions], states)
        parts.append(back)
    pooled, back = _pool(network, states)
    kernel, bias = network.dense
    cut_points = network.cut_points if network.cut_points.size else np.zeros(1, np.float32)
    cumulative = 1 / (1 + np.exp(-((pooled @ kernel + bias)[:, None] - cut_points)))  # (reviews, cuts)
    gradient = back((cumulative * (1 - cumulative)).mean(axis=1)[:, None] * kernel)
    for back in reversed(parts):
        gradient = back(gradient)
    return cumulative.mean(axis=1), gradient.swapaxes(0, 1)


def _read_layer(cell: Cell, directions: Sequence[Sequence[np.ndarray]], inputs: np.ndarray) -> tuple[np.ndarray, Back]:
    """The states of a layer of one direction or two, (time, reviews, directions x units), in the order of the text."""
    forward, *backward = directions
    found = [_read(cell, forward, inputs), *(_read(cell, weights, inputs[::-1]) for weights in backward)]
    orders = [1, -1][: len(found)]

    def back(gradient: np.ndarray) -> np.ndarray:
        sides = zip(found, orders, np.split(gradient, len(found), axis=-1), strict=True)
        by_inputs: np.ndarray = np.sum(
            [back_one(side[::order])[::order] for (_, back_one), order, side in sides], axis=0
        )
        return by_inputs

    return np.concatenate([states[::order] for (states, _), order in zip(found, orders, strict=True)], axis=-1), back


def _read(cell: Cell, weights: Sequence[np.ndarray], inputs: np.ndarray) -> tuple[np.ndarray, Back]:
    """The hidden states of one direction, (time, reviews, units), from those of zeros."""
    kernel, recurrent_kernel, bias = weights
    input_bias, state_bias = bias if bias.ndim == 2 else (bias, np.float32(0))
    from_inputs = inputs @ kernel + input_bias  # (time, reviews, gates x units)
    zeros = np.zeros((inputs.shape[1], len(recurrent_kernel)), np.float32)
    before: Tensors = (zeros, zeros)
    steps = []
    for products in from_inputs:
        after, kept = cell.forward(products, before[0] @ recurrent_kernel + state_bias, before)
        steps.append((kept, before, after))
        before = after

    def back(gradient: np.ndarray) -> np.ndarray:
        by_hidden, by_others = zeros, [zeros]
        by_from_inputs = np.empty_like(from_inputs)
        for time in reversed(range(len(steps))):
            by_products, by_before = cell.backward(*steps[time], (by_hidden + gradient[time], *by_others))
            by_from_inputs[time] = by_products[0]
            by_hidden, *by_others = by_before
            by_hidden = by_hidden + by_products[-1] @ recurrent_kernel.T
        by_inputs: np.ndarray = by_from_inputs @ kernel.T
        return by_inputs

    return np.stack([after[0] for _, _, after in steps]), back


def _pool(network: Network, states: np.ndarray) -> tuple[np.ndarray, Back]:
    """What of the states (time, reviews, features) goes on to Dense, (reviews, features)."""
    units, pooled = network.layers[-1].units, []
    places = states.argmax(axis=0)[None]
    if network.pooling == "last":
        pooled = [states[-1, :, :units], states[0, :, units:]]  # the second direction has read the first token last
    if network.pooling in ("max", "max_mean"):
        pooled = [np.take_along_axis(states, places, axis=0)[0]]
    if network.pooling in ("mean", "max_mean"):
        pooled += [states.mean(axis=0)]

    def back(gradient: np.ndarray) -> np.ndarray:
        by_states = np.zeros_like(states)
        if network.pooling == "last":
            by_states[-1, :, :units], by_states[0, :, units:] = gradient[:, :units], gradient[:, units:]
        if network.pooling in ("max", "max_mean"):
            np.put_along_axis(by_states, places, gradient[None, :, : states.shape[-1]], axis=0)
        if network.pooling in ("mean", "max_mean"):
            by_states += gradient[:, -states.shape[-1] :] / len(states)
        return by_states

    return np.concatenate(pooled, axis=-1), back

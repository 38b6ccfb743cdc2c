"""The time loop of recurrent layers on a CPU, compiled by XLA, for training.

Results are Keras' own. XLA may compile Keras' loop too, but this loop differs in three ways. It keeps the gates for the
way back. It has the gradient of the weights from one product after all steps (Appleyard, Kocisky & Blunsom 2016). And
it gives every core a part of the batch, which waits for the others only at the end.
"""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf

from sentiment.cores import available_cores
from sentiment.engine.cells import CELL_OF_LAYER, Cell, Tensors
from sentiment.training.compilation import is_compiled

PARTS = min(4, available_cores())
"""Parts of a batch, one for each core, but few, as small products are slow. Another number rounds sums otherwise."""


@contextmanager
def compiled_time_loops(network: Any) -> Iterator[None]:
    """Let the recurrent layers of a Keras model run the loops of this module.

    Left as they are: all layers where nothing `is_compiled`; layers with dropout of their own; and those with other
    activations or fewer biases than Keras' defaults.
    """
    layers = [*filter(_is_compilable, _recurrent_layers(network))] if is_compiled() else []
    for layer in layers:
        layer.inner_loop = functools.partial(_inner_loop, layer)
    try:
        yield
    finally:
        for layer in layers:
            del layer.inner_loop


def _recurrent_layers(network: Any) -> list[Any]:
    return [layer for layer in network._flatten_layers() if type(layer).__name__ in CELL_OF_LAYER]


def _is_compilable(layer: Any) -> bool:
    gated = type(layer).__name__ != "SimpleRNN"
    return (
        not layer.recurrent_dropout
        and not layer.dropout
        and layer.use_bias
        and layer.activation is keras.activations.tanh
        and (not gated or layer.recurrent_activation is keras.activations.sigmoid)
        and getattr(layer, "reset_after", True)
    )


def _inner_loop(
    layer: Any, sequences: tf.Tensor, initial_state: Any, mask: Any, training: bool = False
) -> tuple[tf.Tensor, tf.Tensor, list[tf.Tensor]]:
    """As keras.layers.RNN.inner_loop: (batch, time, features) to last output, outputs and states.

    But the output of a step that is not read is the state, whatever `zero_output_for_mask` says: nothing reads it.
    """
    kernel, recurrent_kernel, bias = (
        variable.value for variable in (layer.cell.kernel, layer.cell.recurrent_kernel, layer.cell.bias)
    )
    input_bias, state_bias = tf.unstack(bias) if len(bias.shape) == 2 else (bias, tf.zeros_like(bias))
    is_read = tf.ones(tf.shape(sequences)[:2], tf.bool) if mask is None else mask
    if layer.go_backwards:
        sequences, is_read = tf.reverse(sequences, [1]), tf.reverse(is_read, [1])
    weights = kernel, recurrent_kernel, input_bias, state_bias
    loop = _differentiable_loop(type(layer).__name__)
    parts = zip(*map(_parts, (sequences, is_read, *tf.nest.flatten(initial_state))), strict=True)
    results = [loop(*weights, *part) for part in parts]
    outputs, *states = (tf.concat(tensors, axis=0) for tensors in zip(*results, strict=True))
    return states[0], outputs, states


def _parts(batch: tf.Tensor) -> list[tf.Tensor]:
    """A part for each core."""
    rows = tf.shape(batch)[0]
    parts: list[tf.Tensor] = tf.split(batch, [(rows + number) // PARTS for number in range(PARTS)])
    return parts


@functools.cache
def _differentiable_loop(kind: str) -> Any:
    """The loop as a function that TensorFlow can differentiate.

    Its arguments are kernel, recurrent kernel, the biases of their products, inputs (batch, time, features), which of
    them to read (batch, time), and initial states (batch, units). It gives outputs (batch, time, units) and the last
    states (batch, units).

    A step that is not to be read hands the states on as they are.
    """
    forward, backward = _compiled(CELL_OF_LAYER[kind])

    def loop(*arguments: tf.Tensor) -> tuple[Any, Any]:
        weights, (inputs, is_read), initial = arguments[:4], arguments[4:6], arguments[6:]
        sources = weights, inputs, is_read, initial
        outputs, last, steps = forward(*tf.nest.map_structure(tf.stop_gradient, sources))

        def gradient(by_outputs: tf.Tensor, *by_last: tf.Tensor) -> tuple[Any, ...]:
            by_weights, by_inputs, by_initial = backward(*sources, *steps, by_outputs, by_last)
            return *by_weights, by_inputs, None, *by_initial

        return (outputs, *last), gradient

    return tf.custom_gradient(loop)


def _compiled(cell: Cell) -> tuple[Any, Any]:
    """The loop over the steps and the loop back over their gradients; XLA compiles each once per shape."""

    def forward(weights: Tensors, inputs: tf.Tensor, is_read: tf.Tensor, initial: Tensors) -> tuple[Any, ...]:
        kernel, recurrent_kernel, input_bias, state_bias = weights
        inputs, is_read = _by_time(inputs), _by_time(is_read)[:, :, None]

        def step(carried: tuple[Tensors, Tensors], at: Tensors) -> tuple[Tensors, Tensors]:
            before, _ = carried
            vectors, is_read = at
            after, kept = cell.forward(vectors @ kernel + input_bias, before[0] @ recurrent_kernel + state_bias, before)
            return _where(is_read, after, before), kept

        _, kept = step((initial, ()), (inputs[0], is_read[0]))  # for its shapes
        states, kept = tf.scan(step, (inputs, is_read), (initial, _zeros(kept)))
        return _by_time(states[0]), [sequence[-1] for sequence in states], (states, kept)

    def backward(
        weights: Tensors,
        inputs: tf.Tensor,
        is_read: tf.Tensor,
        initial: Tensors,
        after: Tensors,
        kept: Tensors,
        by_outputs: tf.Tensor,
        by_last: Tensors,
    ) -> tuple[Any, ...]:
        kernel, recurrent_kernel, _, _ = weights
        inputs, is_read, by_outputs = _by_time(inputs), _by_time(is_read)[:, :, None], _by_time(by_outputs)
        before = tuple(
            tf.concat([first[None], sequence[:-1]], axis=0) for first, sequence in zip(initial, after, strict=True)
        )

        def step(carried: tuple[Tensors, Tensors], at: Any) -> tuple[Tensors, Tensors]:
            (by_hidden, *by_others), _ = carried
            is_read, by_output, kept, before, after = at
            arriving = by_hidden + by_output, *by_others
            by_products, by_before = cell.backward(kept, before, after, _where(is_read, arriving, _zeros(arriving)))
            by_hidden, *by_others = _where(is_read, by_before, arriving)
            by_hidden += tf.matmul(by_products[-1], recurrent_kernel, transpose_b=True)
            return (by_hidden, *by_others), by_products

        sequences = is_read, by_outputs, kept, before, after
        first = tf.nest.map_structure(lambda sequence: sequence[0], sequences)
        _, by_products = step((by_last, ()), first)  # for its shapes
        by_before, by_products = tf.scan(step, sequences, (by_last, _zeros(by_products)), reverse=True)
        by_from_inputs, by_from_state = _rows(by_products[0]), _rows(by_products[-1])
        by_weights = (
            tf.matmul(_rows(inputs), by_from_inputs, transpose_a=True),
            tf.matmul(_rows(before[0]), by_from_state, transpose_a=True),
            tf.reduce_sum(by_from_inputs, axis=0),
            tf.reduce_sum(by_from_state, axis=0),
        )
        by_inputs = tf.reshape(tf.matmul(by_from_inputs, kernel, transpose_b=True), tf.shape(inputs))
        return by_weights, _by_time(by_inputs), [sequence[0] for sequence in by_before]

    return tf.function(forward, jit_compile=True), tf.function(backward, jit_compile=True)


def _by_time(batch: tf.Tensor) -> tf.Tensor:
    """(batch, time, ...) to (time, batch, ...), and back."""
    return tf.transpose(batch, (1, 0, *range(2, len(batch.shape))))


def _rows(sequence: tf.Tensor) -> tf.Tensor:
    """(time, batch, features) to (time x batch, features)."""
    return tf.reshape(sequence, (-1, tf.shape(sequence)[-1]))


def _where(condition: tf.Tensor, chosen: Tensors, otherwise: Tensors) -> Tensors:
    return tuple(tf.where(condition, one, other) for one, other in zip(chosen, otherwise, strict=True))


def _zeros(tensors: Tensors) -> Tensors:
    return tuple(map(tf.zeros_like, tensors))

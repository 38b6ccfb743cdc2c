"""The time loop of recurrent layers on a CPU, compiled by XLA, for training.

Keras multiplies inputs and weights at every step, and sums the weights' gradient over the steps. Here one product
before the loop serves all steps (Appleyard, Kocisky & Blunsom 2016), and one product after it gives the gradient, so a
step is left with the product of state and recurrent weights and with what its gates do. Results are Keras' own.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf

States = tuple[tf.Tensor, ...]
"""What a step hands on, hidden state first, each (batch, units)."""

Gates = Callable[[tf.Tensor, tf.Tensor, States], States]
"""(from inputs, from state, states before) -> states; the first two are (batch, gates x units), biases included."""


def _lstm(from_inputs: tf.Tensor, from_state: tf.Tensor, states: States) -> States:
    input_gate, forget_gate, candidate, output_gate = tf.split(from_inputs + from_state, 4, axis=-1)
    cell_state = tf.sigmoid(forget_gate) * states[1] + tf.sigmoid(input_gate) * tf.tanh(candidate)
    return tf.sigmoid(output_gate) * tf.tanh(cell_state), cell_state


def _gru(from_inputs: tf.Tensor, from_state: tf.Tensor, states: States) -> States:
    inputs, state = tf.split(from_inputs, 3, axis=-1), tf.split(from_state, 3, axis=-1)
    update_gate, reset_gate = tf.sigmoid(inputs[0] + state[0]), tf.sigmoid(inputs[1] + state[1])
    candidate = tf.tanh(inputs[2] + reset_gate * state[2])
    return (update_gate * states[0] + (1 - update_gate) * candidate,)


def _simple_rnn(from_inputs: tf.Tensor, from_state: tf.Tensor, states: States) -> States:
    return (tf.tanh(from_inputs + from_state),)


GATES: dict[str, Gates] = {"LSTM": _lstm, "GRU": _gru, "SimpleRNN": _simple_rnn}
"""Keras layer -> what a step does after its products."""


@contextmanager
def compiled_time_loops(network: Any) -> Iterator[None]:
    """Let the recurrent layers of a Keras model run the loops of this module.

    Left as they are: all layers where there is a GPU, whose cuDNN is faster; layers with recurrent dropout, whose
    product differs from step to step; and those with other activations than Keras' defaults.
    """
    layers = [] if tf.config.list_physical_devices("GPU") else [*filter(_is_compilable, _recurrent_layers(network))]
    for layer in layers:
        layer.inner_loop = functools.partial(_inner_loop, layer)
    try:
        yield
    finally:
        for layer in layers:
            del layer.inner_loop


def _recurrent_layers(network: Any) -> list[Any]:
    return [layer for layer in network._flatten_layers() if type(layer).__name__ in GATES]


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
    """As keras.layers.RNN.inner_loop: (batch, time, features) to last output, outputs and states."""
    batch, time, features = (tf.shape(sequences)[axis] for axis in range(3))
    kernel, recurrent_kernel, bias = (variable.value for variable in layer.cell.trainable_variables)
    input_bias, state_bias = tf.unstack(bias) if len(bias.shape) == 2 else (bias, tf.zeros_like(bias))
    by_time = tf.reshape(tf.transpose(sequences, (1, 0, 2)), (-1, features))  # (time x batch, features)
    from_inputs = tf.reshape(by_time @ kernel + input_bias, (time, batch, -1))
    is_read = tf.ones((time, batch, 1), tf.bool) if mask is None else tf.transpose(mask)[:, :, None]
    loop = _differentiable_loop(type(layer).__name__, layer.go_backwards)
    states = loop(from_inputs, is_read, recurrent_kernel, state_bias, *tf.nest.flatten(initial_state))
    last = [sequence[0 if layer.go_backwards else -1] for sequence in states]
    outputs = tf.transpose(states[0], (1, 0, 2))  # (batch, time, units)
    return last[0], tf.reverse(outputs, [1]) if layer.go_backwards else outputs, last


@functools.cache
def _differentiable_loop(kind: str, backwards: bool) -> Any:
    """(from inputs (time, batch, gates x units), which steps to read (time, batch, 1), recurrent kernel, bias of the
    state's product, initial states) -> the states after each step, each (time, batch, units), in the order of time.

    A step that is not to be read hands the states on as they are.
    """
    forward, backward = _compiled(GATES[kind], backwards)

    def loop(
        from_inputs: tf.Tensor, is_read: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, *initial: tf.Tensor
    ) -> tuple[Any, Any]:
        states = forward(*map(tf.stop_gradient, (from_inputs, is_read, kernel, bias)), initial)

        def gradient(*by_states: tf.Tensor) -> tuple[Any, ...]:
            before = [_shifted(sequence, first, backwards) for sequence, first in zip(states, initial, strict=True)]
            hidden = tf.reshape(before[0], (-1, tf.shape(kernel)[0]))  # (time x batch, units)
            from_state = tf.reshape(hidden @ kernel + bias, tf.shape(from_inputs))
            by_inputs, by_state, by_initial = backward(from_inputs, from_state, is_read, kernel, before, by_states)
            products = tf.reshape(by_state, (-1, tf.shape(kernel)[1]))
            by_kernel = tf.matmul(hidden, products, transpose_a=True)
            return by_inputs, None, by_kernel, tf.reduce_sum(products, axis=0), *by_initial

        return states, gradient

    return tf.custom_gradient(loop)


def _shifted(sequence: tf.Tensor, first: tf.Tensor, backwards: bool) -> tf.Tensor:
    """The states before each step, from those after it."""
    if backwards:
        return tf.concat([sequence[1:], first[None]], axis=0)
    return tf.concat([first[None], sequence[:-1]], axis=0)


def _compiled(gates: Gates, backwards: bool) -> tuple[Any, Any]:
    """The loop over the steps and the loop back over their gradients; XLA compiles each once per shape."""

    def forward(
        from_inputs: tf.Tensor, is_read: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, initial: States
    ) -> list[tf.Tensor]:
        steps = tf.shape(from_inputs)[0]
        units = kernel.shape[0]

        def step(number: tf.Tensor, states: States, written: Sequence[Any]) -> tuple[Any, ...]:
            time = steps - 1 - number if backwards else number
            found = gates(from_inputs[time], states[0] @ kernel + bias, states)
            states = tuple(tf.where(is_read[time], new, old) for new, old in zip(found, states, strict=True))
            return number + 1, states, [array.write(time, new) for array, new in zip(written, states, strict=True)]

        empty = [tf.TensorArray(tf.float32, steps, element_shape=(None, units)) for _ in initial]
        _, _, written = tf.while_loop(
            lambda number, *_: number < steps, step, (0, initial, empty), maximum_iterations=steps
        )
        return [array.stack() for array in written]

    def backward(
        from_inputs: tf.Tensor,
        from_state: tf.Tensor,
        is_read: tf.Tensor,
        kernel: tf.Tensor,
        before: Sequence[tf.Tensor],
        by_states: Sequence[tf.Tensor],
    ) -> tuple[tf.Tensor, tf.Tensor, States]:
        steps = tf.shape(from_inputs)[0]
        width = kernel.shape[1]

        def step(number: tf.Tensor, carried: States, by_inputs: Any, by_state: Any) -> tuple[Any, ...]:
            time = number if backwards else steps - 1 - number
            products = from_inputs[time], from_state[time]
            states = tuple(sequence[time] for sequence in before)
            arriving = [one + sequence[time] for one, sequence in zip(carried, by_states, strict=True)]
            with tf.GradientTape() as tape:
                tape.watch((products, states))
                found = gates(*products, states)
            passing = [tf.where(is_read[time], one, 0.0) for one in arriving]
            by_products, by_before = tape.gradient(
                found, (products, states), passing, unconnected_gradients=tf.UnconnectedGradients.ZERO
            )
            staying = [tf.where(is_read[time], 0.0, one) for one in arriving]
            carried = tuple(one + other for one, other in zip(by_before, staying, strict=True))
            carried = (carried[0] + tf.matmul(by_products[1], kernel, transpose_b=True), *carried[1:])
            return number + 1, carried, by_inputs.write(time, by_products[0]), by_state.write(time, by_products[1])

        empty = [tf.TensorArray(tf.float32, steps, element_shape=(None, width)) for _ in range(2)]
        _, carried, by_inputs, by_state = tf.while_loop(
            lambda number, *_: number < steps,
            step,
            (0, tuple(tf.zeros_like(sequence[0]) for sequence in before), *empty),
            maximum_iterations=steps,
        )
        return by_inputs.stack(), by_state.stack(), carried

    compiled = functools.partial(tf.function, jit_compile=True, reduce_retracing=True)
    return compiled(forward), compiled(backward)

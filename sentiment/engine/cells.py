"""Recurrent cells: CELLS, the one table of what the project knows of LSTM, SimpleRNN and GRU.

A new cell is one new entry: its Keras layer, its ONNX operator, and its equations twice. One is a step in NumPy, which
scores and shows gates and states; the other a step with its derivative, from which `time_loop` compiles a loop in
TensorFlow and which explains in NumPy. The equations are those of the Keras layers with their default activations, for
the GRU with `reset_after`.

The LSTM is that of Hochreiter & Schmidhuber (1997) with the forget gate of Gers et al. (2000), the GRU that of Cho et
al. (2014), the SimpleRNN that of Elman (1990).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import AfterValidator

Values = Mapping[str, np.ndarray]
"""What a cell computes at a time step, by name; `hidden_state` is what it hands on."""

Step = Callable[[np.ndarray, np.ndarray, Values], dict[str, np.ndarray]]
"""What a step does after its two products, with the inputs and with the hidden state, each (gates, ..., units).

(product with inputs, product with state, the values of the step before) -> the values of this step, each (..., units).
Gates are in the order of `Cell.by_gate`. The products of sigmoids come halved, as `Cell.halved` leaves them, because a
sigmoid is (1 + tanh(x / 2)) / 2: so a step takes one tanh of all its gates.
"""

STATES = ("hidden_state", "cell_state")
"""The values that a step may need of the step before."""

Tensors = tuple[Any, ...]
"""Tensors of TensorFlow, or arrays of NumPy."""

Forward = Callable[[Any, Any, Tensors], tuple[Tensors, Tensors]]
"""What a step does after its two products, with the inputs and with the hidden state, each (batch, gates x units).

(product with inputs, product with state, states before) -> (states after, what `Backward` needs). States are (batch,
units), the hidden one first. Sigmoids are written as (1 + t) / 2 with t = tanh(x / 2): so a step takes one tanh of all
its gates; their derivative is (1 - t ** 2) / 4.
"""

Backward = Callable[[Tensors, Tensors, Tensors, Tensors], tuple[Tensors, Tensors]]
"""The derivative of `Forward`.

(what it kept, states before, states after, gradient by the states after) -> (gradient by both products, gradient by the
states before). The last is without what reaches these states through the product. Where the two products have one
gradient, it stands there once.
"""


@dataclass(frozen=True)
class Cell:
    """A kind of recurrent layer.

    Attributes:
        layer: name of the Keras layer, which is also the name shown to people.
        operator: name of the ONNX operator.
        gate_order: positions of Keras' gates in our order, which is ONNX's too: sigmoids first, the one tanh last.
        step: one time step in NumPy.
        forward, backward: one time step in TensorFlow or NumPy, and its derivative.
    """

    layer: str
    operator: str
    gate_order: tuple[int, ...]
    step: Step
    forward: Forward
    backward: Backward

    def by_gate(self, weights: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The weights of a Keras layer, one matrix for each gate.

        Args:
            weights: of `layer.get_weights()`: kernel (features, gates x units), recurrent kernel (units, gates x units)
                and bias (gates x units,), or (2, gates x units) where the state has a bias of its own.

        Returns:
            Kernel (gates, features, units), recurrent kernel (gates, units, units), bias (1 or 2, gates, units).
        """
        order = list(self.gate_order)
        kernel, recurrent_kernel, bias = (
            np.atleast_2d(array).reshape(-1, len(order), array.shape[-1] // len(order))[:, order] for array in weights
        )
        return kernel.swapaxes(0, 1), recurrent_kernel.swapaxes(0, 1), bias

    def by_layer(self, kernel: np.ndarray, recurrent_kernel: np.ndarray, bias: np.ndarray) -> list[np.ndarray]:
        """The weights as the Keras layer has them: what `by_gate` takes."""
        order = np.argsort(self.gate_order)
        sides = [array[order].swapaxes(0, 1).reshape(array.shape[1], -1) for array in (kernel, recurrent_kernel)]
        by_product = bias[:, order].reshape(len(bias), -1)
        return [*sides, by_product if len(bias) > 1 else by_product[0]]

    def halved(self, weights: np.ndarray) -> np.ndarray:
        """Weights (gates, ...) for `step`: those of sigmoids times one half, which is exact."""
        factors = np.array([0.5] * (len(weights) - 1) + [1.0], weights.dtype)
        halved: np.ndarray = weights * factors.reshape(-1, *[1] * (weights.ndim - 1))
        return halved

    def trace(
        self, weights: Sequence[np.ndarray], inputs: np.ndarray, before: Values | None = None
    ) -> dict[str, np.ndarray]:
        """What the cell computes at each time step, in double precision.

        Args:
            weights: of `by_gate`.
            inputs: (time, features), in the order of reading.
            before: values to go on from; None: a state of zeros.

        Returns:
            The values of `step`, each (time, units).
        """
        kernel, recurrent_kernel, bias = (array.astype(np.float64) for array in weights)
        kernel, recurrent_kernel = self.halved(kernel), self.halved(recurrent_kernel)
        from_inputs = inputs.astype(np.float64) @ kernel + self.halved(bias[0])[:, None]  # (gates, time, units)
        state_bias = self.halved(bias[1]) if len(bias) > 1 else 0.0
        values = before or dict.fromkeys(STATES, np.zeros(bias.shape[-1]))
        steps = []
        for time in range(len(inputs)):
            values = self.step(from_inputs[:, time], values["hidden_state"] @ recurrent_kernel + state_bias, values)
            steps.append(values)
        return {name: np.stack([values[name] for values in steps]) for name in steps[0]}


def lstm_step(from_inputs: np.ndarray, from_state: np.ndarray, before: Values) -> dict[str, np.ndarray]:
    """The forget gate keeps part of the cell state, the input gate adds part of the candidate, the output gate shows
    part of the result; see `Step`.
    """
    gates = from_inputs + from_state
    np.tanh(gates, out=gates)
    input_gate, output_gate, forget_gate = _sigmoid(gates[:3])
    cell_state = forget_gate * before["cell_state"] + input_gate * gates[3]
    return {
        "forget_gate": forget_gate,
        "input_gate": input_gate,
        "output_gate": output_gate,
        "candidate": gates[3],
        "cell_state": cell_state,
        "hidden_state": output_gate * np.tanh(cell_state),
    }


def lstm_forward(from_inputs: Any, from_state: Any, before: Tensors) -> tuple[Tensors, Tensors]:
    """The step of an LSTM, whose states are the hidden and the cell state; see `Forward`."""
    xp = _namespace(from_inputs)
    gates = xp.tanh((from_inputs + from_state) * _per_gate(before, 0.5, 0.5, 1, 0.5))
    input_gate, forget_gate, candidate, output_gate = xp.split(gates, 4, axis=-1)
    cell_state = _sigmoid(forget_gate) * before[1] + _sigmoid(input_gate) * candidate
    return (_sigmoid(output_gate) * xp.tanh(cell_state), cell_state), (gates,)


def lstm_backward(kept: Tensors, before: Tensors, after: Tensors, by_after: Tensors) -> tuple[Tensors, Tensors]:
    """The derivative of `lstm_forward`; see `Backward`."""
    xp = _namespace(before[0])
    (gates,) = kept
    input_gate, forget_gate, candidate, output_gate = xp.split(gates, 4, axis=-1)
    output = xp.tanh(after[1])
    by_hidden, by_cell = by_after
    by_cell = by_cell + by_hidden * _sigmoid(output_gate) * (1 - output**2)  # NumPy would add in place
    # XLA makes vector instructions of the factors side by side, multiplied after; not of products side by side.
    by_products = xp.concat([by_cell, by_cell, by_cell, by_hidden], axis=-1)
    by_products *= xp.concat([candidate, before[1], _sigmoid(input_gate), output], axis=-1)
    by_products *= (1 - gates**2) * _per_gate(before, 0.25, 0.25, 1, 0.25)
    return (by_products,), (xp.zeros_like(by_hidden), by_cell * _sigmoid(forget_gate))


def gru_step(from_inputs: np.ndarray, from_state: np.ndarray, before: Values) -> dict[str, np.ndarray]:
    """The reset gate says how much of the state enters the candidate, the update gate how much of the state stays."""
    update_gate, reset_gate = _sigmoid(np.tanh(from_inputs[:2] + from_state[:2]))
    candidate = np.tanh(from_inputs[2] + reset_gate * from_state[2])
    return {
        "update_gate": update_gate,
        "reset_gate": reset_gate,
        "candidate": candidate,
        "hidden_state": candidate + update_gate * (before["hidden_state"] - candidate),
    }


def gru_forward(from_inputs: Any, from_state: Any, before: Tensors) -> tuple[Tensors, Tensors]:
    """The step of a GRU; see `Forward`."""
    xp = _namespace(from_inputs)
    units = before[0].shape[-1]
    gates = xp.tanh((from_inputs + from_state)[:, : 2 * units] * 0.5)
    update_gate, reset_gate = xp.split(gates, 2, axis=-1)
    remembered = from_state[:, 2 * units :]
    candidate = xp.tanh(from_inputs[:, 2 * units :] + _sigmoid(reset_gate) * remembered)
    hidden = candidate + _sigmoid(update_gate) * (before[0] - candidate)
    return (hidden,), (gates, candidate, remembered)


def gru_backward(kept: Tensors, before: Tensors, after: Tensors, by_after: Tensors) -> tuple[Tensors, Tensors]:
    """The derivative of `gru_forward`; see `Backward`."""
    xp = _namespace(before[0])
    gates, candidate, remembered = kept
    update_gate, reset_gate = xp.split(gates, 2, axis=-1)
    by_candidate = by_after[0] * (1 - _sigmoid(update_gate)) * (1 - candidate**2)
    by_gates = xp.concat([by_after[0], by_candidate], axis=-1)
    by_gates *= xp.concat([before[0] - candidate, remembered], axis=-1)
    by_gates *= (1 - gates**2) * 0.25
    by_from_inputs = xp.concat([by_gates, by_candidate], axis=-1)
    by_from_state = xp.concat([by_gates, by_candidate * _sigmoid(reset_gate)], axis=-1)
    return (by_from_inputs, by_from_state), (by_after[0] * _sigmoid(update_gate),)


def simple_rnn_step(from_inputs: np.ndarray, from_state: np.ndarray, before: Values) -> dict[str, np.ndarray]:
    """Every step makes the state anew from inputs and state."""
    return {"hidden_state": np.tanh(from_inputs[0] + from_state[0])}


def simple_rnn_forward(from_inputs: Any, from_state: Any, before: Tensors) -> tuple[Tensors, Tensors]:
    """The step of a SimpleRNN; see `Forward`."""
    xp = _namespace(from_inputs)
    return (xp.tanh(from_inputs + from_state),), ()


def simple_rnn_backward(kept: Tensors, before: Tensors, after: Tensors, by_after: Tensors) -> tuple[Tensors, Tensors]:
    """The derivative of `simple_rnn_forward`; see `Backward`."""
    xp = _namespace(before[0])
    return (by_after[0] * (1 - after[0] ** 2),), (xp.zeros_like(before[0]),)


def _namespace(tensor: Any) -> Any:
    """NumPy for an array, else TensorFlow, which has the same functions under the same names."""
    if isinstance(tensor, np.ndarray):
        return np
    import tensorflow

    return tensorflow


def _sigmoid(tanh_of_half: Any) -> Any:
    return 0.5 + 0.5 * tanh_of_half


def _per_gate(states: Tensors, *factors: float) -> np.ndarray:
    """A factor for each gate, (gates x units,)."""
    return np.repeat(np.array(factors, np.float32), states[0].shape[-1])


CELLS: dict[str, Cell] = {
    # Keras has the gates i f c o, we have i o f c; both have z r h.
    "lstm": Cell("LSTM", "LSTM", (0, 3, 1, 2), lstm_step, lstm_forward, lstm_backward),
    "simple_rnn": Cell("SimpleRNN", "RNN", (0,), simple_rnn_step, simple_rnn_forward, simple_rnn_backward),
    "gru": Cell("GRU", "GRU", (0, 1, 2), gru_step, gru_forward, gru_backward),
}
"""Name in options and configurations -> the cell."""

CELL_OF_LAYER = {cell.layer: cell for cell in CELLS.values()}
"""Name of a Keras layer -> its cell."""


def _known(name: str) -> str:
    if name not in CELLS:
        raise ValueError(f"choose {', '.join(CELLS)}")
    return name


CellName = Annotated[str, AfterValidator(_known)]
"""A key of CELLS."""


def is_recurrent(layer: Any) -> bool:
    """Whether a Keras layer has a cell of CELLS, in one direction or in both."""
    return type(getattr(layer, "forward_layer", layer)).__name__ in CELL_OF_LAYER

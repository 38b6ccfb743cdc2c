"""The recurrent layers of Keras, one time step after the other in NumPy, with every gate laid open.

The equations are those of `keras.layers.LSTM`, `GRU` (with `reset_after`, Keras' default) and `SimpleRNN` with their
default activations; weights are in the order of `layer.get_weights()`: kernel (features, gates x units), recurrent
kernel (units, gates x units) and bias.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.special import expit

Values = Mapping[str, np.ndarray]
"""What a layer computes at a time step, by name; `hidden_state` is what it hands on."""

Step = Callable[[Sequence[np.ndarray], np.ndarray, Values], dict[str, np.ndarray]]
"""(weights, inputs (features,), the values of the step before) -> the values of this step, each (units,)."""


def lstm_step(weights: Sequence[np.ndarray], inputs: np.ndarray, before: Values) -> dict[str, np.ndarray]:
    """The forget gate keeps part of the cell state, the input gate adds part of the candidate, the output gate shows
    part of the result (Hochreiter & Schmidhuber 1997; Gers et al. 2000).
    """
    kernel, recurrent_kernel, bias = weights
    summed = np.split(inputs @ kernel + before["hidden_state"] @ recurrent_kernel + bias, 4, axis=-1)
    input_gate, forget_gate, output_gate = expit(summed[0]), expit(summed[1]), expit(summed[3])
    candidate = np.tanh(summed[2])
    cell_state = forget_gate * before["cell_state"] + input_gate * candidate
    return {
        "forget_gate": forget_gate,
        "input_gate": input_gate,
        "output_gate": output_gate,
        "candidate": candidate,
        "cell_state": cell_state,
        "hidden_state": output_gate * np.tanh(cell_state),
    }


def gru_step(weights: Sequence[np.ndarray], inputs: np.ndarray, before: Values) -> dict[str, np.ndarray]:
    """The reset gate says how much of the state enters the candidate, the update gate how much of it stays (Cho et
    al. 2014).
    """
    kernel, recurrent_kernel, bias = weights
    from_inputs = np.split(inputs @ kernel + bias[0], 3, axis=-1)
    from_state = np.split(before["hidden_state"] @ recurrent_kernel + bias[1], 3, axis=-1)
    update_gate, reset_gate = (expit(from_inputs[gate] + from_state[gate]) for gate in (0, 1))
    candidate = np.tanh(from_inputs[2] + reset_gate * from_state[2])
    return {
        "update_gate": update_gate,
        "reset_gate": reset_gate,
        "candidate": candidate,
        "hidden_state": update_gate * before["hidden_state"] + (1 - update_gate) * candidate,
    }


def simple_rnn_step(weights: Sequence[np.ndarray], inputs: np.ndarray, before: Values) -> dict[str, np.ndarray]:
    """The state is made anew from inputs and state at every step (Elman 1990)."""
    kernel, recurrent_kernel, bias = weights
    return {"hidden_state": np.tanh(inputs @ kernel + before["hidden_state"] @ recurrent_kernel + bias)}


STEPS: dict[str, Step] = {"LSTM": lstm_step, "GRU": gru_step, "SimpleRNN": simple_rnn_step}
"""Keras layer -> its time step."""


def is_recurrent(layer: Any) -> bool:
    """Whether a Keras layer is one of STEPS, in one direction or in both."""
    return type(getattr(layer, "forward_layer", layer)).__name__ in STEPS


def trace(layer: Any, inputs: np.ndarray) -> dict[str, np.ndarray]:
    """What a recurrent Keras layer of one direction computes at each time step, from a state of zeros.

    Args:
        layer: built LSTM, GRU or SimpleRNN.
        inputs: (time, features), in the order of reading.

    Returns:
        The values of its step in STEPS, float64 arrays of shape (time, units).
    """
    step = STEPS[type(layer).__name__]
    weights = [array.astype(np.float64) for array in layer.get_weights()]
    values: Values = dict.fromkeys(("hidden_state", "cell_state"), np.zeros(layer.units))
    steps = [values := step(weights, vector, values) for vector in inputs.astype(np.float64)]
    return {name: np.stack([values[name] for values in steps]) for name in steps[0]}

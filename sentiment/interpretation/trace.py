"""The recurrent layers of Keras, one time step after the other in NumPy, with every gate laid open."""

from typing import Any

import numpy as np

from sentiment.training.cells import CELL_OF_LAYER, Values


def trace(layer: Any, inputs: np.ndarray) -> dict[str, np.ndarray]:
    """What a recurrent Keras layer of one direction computes at each time step, from a state of zeros.

    Args:
        layer: built LSTM, GRU or SimpleRNN.
        inputs: (time, features), in the order of reading.

    Returns:
        The values of its cell's step, float64 arrays of shape (time, units).
    """
    step = CELL_OF_LAYER[type(layer).__name__].step
    weights = [array.astype(np.float64) for array in layer.get_weights()]
    values: Values = dict.fromkeys(("hidden_state", "cell_state"), np.zeros(layer.units))
    steps = [values := step(weights, vector, values) for vector in inputs.astype(np.float64)]
    return {name: np.stack([values[name] for values in steps]) for name in steps[0]}

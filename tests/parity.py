"""How closely results agree that single precision rounds on different ways."""

from typing import Any

import numpy as np

STATE = 1e-5
"""Largest difference of a hidden state, which lies between -1 and 1, with another order of sums."""


def of_probability(network: Any) -> float:
    """Largest difference of the probability of a Keras network: its logit sums up states, each with its weight."""
    kernel, _ = next(layer.get_weights() for layer in network.layers[::-1] if type(layer).__name__ == "Dense")
    return STATE * max(1.0, float(np.abs(kernel).sum()))

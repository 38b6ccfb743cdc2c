"""GradientFlow: how far back the loss of a review reaches through the states of a recurrent network.

It measures the norm of the gradient of the loss with respect to the hidden state of each time step. In a plain
recurrent network this norm shrinks or grows geometrically (Bengio, Simard & Frasconi 1994; Pascanu, Mikolov & Bengio
2013), which gates are there to prevent (Hochreiter & Schmidhuber 1997).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sentiment.engine.cells import is_recurrent

FACTOR = 100
"""A gradient has vanished when it fell by this factor on its way back, and exploded when it grew by it."""


@dataclass(frozen=True)
class GradientFlow:
    """The gradients of one network.

    Attributes:
        norms: (reviews, steps), the Euclidean norm of the gradient of a review's loss (nats) by the hidden state of
            each time step, the last step last.
    """

    norms: np.ndarray

    def by_step(self) -> pd.DataFrame:
        """Mean and quartiles over the reviews, a row per time step, from 1."""
        quartiles = np.quantile(self.norms, (0.25, 0.5, 0.75), axis=0)
        return pd.DataFrame(
            {
                "mean": self.norms.mean(axis=0),
                "lower_quartile": quartiles[0],
                "median": quartiles[1],
                "upper_quartile": quartiles[2],
            },
            index=pd.RangeIndex(1, self.norms.shape[1] + 1, name="step"),
        )

    def steps_to_vanish(self) -> int | None:
        """Steps back from the last until the median has fallen by FACTOR; None if it does not within the review."""
        median = np.median(self.norms, axis=0)[::-1]
        fallen = np.flatnonzero(median * FACTOR <= median[0])
        return int(fallen[0]) if len(fallen) else None

    def exploding_share(self) -> float:
        """Share of the reviews whose gradient is somewhere FACTOR times that of the last step, or more."""
        return float(np.mean(self.norms.max(axis=1) >= FACTOR * self.norms[:, -1]))


def measure_gradient_flow(network: Any, inputs: np.ndarray, labels: np.ndarray) -> GradientFlow:
    """The gradients through the last recurrent layer of a network; through its forward direction, if it has two.

    Args:
        network: Keras model as `build_model` makes it.
        inputs: int32 indices (reviews, steps), without padding.
        labels: (reviews,), 1 positive, 0 negative.
    """
    import keras
    import tensorflow as tf

    last = max(position for position, layer in enumerate(network.layers) if is_recurrent(layer))
    features: Any = inputs
    for layer in network.layers[:last]:
        features = layer(features, training=False)
    recurrent = network.layers[last]
    forward = getattr(recurrent, "forward_layer", recurrent)
    state = forward.get_initial_state(len(inputs))
    hidden_states = []
    with tf.GradientTape() as tape:
        for step in range(inputs.shape[1]):
            hidden, state = forward.cell(features[:, step], state, training=False)  # (reviews, units)
            hidden_states.append(hidden)
        outputs = tf.stack(hidden_states, axis=1) if recurrent.return_sequences else hidden
        if recurrent is not forward:
            backward = recurrent.backward_layer(features, training=False)
            if recurrent.return_sequences:
                backward = tf.reverse(backward, [1])
            outputs = tf.concat([outputs, backward], axis=-1)
        for layer in network.layers[last + 1 :]:
            outputs = layer(outputs, training=False)
        loss = tf.reduce_sum(keras.losses.binary_crossentropy(labels[:, None], outputs))
    gradients = tape.gradient(loss, hidden_states)
    norms = [np.linalg.norm(gradient.numpy().astype(np.float64), axis=-1) for gradient in gradients]
    return GradientFlow(np.stack(norms, axis=1))

"""Gradients against a numerical derivative and a closed form."""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from sentiment.engine.cells import CELLS, CellName
from sentiment.interpretation.gradient_flow import FACTOR, GradientFlow, measure_gradient_flow
from sentiment.training.models import ModelConfig, build_model

STEPS_READ, UNITS = 12, 4


POOLINGS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "last": lambda hidden: hidden[-1],
    "max": lambda hidden: hidden.max(axis=0),
    "mean": lambda hidden: hidden.mean(axis=0),
    "max_mean": lambda hidden: np.concatenate([hidden.max(axis=0), hidden.mean(axis=0)]),
}


@pytest.mark.parametrize(
    ("cell", "layers", "pooling"),
    [("lstm", 2, "last"), ("lstm", 1, "max_mean"), ("gru", 2, "last"), ("gru", 1, "mean"), ("simple_rnn", 1, "max")],
)
def test_gradients_are_the_numerical_derivative(cell: CellName, layers: int, pooling: str) -> None:
    """By central differences, in double precision, of going on in NumPy from a nudged hidden state."""
    config = ModelConfig.model_validate({"embedding_dim": 3, "units": UNITS, "layers": layers, "pooling": pooling})
    network = build_model(cell, config, num_words=20, maxlen=STEPS_READ, seed=2)
    inputs = np.random.default_rng(0).integers(4, 20, (1, STEPS_READ), dtype=np.int32)
    [norms] = measure_gradient_flow(network, inputs, np.array([1])).norms
    features = np.asarray(network.layers[0](inputs))[0]
    for layer in network.layers[1:layers]:
        features = np.asarray(layer(features[None]))[0]
    recurrent, dense = network.layers[layers], network.layers[-1]
    weights = CELLS[cell].by_gate(recurrent.get_weights())
    states = CELLS[cell].trace(weights, features)

    def loss(nudged: int, unit: int, nudge: float) -> float:
        values = {name: array[nudged].copy() for name, array in states.items()}
        values["hidden_state"][unit] += nudge
        hidden = [*states["hidden_state"][:nudged], values["hidden_state"]]
        if nudged + 1 < len(features):
            hidden += [*CELLS[cell].trace(weights, features[nudged + 1 :], values)["hidden_state"]]
        kernel, bias = dense.get_weights()
        return float(np.log1p(np.exp(-(POOLINGS[pooling](np.array(hidden)) @ kernel + bias)[0])))

    for position in range(STEPS_READ):
        slopes = [(loss(position, unit, 1e-5) - loss(position, unit, -1e-5)) / 2e-5 for unit in range(UNITS)]
        assert norms[position] == pytest.approx(np.linalg.norm(slopes), rel=1e-3, abs=1e-9)


def linear_network(radius: float) -> Any:
    """A linear recurrent network whose recurrent matrix is a rotation times `radius`."""
    rotation = np.linalg.qr(np.random.default_rng(3).normal(size=(UNITS, UNITS)))[0]
    network = keras.Sequential(
        [
            keras.Input((60,), dtype="int32"),
            keras.layers.Embedding(20, 3),
            keras.layers.SimpleRNN(UNITS, activation="linear"),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    kernel, _, bias = network.layers[1].get_weights()
    network.layers[1].set_weights([0.01 * kernel, radius * rotation, bias])
    return network


@pytest.mark.parametrize("radius", [0.85, 1.0, 1.1])
def test_through_a_linear_network_the_gradient_is_a_power_of_the_radius(radius: float) -> None:
    """It vanishes or explodes where that power changes by a factor of 100."""
    network = linear_network(radius)
    inputs = np.random.default_rng(1).integers(4, 20, (5, 60), dtype=np.int32)
    labels = np.array([0, 1, 1, 0, 1])
    flow = measure_gradient_flow(network, inputs, labels)
    weight = np.linalg.norm(network.layers[-1].get_weights()[0])
    errors = np.abs(network.predict(inputs, verbose=0)[:, 0] - labels)  # derivative of the loss by the logit
    expected = errors[:, None] * weight * radius ** np.arange(59, -1, -1)
    assert flow.norms == pytest.approx(expected, rel=1e-3)
    steps = math.ceil(math.log(FACTOR) / -math.log(radius)) if radius < 1 else None
    assert (flow.steps_to_vanish(), flow.exploding_share()) == (steps, float(radius > 1))


def test_the_summary_holds_mean_and_quartiles_of_each_step() -> None:
    table = GradientFlow(np.array([[1.0, 0.0], [2.0, 4.0], [9.0, 8.0]])).by_step()
    assert table.loc[1].to_dict() == {"mean": 4, "lower_quartile": 1.5, "median": 2, "upper_quartile": 5.5}
    assert table.index.tolist() == [1, 2]

"""The compiled time loops give what Keras gives, and the same gradients."""

import itertools
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from sentiment.engine.cells import CELLS, CellName
from sentiment.training.models import ModelConfig, build_model
from sentiment.training.time_loop import compiled_time_loops

INDICES = np.array(
    [[1, 5, 6, 7, 8, 9, 4], [0, 0, 0, 0, 0, 0, 0], [1, 7, 5, 0, 0, 0, 0], [1, 11, 10, 4, 4, 0, 0]], np.int32
)


@pytest.fixture(autouse=True)
def parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many parts of a batch on every machine."""
    monkeypatch.setattr("sentiment.training.time_loop.PARTS", 2)


def network_of(cell: CellName, **options: Any) -> Any:
    config = ModelConfig.model_validate({"embedding_dim": 5, "units": 4, **options})
    network = build_model(cell, config, num_words=12, maxlen=7, seed=1)
    generator = np.random.default_rng(0)  # biases too
    network.set_weights([generator.normal(0, 0.5, weights.shape) for weights in network.get_weights()])
    return network


def gradients(network: Any, indices: tf.Tensor) -> list[tf.Tensor]:
    with tf.GradientTape() as tape:
        outputs = network(indices, training=True)
    found = tape.gradient(outputs, [variable.value for variable in network.trainable_variables])
    return [outputs, *map(tf.convert_to_tensor, found)]


@pytest.mark.parametrize(
    ("cell", "bidirectional", "mask_padding", "padding"),
    [
        ("lstm", False, False, "post"),
        ("lstm", True, True, "pre"),
        ("gru", False, True, "post"),
        ("gru", True, False, "pre"),
        ("simple_rnn", False, False, "pre"),
        ("simple_rnn", True, True, "post"),
    ],
)
def test_a_compiled_loop_computes_what_keras_does(
    cell: CellName, bidirectional: bool, mask_padding: bool, padding: str
) -> None:
    """Every pair of values of any two options is among the cases."""
    indices = INDICES if padding == "post" else INDICES[:, ::-1]
    network = network_of(cell, bidirectional=bidirectional, mask_padding=mask_padding, layers=2)
    expected = gradients(network, tf.constant(indices))
    with compiled_time_loops(network):
        assert any("inner_loop" in vars(layer) for layer in network._flatten_layers())
        found = gradients(network, tf.constant(indices))
    for one, other in zip(found, expected, strict=True):
        assert np.allclose(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("cell", CELLS)
def test_it_computes_the_same_within_a_graph_for_every_size(cell: CellName) -> None:
    for units, sizes in ((4, ((3, 7), (1, 5))), (6, ((2, 5),))):
        batches = [tf.constant(INDICES[-reviews:, :time]) for reviews, time in sizes]
        network = network_of(cell, units=units, mask_padding=True, pooling="max")
        expected = [gradients(network, batch) for batch in batches]
        graph = tf.function(gradients, reduce_retracing=True)
        with compiled_time_loops(network):
            found = [graph(network, batch) for batch in batches]
        for one, other in zip(itertools.chain(*found), itertools.chain(*expected), strict=True):
            assert np.allclose(one, other, rtol=1e-5, atol=1e-5)


def test_layers_that_it_cannot_serve_are_left_alone() -> None:
    network = keras.Sequential(
        [
            keras.Input((4, 3)),
            keras.layers.LSTM(2, return_sequences=True),
            keras.layers.LSTM(2, recurrent_dropout=0.5, return_sequences=True),
            keras.layers.LSTM(2, activation="relu"),
        ]
    )
    with compiled_time_loops(network):
        assert ["inner_loop" in vars(layer) for layer in network.layers] == [True, False, False]
    assert not any("inner_loop" in vars(layer) for layer in network.layers)

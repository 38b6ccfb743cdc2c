from typing import Any

import numpy as np
import pytest

from sentiment.interpretation.explanation import trace
from sentiment.training.cells import CELL_OF_LAYER


@pytest.mark.parametrize("kind", CELL_OF_LAYER)
def test_the_states_of_every_step_are_those_of_keras(kind: str) -> None:
    import keras

    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(1, 120, 5)).astype(np.float32)
    options: dict[str, Any] = {} if kind == "SimpleRNN" else {"recurrent_activation": "sigmoid"}
    layer = getattr(keras.layers, kind)(7, return_sequences=True, return_state=True, **options)
    layer.build(inputs.shape)
    layer.set_weights([generator.normal(scale=0.7, size=array.shape) for array in layer.get_weights()])
    outputs, *last = (np.asarray(array)[0] for array in layer(inputs))
    traced = trace(layer, inputs[0])
    assert traced["hidden_state"] == pytest.approx(outputs, abs=1e-5)
    if kind == "LSTM":
        assert traced["cell_state"][-1] == pytest.approx(last[1], abs=1e-5)


def test_the_cell_state_is_what_is_kept_and_what_is_added() -> None:
    import keras

    layer = keras.layers.LSTM(4)
    layer.build((1, 30, 3))
    values = trace(layer, np.random.default_rng(1).normal(size=(30, 3)))
    kept = values["forget_gate"][1:] * values["cell_state"][:-1]
    added = values["input_gate"] * values["candidate"]
    assert values["cell_state"][1:] == pytest.approx(kept + added[1:])
    assert values["cell_state"][0] == pytest.approx(added[0])

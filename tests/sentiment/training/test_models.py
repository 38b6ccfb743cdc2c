import numpy as np
import pytest

from sentiment.engine.cells import CELLS, CellName
from sentiment.training.models import ModelConfig, build_model


def recurrent_parameters(cell: CellName, config: ModelConfig) -> int:
    network = build_model(cell, config, num_words=10, maxlen=5)
    return sum(layer.count_params() for layer in network.layers if layer.name.startswith(f"{cell}_"))


@pytest.mark.parametrize(("units", "inputs", "parameters"), [(3, 8, 144), (10, 1, 480)])
def test_an_lstm_has_four_gates_of_inputs_state_and_bias(units: int, inputs: int, parameters: int) -> None:
    assert recurrent_parameters("lstm", ModelConfig(embedding_dim=inputs, units=units)) == parameters
    assert parameters == 4 * units * (inputs + units + 1)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("cell", CELLS)
def test_parameters_follow_the_closed_formulas(cell: CellName, layers: int, bidirectional: bool) -> None:
    units, inputs, directions = 6, 4, 1 + bidirectional
    per_gate = [units * (size + units + 1) for size in [inputs, *[units * directions] * (layers - 1)]]
    expected = {
        "lstm": 4 * sum(per_gate),
        "simple_rnn": sum(per_gate),
        "gru": 3 * sum(size + units for size in per_gate),  # Keras' GRU has a second bias (reset_after)
    }[cell]
    config = ModelConfig(embedding_dim=inputs, units=units, layers=layers, bidirectional=bidirectional)
    assert recurrent_parameters(cell, config) == directions * expected


def test_initial_weights_follow_from_the_seed() -> None:
    first, same, other = (build_model("lstm", ModelConfig(), num_words=9, maxlen=5, seed=seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first.get_weights(), same.get_weights(), strict=True))
    assert not np.array_equal(first.get_weights()[0], other.get_weights()[0])

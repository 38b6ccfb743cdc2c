"""Both engines, the compiled core and NumPy, beside Keras, each other and themselves."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.data.sequences import SequenceConfig, pad_texts
from sentiment.engine import numpy_network
from sentiment.engine.cells import CELLS, CellName
from sentiment.engine.native import NativeNetwork
from sentiment.engine.network import Network, Padding
from sentiment.engine.numpy_network import BLOCK, NumpyNetwork, product_of_rows
from sentiment.training.models import ModelConfig, build_model
from tests import parity
from tests.sentiment.engine.networks import (
    ENGINES,
    MAXLEN,
    NUM_WORDS,
    VOCABULARY,
    WIDTHS,
    Engine,
    engine_of,
    random_texts,
    small_engine,
    telling,
)

SHAPES = [
    {"layers": 1 + (row & 1), "bidirectional": bool(row & 2), "mask_padding": bool(row & 4), "side": side}
    for row, side in enumerate(("pre", "post", "post", "pre", "post", "pre", "pre", "post"))
]
NETWORKS: list[tuple[CellName, dict[str, Any]]] = [
    (cell, {"pooling": pooling, **SHAPES[shape]})
    for (cell, pooling), shape in zip(
        itertools.product(CELLS, ("last", "max", "mean", "max_mean")), (1, 4, 2, 0, 7, 0, 3, 7, 0, 7, 5, 7), strict=True
    )
]
"""Every pair of values of any two options is among them."""

NETWORKS += [(cell, {"layers": layers, "side": "pre"}) for cell, layers in zip(CELLS, (1, 3, 3), strict=True)]
"""Their padding is tabulated."""


@pytest.mark.parametrize(("cell", "options"), NETWORKS)
def test_every_engine_gives_what_keras_gives(cell: CellName, options: dict[str, Any]) -> None:
    """On texts of every length, the core with every width of its vectors."""
    side = {"padding": options["side"], "truncating": options["side"]}
    sequences = SequenceConfig.model_validate({"maxlen": MAXLEN, **side})
    config = {name: value for name, value in options.items() if name != "side"}
    shape = ModelConfig.model_validate({"embedding_dim": 5, "units": 18, **config})
    keras_network = telling(build_model(cell, shape, num_words=NUM_WORDS, maxlen=MAXLEN, seed=5))
    texts = random_texts(150)
    expected = keras_network.predict(pad_texts(texts, VOCABULARY, sequences), batch_size=150, verbose=0)[:, 0]
    assert np.std(expected) > 0.003
    network = Network.from_keras(keras_network)
    found = [NativeNetwork(network, VOCABULARY, sequences, width).positive_probability(texts) for width in WIDTHS]
    found.append(NumpyNetwork(network, VOCABULARY, sequences).positive_probability(texts))
    for probabilities in found:
        assert np.abs(probabilities - expected).max() <= parity.of_probability(keras_network)
        assert np.abs(probabilities - found[0]).max() <= 1e-6


@pytest.mark.parametrize("cell", CELLS)
def test_large_inputs_saturate_the_gates_as_in_keras(cell: CellName) -> None:
    sequences = SequenceConfig(maxlen=MAXLEN)
    network = build_model(cell, ModelConfig(embedding_dim=4, units=3, pooling="mean"), num_words=40, maxlen=MAXLEN)
    embedding, *others = network.get_weights()
    network.set_weights([embedding * 1e6, *others])
    texts = random_texts(80)
    expected = network.predict(pad_texts(texts, VOCABULARY, sequences), verbose=0)[:, 0]
    for kind in ENGINES:
        found = kind(Network.from_keras(network), VOCABULARY, sequences).positive_probability(texts)
        assert np.abs(found - expected).max() <= parity.of_probability(network)


@settings(max_examples=30)
@given(
    st.sampled_from(list(itertools.product(ENGINES, sorted(CELLS), (1, 2)))),
    st.lists(st.integers(1, MAXLEN), min_size=1, max_size=3 * BLOCK),
)
def test_a_probability_depends_on_its_review_alone(
    kind: tuple[type[Engine], CellName, int], lengths: list[int]
) -> None:
    """Neither on the reviews beside it, nor on their order, nor on threads: to the last bit."""
    generator = np.random.default_rng(sum(lengths))
    encoded = [generator.integers(0, 40, length, dtype=np.int32) for length in lengths]
    network = small_engine(*kind)
    expected = network.encoded_probability(encoded).tolist()
    order = np.argsort(generator.random(len(encoded)))
    assert network.encoded_probability([encoded[i] for i in order]).tolist() == [expected[i] for i in order]
    with ThreadPoolExecutor(3) as threads:
        found = threads.map(network.encoded_probability, [[review] for review in encoded[:20]])
    assert [float(probability[0]) for probability in found] == expected[:20]


@pytest.mark.parametrize("kind", ENGINES)
def test_more_reviews_than_a_batch_holds_keep_their_order(kind: type[Engine]) -> None:
    texts = random_texts(1_300)
    network = small_engine(kind)
    alone = [float(network.positive_probability([text])[0]) for text in texts[::100]]
    assert network.positive_probability(texts)[::100].tolist() == alone
    assert network.positive_probability([]).shape == (0,)


def test_a_network_too_large_for_a_table_is_scored_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = random_texts(60)
    expected = small_engine(NumpyNetwork, "gru").positive_probability(texts).tolist()
    monkeypatch.setattr(numpy_network, "MOST_BYTES", 0)
    engine_of.cache_clear()
    assert small_engine(NumpyNetwork, "gru").positive_probability(texts).tolist() == expected
    engine_of.cache_clear()


def test_where_a_blas_rounds_rows_by_their_place_sums_are_made_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def by_place(rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
        product: np.ndarray = np.einsum("bf,gfu->gbu", rows, weights)
        product[:, -1] *= np.float32(1 + 2e-7)
        return product

    expected = small_engine(NumpyNetwork).positive_probability(random_texts(60))
    monkeypatch.setattr(np, "matmul", by_place)
    engine_of.cache_clear()
    found = small_engine(NumpyNetwork).positive_probability(random_texts(60))
    engine_of.cache_clear()
    assert product_of_rows([(8, 7)]) is not by_place
    assert found == pytest.approx(expected, abs=1e-6)


def test_the_states_after_padding_are_those_of_reading_it() -> None:
    """Every number of padding tokens, in every layer, in single precision."""
    network = small_engine(NumpyNetwork, "lstm")._network
    sequences = SequenceConfig(maxlen=MAXLEN)
    assert network.padding(sequences) is Padding.TABULATED
    [states] = network.padding_states(MAXLEN)
    assert states.shape == (2, MAXLEN + 1, 7)
    longer = network.padding_states(2 * MAXLEN)[0]
    assert (states[:, 0] == 0).all()
    assert np.array_equal(longer[:, : MAXLEN + 1], states)

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.data.sequences import SequenceConfig, pad_texts
from sentiment.data.sources import SourceConfig, load_corpus
from sentiment.data.vocabulary import Vocabulary
from sentiment.engine.engine import OnnxEngine, scoring_engine
from sentiment.engine.network import Network, export_onnx
from sentiment.engine.onnx_network import OnnxNetwork
from sentiment.errors import InputError
from sentiment.training.cells import CELLS, CellName
from sentiment.training.models import ModelConfig, build_model
from tests import parity

MAXLEN = 40
SEQUENCES, VOCABULARY = SequenceConfig(maxlen=6), Vocabulary(["a", "film"], 9)


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """2,000 reviews of the demo corpus; half of them cut to few words, so that there is padding of every length."""
    reviews = load_corpus(SourceConfig(source="demo"), [], seed=0).test.texts
    return [" ".join(text.split()[: n % (2 * MAXLEN)]) if n % 2 else text for n, text in enumerate(reviews)]


@pytest.mark.parametrize(("padding", "truncating"), [("pre", "pre"), ("post", "post")])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("cell", CELLS)
def test_onnx_gives_what_keras_gives(
    texts: list[str], cell: CellName, layers: int, bidirectional: bool, padding: str, truncating: str
) -> None:
    sequences = SequenceConfig.model_validate({"maxlen": MAXLEN, "padding": padding, "truncating": truncating})
    vocabulary = Vocabulary.fit(texts[:500], 2_000)
    config = ModelConfig(embedding_dim=8, units=7, layers=layers, bidirectional=bidirectional, dropout=0.5)
    network = build_model(cell, config, num_words=2_000, maxlen=MAXLEN, seed=5)
    assert_same_function(texts, network, sequences, vocabulary)


@pytest.mark.parametrize("padding", ["pre", "post"])
@pytest.mark.parametrize(
    ("pooling", "mask_padding"),
    [("last", True), ("max", True), ("mean", True), ("max_mean", True), ("max", False), ("mean", False)],
)
@pytest.mark.parametrize(("cell", "bidirectional"), [("lstm", True), ("gru", False), ("simple_rnn", True)])
def test_pooling_and_masks_are_those_of_keras(
    texts: list[str], cell: CellName, bidirectional: bool, pooling: str, mask_padding: bool, padding: str
) -> None:
    sequences = SequenceConfig.model_validate({"maxlen": MAXLEN, "padding": padding})
    vocabulary = Vocabulary.fit(texts[:500], 2_000)
    options = {"pooling": pooling, "bidirectional": bidirectional, "mask_padding": mask_padding}
    config = ModelConfig.model_validate({"embedding_dim": 8, "units": 7, **options})
    network = build_model(cell, config, num_words=2_000, maxlen=MAXLEN)
    assert_same_function(texts[:500], network, sequences, vocabulary)


def assert_same_function(texts: list[str], network: Any, sequences: SequenceConfig, vocabulary: Vocabulary) -> None:
    """Keras and ONNX Runtime give the same probabilities, with weights large enough to tell reviews apart."""
    network.set_weights([weights * (20 if n == 0 else 1.3) for n, weights in enumerate(network.get_weights())])
    expected = network.predict(pad_texts(texts, vocabulary, sequences), batch_size=1_000, verbose=0)[:, 0]
    encoded = [vocabulary.encode(text, MAXLEN, sequences.truncating) for text in texts]
    found = OnnxNetwork(Network.of_keras(network, sequences)).positive_probability(encoded)
    assert np.std(expected) > 0.01
    assert np.abs(found - expected).max() <= parity.of_probability(network)


@cache
def small_network(cell: CellName) -> OnnxNetwork:
    network = build_model(cell, ModelConfig(embedding_dim=8, units=7), num_words=50, maxlen=MAXLEN)
    return OnnxNetwork(Network.of_keras(network, SequenceConfig(maxlen=MAXLEN)))


@settings(max_examples=30)
@given(
    st.sampled_from(sorted(CELLS)),
    st.lists(st.integers(1, MAXLEN), min_size=1, max_size=60),
    st.integers(1, 70),
)
def test_a_probability_depends_neither_on_batch_size_nor_on_order(
    cell: CellName, lengths: list[int], batch_size: int
) -> None:
    generator = np.random.default_rng(sum(lengths))
    encoded = [generator.integers(1, 50, length, dtype=np.int32) for length in lengths]
    network = small_network(cell)
    expected = network.positive_probability(encoded)
    order = np.argsort(generator.random(len(encoded)))
    found = network.positive_probability([encoded[position] for position in order], batch_size)
    assert found.tolist() == expected[order].tolist()  # to the last bit


def test_every_number_of_padding_tokens_has_its_state() -> None:
    """Reviews of each length, the longest and the shortest among them, in one batch."""
    network = build_model("gru", ModelConfig(embedding_dim=4, units=3), num_words=9, maxlen=6, seed=2)
    padded = np.array([[0] * (6 - n) + [4, 5, 6, 7, 8, 4][:n] for n in range(1, 7)], np.int32)
    encoded = [row[row > 0] for row in padded]
    found = OnnxNetwork(Network.of_keras(network, SequenceConfig(maxlen=6))).positive_probability(encoded)
    assert found == pytest.approx(network.predict(padded, verbose=0)[:, 0], abs=parity.of_probability(network))


@settings(max_examples=40)
@given(
    st.sampled_from(sorted(CELLS)),
    st.builds(
        ModelConfig, embedding_dim=st.just(3), units=st.just(2), layers=st.integers(1, 3), bidirectional=st.booleans(),
        pooling=st.sampled_from(["last", "max", "mean", "max_mean"]), mask_padding=st.booleans(),
    ),
    st.sampled_from(["pre", "post"]),
)  # fmt: skip
def test_a_network_is_the_same_after_its_way_through_onnx(cell: CellName, config: ModelConfig, padding: str) -> None:
    sequences = SequenceConfig.model_validate({"maxlen": 6, "padding": padding})
    network = Network.of_keras(build_model(cell, config, num_words=9, maxlen=6), sequences)
    model = network.to_onnx()
    found = Network.of_onnx(model)
    assert found.to_onnx() == model
    assert (found.cell, found.pooling, found.maxlen) == (CELLS[cell].operator, network.pooling, 6)


@cache
def small_onnx_model() -> bytes:
    config = ModelConfig(embedding_dim=4, units=3, pooling="max")
    return export_onnx(build_model("lstm", config, num_words=9, maxlen=6, seed=2), SEQUENCES)


def tampered(change: Callable[[Any], None]) -> bytes:
    """The small model after a change of its graph."""
    import onnx

    model = onnx.load_model_from_string(small_onnx_model())
    change(model.graph)
    return bytes(model.SerializeToString())


def loaded(model: bytes) -> OnnxEngine:
    return OnnxEngine(Network.of_onnx(model), VOCABULARY, SEQUENCES)


def add_large_constant(graph: Any) -> None:
    """A node that would fill a terabyte."""
    from onnx import helper, numpy_helper

    graph.initializer.append(numpy_helper.from_array(np.array([2**38]), "size"))
    graph.node.append(helper.make_node("ConstantOfShape", ["size"], ["large"]))


def count_to_a_billion(graph: Any) -> None:
    """An operator of our own, over a range that would fill the memory."""
    [counting] = [node for node in graph.node if node.op_type == "Range"]
    [first] = [constant for constant in graph.initializer if constant.name == counting.input[0]]
    first.raw_data = np.array(-(2**31), np.int32).tobytes()


def broadcast(graph: Any) -> None:
    """A value for what is not read that makes a million features of three."""
    from onnx import numpy_helper

    [choice] = [node for node in graph.node if node.op_type == "Where"]
    [fill] = [constant for constant in graph.initializer if constant.name == choice.input[2]]
    fill.CopyFrom(numpy_helper.from_array(np.zeros((1_000_000, 1, 1, 1), np.float32), fill.name))


def use_foreign_domain(graph: Any) -> None:
    graph.node[0].domain = "com.microsoft"


def add_output(graph: Any) -> None:
    graph.output.append(graph.input[1])


def take_floats(graph: Any) -> None:
    graph.input[1].type.tensor_type.elem_type = 1


@pytest.mark.parametrize(
    "change",
    [add_large_constant, count_to_a_billion, broadcast, use_foreign_domain, add_output, take_floats],
)
def test_no_graph_is_run_that_comes_from_a_file(change: Callable[[Any], None]) -> None:
    """A foreign graph around the same weights gives the same probability: it is made anew from the weights."""
    expected = loaded(small_onnx_model()).positive_probability(["a fine film"])
    assert loaded(tampered(change)).positive_probability(["a fine film"]) == expected


def keep_weights_in_another_file(graph: Any) -> None:
    """ONNX Runtime would read any file below the current directory into its weights, and so into its scores."""
    import onnx

    weights = graph.initializer[0]
    weights.ClearField("raw_data")
    weights.data_location = onnx.TensorProto.EXTERNAL
    weights.external_data.add(key="location", value="secret")


def spoil_weights(graph: Any) -> None:
    for weights in graph.initializer:
        if len(weights.dims) == 2:
            weights.raw_data = np.full(list(weights.dims), np.nan, np.float32).tobytes()


def flatten_weights(graph: Any) -> None:
    for weights in graph.initializer:
        if len(weights.dims) == 3:
            weights.dims[:] = [1, 1, len(weights.raw_data) // 4]


def drop_layer(graph: Any) -> None:
    graph.node.remove(next(node for node in graph.node if node.op_type == "LSTM"))


def drop_dense(graph: Any) -> None:
    graph.node.remove(next(node for node in graph.node if node.op_type == "Gemm"))


def drop_inputs(graph: Any) -> None:
    del next(node for node in graph.node if node.op_type == "LSTM").input[2:]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (keep_weights_in_another_file, "does not fit its shape"),
        (spoil_weights, "no numbers"),
        (flatten_weights, "do not fit one another"),
        (drop_layer, "was not made by sentiment"),
        (drop_dense, "was not made by sentiment"),
        (drop_inputs, "was not made by sentiment"),
    ],
)
def test_weights_that_are_missing_or_do_not_fit_are_refused(change: Callable[[Any], None], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Network.of_onnx(tampered(change))


@pytest.mark.parametrize(
    ("words", "maxlen", "padding", "says"),
    [(8, 6, "pre", "8"), (9, 7, "pre", "reads 6 tokens"), (9, 6, "post", "padded post")],
)
def test_a_network_that_does_not_fit_its_vocabulary_and_sequences_is_refused(
    words: int, maxlen: int, padding: str, says: str
) -> None:
    network = build_model("lstm", ModelConfig(embedding_dim=4, units=3, pooling="max"), num_words=9, maxlen=6)
    model = export_onnx(network, SEQUENCES)
    sequences = SequenceConfig.model_validate({"maxlen": maxlen, "padding": padding})
    with pytest.raises(InputError, match=says):
        scoring_engine(model, Vocabulary(["a"], words), sequences)

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.data.sequences import SequenceConfig, pad_texts
from sentiment.data.sources import SourceConfig, find_files, load_corpus
from sentiment.data.vocabulary import Vocabulary
from sentiment.errors import InputError
from sentiment.scoring.network import OnnxNetwork, export_onnx
from sentiment.training.cells import CELLS, CellName
from sentiment.training.models import ModelConfig, build_model

MAXLEN = 40


@pytest.fixture(scope="module")
def texts(archive: Path) -> list[str]:
    """5,000 real reviews; half of them cut to few words, so that there is padding of every length."""
    config = SourceConfig(source="aclimdb", data=archive)
    reviews = load_corpus(config, find_files(config), seed=0).test.texts
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
    found = OnnxNetwork(export_onnx(network, sequences)).positive_probability(encoded)
    assert np.std(expected) > 0.01
    assert np.abs(found - expected).max() <= 1e-5


@cache
def small_network(cell: CellName) -> OnnxNetwork:
    network = build_model(cell, ModelConfig(embedding_dim=8, units=7), num_words=50, maxlen=MAXLEN)
    return OnnxNetwork(export_onnx(network, SequenceConfig(maxlen=MAXLEN)))


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
    found = OnnxNetwork(export_onnx(network, SequenceConfig(maxlen=6))).positive_probability(encoded)
    assert found == pytest.approx(network.predict(padded, verbose=0)[:, 0], abs=1e-6)


def test_a_model_that_keeps_weights_in_other_files_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX Runtime would read any file below the current directory into its weights, and so into its scores."""
    import onnx

    network = build_model("lstm", ModelConfig(embedding_dim=4, units=3), num_words=9, maxlen=6, seed=2)
    model = onnx.load_model_from_string(export_onnx(network, SequenceConfig(maxlen=6)))
    weights = model.graph.initializer[0]
    (tmp_path / "secret").write_bytes(weights.raw_data)
    weights.ClearField("raw_data")
    weights.data_location = onnx.TensorProto.EXTERNAL
    weights.external_data.add(key="location", value="secret")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="keeps weights in other files"):
        OnnxNetwork(model.SerializeToString())


@cache
def small_onnx_model() -> bytes:
    network = build_model("lstm", ModelConfig(embedding_dim=4, units=3), num_words=9, maxlen=6, seed=2)
    return export_onnx(network, SequenceConfig(maxlen=6))


def tampered(change: Callable[[Any], None]) -> bytes:
    """The small model after a change of its graph."""
    import onnx

    model = onnx.load_model_from_string(small_onnx_model())
    change(model.graph)
    return bytes(model.SerializeToString())


def add_large_constant(graph: Any) -> None:
    """A node that would fill a terabyte."""
    from onnx import helper, numpy_helper

    graph.initializer.append(numpy_helper.from_array(np.array([2**38]), "size"))
    graph.node.append(helper.make_node("ConstantOfShape", ["size"], ["large"]))


def use_foreign_domain(graph: Any) -> None:
    graph.node[0].domain = "com.microsoft"


def rename_input(graph: Any) -> None:
    graph.input[1].name = "others"


def add_output(graph: Any) -> None:
    graph.output.append(graph.input[1])


def take_floats(graph: Any) -> None:
    graph.input[1].type.tensor_type.elem_type = 1


def drop_sigmoid(graph: Any) -> None:
    """So that the output lies outside 0 to 1."""
    graph.node[-1].op_type = "Cast"
    graph.node[-1].attribute.add(name="to", type=2, i=1)
    for weights in graph.initializer:
        if (list(weights.dims), weights.data_type) == ([1], 1):
            weights.raw_data = np.array([9], np.float32).tobytes()


def spoil_weights(graph: Any) -> None:
    for weights in graph.initializer:
        if len(weights.dims) == 2:
            weights.raw_data = np.full(list(weights.dims), np.nan, np.float32).tobytes()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (add_large_constant, r"operators that sentiment never writes \(ConstantOfShape\)"),
        (use_foreign_domain, r"operators that sentiment never writes \(com\.microsoft\.Gather\)"),
        (rename_input, "cannot be read|was not made by sentiment"),
        (add_output, "was not made by sentiment"),
        (take_floats, "cannot be read|was not made by sentiment"),
        (drop_sigmoid, "no probabilities"),
        (spoil_weights, "no probabilities"),
    ],
)
def test_a_network_that_was_tampered_with_is_refused_before_it_scores(change: Callable[[Any], None], says: str) -> None:
    with pytest.raises(InputError, match=says):
        OnnxNetwork(tampered(change)).check(SequenceConfig(maxlen=6), 9)

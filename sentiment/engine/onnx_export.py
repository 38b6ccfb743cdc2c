"""export_onnx: a trained network as an ONNX model, for other runtimes. This project never reads one."""

from typing import Any

import numpy as np

from sentiment.data.sequences import SequenceConfig
from sentiment.engine.cells import CELLS
from sentiment.engine.network import Network, RecurrentLayer
from sentiment.errors import InputError

OPSET, IR_VERSION = 17, 8
"""The oldest that hold all operators used, for the sake of older runtimes."""


def export_onnx(network: Network, sequences: SequenceConfig) -> bytes:
    """The network as an ONNX model, which takes what the Keras model takes.

    Its input is `tokens`, int32 (batch, maxlen), padded as `sequences` says; its output `positive_probability`, float32
    (batch, 1), or of K > 2 labels `cumulative_probability`, P(label > k) of each but the best, float32 (batch, K - 1).

    Raises:
        InputError: the package onnx is missing.
    """
    try:
        from onnx import TensorProto, checker, helper
    except ImportError as error:
        raise InputError("Writing ONNX needs the package onnx: pip install '.[onnx]'.") from error
    graph, maxlen, (kernel, bias) = _Graph(), sequences.maxlen, network.dense
    tokens, lengths = _words_first(graph, sequences) if network.mask_padding else ("tokens", "")
    by_time = graph.add("Transpose", tokens, perm=[1, 0])
    value = graph.add("Gather", graph.constant(network.embedding), by_time)  # (maxlen, batch, embedding_dim)
    for number, layer in enumerate(network.layers, 1):
        is_sequence = network.pooling != "last" or number < len(network.layers)
        value = _add_layer(graph, CELLS[network.cell].operator, layer, value, lengths, is_sequence=is_sequence)
    if network.pooling != "last":
        value = _add_pooling(graph, network.pooling, value, lengths, maxlen)
    value = graph.add("Gemm", value, graph.constant(kernel[:, None]), graph.constant(bias))  # (batch, 1)
    output, cuts = "positive_probability", 1
    if network.cut_points.size:
        output, cuts = "cumulative_probability", network.cut_points.size
        value = graph.add("Sub", value, graph.constant(network.cut_points[None]))  # (batch, K - 1)
    graph.add("Sigmoid", value, output=output)
    inputs = [helper.make_tensor_value_info("tokens", TensorProto.INT32, ["batch", maxlen])]
    outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", cuts])]
    whole = helper.make_graph(graph.nodes, "sentiment", inputs, outputs, graph.constants)
    opset = helper.make_opsetid("", OPSET)
    model = helper.make_model(whole, producer_name="sentiment", opset_imports=[opset], ir_version=IR_VERSION)
    helper.set_model_props(model, {name: str(value) for name, value in sequences.model_dump().items()})
    checker.check_model(model, full_check=True)
    serialized: bytes = model.SerializeToString()
    return serialized


class _Graph:
    """Nodes and constants in the making; every value has a name of its own."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, values: np.ndarray) -> str:
        """Add a constant; returns its name."""
        from onnx import numpy_helper

        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(values, order="C"), name))
        return name

    def integers(self, *values: int, dtype: type[np.integer] = np.int64) -> str:
        """Add a constant of one axis; returns its name."""
        return self.constant(np.array(values, dtype))

    def add(self, operator: str, *inputs: str, output: str = "", which: int = 0, **attributes: Any) -> str:
        """Add a node; returns the name of its output, or of the one at a position, the last that it has."""
        from onnx import helper

        outputs = [""] * which + [output or f"value_{len(self.nodes)}"]
        self.nodes.append(helper.make_node(operator, inputs, outputs, **attributes))
        return outputs[-1]


def _words_first(graph: _Graph, sequences: SequenceConfig) -> tuple[str, str]:
    """Tokens whose padding stands behind the words, and the number of words of each review, int32 (batch,)."""
    is_word = graph.add("Greater", "tokens", graph.integers(0, dtype=np.int32))
    words = graph.add("Cast", is_word, to=6)  # int32
    lengths = graph.add("ReduceSum", words, graph.integers(1), keepdims=0)
    if sequences.padding == "post":
        return "tokens", lengths
    maxlen = graph.integers(sequences.maxlen, dtype=np.int32)
    padding = graph.add("Unsqueeze", graph.add("Sub", maxlen, lengths), graph.integers(1))  # (batch, 1)
    positions = graph.constant(np.arange(sequences.maxlen, dtype=np.int32)[None])
    order = graph.add("Mod", graph.add("Add", positions, padding), maxlen)  # (batch, maxlen)
    return graph.add("GatherElements", "tokens", order, axis=1), lengths


def _add_layer(
    graph: _Graph, operator: str, layer: RecurrentLayer, value: str, lengths: str, *, is_sequence: bool
) -> str:
    """(maxlen, batch, inputs) -> the same with the features of a layer, or its last state (batch, features)."""
    directions, rows = layer.bias.shape[:2]
    biases = np.pad(layer.bias, ((0, 0), (0, 2 - rows), (0, 0), (0, 0)))  # of the input and of the state
    weights = [
        array.swapaxes(2, 3).reshape(directions, -1, array.shape[2]) for array in (layer.kernel, layer.recurrent_kernel)
    ]
    inputs = [value, *map(graph.constant, (*weights, biases.reshape(directions, -1)))]
    attributes: dict[str, Any] = {"hidden_size": layer.units}
    if directions == 2:
        attributes["direction"] = "bidirectional"
    if operator == "GRU":
        attributes["linear_before_reset"] = 1  # Keras' reset_after
    # (maxlen, directions, batch, units) or (directions, batch, units)
    found = graph.add(operator, *inputs, *([lengths] if lengths else []), which=0 if is_sequence else 1, **attributes)
    order, shape = ([0, 2, 1, 3], [0, 0, -1]) if is_sequence else ([1, 0, 2], [0, -1])
    return graph.add("Reshape", graph.add("Transpose", found, perm=order), graph.integers(*shape))


def _add_pooling(graph: _Graph, pooling: str, value: str, lengths: str, maxlen: int) -> str:
    """(maxlen, batch, features) -> (batch, features), over the words where padding is skipped, else over all."""
    pooled: list[str] = []
    for name, operator, fill in (("max", "ReduceMax", -np.inf), ("mean", "ReduceMean", 0.0)):
        if name not in pooling:
            continue
        read = value
        if lengths:
            position = graph.constant(np.arange(maxlen, dtype=np.int32)[:, None])
            is_read = graph.add("Unsqueeze", graph.add("Less", position, lengths), graph.integers(2))
            read = graph.add("Where", is_read, value, graph.constant(np.array(fill, np.float32)))
        found = graph.add(operator, read, axes=[0], keepdims=0)
        if lengths and operator == "ReduceMean":
            share = graph.add("Div", graph.add("Cast", lengths, to=1), graph.constant(np.array(maxlen, np.float32)))
            found = graph.add("Div", found, graph.add("Unsqueeze", share, graph.integers(1)))
        pooled.append(found)
    return graph.add("Concat", *pooled, axis=1) if len(pooled) > 1 else pooled[0]

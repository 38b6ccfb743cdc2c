"""Network: all of a trained network that decides a probability; from Keras, and to and from ONNX.

A graph of ONNX may do anything: repeat itself, fill the memory, read other files into its weights. So no graph is run
that comes from a file. The weights are read from the places where `to_onnx` puts them, checked, and put into a new one.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from sentiment.data.sequences import SequenceConfig
from sentiment.engine.onnx_file import Node, OnnxFile
from sentiment.training.cells import CELL_OF_LAYER
from sentiment.training.models import MOST_UNITS

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
"""ONNX' operator -> its number of gates. The last is a tanh, the others are sigmoids."""

POOLINGS = {
    "MaxPooling": ("ReduceMax",),
    "GlobalAveragePooling1D": ("ReduceSum",),
    "MaxMeanPooling": ("ReduceMax", "ReduceSum"),
}
"""Keras layer -> ONNX' operators over time, in the order of the features that they give."""

_FILL = {"ReduceMax": -np.inf, "ReduceSum": 0.0}
"""What stands for tokens that are not read."""

OPSET, IR_VERSION = 17, 8
"""The oldest that hold all operators used, for the sake of older runtimes."""

_FLOAT, _INT32 = 1, 6
"""Of onnx.TensorProto."""

_FIRST_STATE = 5
"""Position of the first state among the inputs of a recurrent operator of ONNX."""

NO_STATES = np.empty((0, 0, 0), np.float32)


@dataclass(frozen=True)
class RecurrentLayer:
    """Weights of one layer of one direction or two, float32, gates in the order of ONNX.

    Attributes:
        kernel: (directions, gates * units, inputs).
        recurrent_kernel: (directions, gates * units, units).
        bias: of the input, then of the state: (directions, 2 * gates * units).
        states: hidden, and of an LSTM cell state, after 0, 1, ... maxlen padding tokens: (1 or 2, maxlen + 1, units).
            NO_STATES where every review starts at zero.
    """

    kernel: np.ndarray
    recurrent_kernel: np.ndarray
    bias: np.ndarray
    states: np.ndarray = field(default_factory=lambda: NO_STATES)

    @property
    def units(self) -> int:
        """Of each direction."""
        return int(self.recurrent_kernel.shape[-1])


@dataclass(frozen=True)
class Network:
    """A trained network. What reads padding tokens like words is told by `padding` and by the layers' states.

    Attributes:
        cell: operator of ONNX, of all layers.
        embedding: float32 (num_words, embedding_dim).
        layers: the recurrent ones, the first at first.
        pooling: operators over time behind the last layer; none: its last state.
        dense: kernel (features, 1) and bias (1,), float32.
        maxlen: tokens that it reads.
        padding: side on which padding tokens are read, "pre" or "post"; "": none are read, or they are tabulated.

    Raises:
        ValueError: an array does not fit the others, or a weight is no number.
    """

    cell: str
    embedding: np.ndarray
    layers: tuple[RecurrentLayer, ...]
    pooling: tuple[str, ...]
    dense: tuple[np.ndarray, np.ndarray]
    maxlen: int
    padding: str

    def __post_init__(self) -> None:
        gates, directions, states = GATES[self.cell], self.directions, len(self.layers[0].states)
        words, features = self.embedding.shape
        widths = [features, *(layer.units for layer in self.layers)]
        shapes: list[tuple[np.ndarray, tuple[int, ...]]] = [(self.embedding, (words, features))]
        for layer in self.layers:
            units = layer.units
            shapes += [
                (layer.kernel, (directions, gates * units, features)),
                (layer.recurrent_kernel, (directions, gates * units, units)),
                (layer.bias, (directions, 2 * gates * units)),
                (layer.states, (states, self.maxlen + 1, units) if states else NO_STATES.shape),
            ]
            features = directions * units
        features *= max(1, len(self.pooling))
        shapes += [(self.dense[0], (features, 1)), (self.dense[1], (1,))]
        fits = all(array.shape == shape and array.dtype == np.float32 for array, shape in shapes)
        is_known = self.pooling in ((), *POOLINGS.values()) and self.padding in ("", "pre", "post")
        is_bounded = words > 0 and directions in (1, 2) and all(0 < width <= MOST_UNITS for width in widths)
        starts = (0, 2 if self.cell == "LSTM" else 1) if directions == 1 else (0,)
        if not (fits and is_known and is_bounded and states in starts):
            raise ValueError("its weights do not fit one another")
        if not all(np.isfinite(array).all() for array, _ in shapes):
            raise ValueError("it has weights that are no numbers")

    @property
    def directions(self) -> int:
        """One or two."""
        return len(self.layers[0].kernel)

    @classmethod
    def of_keras(cls, network: Any, sequences: SequenceConfig) -> "Network":
        """What `build_model` makes, trained.

        Args:
            sequences: how its reviews were padded.

        Raises:
            TypeError: the network has a layer of another kind.
        """
        layers: list[RecurrentLayer] = []
        pooling: tuple[str, ...] = ()
        for layer in network.layers:
            kind = type(layer).__name__
            if kind in CELL_OF_LAYER or kind == "Bidirectional":
                directions = [layer.forward_layer, layer.backward_layer] if kind == "Bidirectional" else [layer]
                cell = CELL_OF_LAYER[type(directions[0]).__name__]
                weights = [_onnx_weights(direction.get_weights(), cell.gate_order) for direction in directions]
                layers.append(RecurrentLayer(*map(np.stack, zip(*weights, strict=True))))
            elif kind in POOLINGS:
                pooling = POOLINGS[kind]
            elif kind not in ("Embedding", "Dropout", "Dense"):
                raise TypeError(f"A layer of kind {kind} cannot be exported to ONNX.")
        (embedding,), (kernel, bias) = network.layers[0].get_weights(), network.layers[-1].get_weights()
        skips_padding = network.layers[0].mask_zero
        found = cls(
            cell.operator, embedding, tuple(layers), pooling, (kernel, bias), sequences.maxlen,
            "" if skips_padding else sequences.padding,
        )  # fmt: skip
        is_tabulated = found.padding == "pre" and found.directions == 1 and not pooling
        return found._with_states() if is_tabulated else found

    @classmethod
    def of_onnx(cls, model: bytes) -> "Network":
        """What `to_onnx` has written.

        Raises:
            ValueError: the bytes are damaged, or hold something else.
        """
        try:
            file = OnnxFile.read(model)
            made_by = {output: node for node in file.nodes for output in node.outputs}

            def layer(node: Node) -> RecurrentLayer:
                kernel, recurrent_kernel, bias = (file.constants[name] for name in node.inputs[1:4])
                gathers = [made_by[made_by[name].inputs[0]] for name in node.inputs[_FIRST_STATE:]]
                states = [file.constants[gather.inputs[0]] for gather in gathers]
                return RecurrentLayer(kernel, recurrent_kernel, bias, np.stack(states) if states else NO_STATES)

            recurrent = [node for node in file.nodes if node.operator in GATES]
            [cell] = {node.operator for node in recurrent}
            [(_, kernel, bias)] = [node.inputs for node in file.nodes if node.operator == "Gemm"]
            return cls(
                cell,
                file.constants[file.nodes[0].inputs[0]],
                tuple(map(layer, recurrent)),
                tuple(node.operator for node in file.nodes if node.operator in _FILL),
                (file.constants[kernel], file.constants[bias]),
                int(file.properties["maxlen"]),
                file.properties["padding"],
            )
        except (LookupError, TypeError, ValueError) as error:
            raise ValueError(f"the ONNX model is damaged or was not made by sentiment: {error}") from error

    def to_onnx(self, *, gives_states: bool = False) -> bytes:
        """An ONNX model with the inputs `tokens`, int32 (time, batch), and `lengths`, int32 (batch,), and the output
        `positive_probability`, float32 (batch, 1).

        Args:
            gives_states: whether the last states of all layers, each (1, batch, units), are outputs too.
        """
        from onnx import TensorProto, checker, helper

        graph = _Graph()
        value = graph.add("Gather", graph.constant(self.embedding), "tokens")  # (time, batch, embedding_dim)
        outputs = [helper.make_tensor_value_info("positive_probability", TensorProto.FLOAT, ["batch", 1])]
        for number, layer in enumerate(self.layers, 1):
            is_sequence = bool(self.pooling) or number < len(self.layers)
            value, states = self._add_layer(graph, layer, value, is_sequence=is_sequence)
            if gives_states:
                shape = [1, "batch", layer.units]
                outputs += [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in states]
        if self.pooling:
            pooled = [_add_pooling(graph, operator, value) for operator in self.pooling]
            value = graph.add("Concat", *pooled, axis=1) if len(pooled) > 1 else pooled[0]
        value = graph.add("Gemm", value, *map(graph.constant, self.dense))  # (batch, 1)
        graph.add("Sigmoid", value, output="positive_probability")
        inputs = [
            helper.make_tensor_value_info("tokens", TensorProto.INT32, ["time", "batch"]),
            helper.make_tensor_value_info("lengths", TensorProto.INT32, ["batch"]),
        ]
        model = helper.make_model(
            helper.make_graph(graph.nodes, "sentiment", inputs, outputs, graph.constants),
            producer_name="sentiment",
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
        )
        helper.set_model_props(model, {"maxlen": str(self.maxlen), "padding": self.padding})
        checker.check_model(model, full_check=True)
        serialized: bytes = model.SerializeToString()
        return serialized

    def _add_layer(
        self, graph: "_Graph", layer: RecurrentLayer, value: str, *, is_sequence: bool
    ) -> tuple[str, list[str]]:
        """Add a layer: (time, batch, inputs) -> the same with its features, or (batch, features); and its states."""
        inputs = [value, *map(graph.constant, (layer.kernel, layer.recurrent_kernel, layer.bias)), "lengths"]
        if len(layer.states):
            padding = graph.add("Sub", graph.constant(np.array(self.maxlen, np.int32)), "lengths")  # (batch,)
            first = graph.constant(np.array([0], np.int64))
            for states in layer.states:
                start = graph.add("Gather", graph.constant(states), padding)  # (batch, units)
                inputs.append(graph.add("Unsqueeze", start, first))  # (1, batch, units)
        sequence, *last = (graph.name() for _ in range(3 if self.cell == "LSTM" else 2))
        attributes: dict[str, Any] = {"hidden_size": layer.units}
        if self.directions == 2:
            attributes["direction"] = "bidirectional"
        if self.cell == "GRU":
            attributes["linear_before_reset"] = 1  # Keras' reset_after
        graph.add_node(self.cell, inputs, [sequence, *last], **attributes)
        # (time, directions, batch, units) or (directions, batch, units)
        value, order, shape = (sequence, [0, 2, 1, 3], [0, 0, -1]) if is_sequence else (last[0], [1, 0, 2], [0, -1])
        by_review = graph.add("Transpose", value, perm=order)
        return graph.add("Reshape", by_review, graph.constant(np.array(shape, np.int64))), last

    def _with_states(self) -> "Network":
        """The same, with the states that padding leaves behind, so that padding tokens need not be read."""
        lengths = np.arange(1, self.maxlen + 1, dtype=np.int32)
        tokens = np.zeros((self.maxlen, self.maxlen), np.int32)  # a review of padding alone for each number of tokens
        session = onnx_session(self.to_onnx(gives_states=True))
        _, *found = session.run(None, {"tokens": tokens, "lengths": lengths})
        states = np.split(np.pad(np.concatenate(found), ((0, 0), (1, 0), (0, 0))), len(self.layers))
        layers = (replace(layer, states=of_layer) for layer, of_layer in zip(self.layers, states, strict=True))
        return replace(self, layers=tuple(layers), padding="")


def export_onnx(network: Any, sequences: SequenceConfig) -> bytes:
    """A trained Keras network as an ONNX model; see `Network`."""
    return Network.of_keras(network, sequences).to_onnx()


def onnx_session(model: bytes) -> Any:
    """ONNX Runtime's session of a model of our own, in one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _add_pooling(graph: "_Graph", reduction: str, value: str) -> str:
    """Add a pooling over the tokens that are read: (time, batch, features) -> (batch, features)."""
    zero, one = (graph.constant(np.array(number, np.int32)) for number in (0, 1))
    time = graph.add("Cast", graph.add("Gather", graph.add("Shape", "tokens"), zero), to=_INT32)
    position = graph.add("Unsqueeze", graph.add("Range", zero, time, one), graph.constant(np.array([1])))
    is_read = graph.add("Less", position, "lengths")  # (time, batch)
    is_read = graph.add("Unsqueeze", is_read, graph.constant(np.array([2])))
    value = graph.add("Where", is_read, value, graph.constant(np.array(_FILL[reduction], np.float32)))
    if reduction == "ReduceMax":
        return graph.add(reduction, value, axes=[0], keepdims=0)
    total = graph.add(reduction, value, graph.constant(np.array([0])), keepdims=0)
    tokens = graph.add("Unsqueeze", graph.add("Cast", "lengths", to=_FLOAT), graph.constant(np.array([1])))
    return graph.add("Div", total, tokens)


def _onnx_weights(weights: Sequence[np.ndarray], gate_order: Sequence[int]) -> tuple[np.ndarray, ...]:
    """Of one direction: weights (gates * units, inputs) and (gates * units, units), biases (2 * gates * units,)."""
    kernel, recurrent_kernel, bias = (np.asarray(array, np.float32) for array in weights)
    two_biases = bias if bias.ndim == 2 else np.stack([bias, np.zeros_like(bias)])  # of the input and of the state

    def ordered(columns: np.ndarray) -> np.ndarray:
        blocks = np.split(columns, len(gate_order), axis=-1)
        return np.concatenate([blocks[gate] for gate in gate_order], axis=-1)

    return ordered(kernel).T, ordered(recurrent_kernel).T, ordered(two_biases).reshape(-1)


class _Graph:
    """Nodes and constants in the making; every value has a name of its own."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._numbers = itertools.count()

    def name(self) -> str:
        return f"value_{next(self._numbers)}"

    def constant(self, values: np.ndarray) -> str:
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values).reshape(values.shape), self.name()))
        return str(self.constants[-1].name)

    def add_node(self, operator: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any) -> None:
        from onnx import helper

        self.nodes.append(helper.make_node(operator, inputs, outputs, **attributes))

    def add(self, operator: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """Add a node with one output; returns its name."""
        output = output or self.name()
        self.add_node(operator, inputs, [output], **attributes)
        return output

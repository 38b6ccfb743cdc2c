"""OnnxNetwork: the trained network in ONNX Runtime, without TensorFlow and, where it can be, without padding.

ONNX Runtime's LSTM, GRU and RNN operators take the true length of every review, so a batch costs what its words cost.
That is all for a Keras network that skips padding. Any other reads padding tokens like words. Say that all of them come
before the words and are read first, and the last state decides. Then k of them leave the same state behind in every
review: it is computed once for each k, and a review starts from it. Else reviews are padded as for Keras.
"""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from sentiment.data.sequences import SequenceConfig
from sentiment.errors import InputError
from sentiment.scoring.onnx_file import OPERATORS
from sentiment.training.cells import CELL_OF_LAYER

BATCH_SIZE = 24
"""Reviews that go through the network at once; small enough for their states to stay in the processor's cache."""

OPSET, IR_VERSION = 17, 8
"""The oldest that hold all operators used, for the sake of older runtimes."""

States = dict[str, np.ndarray]
"""State of a layer -> its values after 0, 1, ... maxlen padding tokens, float32 (maxlen + 1, units)."""

POOLINGS = {"MaxPooling": (-np.inf, "ReduceMax"), "GlobalAveragePooling1D": (0.0, "ReduceSum")}
"""Keras layer -> what stands for tokens not read, and ONNX' operator over time, as MaxMeanPooling orders them."""

INTERFACE = (
    ("tokens", "tensor(int32)", 2),
    ("lengths", "tensor(int32)", 1),
    ("positive_probability", "tensor(float)", 2),
)
"""Name, type and rank of the inputs and of the output."""

_FLOAT, _INT32 = 1, 6
"""Of onnx.TensorProto."""


class OnnxNetwork:
    """A network that `export_onnx` made. It runs in the calling thread alone, so that scoring scales with processes."""

    def __init__(self, model: bytes) -> None:
        """Read the model.

        Raises:
            InputError: it is no network of this project.
        """
        self._session = _session(model)
        properties = self._session.get_modelmeta().custom_metadata_map
        found = [
            (value.name, value.type, len(value.shape))
            for value in (*self._session.get_inputs(), *self._session.get_outputs())
        ]
        if not {"maxlen", "padding"} <= set(properties) or sorted(found) != sorted(INTERFACE):
            raise InputError("the ONNX model was not made by sentiment")
        self._maxlen, self._padding = int(properties["maxlen"]), properties["padding"]

    def check(self, sequences: SequenceConfig, num_words: int) -> None:
        """Compare the network with the vocabulary and the sequences that it is saved with.

        Raises:
            InputError: they do not fit, or the network gives no probabilities.
        """
        if self._maxlen != sequences.maxlen or self._padding not in ("", sequences.padding):
            raise InputError(
                f"the network reads {self._maxlen} tokens, its sequences have {sequences.maxlen}, "
                f"padded {sequences.padding}"
            )
        try:
            self.positive_probability([np.array([index], np.int32) for index in (0, num_words - 1)])
        except InputError:
            raise
        except Exception as error:  # ONNX Runtime's classes are not public
            raise InputError(f"the network cannot score all words of its vocabulary: {error}") from error

    def positive_probability(self, encoded: Sequence[np.ndarray], batch_size: int = BATCH_SIZE) -> np.ndarray:
        """P(positive) of each review, float32 (N,).

        Args:
            encoded: N arrays of at most maxlen indices, as `Vocabulary.encode` gives them.
            batch_size: reviews, of similar length, that go through the network at once; it does not change the result.

        Raises:
            InputError: the network gives numbers that are no probabilities.
        """
        probabilities = np.empty(len(encoded), np.float32)
        lengths = np.fromiter(map(len, encoded), np.int32, len(encoded))
        order = np.argsort(lengths, kind="stable")
        for start in range(0, len(order), batch_size):
            chosen = order[start : start + batch_size]
            if len(chosen) == 1:  # the product of one row is rounded in another way
                chosen = np.repeat(chosen, 2)
            tokens, read = self._lay_out([encoded[i] for i in chosen], lengths[chosen])
            inputs = {"tokens": tokens, "lengths": read}
            probabilities[chosen] = self._session.run(["positive_probability"], inputs)[0][:, 0]
        check_probabilities(probabilities)
        return probabilities

    def _lay_out(self, encoded: Sequence[np.ndarray], lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Indices, int32 (time, batch), and how many of them to read of each review, int32 (batch,)."""
        batch, steps = len(encoded), self._maxlen if self._padding else int(lengths.max())
        position = np.arange(steps)
        first = steps - lengths[:, None] if self._padding == "pre" else np.zeros((batch, 1), np.int32)
        is_word = (position >= first) & (position < first + lengths[:, None])
        tokens = np.zeros((batch, steps), np.int32)
        tokens[is_word] = np.concatenate(encoded)
        return np.ascontiguousarray(tokens.T), np.full(batch, steps, np.int32) if self._padding else lengths


def check_probabilities(probabilities: np.ndarray) -> None:
    """Refuse numbers that are none.

    Raises:
        InputError: one lies outside 0 to 1, or is NaN.
    """
    if not np.all((probabilities >= 0) & (probabilities <= 1)):  # NaN neither
        raise InputError("the network gives numbers that are no probabilities: train another")


def export_onnx(network: Any, sequences: SequenceConfig) -> bytes:
    """A trained Keras network as an ONNX model.

    Its inputs are `tokens`, int32 (time, batch), and `lengths`, int32 (batch,); its output is `positive_probability`,
    float32 (batch, 1).

    Args:
        network: as `build_model` makes it.
        sequences: how its reviews were padded.

    Raises:
        TypeError: the network has a layer of another kind.
    """
    import onnx

    recurrent = [layer for layer in network.layers if type(layer).__name__ in (*CELL_OF_LAYER, "Bidirectional")]
    skips_padding = network.layers[0].mask_zero
    reads_forward = not any(type(layer).__name__ == "Bidirectional" for layer in recurrent)
    padding_first = sequences.padding == "pre" and reads_forward and not recurrent[-1].return_sequences
    states: States = {}
    if padding_first and not skips_padding:
        states = _states_after_padding(_graph(network, None, sequences.maxlen), recurrent, sequences.maxlen)
    model = _graph(network, states, sequences.maxlen)
    padding = "" if skips_padding or padding_first else sequences.padding
    onnx.helper.set_model_props(model, {"maxlen": str(sequences.maxlen), "padding": padding})
    onnx.checker.check_model(model, full_check=True)
    serialized: bytes = model.SerializeToString()
    return serialized


def _states_after_padding(model: Any, recurrent: Sequence[Any], maxlen: int) -> States:
    session = _session(model.SerializeToString())
    names = [name for layer in recurrent for name in _state_names(layer)]
    lengths = np.arange(1, maxlen + 1, dtype=np.int32)
    tokens = np.zeros((maxlen, maxlen), np.int32)  # a review of padding alone for each number of tokens
    found = session.run([f"{name}_last" for name in names], {"tokens": tokens, "lengths": lengths})
    return {name: np.pad(values[0], ((1, 0), (0, 0))) for name, values in zip(names, found, strict=True)}


def _state_names(layer: Any) -> list[str]:
    return [f"{layer.name}_h", f"{layer.name}_c"] if type(layer).__name__ == "LSTM" else [f"{layer.name}_h"]


def _session(model: bytes) -> Any:
    import onnx
    import onnxruntime

    try:
        proto = onnx.load_model_from_string(model)
        is_whole = not _has_external_tensors(proto)
    except Exception as error:  # of protobuf, whose classes are not public
        raise InputError(f"the ONNX model cannot be read: {error}") from error
    if not is_whole:  # ONNX Runtime would read them from files below the current directory
        raise InputError("the ONNX model keeps weights in other files")
    foreign = {f"{node.domain}.{node.op_type}".lstrip(".") for node in proto.graph.node} - OPERATORS
    if foreign or proto.functions:  # a loop, say, that never ends
        raise InputError(f"the ONNX model has operators that sentiment never writes ({', '.join(sorted(foreign))})")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its classes are not public
        raise InputError(f"the ONNX model cannot be read: {error}") from error


def _has_external_tensors(message: Any) -> bool:
    """Whether a message of ONNX holds, at any depth, a tensor whose values are in another file."""
    if message.DESCRIPTOR.name == "TensorProto":
        return bool(message.external_data or message.data_location)
    for field, value in message.ListFields():
        if field.message_type is not None:
            parts = value if hasattr(value, "__len__") else [value]
            if any(map(_has_external_tensors, parts)):
                return True
    return False


def _graph(network: Any, states: States | None, maxlen: int) -> Any:
    """The ONNX model of a Keras network.

    Args:
        states: name -> where to start after each number of padding tokens; empty: at zero; None: at zero, and give the
            last states too.
    """
    from onnx import TensorProto, helper

    graph = _Graph()
    value = "tokens"
    for layer in network.layers:
        kind = type(layer).__name__
        weights = [np.asarray(weight, np.float32) for weight in layer.get_weights()]
        if kind == "Embedding":
            value = graph.add("Gather", graph.constant(weights[0]), value)  # (time, batch, embedding_dim)
        elif kind in CELL_OF_LAYER:
            value = _add_recurrent(graph, layer, [layer], value, states, maxlen)
        elif kind == "Bidirectional":
            value = _add_recurrent(graph, layer, [layer.forward_layer, layer.backward_layer], value, states, maxlen)
        elif kind in POOLINGS:
            value = _add_pooling(graph, kind, value)
        elif kind == "MaxMeanPooling":
            value = graph.add("Concat", *(_add_pooling(graph, part, value) for part in POOLINGS), axis=1)
        elif kind == "Dense":
            value = graph.add("Gemm", value, *map(graph.constant, weights))  # (batch, 1)
            value = graph.add("Sigmoid", value, output="positive_probability")
        elif kind != "Dropout":
            raise TypeError(f"A layer of kind {kind} cannot be exported to ONNX.")
    outputs = [helper.make_tensor_value_info(value, TensorProto.FLOAT, ["batch", 1])]
    if states is None:
        outputs += [helper.make_empty_tensor_value_info(name) for name in graph.last_states]
    return helper.make_model(
        helper.make_graph(
            graph.nodes,
            network.name,
            [
                helper.make_tensor_value_info("tokens", TensorProto.INT32, ["time", "batch"]),
                helper.make_tensor_value_info("lengths", TensorProto.INT32, ["batch"]),
            ],
            outputs,
            graph.constants,
        ),
        producer_name="sentiment",
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )


def _add_recurrent(
    graph: "_Graph",
    layer: Any,
    directions: Sequence[Any],
    value: str,
    states: States | None,
    maxlen: int,
) -> str:
    """Add a recurrent layer of one direction or two: (time, batch, features) -> the same, or (batch, features)."""
    kind, units = type(directions[0]).__name__, directions[0].units
    weights = [_onnx_weights(direction) for direction in directions]
    inputs = [value, *(graph.constant(np.stack(arrays)) for arrays in zip(*weights, strict=True)), "lengths"]
    names = [] if len(directions) == 2 else _state_names(layer)
    if states:
        padding = graph.add("Sub", graph.constant(np.array(maxlen, np.int32)), "lengths")  # (batch,)
        first = graph.constant(np.array([0], np.int64))
        for name in names:
            start = graph.add("Gather", graph.constant(states[name]), padding)  # (batch, units)
            inputs.append(graph.add("Unsqueeze", start, first))  # (1, batch, units)
    sequence, last = f"{layer.name}_sequence", f"{layer.name}_h_last"
    outputs = [sequence, *(f"{name}_last" for name in names)] if names else [sequence, last]
    attributes: dict[str, Any] = {"hidden_size": units}
    if len(directions) == 2:
        attributes["direction"] = "bidirectional"
    if kind == "GRU":
        attributes["linear_before_reset"] = 1  # Keras' reset_after
    graph.add_node(CELL_OF_LAYER[kind].operator, inputs, outputs, **attributes)
    graph.last_states += [f"{name}_last" for name in names]
    if directions[0].return_sequences:  # (time, directions, batch, units)
        by_review = graph.add("Transpose", sequence, perm=[0, 2, 1, 3])
        return graph.add("Reshape", by_review, graph.constant(np.array([0, 0, -1], np.int64)))
    by_review = graph.add("Transpose", last, perm=[1, 0, 2])  # (batch, directions, units)
    return graph.add("Reshape", by_review, graph.constant(np.array([0, -1], np.int64)))


def _add_pooling(graph: "_Graph", kind: str, value: str) -> str:
    """Add a pooling over the tokens that are read: (time, batch, features) -> (batch, features)."""
    zero, one = (graph.constant(np.array(number, np.int32)) for number in (0, 1))
    time = graph.add("Cast", graph.add("Gather", graph.add("Shape", "tokens"), zero), to=_INT32)
    position = graph.add("Unsqueeze", graph.add("Range", zero, time, one), graph.constant(np.array([1])))
    is_read = graph.add("Less", position, "lengths")  # (time, batch)
    is_read = graph.add("Unsqueeze", is_read, graph.constant(np.array([2])))
    fill, reduction = POOLINGS[kind]
    value = graph.add("Where", is_read, value, graph.constant(np.array(fill, np.float32)))
    if reduction == "ReduceMax":
        return graph.add(reduction, value, axes=[0], keepdims=0)
    total = graph.add(reduction, value, graph.constant(np.array([0])), keepdims=0)
    tokens = graph.add("Unsqueeze", graph.add("Cast", "lengths", to=_FLOAT), graph.constant(np.array([1])))
    return graph.add("Div", total, tokens)


def _onnx_weights(layer: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of one direction: weights (gates * units, inputs) and (gates * units, units), biases (2 * gates * units,)."""
    gates = CELL_OF_LAYER[type(layer).__name__].gate_order
    kernel, recurrent, bias = (np.asarray(weight, np.float32) for weight in layer.get_weights())
    two_biases = bias if bias.ndim == 2 else np.stack([bias, np.zeros_like(bias)])  # of the input and of the state

    def ordered(columns: np.ndarray) -> np.ndarray:
        blocks = np.split(columns, len(gates), axis=-1)
        return np.concatenate([blocks[gate] for gate in gates], axis=-1)

    return ordered(kernel).T.copy(), ordered(recurrent).T.copy(), ordered(two_biases).reshape(-1)


class _Graph:
    """Nodes and constants in the making; every value has a name of its own."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.last_states: list[str] = []
        self._numbers = itertools.count()

    def constant(self, values: np.ndarray) -> str:
        from onnx import numpy_helper

        name = f"constant_{next(self._numbers)}"
        self.constants.append(numpy_helper.from_array(values, name))
        return name

    def add_node(self, operator: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any) -> None:
        from onnx import helper

        self.nodes.append(helper.make_node(operator, inputs, outputs, **attributes))

    def add(self, operator: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """Add a node with one output; returns its name."""
        output = output or f"value_{next(self._numbers)}"
        self.add_node(operator, inputs, [output], **attributes)
        return output

"""describe_network: a Keras network as a list of its layers and one base64 text of its weights."""

import base64
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sentiment.engine.cells import is_recurrent
from sentiment.errors import InputError

POOLINGS = {"MaxPooling": "max", "GlobalAveragePooling1D": "mean", "MaxMeanPooling": "max_mean"}
"""Keras layer -> `pooling` of ModelConfig."""

MOST_FLOAT16 = 1_000_000
"""Numbers in the Embedding up to which it is kept as float16; a larger one is kept as int8."""

ALIGNMENT = 4
"""Bytes; JavaScript reads float32 only from their multiples."""


@dataclass
class PackedArrays:
    """Arrays one after the other, and where each of them lies.

    Attributes:
        manifest: per array {"offset": bytes, "shape": [rows, columns], "format": float32, float16 or int8}.
        content: what they are packed into.
    """

    manifest: list[dict[str, Any]] = field(default_factory=list)
    content: bytearray = field(default_factory=bytearray)

    def add(self, array: np.ndarray, kind: str = "float32") -> int:
        """Append an array of one or two dimensions; returns its number.

        As int8, every row is divided by a float32 scale of its own, and all scales come first.
        """
        rows = np.atleast_2d(np.asarray(array, np.float32))
        self.content += bytes(-len(self.content) % ALIGNMENT)
        self.manifest.append({"offset": len(self.content), "shape": list(rows.shape), "format": kind})
        if kind == "int8":
            scales = np.maximum(np.abs(rows).max(axis=1), np.finfo(np.float32).tiny) / np.float32(127)
            self.content += scales.astype("<f4").tobytes() + np.rint(rows / scales[:, None]).astype(np.int8).tobytes()
        else:
            self.content += rows.astype({"float32": "<f4", "float16": "<f2"}[kind]).tobytes()
        return len(self.manifest) - 1

    def base64(self) -> str:
        """All arrays as text."""
        return base64.b64encode(self.content).decode("ascii")


def describe_network(network: Any, words: int, *, exact: bool) -> tuple[list[dict[str, Any]], PackedArrays]:
    """The layers that decide a verdict, in their order, and their weights.

    Args:
        network: as `build_model` makes it.
        words: rows of the Embedding that are in use.
        exact: keep the word vectors as float32; else as float16, or as int8 where there are more than MOST_FLOAT16
            numbers. All other weights are float32 in any case.

    Raises:
        InputError: the network has no recurrent layer, or a layer of another kind.
    """
    arrays = PackedArrays()
    layers: list[dict[str, Any]] = []
    for layer in network.layers:
        kind = type(layer).__name__
        if kind == "Embedding":
            vectors = layer.get_weights()[0][:words]
            compact = "float16" if vectors.size <= MOST_FLOAT16 else "int8"
            layers.append({"kind": kind, "array": arrays.add(vectors, "float32" if exact else compact)})
        elif is_recurrent(layer):
            layers.append({"kind": "recurrent", "directions": _directions(layer, arrays)})
        elif kind in POOLINGS:
            layers.append({"kind": "pooling", "pooling": POOLINGS[kind]})
        elif kind == "Dense":
            layers.append({"kind": kind, "arrays": [arrays.add(weights) for weights in layer.get_weights()]})
        elif kind != "Dropout":
            raise InputError(f"The model {network.name} has a layer of kind {kind}, which the playground cannot run.")
    if not any(layer["kind"] == "recurrent" for layer in layers):
        raise InputError(f"The model {network.name} has no recurrent layer: choose an LSTM, GRU or SimpleRNN.")
    return layers, arrays


def _directions(layer: Any, arrays: PackedArrays) -> list[dict[str, Any]]:
    """One entry for each direction in which a recurrent layer reads, named as `trace_layers` names it."""
    directions = [("", layer)]
    if hasattr(layer, "forward_layer"):
        directions = [(" forward", layer.forward_layer), (" backward", layer.backward_layer)]
    return [
        {
            "name": layer.name + suffix,
            "cell": type(one).__name__,
            "backward": suffix == " backward",
            "arrays": [arrays.add(weights) for weights in one.get_weights()],
        }
        for suffix, one in directions
    ]

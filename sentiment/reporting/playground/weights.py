"""describe_network: a network as a list of its layers and one base64 text of its weights."""

import base64
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sentiment.engine.cells import CELLS
from sentiment.engine.network import Network, RecurrentLayer, to_int8

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
            rounded, scales = to_int8(rows)
            self.content += scales.astype("<f4").tobytes() + rounded.tobytes()
        else:
            self.content += rows.astype({"float32": "<f4", "float16": "<f2"}[kind]).tobytes()
        return len(self.manifest) - 1

    def base64(self) -> str:
        """All arrays as text."""
        return base64.b64encode(self.content).decode("ascii")


def describe_network(network: Network, words: int, *, exact: bool) -> tuple[list[dict[str, Any]], PackedArrays]:
    """The layers that decide a verdict, in their order, and their weights.

    Args:
        words: rows of the Embedding that are in use.
        exact: keep the word vectors as float32; else as float16, or as int8 where there are more than MOST_FLOAT16
            numbers. All other weights are float32 in any case.
    """
    arrays = PackedArrays()
    vectors, (kernel, bias) = network.embedding[:words], network.dense
    compact = "float16" if vectors.size <= MOST_FLOAT16 else "int8"
    layers: list[dict[str, Any]] = [
        {"kind": "Embedding", "array": arrays.add(vectors, "float32" if exact else compact)}
    ]
    for number, layer in enumerate(network.layers, 1):
        layers.append({"kind": "recurrent", "directions": _directions(network.cell, number, layer, arrays)})
    if network.pooling != "last":
        layers.append({"kind": "pooling", "pooling": network.pooling})
    layers.append({"kind": "Dense", "arrays": [arrays.add(kernel[:, None]), arrays.add(bias)]})
    return layers, arrays


def _directions(cell: str, number: int, layer: RecurrentLayer, arrays: PackedArrays) -> list[dict[str, Any]]:
    """One entry for each direction in which a recurrent layer reads, named as `trace_layers` names it."""
    directions = [*zip(layer.kernel, layer.recurrent_kernel, layer.bias, strict=True)]
    suffixes = [" forward", " backward"] if len(directions) > 1 else [""]
    return [
        {
            "name": f"{cell}_{number}{suffix}",
            "cell": CELLS[cell].layer,
            "backward": suffix == " backward",
            "arrays": [arrays.add(array) for array in CELLS[cell].by_layer(*weights)],
        }
        for suffix, weights in zip(suffixes, directions, strict=True)
    ]

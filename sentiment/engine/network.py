"""Network: the weights of a trained network, from Keras, and to and from the file weights.npz."""

import hashlib
import io
import zipfile
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np

from sentiment.data.arrays import read_arrays
from sentiment.data.sequences import SequenceConfig
from sentiment.engine.cells import CELL_OF_LAYER, CELLS, STATES, Cell

POOLINGS = {"MaxPooling": "max", "GlobalAveragePooling1D": "mean", "MaxMeanPooling": "max_mean"}
"""Keras layer -> the pooling that it is; without one of them, the last state goes on to Dense."""

MOST_UNITS = 2**15
"""Most units of a layer, and most numbers of a word vector."""


class Padding(IntEnum):
    """How padding tokens are read; the C core has the same numbers.

    They are skipped, read like words before or after them, or a review starts from the state that they leave behind.
    """

    SKIPPED, READ_BEFORE, READ_AFTER, TABULATED = range(4)


@dataclass(frozen=True)
class RecurrentLayer:
    """Weights of one layer of one direction or two, float32, gates in the order of `Cell.by_gate`.

    Attributes:
        kernel: (directions, gates, features, units).
        recurrent_kernel: (directions, gates, units, units).
        bias: of the input, and of the state where it has one: (directions, 1 or 2, gates, units).
    """

    kernel: np.ndarray
    recurrent_kernel: np.ndarray
    bias: np.ndarray

    @property
    def units(self) -> int:
        """How many units each direction has."""
        return int(self.recurrent_kernel.shape[-1])


@dataclass(frozen=True)
class Network:
    """The weights of a trained network.

    Attributes:
        cell: key of CELLS, of all layers.
        pooling: what of the states goes on to Dense: last, max, mean or max_mean.
        mask_padding: whether padding tokens are skipped.
        embedding: float32 (num_words, embedding_dim).
        layers: the recurrent ones, the first at first, of the same width.
        dense: kernel (features,) and bias (1,), float32.
        cut_points: where the score, which is the log-odds of P(positive), is cut into K > 2 classes: float32 (K - 1,),
            rising, 0 in the mean; of two classes float32 (0,).
        dropout: shares that training drops, of word vectors' entries and of what goes on to Dense; scoring drops none.

    Raises:
        ValueError: an array does not fit the others, or a weight is no number.
    """

    cell: str
    pooling: str
    mask_padding: bool
    embedding: np.ndarray
    layers: tuple[RecurrentLayer, ...]
    dense: tuple[np.ndarray, np.ndarray]
    dropout: tuple[float, float] = (0.0, 0.0)
    cut_points: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))

    def __post_init__(self) -> None:
        if self.cell not in CELLS or self.pooling not in ("last", *POOLINGS.values()) or not self.layers:
            raise ValueError(f"it has layers of {self.cell} and pooling of {self.pooling}, which nobody knows")
        gates, directions = len(CELLS[self.cell].gate_order), len(self.layers[0].kernel)
        words, features = self.embedding.shape
        widths = [features]
        shapes: list[tuple[np.ndarray, tuple[int, ...]]] = [(self.embedding, (words, features))]
        for layer in self.layers:
            shapes += [
                (layer.kernel, (directions, gates, features, layer.units)),
                (layer.recurrent_kernel, (directions, gates, layer.units, layer.units)),
                (layer.bias, (directions, layer.bias.shape[1], gates, layer.units)),
            ]
            widths += [layer.units]
            features = directions * layer.units
        features *= 2 if self.pooling == "max_mean" else 1
        shapes += [(self.dense[0], (features,)), (self.dense[1], (1,)), (self.cut_points, (self.cut_points.size,))]
        fits = all(array.shape == shape and array.dtype == np.float32 for array, shape in shapes)
        is_bounded = words > 0 and directions in (1, 2) and all(0 < width <= MOST_UNITS for width in widths)
        is_even = len({layer.units for layer in self.layers}) == 1
        if not (fits and is_bounded and is_even and all(layer.bias.shape[1] in (1, 2) for layer in self.layers)):
            raise ValueError("its weights do not fit one another")
        if not all(np.isfinite(array).all() for array, _ in shapes):
            raise ValueError("it has weights that are no numbers")
        if self.cut_points.size == 1 or (np.diff(self.cut_points) <= 0).any():
            raise ValueError("its cut points do not rise")
        if not all(0 <= share < 1 for share in self.dropout):
            raise ValueError(f"it drops {self.dropout}, which are no shares")

    @property
    def directions(self) -> int:
        """One or two."""
        return len(self.layers[0].kernel)

    @property
    def parameters(self) -> int:
        """How many numbers were learned, word vectors included."""
        return sum(array.size for array in self._weights().values())

    @classmethod
    def from_keras(cls, network: Any) -> "Network":
        """What `build_model` makes, trained.

        Raises:
            TypeError: the network has a layer of another kind.
        """
        layers: list[RecurrentLayer] = []
        pooling, cell, dropout = "last", "", {"embedding_dropout": 0.0, "dropout": 0.0}
        cut_points = np.zeros(0, np.float32)
        for layer in network.layers:
            kind = type(layer).__name__
            if kind in CELL_OF_LAYER or kind == "Bidirectional":
                directions = [layer.forward_layer, layer.backward_layer] if kind == "Bidirectional" else [layer]
                [cell] = (name for name, cell in CELLS.items() if cell.layer == type(directions[0]).__name__)
                weights = [CELLS[cell].by_gate(direction.get_weights()) for direction in directions]
                layers.append(RecurrentLayer(*map(np.stack, zip(*weights, strict=True))))
            elif kind in POOLINGS:
                pooling = POOLINGS[kind]
            elif kind == "Dropout":
                dropout[layer.name] = layer.rate
            elif kind == "Dense":
                kernel, bias = layer.get_weights()
            elif kind == "CutPoints":
                [placed] = layer.get_weights()
                cut_points = np.cumsum(np.concatenate([placed[:1], np.exp(placed[1:])]))
                middle = cut_points.mean()
                cut_points, bias = cut_points - middle, bias - middle
            elif kind != "Embedding":
                raise TypeError(f"A layer of kind {kind} cannot be scored with.")
        (embedding,) = network.layers[0].get_weights()
        shares = dropout["embedding_dropout"], dropout["dropout"]
        mask_padding, dense = bool(network.layers[0].mask_zero), (kernel[:, 0], bias)
        return cls(cell, pooling, mask_padding, embedding, tuple(layers), dense, shares, cut_points)

    def keras_weights(self) -> list[np.ndarray]:
        """The weights as `get_weights` of the Keras network gives them."""
        cell = CELLS[self.cell]
        recurrent = [
            array
            for layer in self.layers
            for direction in zip(layer.kernel, layer.recurrent_kernel, layer.bias, strict=True)
            for array in cell.by_layer(*direction)
        ]
        cut_points = [np.append(self.cut_points[:1], np.log(np.diff(self.cut_points)))] if self.cut_points.size else []
        return [self.embedding, *recurrent, self.dense[0][:, None], self.dense[1], *cut_points]

    def to_npz(self, *, small: bool = False) -> bytes:
        """The content of weights.npz, which depends on nothing but the network.

        Args:
            small: word vectors are rounded to int8, with a scale a word.
        """
        arrays = {**self._shape(), **self._weights()}
        if small:
            arrays["embedding"], arrays["embedding_scale"] = to_int8(self.embedding)
        content = io.BytesIO()
        np.savez(content, allow_pickle=False, **arrays)
        return content.getvalue()

    @classmethod
    def from_npz(cls, content: bytes) -> "Network":
        """What `to_npz` has written. Nothing is unpickled, and no array is larger than four times the content.

        Raises:
            ValueError: the content is damaged, or holds something else.
        """
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                names = [name.removesuffix(".npy") for name in archive.namelist()]
            found = read_arrays(content, names, most_bytes=len(content))
            layers = [
                RecurrentLayer(*(found.pop(name) for name in _layer_names(number)))
                for number in range(1, 1 + sum(name.endswith("_recurrent_kernel") for name in names))
            ]
            cell, pooling, mask_padding = (found.pop(name).item() for name in ("cell", "pooling", "mask_padding"))
            embedding_dropout, dropout = found.pop("dropout").tolist()
            embedding, *dense = (found.pop(name) for name in ("embedding", "dense_kernel", "dense_bias"))
            if "embedding_scale" in found:
                embedding = from_int8(embedding, found.pop("embedding_scale"))
            cut_points = found.pop("cut_points", np.zeros(0, np.float32))
            if found:
                raise ValueError(f"it has an array {next(iter(found))}")
            shape, shares = (str(cell), str(pooling), bool(mask_padding)), (embedding_dropout, dropout)
            return cls(*shape, embedding, tuple(layers), (dense[0], dense[1]), shares, cut_points)
        except Exception as error:  # zipfile lets errors of many kinds out of a foreign file
            raise ValueError(f"the weights are damaged or were not made by sentiment: {error}") from error

    def digest(self) -> str:
        """SHA-256 over all that decides a probability, as hexadecimal digits."""
        sha256 = hashlib.sha256()
        shape = {name: array for name, array in self._shape().items() if name != "dropout"}
        for name, array in {**shape, **self._weights()}.items():
            sha256.update(f"{name} {array.shape} ".encode())
            sha256.update(np.ascontiguousarray(array).data)
        return sha256.hexdigest()

    def _shape(self) -> dict[str, np.ndarray]:
        """What is no weight, in the order of the file."""
        return {name: np.array(getattr(self, name)) for name in ("cell", "pooling", "mask_padding", "dropout")}

    def _weights(self) -> dict[str, np.ndarray]:
        """What was learned, in the order of the file."""
        arrays = {"embedding": self.embedding}
        for number, layer in enumerate(self.layers, 1):
            weights = layer.kernel, layer.recurrent_kernel, layer.bias
            arrays |= zip(_layer_names(number), weights, strict=True)
        cut_points = {"cut_points": self.cut_points} if self.cut_points.size else {}
        return {**arrays, "dense_kernel": self.dense[0], "dense_bias": self.dense[1], **cut_points}

    def padding(self, sequences: SequenceConfig) -> Padding:
        """How reviews that were padded in this way are read.

        Say that padding tokens are read like words, all of them before the words, and the last state decides. Then k of
        them leave the same state behind in every review: it is computed once for each k, and a review starts from it.
        """
        if self.mask_padding:
            return Padding.SKIPPED
        if sequences.padding == "post":
            return Padding.READ_AFTER
        return Padding.TABULATED if self.directions == 1 and self.pooling == "last" else Padding.READ_BEFORE

    def padding_states(self, maxlen: int) -> list[np.ndarray]:
        """For each layer of a network of one direction, the states after 0, 1, ... maxlen padding tokens.

        Returns:
            The hidden state, and of an LSTM the cell state: float32 (1 or 2, maxlen + 1, units).
        """
        cell: Cell = CELLS[self.cell]
        inputs, found = np.repeat(self.embedding[:1], maxlen, axis=0), []
        for layer in self.layers:
            values = cell.trace((layer.kernel[0], layer.recurrent_kernel[0], layer.bias[0]), inputs)
            inputs = values["hidden_state"]
            states = np.stack([values[name] for name in STATES if name in values])
            found.append(np.pad(states, ((0, 0), (1, 0), (0, 0))).astype(np.float32))
        return found


def to_int8(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each row of float32 (words, features) as int8, and the float32 scale (words,) that gives it back."""
    scales = np.maximum(np.abs(vectors).max(axis=1), np.finfo(np.float32).tiny) / np.float32(127)
    return np.rint(vectors / scales[:, None]).astype(np.int8), scales


def from_int8(rounded: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """The float32 rows (words, features) that `to_int8` has rounded.

    Raises:
        ValueError: these are no such arrays.
    """
    words, _ = rounded.shape
    if rounded.dtype != np.int8 or scales.dtype != np.float32 or scales.shape != (words,):
        raise ValueError("its word vectors and their scales do not fit one another")
    with np.errstate(over="ignore", invalid="ignore"):  # the network tells
        vectors: np.ndarray = rounded * scales[:, None]
    return vectors


def _layer_names(number: int) -> list[str]:
    return [f"layer_{number}_{name}" for name in ("kernel", "recurrent_kernel", "bias")]

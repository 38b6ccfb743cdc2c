"""ModelConfig and build_model: Embedding -> LSTM, SimpleRNN or GRU -> pooling over time -> Dense."""

import threading
from typing import Any, Literal, cast

import numpy as np
from pydantic import Field

from sentiment.configuration import Configuration
from sentiment.engine.cells import CELLS, CellName
from sentiment.engine.network import MOST_UNITS, Network
from sentiment.engine.recurrent_model import RecurrentModel
from sentiment.errors import InputError

Pooling = Literal["last", "max", "mean", "max_mean"]

_GLOBAL_SEED = threading.Lock()
"""Held while first weights are drawn, as Keras draws them by a seed that all threads share."""


class ModelConfig(Configuration):
    """The network between the padded indices and the probability."""

    embedding_dim: int = Field(64, ge=1, le=MOST_UNITS, description="Length of a word vector.")
    units: int = Field(64, ge=1, le=MOST_UNITS, description="Units of each recurrent layer, per direction.")
    layers: int = Field(1, ge=1, description="Recurrent layers, stacked.")
    bidirectional: bool = Field(False, description="Read each review in both directions.")
    embedding_dropout: float = Field(0.0, ge=0, lt=1, description="Share of word vector entries dropped in training.")
    pooling: Pooling = Field(
        "last",
        description="What of the states goes on to Dense: the last, or each unit's largest or mean value, or both.",
    )
    mask_padding: bool = Field(False, description="Skip padding; else it is read like a word.")
    dropout: float = Field(0.0, ge=0, lt=1, description="Share of what goes on to Dense dropped.")


def build_model(
    cell: CellName,
    config: ModelConfig,
    *,
    num_words: int,
    maxlen: int,
    seed: int = 0,
    cut_points: np.ndarray | None = None,
) -> Any:
    """An untrained Keras model whose initial weights follow from `seed`.

    Maps int32 indices (batch, maxlen) to P(positive), float32 (batch, 1); of K ordered classes to P(label > k), float32
    (batch, K - 1). With `mask_padding` the reviews of a batch may also be padded to less than `maxlen`, which changes
    nothing.

    Args:
        cut_points: the first ones of more than two classes, rising, (K - 1,).
    """
    import keras

    with _GLOBAL_SEED:
        keras.utils.set_random_seed(seed)
        return _build(cell, config, num_words, maxlen, cut_points)


def _build(cell: CellName, config: ModelConfig, num_words: int, maxlen: int, cut_points: np.ndarray | None) -> Any:
    import keras

    from sentiment.engine.pooling import MaxMeanPooling, MaxPooling
    from sentiment.training.ordered import CutPoints, cut_point_weights

    recurrent = getattr(keras.layers, CELLS[cell].layer)
    layers = [
        keras.Input((None if config.mask_padding else maxlen,), dtype="int32"),
        keras.layers.Embedding(  # (batch, maxlen, embedding_dim)
            num_words, config.embedding_dim, mask_zero=config.mask_padding, name="embedding"
        ),
    ]
    if config.embedding_dropout:
        layers.append(keras.layers.Dropout(config.embedding_dropout, name="embedding_dropout"))
    for number in range(1, config.layers + 1):
        layer = recurrent(
            config.units,
            return_sequences=number < config.layers or config.pooling != "last",  # (batch, maxlen, units), else no time
            name=f"{cell}_{number}",
        )
        layers.append(keras.layers.Bidirectional(layer, name=layer.name) if config.bidirectional else layer)
    if config.pooling == "max":
        layers.append(MaxPooling(name="max_pooling"))  # (batch, units)
    elif config.pooling == "mean":
        layers.append(keras.layers.GlobalAveragePooling1D(name="mean_pooling"))  # (batch, units)
    elif config.pooling == "max_mean":
        layers.append(MaxMeanPooling(name="max_mean_pooling"))  # (batch, 2 * units)
    if config.dropout:
        layers.append(keras.layers.Dropout(config.dropout, name="dropout"))
    if cut_points is None:
        layers.append(keras.layers.Dense(1, activation="sigmoid", name="positive_probability"))  # (batch, 1)
        return keras.Sequential(layers, name=cell)
    layers += [keras.layers.Dense(1, name="score"), CutPoints(len(cut_points), name="cut_points")]  # (batch, K - 1)
    network = keras.Sequential(layers, name=cell)
    network.layers[-1].set_weights([cut_point_weights(cut_points)])
    return network


def shape_of(network: Network) -> tuple[CellName, ModelConfig]:
    """The cell and the configuration that `build_model` made a network of, its dropout included."""
    config = ModelConfig(
        embedding_dim=network.embedding.shape[1],
        units=network.layers[0].units,
        layers=len(network.layers),
        bidirectional=network.directions == 2,
        pooling=cast("Pooling", network.pooling),
        mask_padding=network.mask_padding,
        embedding_dropout=network.dropout[0],
        dropout=network.dropout[1],
    )
    return network.cell, config


def keras_network(model: RecurrentModel, seed: int = 0) -> Any:
    """The Keras network of a trained model: what `build_model` made, trained.

    Args:
        seed: of dropout.
    """
    cell, config = shape_of(model.network)
    words, maxlen = len(model.network.embedding), model.sequences.maxlen
    cut_points = model.network.cut_points if len(model.network.cut_points) else None
    network = build_model(cell, config, num_words=words, maxlen=maxlen, seed=seed, cut_points=cut_points)
    network.set_weights(model.network.keras_weights())
    return network


def check_gpu(config: ModelConfig, padding: str) -> None:
    """Refuse what cuDNN cannot do, where there is a GPU.

    Args:
        padding: side on which reviews are padded, pre or post.

    Raises:
        InputError: padding before the words is to be skipped.
    """
    import tensorflow as tf

    if config.mask_padding and padding == "pre" and tf.config.list_physical_devices("GPU"):
        raise InputError("cuDNN skips padding only behind the words: on a GPU --mask-padding needs --padding post.")

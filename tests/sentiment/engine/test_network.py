"""The weights of a network: from Keras, and to and from weights.npz, which may be hostile."""

import dataclasses
import io
import time
import zipfile
from collections.abc import Callable
from functools import cache
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.engine.cells import CELLS, CellName
from sentiment.engine.network import Network
from sentiment.training.models import ModelConfig, build_model, shape_of
from tests.sentiment.engine.networks import small_network


@settings(max_examples=25)
@given(
    st.sampled_from(sorted(CELLS)),
    st.builds(
        ModelConfig, embedding_dim=st.just(3), units=st.just(2), layers=st.integers(1, 3), bidirectional=st.booleans(),
        pooling=st.sampled_from(["last", "max", "mean", "max_mean"]), mask_padding=st.booleans(),
        embedding_dropout=st.sampled_from([0.0, 0.2]), dropout=st.sampled_from([0.0, 0.5]),
    ),
)  # fmt: skip
def test_a_network_is_the_same_after_its_way_through_the_file(cell: CellName, config: ModelConfig) -> None:
    keras_network = build_model(cell, config, num_words=9, maxlen=6)
    generator = np.random.default_rng(0)
    keras_network.set_weights([generator.normal(size=array.shape) for array in keras_network.get_weights()])
    network = Network.from_keras(keras_network)
    found = Network.from_npz(network.to_npz())
    assert (found.cell, found.pooling, found.mask_padding) == (cell, config.pooling, config.mask_padding)
    assert found.to_npz() == network.to_npz()
    assert found.digest() == network.digest()
    assert found.parameters == keras_network.count_params()
    assert shape_of(found) == (cell, config)
    weights = zip(found.keras_weights(), keras_network.get_weights(), strict=True)
    assert all(np.array_equal(ours, theirs) for ours, theirs in weights)


def test_the_file_depends_on_the_weights_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = small_network().to_npz()
    monkeypatch.setattr(time, "localtime", lambda *_: time.gmtime(10**9))
    assert small_network().to_npz() == expected
    changed = dataclasses.replace(small_network(), dense=(small_network().dense[0], np.ones(1, np.float32)))
    assert changed.to_npz() != expected
    assert changed.digest() != small_network().digest()


def test_a_network_with_a_foreign_layer_is_refused() -> None:
    network = keras.Sequential([keras.Input((6,)), keras.layers.Embedding(9, 2), keras.layers.Conv1D(3, 2)])
    with pytest.raises(TypeError, match="Conv1D"):
        Network.from_keras(network)


@cache
def arrays() -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(small_network("gru").to_npz())) as file:
        return dict(file)


def changed(**others: Any) -> bytes:
    """The file with other arrays; None: without that one."""
    content = io.BytesIO()
    kept = {name: array for name, array in {**arrays(), **others}.items() if array is not None}
    np.savez(content, allow_pickle=True, **kept)
    return content.getvalue()


def rounded(scales: np.ndarray) -> bytes:
    """The file with word vectors of int8."""
    return changed(embedding=np.ones((40, 8), np.int8), embedding_scale=scales)


def compressed() -> bytes:
    """A file that would fill more memory than it is long."""
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=False, **{**arrays(), "embedding": np.zeros((10**6, 8), np.float32)})
    return content.getvalue()


def with_header(shape: str) -> bytes:
    """The bias of Dense has another shape in its header than it has content."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive, zipfile.ZipFile(io.BytesIO(changed())) as whole:
        for name in whole.namelist():
            part = whole.read(name)
            archive.writestr(name, part.replace(b"(1,), ", shape.encode()) if name == "dense_bias.npy" else part)
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (lambda: b"", "not a zip file"),
        (lambda: changed()[:-40], "not a zip file"),
        (compressed, "take .* bytes"),
        (lambda: changed(embedding=np.array([object()])), "objects"),
        (lambda: changed(embedding=arrays()["embedding"].astype(np.float64)), "do not fit one another"),
        (lambda: changed(embedding=arrays()["embedding"][:, :-1]), "do not fit one another"),
        (lambda: changed(embedding=arrays()["embedding"][0]), "unpack"),
        (lambda: changed(embedding=np.zeros((0, 8), np.float32)), "do not fit one another"),
        (lambda: changed(embedding=arrays()["embedding"] * np.nan), "no numbers"),
        (lambda: changed(dense_bias=None), "dense_bias"),
        (lambda: changed(layer_1_kernel=arrays()["layer_1_kernel"][:, :2]), "do not fit one another"),
        (lambda: changed(layer_1_bias=np.zeros((1, 3, 3, 7), np.float32)), "do not fit one another"),
        (lambda: changed(layer_2_recurrent_kernel=arrays()["layer_1_recurrent_kernel"]), "layer_2_kernel"),
        (lambda: changed(layer_1_recurrent_kernel=None), "nobody knows|unexpected|layer_1"),
        (lambda: changed(dropout=None), "dropout"),
        (lambda: changed(dropout=np.array([0.5, np.nan])), "no shares"),
        (lambda: changed(dropout=np.array([0.5])), "unpack"),
        (lambda: changed(embedding_scale=np.ones(40, np.float32)), "scales"),
        (lambda: changed(embedding=np.ones((40, 8), np.int8)), "do not fit one another"),
        (lambda: changed(embedding=np.ones(40, np.int8), embedding_scale=np.ones(40, np.float32)), "unpack"),
        (lambda: rounded(np.full(40, np.inf, np.float32)), "no numbers"),
        (lambda: rounded(np.ones(39, np.float32)), "scales"),
        (lambda: changed(surprise=np.zeros(1, np.float32)), "surprise"),
        (lambda: changed(cell=np.array("transformer")), "transformer"),
        (lambda: changed(cell=np.array(["gru", "lstm"])), "array of size 1"),
        (lambda: changed(pooling=np.array("min")), "min"),
        (lambda: with_header("(9,), "), "as large as its header"),
    ],
)
def test_a_file_of_other_content_is_refused(content: Callable[[], bytes], says: str) -> None:
    with pytest.raises(ValueError, match=rf"the weights are damaged or were not made by sentiment: .*({says})"):
        Network.from_npz(content())


@settings(max_examples=200)
@given(st.data())
def test_a_file_with_other_bytes_is_read_or_refused(data: st.DataObject) -> None:
    content = bytearray(small_network().to_npz())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        Network.from_npz(bytes(content[: data.draw(st.integers(1, len(content)))]))
    except ValueError as error:
        assert "damaged" in str(error)

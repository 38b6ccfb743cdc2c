"""Networks as ONNX models, beside Keras, in ONNX Runtime."""

import sys
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from sentiment.data.sequences import SequenceConfig, pad_texts
from sentiment.engine.cells import CellName
from sentiment.engine.network import Network
from sentiment.engine.onnx_export import export_onnx
from sentiment.errors import InputError
from sentiment.training.models import ModelConfig, build_model
from tests import parity
from tests.sentiment.engine.networks import MAXLEN, NUM_WORDS, VOCABULARY, random_texts, small_network, telling


@pytest.mark.parametrize(
    ("cell", "options", "padding"),
    [
        ("lstm", {}, "pre"),
        ("lstm", {"layers": 2, "bidirectional": True, "pooling": "max_mean", "mask_padding": True}, "pre"),
        ("gru", {"bidirectional": True, "pooling": "mean", "mask_padding": True}, "post"),
        ("gru", {"layers": 2, "mask_padding": True}, "pre"),
        ("simple_rnn", {"pooling": "max_mean"}, "post"),
        ("simple_rnn", {"bidirectional": True, "pooling": "max", "mask_padding": True}, "pre"),
    ],
)
def test_onnx_runtime_gives_what_keras_gives(cell: CellName, options: dict[str, Any], padding: str) -> None:
    sequences = SequenceConfig.model_validate({"maxlen": MAXLEN, "padding": padding})
    config = ModelConfig.model_validate({"embedding_dim": 5, "units": 6, **options})
    network = telling(build_model(cell, config, num_words=NUM_WORDS, maxlen=MAXLEN, seed=5))
    padded = pad_texts(random_texts(150), VOCABULARY, sequences)
    expected = network.predict(padded, batch_size=150, verbose=0)
    session = onnxruntime.InferenceSession(export_onnx(Network.from_keras(network), sequences))
    [found] = session.run(["positive_probability"], {"tokens": padded})
    assert found.shape == (150, 1)
    assert np.abs(found - expected).max() <= parity.of_probability(network)


def test_the_file_says_how_reviews_are_padded() -> None:
    model = onnx.load_model_from_string(export_onnx(small_network(), SequenceConfig(maxlen=MAXLEN, truncating="post")))
    properties = {entry.key: entry.value for entry in model.metadata_props}
    assert properties == {"maxlen": "40", "padding": "pre", "truncating": "post"}


def test_without_the_package_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(InputError, match=r"pip install '\.\[onnx\]'"):
        export_onnx(small_network(), SequenceConfig(maxlen=MAXLEN))

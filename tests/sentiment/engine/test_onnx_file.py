"""Reading an ONNX model without the packages onnx and onnxruntime."""

import contextlib
from functools import cache

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import numpy_helper

from sentiment.data.sequences import SequenceConfig
from sentiment.engine.network import export_onnx
from sentiment.engine.onnx_file import OnnxFile
from sentiment.training.models import ModelConfig, build_model


@cache
def small_model() -> bytes:
    config = ModelConfig(embedding_dim=2, units=3, bidirectional=True, pooling="max_mean")
    return export_onnx(build_model("lstm", config, num_words=9, maxlen=4), SequenceConfig(maxlen=4))


def test_nodes_constants_and_properties_are_those_that_onnx_reads() -> None:
    expected, found = onnx.load_from_string(small_model()), OnnxFile.read(small_model())
    assert [(node.op_type, [*node.input], [*node.output]) for node in expected.graph.node] == [
        (node.operator, [*node.inputs], [*node.outputs]) for node in found.nodes
    ]
    assert [constant.name for constant in expected.graph.initializer] == list(found.constants)
    for constant in expected.graph.initializer:
        np.testing.assert_array_equal(found.constants[constant.name], numpy_helper.to_array(constant))
    assert found.properties == {"maxlen": "4", "padding": "pre"}


@given(st.data())
def test_a_damaged_model_is_read_or_refused(data: st.DataObject) -> None:
    model = bytearray(small_model())
    for _ in range(data.draw(st.integers(1, 4))):
        model[data.draw(st.integers(0, len(model) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ValueError):
        OnnxFile.read(bytes(model[: data.draw(st.integers(1, len(model)))]))


def test_constants_of_another_kind_are_refused() -> None:
    model = onnx.load_from_string(small_model())
    model.graph.initializer[0].data_type = onnx.TensorProto.DOUBLE
    with pytest.raises(ValueError, match="type 11"):
        OnnxFile.read(model.SerializeToString())

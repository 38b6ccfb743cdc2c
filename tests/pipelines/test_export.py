"""A trained network in the format of other runtimes."""

import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from sentiment.classifier import SentimentClassifier
from sentiment.data.sequences import pad_texts
from tests.conftest import Invoke, PipelineRun


def test_an_exported_network_gives_the_classifiers_probabilities(
    invoke: Invoke, small_run: PipelineRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = invoke("export", "--onnx", "network.onnx", "--model", small_run.classifier)
    assert (result.exit_code, "network.onnx" in result.output) == (0, True), result.output
    classifier, texts = SentimentClassifier.load(small_run.classifier), ["a moving film", "dull " * 300]
    padded = pad_texts(texts, classifier.model_.vocabulary, classifier.recurrent_model.sequences)
    [found] = onnxruntime.InferenceSession(Path("network.onnx")).run(None, {"tokens": padded})
    assert np.abs(found[:, 0] - classifier.positive_probability(texts)).max() <= 1e-5

    [linear] = small_run.folder.glob(".sentiment/linear-model/*/classifier")
    result = invoke("export", "--onnx", "linear.onnx", "--model", linear)
    assert (result.exit_code, "export a network" in result.output) == (2, True), result.output
    monkeypatch.setitem(sys.modules, "onnx", None)
    result = invoke("export", "--onnx", "other.onnx", "--model", small_run.classifier)
    assert (result.exit_code, "pip install '.[onnx]'" in result.output) == (2, True), result.output
    assert [path.name for path in Path().glob("*.onnx")] == ["network.onnx"]

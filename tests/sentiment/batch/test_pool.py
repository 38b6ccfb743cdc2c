"""The pool of processes, for classifiers that hold Python's lock."""

import multiprocessing.context
import sys
from pathlib import Path

import numpy as np
import pytest

from sentiment.batch.pool import scoring_pool
from sentiment.classifier import SentimentClassifier
from sentiment.training.linear_model import LinearModel


def test_on_macos_its_processes_are_spawned_and_never_forked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr("sentiment.batch.pool.available_cores", lambda: 1)
    for method in ("fork", "forkserver"):
        monkeypatch.delitem(multiprocessing.context._concrete_contexts, method)  # type: ignore[attr-defined]
    classifier = SentimentClassifier.from_model(
        LinearModel.fit(["a fine film", "a dull film"] * 4, np.array([1, 0] * 4))
    )
    classifier.save(tmp_path / "classifier")
    with scoring_pool(classifier, SentimentClassifier.load, tmp_path / "classifier") as submit:
        found = submit(["fine", "dull"]).result()
    assert np.array_equal(found, classifier.positive_probability(["fine", "dull"]))

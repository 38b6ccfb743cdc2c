"""Verdicts at a promised accuracy: `sentiment score --sure`, with every kind of classifier and every engine."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sentiment.classifier import SentimentClassifier
from sentiment.errors import InputError
from sentiment.evaluation import result
from sentiment.evaluation.abstention import Abstention
from sentiment.evaluation.validation_profile import PROFILE_FILE, ValidationProfile
from tests.conftest import Invoke, PipelineRun


def with_abstention(classifier: Path, folder: Path, texts: list[str]) -> tuple[Path, Abstention]:
    """A copy of a classifier that answers 0.9 of these texts' lower and upper third, and bears no 0.97."""
    shutil.copytree(classifier, folder)
    loaded = SentimentClassifier.load(folder)
    profile = ValidationProfile.load(folder, loaded)
    assert profile is not None
    lower, upper = np.quantile(loaded.positive_probability(texts), [1 / 3, 2 / 3])
    abstention = Abstention(0.9, float(lower), float(upper))
    profile.model_copy(update={"abstentions": (abstention,)}).save(folder)
    return folder, abstention


@pytest.fixture(scope="module")
def texts(small_run: PipelineRun) -> list[str]:
    return [" ".join(text.split()) for text in small_run.predictions["text"][:60]]


@pytest.fixture(scope="module")
def sure(
    small_run: PipelineRun, texts: list[str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[Path, Abstention]]:
    """Kind of classifier -> its folder and what it answers."""
    folder = tmp_path_factory.mktemp("sure")
    [linear] = small_run.folder.glob(".sentiment/linear-model/*/classifier")
    return {
        kind: with_abstention(classifier, folder / kind, texts)
        for kind, classifier in (("network", small_run.classifier), ("linear", linear))
    }


@pytest.mark.parametrize(("kind", "has_core"), [("network", True), ("network", False), ("linear", True)])
def test_rows_whose_verdict_would_not_keep_the_promise_get_none(
    invoke: Invoke,
    sure: dict[str, tuple[Path, Abstention]],
    texts: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    has_core: bool,
) -> None:
    if not has_core:
        monkeypatch.setitem(sys.modules, "sentiment.engine._native", None)  # NumPy scores
    folder, abstention = sure[kind]
    pd.DataFrame({"text": texts}).to_csv(tmp_path / "in.csv", index=False)
    result = invoke("score", "in.csv", "out.csv", "--model", folder, "--sure", "0.9")
    assert result.exit_code == 0, result.output
    written = pd.read_csv(tmp_path / "out.csv")
    probabilities = written["positive_probability"].to_numpy(np.float32)
    assert len(written) == len(texts)
    answered = abstention.answered(probabilities)
    assert 0.5 < answered.mean() < 0.8
    assert (written["predicted_label"].notna().to_numpy() == answered).all()
    expected = np.where(probabilities >= abstention.upper, "positive", "negative")
    assert (written["predicted_label"].to_numpy()[answered] == expected[answered]).all()
    [line] = [line for line in result.output.splitlines() if "answered at a promised 90" in line]
    assert f"{answered.mean():.1%}" in line


def test_a_promise_that_cannot_be_given_is_refused(
    invoke: Invoke, sure: dict[str, tuple[Path, Abstention]], tmp_path: Path
) -> None:
    (tmp_path / "in.csv").write_text("text\nfine\n")
    for level, says in (
        ("0.97", "reviews of this classifier do not bear it: it can promise 0.9."),
        ("0.965", "thresholds are kept for 0.8, 0.85, 0.9,"),
        ("nan", "thresholds are kept for 0.8, 0.85, 0.9,"),
    ):
        result = invoke("score", "in.csv", "out.csv", "--model", sure["network"][0], "--sure", level)
        assert (result.exit_code, says in " ".join(result.output.split())) == (2, True), result.output
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_a_profile_of_another_classifier_or_with_another_figure_is_damage(
    small_run: PipelineRun, tmp_path: Path
) -> None:
    folder = shutil.copytree(small_run.classifier, tmp_path / "classifier")
    content, classifier = json.loads((folder / PROFILE_FILE).read_text()), SentimentClassifier.load(folder)
    without_checksum = {key: value for key, value in content.items() if key != "sha256"}
    changed = {"classifier": "0" * 32, "threshold": 0.25, "features": {"x": {}}, "reviews": 9}
    for profile in [without_checksum, *({**content, key: value} for key, value in changed.items())]:
        (folder / PROFILE_FILE).write_text(json.dumps(profile))
        with pytest.raises(InputError, match="is damaged"):
            ValidationProfile.load(folder, classifier)


def test_every_promise_is_checked_on_test_reviews(small_run: PipelineRun) -> None:
    """The classifier of the linear model, the surest of the three on 600 reviews."""
    for stage in small_run.folder.glob(".sentiment/evaluate/*"):
        key = json.loads((stage / "stage.json").read_text())
        trained = small_run.folder / ".sentiment" / ("train" if "train" in key else "linear-model")
        folder = trained / (key.get("train") or key["linear-model"]) / "classifier"
        profile = ValidationProfile.load(folder, SentimentClassifier.load(folder))
        assert profile is not None
        checks = result.Result.load(stage, "").guarantees
        assert [check.level for check in checks] == [abstention.level for abstention in profile.abstentions]
        predictions = pd.read_parquet(stage / "predictions.parquet")
        for check, abstention in zip(checks, profile.abstentions, strict=True):
            assert check.answered == abstention.answered(predictions["positive_probability"].to_numpy()).sum()

"""Five stars through the pipelines: training, comparison, MLflow, folds and the learning curve."""

import re
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.entities import Run

from tests.conftest import SMALL, Invoke

pytestmark = pytest.mark.usefixtures("mlflow_store", "uncompiled")

METRICS = {
    *("accuracy", "majority_accuracy", "balanced_accuracy", "macro_f1", "mean_absolute_error"),
    *("quadratic_weighted_kappa", "log_loss", "expected_calibration_error"),
}


@pytest.fixture
def stars(tmp_path: Path) -> Path:
    """A table of 300 reviews, the better the more of their words are fine."""
    generator, path = np.random.default_rng(0), tmp_path / "stars.csv"
    labels = np.arange(300) % 5 + 1
    words = [generator.choice(["fine", "dull"], 9, p=[star / 6, 1 - star / 6]) for star in labels]
    texts = [f"{' '.join(words)} film {number}" for number, words in enumerate(words)]
    pd.DataFrame({"text": texts, "label": labels}).to_csv(path, index=False)
    return path


def runs(folder: Path) -> dict[str, Run]:
    client = mlflow.MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    found = client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])
    return {run.info.run_name: run for run in found}


def test_five_stars_are_trained_compared_and_logged(invoke: Invoke, stars: Path, tmp_path: Path) -> None:
    options = ["--models", "lstm", "--epochs", "1", "--balance", "--promote"]
    result = invoke("run-pipeline", "--data", stars.name, *SMALL, *options)
    assert result.exit_code == 0, result.output
    assert "quadratic weighted kappa" in result.output
    client, found = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}"), runs(tmp_path)
    for model in ("LSTM", "NB-LR"):
        run = found[model]
        assert {f"test_{metric}" for metric in METRICS} <= run.data.metrics.keys()
        assert not {"test_f1", "test_roc_auc", "test_threshold"} & run.data.metrics.keys()
        artifacts = {artifact.path for artifact in client.list_artifacts(run.info.run_id)}
        assert {"confusion_matrix.png", "reliability_diagram.png", "model_card.md"} <= artifacts
        assert not {"roc_curve.png", "precision_recall_curve.png"} & artifacts
    predictions = pd.read_parquet(client.download_artifacts(found["NB-LR"].info.run_id, "predictions.parquet"))
    assert [*predictions] == ["text", "label", "predicted_label", *(f"probability_{star}" for star in range(1, 6))]
    steps = (predictions["label"].astype(int) - predictions["predicted_label"].astype(int)).abs().mean()
    assert found["NB-LR"].data.metrics["test_mean_absolute_error"] == pytest.approx(steps)
    assert "Confusion matrix: LSTM" in (tmp_path / "report.html").read_text("utf-8")

    compared = invoke("compare", found["LSTM on table"].info.run_id)
    assert compared.exit_code == 0, compared.output
    pd.DataFrame({"text": ["fine " * 9, "dull " * 9, "film"], "label": [5, 1, 3]}).to_csv("more.csv", index=False)
    evaluated = invoke("evaluate", "--model", "models:/stars@champion", "--data", "more.csv")
    assert evaluated.exit_code == 0, evaluated.output
    assert re.search(r"mean absolute error +\d\.\d{4}", evaluated.output)


def test_folds_and_the_learning_curve_take_five_stars(invoke: Invoke, stars: Path, tmp_path: Path) -> None:
    command = ["--preset", "linear", "--source", "table", "--data", stars.name]
    folds = invoke("run-pipeline", "--folds", "3", *command)
    assert folds.exit_code == 0, folds.output
    parent = runs(tmp_path)["NB-LR on table"].data.metrics
    assert parent["linear_model_test_quadratic_weighted_kappa_low"] > 0
    curve = invoke("learning-curve", "--shares", "20,40,60,80,100", *command)
    assert curve.exit_code == 0, curve.output
    assert "test_mean_absolute_error" in runs(tmp_path)["NB-LR, seed 0"].data.metrics


def test_a_threshold_is_refused_before_anything_is_trained(invoke: Invoke, stars: Path, tmp_path: Path) -> None:
    result = invoke("run-pipeline", "--data", stars.name, *SMALL, "--threshold", "f1")
    assert result.exit_code == 2
    assert "leave --threshold out" in " ".join(result.output.split())
    assert runs(tmp_path) == {}

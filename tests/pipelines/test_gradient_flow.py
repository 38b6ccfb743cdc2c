"""`sentiment gradient-flow` on the models of a finished run."""

import shutil
from pathlib import Path

import mlflow
import pandas as pd
import pytest

from tests.conftest import SMALL, Invoke, PipelineRun


@pytest.mark.usefixtures("mlflow_store")
def test_every_step_of_every_model_is_tabled_drawn_and_logged(
    invoke: Invoke, small_run: PipelineRun, reviews_csv: Path, tmp_path: Path
) -> None:
    shutil.copytree(small_run.folder / ".sentiment", tmp_path / ".sentiment")
    output = invoke(
        "gradient-flow", "--data", reviews_csv, *SMALL, "--models", "lstm,simple_rnn", "--length", "50"
    ).output
    assert output.count("cached in") == 5  # nothing is trained anew
    assert "steps to fall 100-fold" in output
    [path] = tmp_path.glob(".sentiment/gradient-flow/*/gradient_flow.csv")
    table = pd.read_csv(path, index_col=["model", "step"])
    assert table.index.tolist() == [(model, step) for model in ("lstm", "simple_rnn") for step in range(1, 51)]
    assert (table["lower_quartile"] <= table["median"]).all()
    assert (table > 0).all(axis=None)
    assert path.with_suffix(".png").stat().st_size > 10_000
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    [child] = client.search_runs(["1"], "attributes.run_name = 'LSTM'")
    points = client.get_metric_history(child.info.run_id, "gradient_norm_mean")
    assert [point.step for point in points] == list(range(1, 51))
    assert [point.value for point in points] == pytest.approx(table["mean"].iloc[:50].tolist())


@pytest.mark.parametrize(
    ("length", "says"), [("61", "--length is 61, but the model reads 2 to 60 tokens"), ("1", "--length is 1")]
)
def test_a_length_beyond_the_models_is_refused(invoke: Invoke, reviews_csv: Path, length: str, says: str) -> None:
    result = invoke("gradient-flow", "--data", reviews_csv, *SMALL, "--length", length)
    assert (result.exit_code, says in result.output) == (2, True), result.output


@pytest.mark.usefixtures("mlflow_store")
def test_reviews_that_are_shorter_than_the_model_reads_are_measured_whole(invoke: Invoke, tmp_path: Path) -> None:
    """Without a length. With one that no review has, the longest is named."""
    rows = [f"{word} {number},{label}" for number in range(40) for word, label in (("good", 1), ("bad", 0))]
    (tmp_path / "short.csv").write_text("\n".join(["text,label", *rows]))
    options = ["--source", "table", "--data", "short.csv", "--models", "lstm", "--fresh"]
    assert "3 steps" in invoke("gradient-flow", *options).output
    result = invoke("gradient-flow", *options, "--length", "9")
    says = "validation reviews has 9 tokens, the longest has 3: lower --length"
    assert (result.exit_code, says in " ".join(result.output.split())) == (2, True), result.output

"""`sentiment explain` on the models of a finished run."""

import json
from collections.abc import Callable
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from typer.testing import Result

from tests.conftest import PipelineRun

Invoke = Callable[..., Result]


def test_a_logged_model_explains_a_row_of_a_table_in_every_format(
    invoke: Invoke, small_run: PipelineRun, reviews_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = mlflow.MlflowClient(small_run.tracking_uri)
    [run] = client.search_runs(["1"], "attributes.run_name = 'LSTM'")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", small_run.tracking_uri)
    row = ("--input", reviews_csv, "--row", 3, "--model", f"runs:/{run.info.run_id}/model")
    for output in ("a.html", "a.png", "a.json"):
        result = invoke("explain", *row, "--output", output)
        assert result.exit_code == 0, result.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.html", "a.json", "a.png"]
    content = json.loads(Path("a.json").read_text())
    [layer] = content["layers"]
    assert np.array(layer["forget_gate"]).shape == (len(content["tokens"]), 8)
    assert content["running_verdict"][-1] == content["positive_probability"]
    assert "▁ 0 %" in result.output
    assert "What decided" in result.output


def test_the_newest_lstm_of_the_working_directory_is_the_default(invoke: Invoke, small_run: PipelineRun) -> None:
    result = invoke("explain", "word " * 70, "--work-dir", small_run.folder / ".sentiment", "--output", "a.json")
    assert result.exit_code == 0, result.output
    assert "its first 10 words were cut, 60 are read" in result.output
    content = json.loads(Path("a.json").read_text())
    assert (len(content["cut_words"]), "forget_gate" in content["layers"][0]) == (10, True)


def test_the_surest_and_the_most_undecided_test_reviews_are_explained_in_the_run(
    small_run: PipelineRun, tmp_path: Path
) -> None:
    client = mlflow.MlflowClient(small_run.tracking_uri)
    for run in client.search_runs(["1"], "tags.model != ''"):
        folder = tmp_path / run.info.run_id
        folder.mkdir()
        for path in ("explanations", "predictions.parquet"):
            client.download_artifacts(run.info.run_id, path, str(folder))
        table = pd.read_parquet(folder / "predictions.parquet")
        probability = table["positive_probability"]
        sureness, right = (probability - 0.5).abs(), table["label"] == table["predicted_label"]
        chosen = {"right": sureness[right].idxmax(), "wrong": sureness[~right].idxmax(), "undecided": sureness.idxmin()}
        for case, row in chosen.items():
            page = (folder / "explanations" / f"{case}.html").read_text()
            assert f"P(positive) is {probability.loc[[row]].item():.1%}" in page


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(["?! ..."], "holds no word", id="only punctuation"),
        pytest.param([""], "holds no word", id="empty"),
        pytest.param([], "Give one review", id="no review"),
        pytest.param(["good", "--row", "1"], "Give one review", id="row without input"),
        pytest.param(["good", "--output", "a.pdf"], "must end with .html, .png, .json", id="format"),
        pytest.param(["good", "--output", "none/a.png"], "there is no folder none", id="folder"),
        pytest.param(["good", "--model", "nowhere"], "There is no model nowhere", id="model"),
        pytest.param(["good", "--model", "."], "is no saved classifier", id="folder without a model"),
        pytest.param(["good", "--model", "runs:/0/model"], "has no classifier runs:/0/model", id="run"),
        pytest.param(["good", "--work-dir", "."], "holds no trained model", id="nothing trained"),
        pytest.param(["--input", "two.csv", "--row", "3"], "choose --row from 1 to 2", id="row"),
        pytest.param(
            ["--input", "two.csv", "--row", "1", "--text-column", "body"], "its columns are text", id="column"
        ),
        pytest.param(["--input", "none.csv", "--row", "1"], "none.csv does not exist", id="missing file"),
    ],
)
def test_what_cannot_be_explained_is_named(
    invoke: Invoke, small_run: PipelineRun, tmp_path: Path, arguments: list[str], says: str
) -> None:
    (tmp_path / "two.csv").write_text("text\ngood\nbad\n")
    work_dir = [] if "--work-dir" in arguments else ["--work-dir", small_run.folder / ".sentiment"]
    result = invoke("explain", *arguments, *work_dir)
    assert (result.exit_code, says in result.output) == (2, True), result.output
    assert not list(tmp_path.glob("a.*"))

"""The training pipeline as real processes: finished, killed, interrupted, and tracked by a real MLflow server."""

import contextlib
import re
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.entities import Run
from scipy import stats

import sentiment
from pipelines.commands.training import BEYOND_THE_DEFAULT
from sentiment.training.linear_model import LINEAR_MODEL
from tests.conftest import SMALL, PipelineRun, command_in, run_in
from tests.server import mlflow_server

pytestmark = pytest.mark.usefixtures("mlflow_store")  # MLflow takes seconds to make one

TIMES = {"training_seconds", "scored_per_second"}


def results(folder: Path, *models: str) -> dict[str, list[float]]:
    """The comparison of the only finished pipeline in a folder, without what depends on the clock or is not there.

    Args:
        models: the columns; all where none is named.
    """
    [path] = folder.glob(".sentiment/compare/*/comparison.csv")
    table = pd.read_csv(path, index_col="metric")
    table = table[[*models]] if models else table
    return {str(metric): row.dropna().tolist() for metric, row in table.iterrows() if metric not in TIMES}


def runs(tracking_uri: str, name: str = "sentiment") -> tuple[list[Run], list[Run]]:
    """Parent runs and child runs in the experiment."""
    client = mlflow.MlflowClient(tracking_uri)
    experiment = client.get_experiment_by_name(name)
    assert experiment is not None
    found = client.search_runs([experiment.experiment_id])
    parents = [run for run in found if "mlflow.parentRunId" not in run.data.tags]
    return parents, [run for run in found if run not in parents]


def test_parent_and_children_hold_what_a_comparison_needs(small_run: PipelineRun) -> None:
    [parent], children = runs(small_run.tracking_uri)
    by_name = {run.info.run_name: run for run in children}
    assert set(by_name) == {"LSTM", "SimpleRNN", LINEAR_MODEL}
    assert {run.info.status for run in [parent, *children]} == {"FINISHED"}
    assert parent.data.params["training.epochs"] == by_name["LSTM"].data.params["training.epochs"] == "3"
    assert set(parent.data.metrics) == {
        f"{model}_test_accuracy{end}"
        for model in ("lstm", "simple_rnn", "linear_model")
        for end in ("", "_low", "_high")
    }
    assert parent.data.tags["synthetic"] == "false"
    client = mlflow.MlflowClient(small_run.tracking_uri)
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parent.info.run_id}
    del by_name[LINEAR_MODEL]  # it has no epochs, no vocabulary and no model
    for name, run in by_name.items():
        for metric in ("loss", "accuracy", "val_loss", "val_accuracy", "epoch_seconds", "reviews_per_second"):
            assert [point.step for point in client.get_metric_history(run.info.run_id, metric)] == [1, 2, 3]
        model = {"LSTM": "lstm", "SimpleRNN": "simple_rnn"}[name]
        assert run.data.metrics["test_accuracy"] == parent.data.metrics[f"{model}_test_accuracy"]
        assert {item.dataset.name for item in run.inputs.dataset_inputs} == {"table-train", "table-test"}
        artifacts = {artifact.path for artifact in client.list_artifacts(run.info.run_id)}
        figures = {
            f"{name}.png" for name in ("learning_curves", "roc_curve", "precision_recall_curve", "confusion_matrix")
        }
        assert artifacts >= {*figures, "vocabulary.json", "predictions.parquet"}
    assert {a.path for a in client.list_artifacts(parent.info.run_id)} >= {"comparison.csv", "learning_curves.png"}


def test_the_console_shows_both_models_side_by_side(small_run: PipelineRun) -> None:
    assert "LSTM epoch 3/3: loss" in small_run.output
    head = next(line for line in small_run.output.splitlines() if line.strip().startswith("test metric"))
    assert head.split() == ["test", "metric", "LSTM", "SimpleRNN", *LINEAR_MODEL.split()]
    assert sum("95 % interval" in line for line in small_run.output.splitlines()) == 3
    assert "WARNING" not in small_run.output
    assert "INFO" not in small_run.output


def test_the_logged_model_scores_raw_text_where_sentiment_is_not_installed(
    small_run: PipelineRun, tmp_path: Path
) -> None:
    """In a process without the package on its path; and nothing in it is a pickle."""
    _, children = runs(small_run.tracking_uri)
    lstm = next(run for run in children if run.info.run_name == "LSTM")
    mlflow.artifacts.download_artifacts(
        run_id=lstm.info.run_id,
        artifact_path="predictions.parquet",
        dst_path=str(tmp_path),
        tracking_uri=small_run.tracking_uri,
    )
    code = f"""
import importlib.util, os, sys
sys.path = [path for path in sys.path if path and not os.path.exists(path + '/sentiment/__init__.py')]
sys.meta_path = [finder for finder in sys.meta_path if 'editable' not in str(finder).lower()]
assert importlib.util.find_spec('sentiment') is None
import mlflow, pandas as pd
model = mlflow.pyfunc.load_model('runs:/{lstm.info.run_id}/model')
expected = pd.read_parquet('predictions.parquet')
found = model.predict(expected[['text']])
assert list(found.columns) == ['predicted_label', 'positive_probability']
assert (found['predicted_label'] == expected['predicted_label']).all()
assert (found['positive_probability'] - expected['positive_probability']).abs().max() < 1e-6
assert model.predict(expected['text'].tolist()).equals(found)
gaps = model.predict(pd.DataFrame({{'id': [1, 2, 3], 'review': ['good', None, ' ']}}))
assert gaps.isna().all(axis=1).tolist() == [False, True, True]
"""
    environment = command_in(tmp_path, MLFLOW_TRACKING_URI=small_run.tracking_uri).environment
    del environment["PYTHONPATH"]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert not list((small_run.folder / "mlruns").rglob("*.pkl"))


def test_the_last_lines_are_commands_that_use_the_model_just_trained(
    small_run: PipelineRun, reviews_csv: Path, tmp_path: Path
) -> None:
    shutil.copy(small_run.folder / "mlflow.db", tmp_path / "mlflow.db")
    shutil.copy(reviews_csv, tmp_path / "new.csv")
    predict, score = [line[12:] for line in small_run.output.splitlines()[-2:]]
    assert predict == 'sentiment predict --model models:/reviews/1 "A moving film."'
    assert score.startswith("sentiment score --model models:/reviews/1 ")
    assert "model: models:/reviews/1" in run_in(tmp_path, *shlex.split(predict)[1:])
    assert "models:/reviews/1" in run_in(tmp_path, *shlex.split(score)[1:])
    assert len(pd.read_csv(tmp_path / "scored.csv")) == 600


def test_a_finished_command_that_runs_again_registers_nothing_new(
    small_run: PipelineRun, reviews_csv: Path, tmp_path: Path
) -> None:
    shutil.copytree(small_run.folder, tmp_path, dirs_exist_ok=True)
    output = run_in(tmp_path, "run-pipeline", "--data", reviews_csv, *SMALL)
    assert "registered  reviews version 1 (champion), as registered before" in output
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    assert len(client.search_model_versions()) == 2  # the LSTM, the linear model


def test_a_candidate_that_meets_the_champion_shows_what_it_judges_otherwise(
    small_run: PipelineRun, reviews_csv: Path, tmp_path: Path
) -> None:
    """The same network with another threshold, so nothing is trained."""
    folder = shutil.copytree(small_run.folder, tmp_path / "copy")
    arguments = "--threshold f1 --models lstm --no-linear-model".split()
    output = run_in(folder, "run-pipeline", "--data", reviews_csv, *SMALL, *arguments)
    assert re.search(r"registered  reviews version 3 .* newly right, \d+ newly wrong, McNemar's exact p", output)
    [page] = folder.glob("flips-*.html")
    assert page.name == "flips-reviews-3-1.html"
    assert "flips       flips-reviews-3-1.html" in output
    content = page.read_text("utf-8")
    assert "reviews: version 3 against version 1" in content
    assert "<mark" not in content  # the words of one network add the same to both
    assert "<script" not in content


def _models_in(database: Path) -> int:
    """Logged models in a store, whatever their state; 0 while the store is being made."""
    try:
        with contextlib.closing(sqlite3.connect(database)) as connection:
            [[count]] = connection.execute("SELECT count(*) FROM logged_models")
    except sqlite3.Error:
        return 0
    return int(count)


def follow(process: "subprocess.Popen[str]", until: str) -> str:
    """What the process prints, up to a line that holds `until`."""
    assert process.stdout is not None
    output = ""
    for line in process.stdout:
        output += line
        if until in line:
            return output
    raise AssertionError(f"{until!r} never came:\n{output}")


def test_a_pipeline_that_is_interrupted_and_killed_resumes_and_ends_with_the_same_figures(
    small_run: PipelineRun, reviews_csv: Path, tmp_path: Path
) -> None:
    """Interrupted twice in training, whose runs are marked; killed in the upload of a model, which is logged anew."""
    one_network = ["--models", "lstm", "--no-linear-model"]  # as each attempt starts TensorFlow and compiles
    command = command_in(tmp_path)
    arguments = ["run-pipeline", "--data", str(reviews_csv), *SMALL, *one_network, "--promote"]
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    for until, by, status in (("epoch 1/3", signal.SIGINT, 130), ("epoch 3/3", signal.SIGTERM, 143)):
        process = command.start(*arguments)
        follow(process, until)
        process.send_signal(by)
        rest, _ = process.communicate(timeout=60)
        assert process.returncode == status
        assert rest.splitlines()[-1] == "Error: interrupted; the same command resumes where it stopped."
        assert "Traceback" not in rest
        parents, children = runs(uri)
        assert {run.info.status for run in [*parents, *children]} == {"KILLED"}
    process = command.start(*arguments)
    while not _models_in(tmp_path / "mlflow.db"):
        assert process.poll() is None
        time.sleep(0.001)
    process.kill()
    process.communicate(timeout=60)
    client = mlflow.MlflowClient(uri)
    [half] = client.search_logged_models(["1"])
    assert half.status == "PENDING"

    output = run_in(tmp_path, *arguments)
    assert output.count("cached in") >= 4  # load, vocabulary, pad, train
    assert results(tmp_path) == results(small_run.folder, "LSTM")
    assert "reviews version 1 (champion)" in output
    assert half.model_id not in {version.model_id for version in client.search_model_versions()}
    assert {model.status for model in client.search_logged_models(["1"])} == {"READY"}
    assert "reviews version 1 (champion)" in run_in(tmp_path, "predict", "a fine film")
    [parent], children = runs(uri)
    [lstm] = children
    assert (lstm.info.run_name, lstm.info.status, parent.info.status) == ("LSTM", "FINISHED", "FINISHED")
    assert [point.step for point in client.get_metric_history(lstm.info.run_id, "loss")] == [1, 2, 3]
    assert len(client.get_metric_history(lstm.info.run_id, "test_accuracy")) == 1


def test_a_run_that_failed_before_an_upgrade_is_left_alone_by_the_same_command_after_it(
    small_run: PipelineRun, reviews_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It failed when its children were logged whole, and the upgrade changes the code that tests a model."""
    folder = shutil.copytree(small_run.folder, tmp_path / "copy")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    [failed], old_children = runs(uri)
    mlflow.MlflowClient(uri).set_terminated(failed.info.run_id, "FAILED")
    upgraded = shutil.copytree(Path(sentiment.__file__).parent, tmp_path / "upgraded")
    with (upgraded / "evaluation" / "metrics.py").open("a") as file:
        file.write("# Another version.\n")
    monkeypatch.setattr(sentiment, "__file__", str(upgraded / "__init__.py"))
    run_in(folder, "run-pipeline", "--data", reviews_csv, *SMALL, "--no-register")
    parents, children = runs(uri)
    [parent] = [run for run in parents if run.info.run_id != failed.info.run_id]
    statuses = {run.info.run_id: run.info.status for run in parents}
    assert statuses == {failed.info.run_id: "FAILED", parent.info.run_id: "FINISHED"}
    old = {run.info.run_id for run in old_children}
    new = [run for run in children if run.info.run_id not in old]
    assert {run.data.tags["mlflow.parentRunId"] for run in new} == {parent.info.run_id}
    assert len(new) == len(old) == 3


@pytest.fixture
def tracking_server(tmp_path: Path) -> Iterator[str]:
    """A real MLflow server on SQLite."""
    stores = ("--backend-store-uri", f"sqlite:///{tmp_path / 'server.db'}",
              "--artifacts-destination", str(tmp_path / "store"))  # fmt: skip
    with mlflow_server("server", "--host", "127.0.0.1", "--workers", "1", *stores, folder=tmp_path) as address:
        yield address


def test_mlflow_tracking_uri_sends_everything_to_that_server(
    small_run: PipelineRun, reviews_csv: Path, tracking_server: str, tmp_path: Path
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    shutil.copytree(small_run.folder / ".sentiment", here / ".sentiment")
    arguments = ["run-pipeline", "--data", reviews_csv, *SMALL]
    output = run_in(here, *arguments, MLFLOW_TRACKING_URI=tracking_server)
    assert output.count("cached in") == 11
    [parent], children = runs(tracking_server)
    names = [".sentiment", f"report-{parent.info.run_id[:8]}.html", "report.html"]
    assert sorted(path.name for path in here.iterdir()) == names
    assert {run.info.status for run in [parent, *children]} == {"FINISHED"}
    client = mlflow.MlflowClient(tracking_server)
    lstm = next(run for run in children if run.info.run_name == "LSTM")
    assert [point.step for point in client.get_metric_history(lstm.info.run_id, "val_loss")] == [1, 2, 3]
    assert "predictions.parquet" in {artifact.path for artifact in client.list_artifacts(lstm.info.run_id)}


def run_default_source(tfds_folder: Path, folder: Path, *options: str) -> list[pd.DataFrame]:
    """Predictions of LSTM and SimpleRNN with the default source and its preset, which is made short."""
    arguments = "--num-words 10000 --maxlen 120 --epochs 1 --pseudo-label-epochs 0 --no-linear-model".split()
    arguments += "--snippet-share 0 --counterfactual-share 0".split()
    output = run_in(folder, "run-pipeline", *arguments, *options, TFDS_DATA_DIR=str(tfds_folder))
    assert output.splitlines()[-1] == BEYOND_THE_DEFAULT
    return [pd.read_parquet(path) for path in folder.glob(".sentiment/evaluate/*/predictions.parquet")]


def test_the_default_source_runs_end_to_end(tfds_folder: Path, tmp_path: Path) -> None:
    small = "--maxlen 40 --embedding-dim 8 --units 8".split()
    assert [len(table) for table in run_default_source(tfds_folder, tmp_path, *small)] == [2_000, 2_000]


@pytest.mark.reviews
def test_the_default_source_learns_from_real_reviews(real_tfds_folder: Path, tmp_path: Path) -> None:
    lstm, simple_rnn = run_default_source(real_tfds_folder, tmp_path)
    assert lstm["text"].tolist() == simple_rnn["text"].tolist() and len(lstm) >= 5_000
    accuracy = results(tmp_path)["accuracy"]
    assert accuracy[0] > 0.75  # LSTM
    assert accuracy[1] > 0.52  # SimpleRNN, which one epoch brings a little way from guessing


def test_the_demo_corpus_separates_the_models_and_the_bag_of_words(demo_run: PipelineRun) -> None:
    """By the reviews that are wrong: significantly fewer of the LSTM, even if no model shared any."""
    wrong = np.round(2_000 * (1 - np.array(results(demo_run.folder)["accuracy"]))).astype(int)
    lstm, *others = wrong.tolist()
    assert lstm < 0.1 * 2_000
    for other in others:  # SimpleRNN, and NB-LR, which reads up to three tokens, ends of sentences among them
        assert stats.binomtest(other, lstm + other, alternative="greater").pvalue < 0.01, wrong
    parents, children = runs(demo_run.tracking_uri, "sentiment-demo")
    assert {run.data.tags["synthetic"] for run in [*parents, *children]} == {"true"}

"""Several seeds, and the comparison of finished runs: real pipelines, tracked in real databases."""

import functools
import json
import re
import shutil
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.entities import Run

from sentiment.classifier import SentimentClassifier
from sentiment.evaluation.validation_profile import ValidationProfile
from sentiment.training.linear_model import LINEAR_MODEL
from tests.conftest import SMALL, Invoke, PipelineRun, run_in

MODELS = {"LSTM": "lstm", "SimpleRNN": "simple_rnn", LINEAR_MODEL: "linear_model"}


def parent_and_children(run: PipelineRun, experiment: str = "sentiment") -> tuple[Run, list[Run]]:
    client = mlflow.MlflowClient(run.tracking_uri)
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    runs = client.search_runs([found.experiment_id], order_by=["attributes.start_time"])
    [parent] = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    return parent, [run for run in runs if run is not parent]


@pytest.fixture(scope="module")
def two_seeds(small_run: PipelineRun, reviews_csv: Path, tmp_path_factory: pytest.TempPathFactory) -> PipelineRun:
    """LSTMs with the seeds 1 and 2, so on another test split than the small run; in a copy of its database."""
    folder = tmp_path_factory.mktemp("two-seeds")
    shutil.copy(small_run.folder / "mlflow.db", folder / "mlflow.db")
    arguments = "--seeds 1,2 --models lstm --no-linear-model --experiment seeds --register seeds --threshold f1".split()
    return PipelineRun(folder, run_in(folder, "run-pipeline", "--data", reviews_csv, *SMALL, *arguments, "--promote"))


def test_seeds_share_the_stages_before_training_and_the_parent_holds_mean_and_deviation(two_seeds: PipelineRun) -> None:
    assert [len(list(two_seeds.folder.glob(f".sentiment/{stage}/*"))) for stage in ("load", "vocabulary", "pad")] == [
        1
    ] * 3
    assert len(list(two_seeds.folder.glob(".sentiment/train/*"))) == 2
    parent, children = parent_and_children(two_seeds, "seeds")
    assert [run.info.run_name for run in children] == ["LSTM, seed 1", "LSTM, seed 2"]
    assert [run.data.params["seeds"] for run in children] == [run.data.tags["seed"] for run in children] == ["1", "2"]
    accuracies = [run.data.metrics["test_accuracy"] for run in children]
    metrics = parent.data.metrics
    assert metrics["lstm_test_accuracy"] == pytest.approx(np.mean(accuracies))
    assert metrics["lstm_test_accuracy_low"] < min(accuracies) <= max(accuracies) < metrics["lstm_test_accuracy_high"]
    assert not {"loss", "val_loss", "accuracy", "val_accuracy"} & set(parent.data.metrics)
    weights = {json.dumps(run.data.metrics, sort_keys=True) for run in children}
    assert len(weights) == 2


def test_every_seeds_lstm_is_a_version_and_that_of_the_lowest_validation_loss_is_the_champion(
    two_seeds: PipelineRun,
) -> None:
    client = mlflow.MlflowClient(two_seeds.tracking_uri)
    losses = {
        int(version.version): min(point.value for point in client.get_metric_history(version.run_id, "val_loss"))
        for version in client.search_model_versions("name = 'seeds'")
    }
    assert sorted(losses) == [1, 2]
    best = min(sorted(losses), key=losses.__getitem__)
    assert int(client.get_model_version_by_alias("seeds", "champion").version) == best
    [line] = [line for line in two_seeds.output.splitlines() if line.startswith("registered")]
    assert line == (
        f"registered  seeds version {best} (champion), as you asked with --promote; LSTM, seed {best}, has the lowest "
        f"validation loss, {losses[best]:.4f}; versions of the other seeds: {3 - best}"
    )


def test_the_threshold_of_the_best_f1_on_validation_judges_the_test_reviews(two_seeds: PipelineRun) -> None:
    assert len(list(two_seeds.folder.glob(".sentiment/threshold/*"))) == 2
    classifiers = two_seeds.stage_json("threshold", "classifier/classifier.json")
    thresholds = {classifier["threshold"] for classifier in classifiers}
    assert thresholds == {metrics["threshold"] for metrics in two_seeds.stage_json("evaluate", "metrics.json")}
    assert thresholds != {0.5}
    for path in two_seeds.folder.glob(".sentiment/evaluate/*/predictions.parquet"):
        threshold = json.loads(path.with_name("metrics.json").read_text())["threshold"]
        predictions = pd.read_parquet(path)
        positive = predictions["positive_probability"] >= np.float32(threshold)
        assert ((predictions["predicted_label"] == "positive") == positive).all()


def test_each_of_two_seeds_promises_what_holds_for_the_one_that_is_chosen_of_them(two_seeds: PipelineRun) -> None:
    for folder in two_seeds.folder.glob(".sentiment/threshold/*/classifier"):
        profile = ValidationProfile.load(folder, SentimentClassifier.load(folder))
        assert profile is not None
        assert profile.choices == 2


def assert_figures(report: str) -> None:
    """Four of the comparison, and two of promised accuracies where so few validation reviews allow a promise."""
    assert report.count("<svg") == 4 + 2 * ("What the option --sure promises" in report)


def test_each_model_holds_its_slices_mistakes_behaviour_and_images(small_run: PipelineRun) -> None:
    parent, children = parent_and_children(small_run)
    assert [run.info.run_name for run in children] == list(MODELS)
    client = mlflow.MlflowClient(small_run.tracking_uri)
    for run in children:
        tables = {a.path for a in client.list_artifacts(run.info.run_id)}
        assert tables >= {
            "predictions.parquet",
            "slices.csv",
            "confident_mistakes.csv",
            "behaviour.csv",
            "fairness.csv",
        }
        images = {Path(image.path).name.split("+")[0] for image in client.list_artifacts(run.info.run_id, "images")}
        assert images >= {"confusion_matrix", "roc_curve", "reliability_diagram"}
        assert set(run.data.metrics) >= {
            "test_expected_calibration_error", "test_behaviour_negation_failure_rate",
            "test_behaviour_blind_then_and_now_failure_rate", "test_fairness_religion_moved",
        }  # fmt: skip
        assert parent.data.metrics[f"{run.data.tags['model']}_test_accuracy"] == run.data.metrics["test_accuracy"]
    assert len({run.data.tags["mlflow.runColor"] for run in children}) == 3
    assert "report.html" in {artifact.path for artifact in client.list_artifacts(parent.info.run_id)}
    assert_figures((small_run.folder / "report.html").read_text())


def test_the_linear_model_of_a_run_scores_and_explains_by_the_same_commands(
    small_run: PipelineRun, reviews_csv: Path, tmp_path: Path
) -> None:
    _, children = parent_and_children(small_run)
    model = ("--model", f"runs:/{children[2].info.run_id}/model")
    run = functools.partial(run_in, tmp_path, MLFLOW_TRACKING_URI=small_run.tracking_uri)
    run("score", reviews_csv, "scored.parquet", *model)
    scored = pd.read_parquet(tmp_path / "scored.parquet")
    right = scored["predicted_label"] == scored["label"].map({"0": "negative", "1": "positive"})
    assert (len(scored), right.mean() > 0.8) == (600, True)  # most of them are its training reviews
    assert "What decided, in log-odds" in run("explain", "a good film, not a bad one", *model)


def test_finished_runs_give_the_comparison_of_the_pipeline_that_made_them(
    small_run: PipelineRun, tmp_path: Path
) -> None:
    parent, children = parent_and_children(small_run)
    verdicts = [line.split() for line in small_run.output.splitlines() if "95 % interval" in line]
    assert len(verdicts) == 3
    for run_ids in ([parent.info.run_id], [run.info.run_id for run in children]):
        output = run_in(tmp_path, "compare", *run_ids, MLFLOW_TRACKING_URI=small_run.tracking_uri)
        assert [line.split() for line in output.splitlines() if "95 % interval" in line] == verdicts
        page = (tmp_path / "report.html").read_text()
        assert_figures(page)
    [name] = [path.name for path in tmp_path.iterdir() if path.name != "report.html"]
    assert re.fullmatch(r"report-[0-9a-f]{8}\.html", name)
    assert (tmp_path / name).read_text() == page


def test_runs_that_cannot_be_compared_are_refused_with_the_reason(
    invoke: Invoke,
    small_run: PipelineRun,
    two_seeds: PipelineRun,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", two_seeds.tracking_uri)
    parent, children = parent_and_children(small_run)
    other, _ = parent_and_children(two_seeds, "seeds")
    for arguments, reason in (
        ([parent.info.run_id, other.info.run_id], "These runs were tested on different reviews"),
        ([children[0].info.run_id], "at least two runs"),
        ([parent.info.run_id, "0123"], "has no run 0123"),
        ([parent.info.run_id, "--units", "8"], "either RUN_IDs or options"),
        ([parent.info.run_id, "--work-dir", "none/.sentiment"], "The report cannot go to none"),
    ):
        result = invoke("compare", *arguments)
        assert (result.exit_code, reason in result.output) == (2, True), result.output
    assert not list(tmp_path.iterdir())


def test_a_report_of_somebody_else_stays_as_it_is(
    invoke: Invoke, small_run: PipelineRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", small_run.tracking_uri)
    parent, _ = parent_and_children(small_run)
    (tmp_path / "report.html").write_text("<p>my own report</p>")
    assert invoke("compare", parent.info.run_id).exit_code == 0
    assert (tmp_path / "report.html").read_text() == "<p>my own report</p>"
    [report] = tmp_path.glob("report-*.html")
    assert "<svg" in report.read_text()
    result = invoke("compare", parent.info.run_id, "--output", "report.html")
    assert (result.exit_code, "report.html is there already" in result.output) == (2, True), result.output


def test_two_working_directories_in_one_folder_keep_their_reports_apart(
    invoke: Invoke, small_run: PipelineRun, reviews_csv: Path, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        shutil.copytree(small_run.folder / ".sentiment", tmp_path / name)
    path = tmp_path / "two" / "working-directory.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "id": "another"}))
    for name in ("one", "two", "one"):
        result = invoke("compare", "--data", reviews_csv, *SMALL, "--work-dir", name)
        assert result.exit_code == 0, result.output
    reports = sorted(tmp_path.glob("report*.html"))
    assert len(reports) == 2
    assert "report.html" in result.output

"""`sentiment learning-curve` as a user runs it, and its page."""

import re
import shutil
import signal
from pathlib import Path

import mlflow
import pytest

from sentiment.training.linear_model import LINEAR_MODEL
from tests.conftest import SMALL, Invoke, PipelineRun, command_in, run_in
from tests.pipelines.test_run_pipeline import follow

pytestmark = pytest.mark.usefixtures("uncompiled")


@pytest.mark.usefixtures("mlflow_store")
def test_a_killed_learning_curve_goes_on_shares_the_stages_of_run_pipeline_and_is_whole_in_mlflow(
    small_run: PipelineRun, reviews_csv: Path, tmp_path: Path
) -> None:
    shutil.copytree(small_run.folder / ".sentiment", tmp_path / ".sentiment")
    arguments = ["learning-curve", "--data", str(reviews_csv), *SMALL, "--models", "simple_rnn"]
    arguments += ["--shares", "20,100,40,60,80", "--more-labels", "100"]
    process = command_in(tmp_path).start(*arguments)
    follow(process, "evaluate    read")
    follow(process, "seed 0 epoch 2/3")  # of the second training
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    output = run_in(tmp_path, *arguments)
    trained = [line for line in output.splitlines() if line.startswith("train ")]
    assert [("cached in" in line) for line in trained] == [True, False, False, False, True]
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("learning-curve")
    assert experiment is not None
    *children, parent = client.search_runs([experiment.experiment_id], order_by=["attributes.start_time DESC"])
    assert {run.info.run_name for run in children} == {"SimpleRNN, seed 0", f"{LINEAR_MODEL}, seed 0"}
    labels = [int(size) for size in dict.fromkeys(re.findall(r"SimpleRNN with (\d+) labels", output))]
    assert len(labels) == 5
    assert labels == pytest.approx([share * labels[-1] for share in (0.2, 0.4, 0.6, 0.8, 1)], abs=2)
    for run, metric in [*((run, "test_accuracy") for run in children), (parent, f"{LINEAR_MODEL}_test_accuracy_mean")]:
        assert run.info.status == "FINISHED"
        assert [point.step for point in client.get_metric_history(run.info.run_id, metric)] == labels
    files = {file.path for file in client.list_artifacts(parent.info.run_id)}
    assert files == {
        "accuracy_by_labels.png",
        "corpus.json",
        "learning-curve.html",
        "learning_curve.csv",
        "trainings.csv",
    }
    sentence = output.splitlines()[-2]
    assert parent.data.tags["mlflow.note.content"].startswith(f"{sentence}.")
    page = (tmp_path / "learning-curve.html").read_text()
    for part in (sentence, "labelled reviews (training and validation)", "test accuracy, with 95 % intervals"):
        assert part in page


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param("--shares 5,10,25", "a learning curve takes 4 sizes", id="few sizes"),
        pytest.param("--shares 5,10,25,100", "and 5 trainings of a model; name more", id="few trainings"),
        pytest.param("--shares 0,10,25,50,100", "give different percentages", id="zero"),
        pytest.param("--shares 5,10,25,50,101", "give different percentages", id="beyond all"),
        pytest.param("--shares 5,10,nan,50,100", "give different percentages", id="no number"),
        pytest.param("--shares 5,10,10,50,100", "give different percentages", id="twice"),
        pytest.param("--output nowhere/page.html", "The folder nowhere", id="place of the page"),
        pytest.param("--shares 1,2,3,4,5", "and a training takes 20: name larger --shares", id="few labels"),
    ],
)  # fmt: skip
def test_what_makes_no_curve_is_refused_before_any_training(
    invoke: Invoke, reviews_csv: Path, tmp_path: Path, arguments: str, says: str
) -> None:
    result = invoke("learning-curve", "--data", reviews_csv, *SMALL, *arguments.split())
    assert (result.exit_code, says in " ".join(result.output.split())) == (2, True), result.output
    assert not (tmp_path / ".sentiment" / "train").exists()
    assert not (tmp_path / "mlflow.db").exists()

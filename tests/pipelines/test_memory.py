"""`sentiment run-memory` as a user runs it, and its table."""

from pathlib import Path

import mlflow
import pandas as pd
import pytest

from pipelines.memory import compose_memory, result_rows
from tests.conftest import Invoke


@pytest.mark.usefixtures("mlflow_store")
def test_every_training_is_a_child_run_and_is_not_done_twice(invoke: Invoke, tmp_path: Path) -> None:
    arguments = "run-memory --preset quick --task next-number --models lstm,simple_rnn --seeds 1 --epochs 2".split()
    output = invoke(*arguments).output
    assert "LSTM on next-number, 3 steps, seed 1 epoch 2/2: loss" in output
    assert "after 6, 7, 8 follows" in output
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("memory")
    assert experiment is not None
    *children, parent = client.search_runs([experiment.experiment_id], order_by=["attributes.start_time DESC"])
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parent.info.run_id}
    assert {(run.data.tags["model"], run.data.tags["seed"]) for run in children} == {
        (model, "1") for model in ("lstm", "simple_rnn")
    }
    for run in children:
        for metric in ("loss", "val_loss"):
            assert [point.step for point in client.get_metric_history(run.info.run_id, metric)] == [1, 2]
        assert run.data.metrics["test_error"] == pytest.approx((run.data.metrics["answer"] - 9) ** 2, rel=1e-4)
    assert {file.path for file in client.list_artifacts(parent.info.run_id)} == {"learning_curves.png", "results.csv"}
    assert "| after 6, 7, 8 follows | 9 |" in parent.data.tags["mlflow.note.content"]
    again = invoke(*arguments).output
    assert again.count("cached in") == 3  # two trainings and the table


def test_the_length_at_which_adding_is_not_solved_is_named() -> None:
    errors = {("lstm", 50): 0.001, ("lstm", 100): 0.02, ("lstm", 200): 0.16, ("gru", 50): 0.001, ("gru", 100): 0.016,
              ("gru", 200): 0.002}  # fmt: skip
    results = pd.DataFrame(
        [
            {"task": "adding", "length": length, "model": model, "seed": 0, "test_error": error,
             "reference_error": 1 / 6, "reference": "predicting the mean"}
            for (model, length), error in errors.items()
        ]
    )  # fmt: skip
    header, rows = result_rows(results)
    assert header == ["task", "reference", "LSTM", "GRU"]
    assert rows[-1] == ["adding is first not solved at", "error ≥ 0.0167", "100 steps", "solved up to 200"]


def test_the_presets_are_whole() -> None:
    full, quick = compose_memory("full", {}), compose_memory("quick", {"seeds": ["3"]}, epochs=7)
    assert (full.seeds, full.lengths, full.marked_product.epochs) == ((0, 1, 2), (50, 100, 200, 400), 100)
    assert full.next_number.batch_size == 1
    assert (quick.seeds, quick.adding.epochs, quick.next_number.epochs) == ((3,), 7, 7)
    trainings = full.trainings()
    assert list(dict.fromkeys(training.length for training in trainings)) == [100, 3, 10, 50, 200, 400]
    assert len(trainings) == 7 * 3 * 3


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param("--task copying", "tasks is 'copying'", id="task"),
        pytest.param("--models transformer", "models is 'transformer'", id="model"),
        pytest.param("--lengths 1", "lengths is '1'", id="length"),
        pytest.param("--seeds first", "seeds is 'first'", id="seed"),
        pytest.param("--preset none", "choose full, quick", id="preset"),
        pytest.param("--preset my.toml", "unknown key adding.epoch in preset my.toml: ", id="key"),
    ],
)
def test_what_cannot_be_run_is_named(invoke: Invoke, tmp_path: Path, arguments: str, says: str) -> None:
    (tmp_path / "my.toml").write_text("[adding]\nepoch = 3\n")
    result = invoke("run-memory", *arguments.split())
    assert (result.exit_code, says in result.output) == (2, True), result.output
    assert not (tmp_path / "mlflow.db").exists()

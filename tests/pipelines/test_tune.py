"""`sentiment tune` as a user runs it: finished, interrupted, killed, shared by two processes; and its parts."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import mlflow
import optuna
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.entities import Run
from optuna.trial import FrozenTrial, Trial, TrialState

from pipelines.configuration import PipelineConfig, compose
from pipelines.tuning.conclusion import preset_text
from pipelines.tuning.space import read_space
from pipelines.tuning.trials import SearchConfig
from tests.conftest import Invoke, command_in, once, run_in
from tests.pipelines.test_run_pipeline import follow

PRESET = """
models = ["simple_rnn"]
[source]
source = "table"
data = "reviews.csv"
[vocabulary]
num_words = 2_000
[sequences]
maxlen = 60
[model]
embedding_dim = 8
units = 8
[training]
epochs = 3
patience = 3
batch_size = 32
"""

SPACE = """
[model]
dropout = { low = 0.0, high = 0.5 }
[training]
batch_size = [32, 64]
learning_rate = { low = 0.001, high = 0.03, log = true }
"""

TRIALS = 3
TUNE = f"tune --preset start.toml --space space.toml --trials {TRIALS}".split()


def prepare_folder(folder: Path, reviews_csv: Path, *, flip_test: bool = False) -> None:
    """A folder with preset, space and reviews; perhaps with the wrong labels for test."""
    folder.mkdir(exist_ok=True)
    reviews = pd.read_csv(reviews_csv)
    is_test = reviews.index % 5 == 0
    reviews["split"] = ["test" if test else "train" for test in is_test]
    if flip_test:
        reviews.loc[is_test, "label"] = 1 - reviews.loc[is_test, "label"]
    reviews.to_csv(folder / "reviews.csv", index=False)
    (folder / "start.toml").write_text(PRESET)
    (folder / "space.toml").write_text(SPACE)


class FinishedSearch(NamedTuple):
    folder: Path
    output: str

    @property
    def trials(self) -> list[FrozenTrial]:
        return trials_in(self.folder / ".sentiment" / "tuning.db")


def trials_in(database: Path) -> list[FrozenTrial]:
    storage = f"sqlite:///{database}"
    [name] = optuna.get_all_study_names(storage)
    return optuna.load_study(study_name=name, storage=storage).get_trials()


def outcomes(trials: list[FrozenTrial]) -> list[tuple[int, TrialState, dict[str, float], dict[int, float]]]:
    return [(trial.number, trial.state, trial.params, trial.intermediate_values) for trial in trials]


def runs_in(client: mlflow.MlflowClient) -> tuple[list[Run], list[Run]]:
    """Parent runs and child runs of the searches that a store holds."""
    experiment = client.get_experiment_by_name("tuning")
    assert experiment is not None
    found = client.search_runs([experiment.experiment_id])
    children = [run for run in found if "mlflow.parentRunId" in run.data.tags]
    return [run for run in found if run not in children], children


@pytest.fixture(scope="session")
def search(reviews_csv: Path, make_mlflow_store: Callable[[Path], Path], shared_folder: Path) -> FinishedSearch:
    """A search that was never interrupted."""

    def run(folder: Path) -> None:
        folder.mkdir()
        make_mlflow_store(folder)
        prepare_folder(folder, reviews_csv)
        (folder / "output.txt").write_text(run_in(folder, *TUNE))

    folder = once(shared_folder / "search", run)
    return FinishedSearch(folder, (folder / "output.txt").read_text())


def test_each_trial_is_a_child_run_with_its_settings_and_curves_under_one_parent(search: FinishedSearch) -> None:
    client = mlflow.MlflowClient(f"sqlite:///{search.folder / 'mlflow.db'}")
    [parent], children = runs_in(client)
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parent.info.run_id}
    by_number = {int(run.data.tags["trial"]): run for run in children}
    assert sorted(by_number) == list(range(TRIALS))
    for trial in search.trials:
        run = by_number[trial.number]
        assert float(run.data.params["training.learning_rate"]) == trial.params["training.learning_rate"]
        logged = client.get_metric_history(run.info.run_id, "val_loss")
        assert {point.step: point.value for point in logged} == pytest.approx(trial.intermediate_values)
        is_finished = trial.state == TrialState.COMPLETE
        assert run.data.tags["outcome"] == ("finished" if is_finished else "stopped early")
        assert ("validation_loss" in run.data.metrics) == is_finished
    files = {file.path for file in client.list_artifacts(parent.info.run_id)}
    assert files == {"best.toml", "importance.json", "tuning.png"}


def test_the_search_begins_with_the_configuration_and_ends_with_a_preset_of_the_best_trial(
    search: FinishedSearch,
) -> None:
    start = compose(str(search.folder / "start.toml"), {})
    best = min((t for t in search.trials if t.state == TrialState.COMPLETE), key=lambda trial: trial.values[0])
    assert search.trials[0].params["training.learning_rate"] == start.training.learning_rate
    found = compose(str(search.folder / "best.toml"), {})
    assert found.training.learning_rate == best.params["training.learning_rate"]
    assert found.model.dropout == best.params["model.dropout"]
    assert found.source == start.source
    assert found.settings_tried == TRIALS  # for `--sure`, which allows for the choice
    assert found.model_copy(update={"seeds": (0, 1)}).choices == 2 * TRIALS
    assert best.values[0] == min(best.intermediate_values.values())
    assert f"best so far trial {best.number}: validation loss {best.values[0]:.4f}" in search.output
    assert search.output.splitlines()[-1] == "to use it   sentiment run-pipeline --preset best.toml"
    assert re.search(
        rf"As the best of {TRIALS} trials this validation metric is optimistic: loss {best.values[0]:.4f} on the 48 "
        r"reviews that chose it, \d\.\d{4} on 48 others, which chose nothing\.\n",
        search.output,
    )
    assert "test.parquet" in {path.name for path in search.folder.glob(".sentiment/load/*/*")}
    assert not (search.folder / ".sentiment" / "evaluate").exists()


@pytest.mark.usefixtures("mlflow_store")
def test_an_interrupted_and_then_killed_search_ends_as_one_that_never_stopped(
    search: FinishedSearch, reviews_csv: Path, invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare_folder(tmp_path, reviews_csv)
    with monkeypatch.context() as patched:
        patched.setattr(Trial, "report", interrupted_in_trial_1)
        result = invoke(*TUNE)
    assert result.exit_code == 130
    assert result.output.splitlines()[-2] == "the best settings so far are in best.toml"
    assert result.output.splitlines()[-1].startswith("Error: interrupted; the same command ")
    assert (tmp_path / "best.toml").exists()
    process = command_in(tmp_path).start(*TUNE)
    follow(process, "  trial 2 epoch 1/3")
    process.kill()
    process.communicate(timeout=60)
    output = run_in(tmp_path, *TUNE)
    assert "trial 1:" not in output
    assert outcomes(trials_in(tmp_path / ".sentiment" / "tuning.db")) == outcomes(search.trials)
    presets = [(folder / "best.toml").read_text().split("search")[0] for folder in (tmp_path, search.folder)]
    assert presets[0] == presets[1]
    parents, children = runs_in(mlflow.MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}"))
    assert (len(parents), len(children)) == (1, TRIALS)
    assert {run.info.status for run in [*parents, *children]} == {"FINISHED"}
    assert not list(tmp_path.glob(".sentiment/train/*.partial"))  # hopeless trainings are removed


report = Trial.report


def interrupted_in_trial_1(trial: Trial, value: float, step: int) -> None:
    """As Ctrl-C would interrupt it, after an epoch."""
    report(trial, value, step)
    if trial.number == 1:
        raise KeyboardInterrupt


@pytest.mark.usefixtures("mlflow_store")
def test_two_processes_share_one_search_in_a_sqlite_file_whatever_the_labels_of_test_are(
    search: FinishedSearch, reviews_csv: Path, tmp_path: Path
) -> None:
    prepare_folder(tmp_path, reviews_csv, flip_test=True)
    together = [*TUNE, "--storage", f"sqlite:///{tmp_path / 'shared.db'}"]
    other = command_in(tmp_path).start(*together, "--work-dir", "other")
    begun = follow(other, "  trial 0 epoch 1/3")
    outputs = [run_in(tmp_path, *together, "--work-dir", "this"), begun + other.communicate(timeout=300)[0]]
    assert other.returncode == 0, outputs
    trials = trials_in(tmp_path / "shared.db")
    assert [trial.number for trial in trials] == list(range(len(trials)))
    assert TRIALS <= len(trials) <= TRIALS + 1
    assert len({trial.user_attrs["owner"] for trial in trials}) == 2
    assert outcomes(trials)[0][2:] == outcomes(search.trials)[0][2:]
    assert len({re.findall(r"tune-\w+", output)[0] for output in (*outputs, search.output)}) == 1
    parents, _ = runs_in(mlflow.MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}"))
    assert len(parents) == 1


def test_a_bound_on_the_time_of_scoring_leaves_out_slow_networks_before_they_are_trained(
    search: FinishedSearch, invoke: Invoke, tmp_path: Path
) -> None:
    shutil.copytree(search.folder, tmp_path, dirs_exist_ok=True)
    result = invoke("tune", *"--preset start.toml --space space.toml --trials 2 --max-microseconds 0.001".split())
    assert result.exit_code == 2
    assert "None of 2 trials scores a review within 0.001 microseconds; the fastest takes" in result.output
    assert " epoch 1/3" not in result.output


def test_accuracy_as_the_objective_is_that_of_the_weights_that_are_kept() -> None:
    validation = {"validation_loss": 0.5, "validation_accuracy": 0.8, "epochs": 3}
    space = read_space("default")
    assert SearchConfig(space, "accuracy").objective(validation) == pytest.approx(0.2)
    assert SearchConfig(space, "loss").objective(validation) == 0.5


@pytest.mark.parametrize(
    ("space", "arguments", "says"),
    [
        pytest.param("[training]\nlearnrate = [1, 2]", "", "learnrate in space my.toml; known are", id="field"),
        pytest.param("[training]\nvalidation_share = [0.1, 0.2]", "", "Unknown key training.valid", id="measure"),
        pytest.param("[source]\nsource = ['imdb', 'demo']", "", "Unknown key source in space", id="section"),
        pytest.param("[model]\nunits = { low = 64, high = 8 }", "", "has an empty range, 64 to 8", id="empty range"),
        pytest.param("[model]\nunits = { low = 64, high = 64 }", "", "has an empty range", id="one value"),
        pytest.param("[model]\nunits = []", "", "give two or more different choices", id="no choice"),
        pytest.param("[model]\nunits = [8, 8]", "", "give two or more different choices", id="equal choices"),
        pytest.param("[model]\nunits = { low = 0, high = 8 }", "", "units is 0: input should be greater", id="bound"),
        pytest.param("[model]\nunits = { low = 1.5, high = 8 }", "", "low and high, int numbers", id="no whole number"),
        pytest.param("[model]\nunits = { low = 8 }", "", "give low and high", id="no end"),
        pytest.param("[model]\nunits = 8", "", "is no list of choices", id="single value"),
        pytest.param("[model]\npooling = { low = 1, high = 2 }", "", "takes no range", id="range of words"),
        pytest.param("[model]\npooling = ['last', 'first']", "", "pooling is 'first'", id="unknown choice"),
        pytest.param("models = ['lstm', 'transformer']", "", "models is 'transformer'", id="unknown model"),
        pytest.param("[model]\nunits = { low = -1, high = 8, log = true }", "", "log = true takes a low", id="log"),
        pytest.param("[model]\nunits = { low = 8, high = 16, step = 9 }", "", "a step of 9", id="step"),
        pytest.param("", "", "The space my.toml is empty", id="nothing"),
        pytest.param("[model", "", "Space my.toml is not TOML", id="no TOML"),
        pytest.param("[model]\nunits = [32, 64]", "", "model.units is 8 in the configuration", id="outside"),
        pytest.param("[training]\nclipnorm = { low = 0.5, high = 2.0 }", "", "clipnorm is not set in", id="not set"),
        pytest.param(SPACE, "--space none", "There is no space none: choose default", id="unknown space"),
        pytest.param(SPACE, "--batch-size 32 --dropout 0.1 --learning-rate 0.01", "Nothing is left", id="all fixed"),
        pytest.param(SPACE, "--models lstm,gru", "give one of --models", id="several models"),
        pytest.param(SPACE, "--minutes 0", "--minutes is 0", id="minutes"),
        pytest.param(SPACE, "--output nowhere/best.toml", "where the preset goes, does not", id="place of the preset"),
        pytest.param(SPACE, "--output start.toml", "start.toml is there already", id="preset of the user"),
        pytest.param(SPACE, "--storage tuning", "--storage is no URL", id="storage"),
        pytest.param(SPACE, "--storage sqlite:////proc/none/tuning.db", "cannot be written", id="unwritable storage"),
        pytest.param(SPACE, "--storage oracle://host/name", "oracle://host/name cannot be used", id="driver"),
    ],
)  # fmt: skip
def test_a_search_that_cannot_be_made_is_refused_with_the_remedy(
    invoke: Invoke, reviews_csv: Path, tmp_path: Path, space: str, arguments: str, says: str
) -> None:
    prepare_folder(tmp_path, reviews_csv)
    (tmp_path / "my.toml").write_text(space)
    result = invoke("tune", "--preset", "start.toml", *("" if "--space" in arguments else "--space my.toml").split(),
                    *arguments.split())  # fmt: skip
    assert (result.exit_code, says in " ".join(result.output.split())) == (2, True), result.output
    assert "Traceback" not in result.output
    assert not (tmp_path / "mlflow.db").exists()


@given(
    data=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=20),
    learning_rate=st.floats(0, 1e6, exclude_min=True),
    clipnorm=st.none() | st.floats(1e-9, 1e9),
    bidirectional=st.booleans(),
)
def test_a_configuration_written_as_a_preset_reads_back_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    data: str,
    learning_rate: float,
    clipnorm: float | None,
    bidirectional: bool,
) -> None:
    content = {
        "models": ("gru",),
        "source": {"source": "table", "data": data},
        "model": {"bidirectional": bidirectional},
        "training": {"learning_rate": learning_rate, "clipnorm": clipnorm},
    }
    config = PipelineConfig.model_validate(content)
    file = tmp_path_factory.mktemp("preset") / "written.toml"
    file.write_text(preset_text(config, ["Why."]), "utf-8")
    assert compose(str(file), {}) == config

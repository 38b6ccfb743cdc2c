"""MLflow's store in a folder that was moved or copied, as `mv` and `cp -r` leave it."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import mlflow
import pytest

from sentiment.errors import InputError
from sentiment.tracking import runs, sqlite_store, store
from tests.conftest import PipelineRun, command_in, invoked, run_in

PLACES = """
    SELECT artifact_location FROM experiments UNION SELECT artifact_uri FROM runs UNION
    SELECT artifact_location FROM logged_models UNION SELECT storage_location FROM model_versions
"""


def places(folder: Path) -> set[str]:
    """All places of artifacts that the store of a folder names."""
    with closing(sqlite3.connect(folder / "mlflow.db")) as connection:
        return {place for (place,) in connection.execute(PLACES)}


def files(folder: Path) -> dict[Path, int]:
    """Every file below a folder, and when it was written."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def project(small_run: PipelineRun, folder: Path) -> Path:
    """A folder with a finished pipeline whose store names this folder."""
    shutil.copytree(small_run.folder, folder)
    run_in(folder, "models")
    assert {place.startswith(f"{folder}/mlruns/") for place in places(folder)} == {True}
    return folder


def test_a_moved_project_finds_its_model_and_its_runs(small_run: PipelineRun, tmp_path: Path) -> None:
    before = project(small_run, tmp_path / "before")
    moved = before.rename(tmp_path / "moved")
    output = command_in(moved).run("predict", "A moving film.")  # without MLflow, which this process has imported
    assert f"was made in {before}; it now names the files in {moved}/mlruns" in " ".join(output.split())
    assert "model: reviews version 1 (champion)" in output
    assert {place.startswith(f"{moved}/mlruns/") for place in places(moved)} == {True}
    assert "was made in" not in run_in(moved, "predict", "A moving film.")
    assert not before.exists()
    client = mlflow.MlflowClient(f"sqlite:///{moved / 'mlflow.db'}")
    for run in client.search_runs(["1"]):
        assert client.list_artifacts(run.info.run_id)


def test_a_copied_project_writes_into_its_own_folder(
    small_run: PipelineRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = project(small_run, tmp_path / "original")
    copy = shutil.copytree(original, tmp_path / "copy")
    before = files(original)
    monkeypatch.chdir(copy)
    with runs.tracked_run("later", experiment="sentiment", resume_key="later", tags={}) as run:
        runs.log_text("logged in the copy", "note.txt")
    assert (copy / "mlruns" / "1" / run.info.run_id / "artifacts" / "note.txt").read_text() == "logged in the copy"
    assert files(original) == before
    assert {place.startswith(f"{copy}/mlruns/") for place in places(copy)} == {True}


def test_a_model_whose_files_are_gone_is_named_with_the_remedy(
    small_run: PipelineRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = project(small_run, tmp_path / "project")
    shutil.rmtree(folder / "mlruns")
    monkeypatch.chdir(folder)
    result = invoked("predict", "A moving film.")
    assert result.exit_code == 2
    assert "models:/reviews@champion are gone" in result.output
    assert "bring back the folder `mlruns`" in " ".join(result.output.split())


@pytest.fixture
def here(make_mlflow_store: Callable[[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, whose name has a space, with a store that holds a run with a file and one without."""
    folder = tmp_path / "my project"
    folder.mkdir()
    make_mlflow_store(folder)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    store.silence()
    for name in ("with a file", "without"):
        with runs.tracked_run(name, experiment="films", resume_key=name, tags={}):
            if name == "with a file":
                runs.log_text("of a run", "note.txt")
    return folder


def test_only_places_that_mlflow_chose_in_the_former_folder_change(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = {
        "folder": str(tmp_path / "elsewhere" / "mlruns"),
        "bucket": "s3://bucket/mlruns/3",
        "server": "mlflow-artifacts:/4",
        "another": str(tmp_path / "another" / "mlruns" / "5"),
    }
    for name, location in chosen.items():
        mlflow.create_experiment(name, artifact_location=location)
    before = places(here)
    moved = here.rename(tmp_path / "moved project")
    monkeypatch.chdir(moved)
    assert sqlite_store.relocate(Path("mlflow.db")) is not None
    assert places(moved) == {place.replace(f"{here}/mlruns/", f"{moved}/mlruns/") for place in before}
    assert len(before) == 8  # two experiments and two runs of the former folder, and what was chosen


def test_places_that_are_file_uris_change_where_files_of_a_run_came_along(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite3.connect("mlflow.db")) as connection, connection:
        for table, column in (("experiments", "artifact_location"), ("runs", "artifact_uri")):
            connection.execute(f"UPDATE {table} SET {column} = replace({column}, ?, ?)", (str(here), here.as_uri()))
    moved = here.rename(tmp_path / "moved project")
    (moved / "mlruns").rename(moved / "runs")
    monkeypatch.chdir(moved)
    assert sqlite_store.relocate(Path("mlflow.db")) is None
    (moved / "runs").rename(moved / "mlruns")
    assert sqlite_store.relocate(Path("mlflow.db")) is not None
    assert {place.startswith(f"{(moved / 'mlruns').as_uri()}/") for place in places(moved)} == {True}


def test_files_that_stayed_behind_are_still_found_where_they_are(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with runs.tracked_run("behind", experiment="films", resume_key="behind", tags={}) as behind:
        runs.log_text("left behind", "note.txt")
    copy = shutil.copytree(here, tmp_path / "copy")
    shutil.rmtree(copy / "mlruns" / "1" / behind.info.run_id)
    monkeypatch.chdir(copy)
    with runs.tracked_run("behind", experiment="films", resume_key="behind", tags={}, even_finished=True) as again:
        assert again.info.artifact_uri.startswith(f"{copy}/mlruns/1/")  # a new run, as that one would write there
    assert mlflow.artifacts.load_text(f"{behind.info.artifact_uri}/note.txt") == "left behind"
    assert behind.info.artifact_uri in places(copy)


@pytest.mark.parametrize("original", ["there", "gone"])
def test_a_store_without_its_files_writes_nowhere_else_and_says_what_to_do(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, original: str
) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    shutil.copy(here / "mlflow.db", copy)
    if original == "gone":
        shutil.rmtree(here)
    before = files(here)
    monkeypatch.chdir(copy)
    with (
        pytest.raises(InputError, match="bring that mlruns here too, run this command there, or name a new"),
        runs.tracked_run("later", experiment="films", resume_key="later", tags={}),
    ):
        pass
    assert files(here) == before
    with runs.tracked_run("later", experiment="another", resume_key="later", tags={}) as run:
        runs.log_text("of a new experiment", "note.txt")
    assert run.info.artifact_uri.startswith(f"{copy}/mlruns/")

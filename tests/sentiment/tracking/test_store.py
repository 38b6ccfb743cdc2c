"""MLflow's store as processes meet it: made by several at once, damaged, and with series longer than a batch."""

import errno
from pathlib import Path

import mlflow
import pytest
import sqlalchemy
from matplotlib.figure import Figure

from sentiment.errors import InputError
from sentiment.tracking import runs, store
from tests.conftest import Invoke, command_in

START = """
import sys, time
from sentiment.tracking import runs, store
store.silence()
print("ready", flush=True)
sys.stdin.readline()
with runs.tracked_run(sys.argv[1], experiment="films", resume_key=sys.argv[1], tags={}):
    print("logged", flush=True)
"""

READ = """
import pathlib, sys, time
from sentiment.tracking import registry, store
store.silence()
print("ready", flush=True)
sys.stdin.readline()
while not pathlib.Path("mlflow.db").exists():
    time.sleep(0.001)
registry.versions()
print("read", flush=True)
"""


def test_processes_that_start_at_once_make_one_store(tmp_path: Path) -> None:
    """Two log; one reads as soon as there is a store; and another was killed before it had made the store."""
    (tmp_path / ".mlflow.db.partial").write_bytes(b"half a database")
    said = command_in(tmp_path).run_at_once((START, "first"), (START, "second"), (READ,))
    assert said == ["logged\n"] * 2 + ["read\n"]
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    assert [run.info.status for run in client.search_runs(["1"])] == ["FINISHED"] * 2


@pytest.mark.parametrize("arguments", ["models", "compare 1 2", "promote 1", "predict fine"])
def test_a_store_that_is_no_database_ends_with_exit_code_2(invoke: Invoke, tmp_path: Path, arguments: str) -> None:
    for content in (b"no database at all, but a long enough text", b"SQLite format 3\0" + b"\xff" * 200):
        (tmp_path / "mlflow.db").write_bytes(content)
        result = invoke(*arguments.split())
        assert result.exit_code == 2
        assert "cannot be used (file is not a database)" in result.output


def test_a_store_in_a_folder_that_is_not_there_ends_with_exit_code_2(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'none' / 'mlflow.db'}")
    result = invoke("run-memory", "--preset", "quick")
    assert (result.exit_code, "cannot be used" in result.output) == (2, True), result.output


@pytest.fixture
def store_here(mlflow_store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty store in the current folder."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{mlflow_store}")
    monkeypatch.chdir(mlflow_store.parent)
    store.silence()
    return mlflow_store


def test_what_ends_a_run_is_not_hidden_by_a_store_that_fails_as_well(
    store_here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with (
        pytest.raises(OSError, match="No space left"),
        runs.tracked_run("long", experiment="films", resume_key="long", tags={}),
    ):
        store_here.write_bytes(b"no database at all, but a long enough text" * 100)
        raise OSError(errno.ENOSPC, "No space left on device")
    assert "Traceback" not in capfd.readouterr().err


def test_a_database_on_a_full_disk_asks_for_room() -> None:
    with sqlalchemy.create_engine("sqlite://").connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")
        with pytest.raises(InputError, match=r"disk is full\): make room on its disk"), store.store_errors_explained():
            connection.exec_driver_sql("CREATE TABLE films (title TEXT)")


@pytest.mark.usefixtures("store_here")
def test_a_series_longer_than_a_batch_is_logged_whole_and_resumes_where_it_stopped() -> None:
    values = [step / 7 for step in range(1, 2_501)]
    for part in (values[:1_200], values):
        with runs.tracked_run("long", experiment="films", resume_key="long", tags={}, even_finished=True) as run:
            runs.log_series(run, {"norm": part})
    points = mlflow.MlflowClient().get_metric_history(run.info.run_id, "norm")
    assert [(point.step, point.value) for point in points] == list(enumerate(values, 1))


@pytest.mark.usefixtures("store_here")
def test_an_image_whose_upload_was_cut_short_is_logged_again() -> None:
    """MLflow uploads the image, then its small copy, which the chart view shows."""
    for attempt in range(3):
        with runs.tracked_run("images", experiment="films", resume_key="images", tags={}, even_finished=True) as run:
            runs.log_image(run, Figure(), "roc_curve")
        folder = Path(run.info.artifact_uri.removeprefix("file://")) / "images"
        assert len(list(folder.glob("*.webp"))) == 1
        if attempt == 0:
            next(folder.glob("*.webp")).unlink()
    assert len(list(folder.glob("*.png"))) == 2


@pytest.mark.usefixtures("store_here")
def test_an_epoch_that_is_missing_between_others_is_logged() -> None:
    """A request that was sent twice, as its answer was lost, leaves a value twice."""
    client = mlflow.MlflowClient()
    with runs.tracked_run("epochs", experiment="films", resume_key="epochs", tags={}) as run:
        for timestamp in (1, 2):
            client.log_metric(run.info.run_id, "loss", 0.9, timestamp=timestamp, step=1)
        runs.log_history(run, {"loss": [0.9, 0.5]})
        points = client.get_metric_history(run.info.run_id, "loss")
    assert {point.step for point in points} == {1, 2}

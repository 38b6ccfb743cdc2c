"""`sentiment clean`: what the last commands neither used nor came from is shown, and removed when told to."""

from pathlib import Path

from pipelines.working_directory import Stage, WorkingDirectory
from tests.conftest import Invoke


def write_result(folder: Path) -> None:
    (folder / "result.bin").write_bytes(bytes(1_000_000))


def run_commands(path: Path) -> list[Stage]:
    """Two commands: the first ran load and train, the second trained anew on the same load and evaluated."""
    stages = []
    for seed in (0, 1):
        with WorkingDirectory(path) as work:
            load = work.run_stage("load", {"source": "demo"}, write_result, code=())
            train = work.run_stage("train", {"load": load.digest, "seed": seed}, write_result, code=())
            stages += [load, train]
    (path / "train" / "0123456789abcdef.partial").mkdir()  # what a killed command left
    return stages


def test_a_dry_run_shows_sizes_and_removes_nothing(invoke: Invoke, tmp_path: Path) -> None:
    load, old, _, new = run_commands(tmp_path / ".sentiment")
    result = invoke("clean", "--keep", "1")
    assert result.exit_code == 0, result.output
    rows = [line.split() for line in result.output.splitlines() if " MB" in line]
    assert rows[0] == [f"train/{old.digest}", "1.0", "MB"]
    assert ["total", "1.0", "MB"] in rows
    assert new.digest not in result.output
    assert "2 stages of the last 1 command, 2.0 MB, stay. Nothing was removed: add --delete" in result.output
    assert all(stage.folder.exists() for stage in (load, old, new))


def test_deleting_leaves_what_the_last_commands_need(invoke: Invoke, tmp_path: Path) -> None:
    load, old, _, new = run_commands(tmp_path / ".sentiment")
    (tmp_path / ".sentiment" / "notes").mkdir()
    (tmp_path / "mlruns").mkdir()
    assert invoke("clean", "--keep", "1", "--delete").exit_code == 0
    assert (load.folder.exists(), old.folder.exists(), new.folder.exists()) == (True, False, True)
    assert not (tmp_path / ".sentiment" / "train" / "0123456789abcdef.partial").exists()
    assert (tmp_path / ".sentiment" / "notes").exists() and (tmp_path / "mlruns").exists()
    assert "Nothing to clean" in invoke("clean", "--keep", "1").output
    with WorkingDirectory(tmp_path / ".sentiment") as work:
        work.run_stage("evaluate", {"train": new.digest}, write_result, code=())
    assert invoke("clean", "--keep", "1", "--delete").exit_code == 0
    assert load.folder.exists() and new.folder.exists()  # what the last stage came from, too


def test_without_a_working_directory_nothing_is_made(invoke: Invoke, tmp_path: Path) -> None:
    result = invoke("clean")
    assert (result.exit_code, "There is no working directory .sentiment" in result.output) == (2, True)
    assert not list(tmp_path.iterdir())

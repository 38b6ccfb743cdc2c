"""Stages in their folders: cached while nothing that decides them changes, whole or refused."""

import errno
import fcntl
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

import sentiment
from pipelines.working_directory import CHECKPOINTS, Stage, WorkingDirectory
from sentiment.errors import InputError
from sentiment.files import lock
from sentiment.tracking.store import store_lock
from tests.conftest import command_in

FIRST_COMMANDS = """
import sys
from pathlib import Path
from pipelines.working_directory import WorkingDirectory
from sentiment.errors import InputError
print("ready", flush=True)
sys.stdin.readline()
for number in range(30):
    while True:
        try:
            with WorkingDirectory(Path(f"work-{number}")) as work:
                print(work.key())
                break
        except InputError as error:
            assert "Another sentiment command" in str(error), error
"""


def write_result(folder: Path) -> None:
    (folder / "result.txt").write_text("finished")
    (folder / CHECKPOINTS).mkdir(exist_ok=True)
    (folder / CHECKPOINTS / "epoch-1").write_text("unfinished")


def run(path: Path, body: Callable[[Path], None] = write_result) -> Stage:
    with WorkingDirectory(path) as work:
        return work.run_stage("train", {"seed": 0}, body, code=("data",))


def test_a_kill_between_the_rename_and_the_clean_up_costs_nothing(tmp_path: Path) -> None:
    folder = run(tmp_path).folder
    (folder / CHECKPOINTS).mkdir()
    again = run(tmp_path)
    assert (again.cached, again.folder) == (True, folder)
    assert sorted(path.name for path in folder.iterdir()) == ["result.txt", "stage.json"]


@pytest.mark.parametrize("name", ["vocabulary.py", "templates.toml", "core.c", "recurrence.h"])
def test_changed_code_of_a_stage_runs_it_again(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "package"
    (package / "data").mkdir(parents=True)
    (package / "training").mkdir()
    monkeypatch.setattr(sentiment, "__file__", str(package / "__init__.py"))
    run(tmp_path / "work")
    (package / "training" / "trainer.py").write_text("this stage does not depend on it")
    assert run(tmp_path / "work").cached
    (package / "data" / name).write_text("this stage depends on it")
    assert not run(tmp_path / "work").cached


@pytest.mark.parametrize("damage", ["changed", "emptied", "removed", "added", "description", "key"])
def test_a_damaged_stage_is_named_with_the_remedy(tmp_path: Path, damage: str) -> None:
    folder = run(tmp_path).folder
    path = folder / {"description": "stage.json", "key": "stage.json", "added": "added.txt"}.get(damage, "result.txt")
    if damage == "removed":
        path.unlink()
    elif damage == "key":
        path.write_text(path.read_text().replace('"seed": 0', '"seed": 1'))
    else:
        path.write_text("" if damage == "emptied" else "[{")
    with pytest.raises(InputError, match=rf"{folder.name} is damaged \({path.name}\): delete this folder"):
        run(tmp_path)


def test_attempts_in_a_moved_folder_are_attempts_at_the_same_result(tmp_path: Path) -> None:
    with WorkingDirectory(tmp_path / "here") as work:
        key = work.key("configuration")
    (tmp_path / "here").rename(tmp_path / "there")
    with WorkingDirectory(tmp_path / "there") as work:
        assert work.key("configuration") == key != work.key("another")


def test_first_commands_that_start_at_once_share_one_identity(tmp_path: Path) -> None:
    said = command_in(tmp_path).run_at_once(*[(FIRST_COMMANDS,)] * 3)
    assert len(said[0].splitlines()) == 30
    assert said[1:] == said[:1] * 2


def test_a_command_that_is_refused_gives_the_folder_no_identity(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as file:
        lock(file, elsewhere="")
        with pytest.raises(InputError, match="Another sentiment command"), WorkingDirectory(tmp_path):
            pass
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_a_folder_of_something_else_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear all")
    with pytest.raises(InputError, match="is no working directory"), WorkingDirectory(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_named_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fail(*_: object) -> NoReturn:
        raise OSError(number, "no locks here")

    monkeypatch.setattr(fcntl, "flock", fail)
    monkeypatch.chdir(tmp_path)
    for place, remedy in ((WorkingDirectory(Path("work")), "--work-dir"), (store_lock(), "MLFLOW_TRACKING_URI")):
        with pytest.raises(InputError, match=rf"cannot lock files \(no locks here\).*{remedy}"), place:
            pass

"""Stages in their folders: cached while nothing that decides them changes, whole or refused."""

from collections.abc import Callable
from pathlib import Path

import pytest

import sentiment
from pipelines.working_directory import CHECKPOINTS, Stage, WorkingDirectory
from sentiment.errors import InputError


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
        key = work.resume_key("configuration")
    (tmp_path / "here").rename(tmp_path / "there")
    with WorkingDirectory(tmp_path / "there") as work:
        assert work.resume_key("configuration") == key != work.resume_key("another")

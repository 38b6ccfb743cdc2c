"""What is on the disk when a file or folder gets its final name."""

import fcntl
import os
from pathlib import Path
from typing import Any

import pytest

from sentiment.files import finish


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Every wait for the disk and every rename, with the name of the file, while a test runs."""
    found: list[tuple[str, str]] = []
    fsync, replace = os.fsync, os.replace

    def watched_fsync(descriptor: int) -> None:
        found.append(("sync", Path(f"/proc/self/fd/{descriptor}").readlink().name))
        fsync(descriptor)

    def watched_replace(source: Any, target: Any) -> None:
        found.append(("rename", Path(target).name))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(os, "replace", watched_replace)
    return found


def test_a_folder_gets_its_name_when_all_its_files_are_on_the_disk(
    tmp_path: Path, events: list[tuple[str, str]]
) -> None:
    partial = tmp_path / "stage.partial"
    (partial / "classifier").mkdir(parents=True)
    (partial / "classifier" / "weights").write_text("weights")
    finish(partial, tmp_path / "stage")
    before = {name for kind, name in events[: events.index(("rename", "stage"))]}
    assert before == {"stage.partial", "classifier", "weights"}
    assert events[-1] == ("sync", tmp_path.name)


def test_on_macos_the_cache_of_the_drive_is_emptied_where_the_file_system_can(
    tmp_path: Path, events: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "partial").touch()
    monkeypatch.setattr(fcntl, "F_FULLFSYNC", fcntl.F_GETFD, raising=False)  # a command that this system has
    finish(tmp_path / "partial", tmp_path / "one")
    assert events == [("rename", "one")]
    monkeypatch.setattr(fcntl, "F_FULLFSYNC", 51)  # one that it lacks
    finish(tmp_path / "one", tmp_path / "two")
    assert events[1:] == [("sync", "one"), ("rename", "two"), ("sync", tmp_path.name)]

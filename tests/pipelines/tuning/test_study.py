"""A search in a real PostgreSQL, where Debian has installed one and its driver is there."""

import functools
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest

from tests.conftest import command_in

POSTGRESQL = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)

TAKE_TRIALS = """
import sys
from optuna.trial import TrialState
from pipelines.configuration import compose
from pipelines.tuning.space import read_space
from pipelines.tuning.study import ENDED, Search
url, owner = sys.argv[1:]
space = read_space("default")
first = space.values_of(compose("textbook", {}))
search = Search(url, "shared", space, first, most_epochs=3, seed=0, owner=owner)
while len(search.trials(*ENDED)) < 10:
    trial, values = search.next()
    search.report(trial, values["model.dropout"], 1)
    search.finish(trial, values["model.dropout"], TrialState.COMPLETE, {})
print(search.place, search.identity, sorted(search.importance()))
"""


@pytest.fixture
def postgresql() -> Iterator[str]:
    """The URL of a real server, whose folder belongs to a user that is not root."""
    assert POSTGRESQL is not None
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
    user = []
    if os.getuid() == 0:
        shutil.chown(folder, "postgres")
        user = ["runuser", "-u", "postgres", "--"]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data, run = folder / "data", functools.partial(subprocess.run, check=True, capture_output=True, cwd=folder)
    run([*user, POSTGRESQL / "initdb", "-D", data, "-U", "sentiment", "--auth", "trust", "--no-sync"])
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    log = folder / "log"
    run([*user, POSTGRESQL / "pg_ctl", "start", "--wait", "-D", data, "-l", log, "-o", options])
    yield f"postgresql://sentiment:secret@127.0.0.1:{port}/postgres"
    run([*user, POSTGRESQL / "pg_ctl", "stop", "-D", data, "-m", "immediate"])
    shutil.rmtree(folder)


@pytest.mark.skipif(
    POSTGRESQL is None or importlib.util.find_spec("psycopg") is None, reason="there is no PostgreSQL or no driver"
)
def test_two_processes_share_one_search_in_postgresql(postgresql: str, tmp_path: Path) -> None:
    environment = command_in(tmp_path).environment
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", TAKE_TRIALS, postgresql, owner],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for owner in ("one", "two")
    ]
    outputs = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    study = optuna.load_study(study_name="shared", storage=postgresql)
    assert [trial.number for trial in study.trials] == list(range(len(study.trials)))
    assert 10 <= len(study.trials) <= 11
    assert {trial.user_attrs["owner"] for trial in study.trials} <= {"one", "two"}
    assert "secret" not in "".join(outputs)
    first, second = (output.splitlines()[-1].split()[1] for output in outputs)  # the identity of the study
    assert first == second

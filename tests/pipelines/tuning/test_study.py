"""Trials in a real SQLite file, and in a real PostgreSQL where Debian has installed one and its driver is there."""

import functools
import importlib.util
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState

from pipelines.tuning.space import Space
from pipelines.tuning.study import ENDED, Search, database_url
from tests.conftest import command_in

TRIALS, EPOCHS = 12, 3
SPACE = Space(
    "mine", {"a": FloatDistribution(0, 1), "b": FloatDistribution(0, 1), "c": CategoricalDistribution((1, 2))}
)


def search_in(database: Path, *, owner: str = "me") -> Search:
    first = {"a": 0.5, "b": 0.25, "c": 2}
    url = database_url(f"sqlite:///{database}")
    return Search(url, "search", SPACE, first, most_epochs=EPOCHS, seed=0, owner=owner)


def loss(values: dict[str, float], epoch: int) -> float:
    """The validation loss of a trial after an epoch; `a` alone decides which trial is better."""
    return values["a"] + 1 / epoch


def run_trials(search: Search, count: int) -> None:
    for _ in range(count):
        trial, values = search.next()
        for epoch in range(1, EPOCHS + 1):
            trial.report(loss(values, epoch), epoch)
            if epoch < EPOCHS and trial.should_prune():
                search.finish(trial, None, TrialState.PRUNED, {})
                break
        else:
            search.finish(trial, loss(values, EPOCHS), TrialState.COMPLETE, {"epochs": EPOCHS})


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Search:
    """A search that never stopped."""
    search = search_in(tmp_path_factory.mktemp("search") / "whole.db")
    assert search.importance() == {}
    run_trials(search, TRIALS)
    return search


def test_a_search_that_stops_within_trials_proposes_what_one_that_never_stops_does(
    whole: Search, tmp_path: Path
) -> None:
    for number in range(0, TRIALS, 3):
        stopped = search_in(tmp_path / "stopped.db")
        left, _ = stopped.next()
        assert left.number == number
        left.report(loss(left.params, 1), 1)
        run_trials(search_in(tmp_path / "stopped.db"), 3)
    found = [[(t.params, t.state, t.values) for t in search.trials()] for search in (whole, stopped)]
    assert found[0] == found[1]
    assert found[0][0][0] == {"a": 0.5, "b": 0.25, "c": 2}


def test_hopeless_trials_are_stopped_and_the_best_is_the_finished_one_of_lowest_value(whole: Search) -> None:
    finished = whole.trials(TrialState.COMPLETE)
    assert 0 < len(whole.trials(TrialState.PRUNED)) < TRIALS
    best = whole.best()
    assert best is not None
    assert best.params["a"] == min(trial.params["a"] for trial in finished)


def test_the_setting_that_decides_is_the_important_one(whole: Search) -> None:
    importance = whole.importance()
    assert next(iter(importance)) == "a"
    assert sum(importance.values()) == pytest.approx(1)


def test_a_trial_that_another_process_is_at_is_left_to_it(tmp_path: Path) -> None:
    mine, other = search_in(tmp_path / "search.db"), search_in(tmp_path / "search.db", owner="other")
    assert mine.identity == other.identity
    assert [mine.next()[0].number, other.next()[0].number, mine.next()[0].number] == [0, 1, 0]
    assert mine.best() is None
    assert mine.trials(*ENDED) == []


POSTGRESQL = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)

TAKE_TRIALS = """
import sys
from optuna.trial import TrialState
from pipelines.configuration import compose
from pipelines.tuning.space import read_space
from pipelines.tuning.study import ENDED, Search, database_url
url, owner = sys.argv[1:]
space = read_space("default")
first = space.values_of(compose("textbook", {}))
print("ready", flush=True)
sys.stdin.readline()
search = Search(database_url(url), "shared", space, first, most_epochs=3, seed=0, owner=owner)
while len(search.trials(*ENDED)) < 10:
    trial, values = search.next()
    trial.report(values["model.dropout"], 1)
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
    outputs = command_in(tmp_path).run_at_once(*((TAKE_TRIALS, postgresql, owner) for owner in ("one", "two")))
    study = optuna.load_study(study_name="shared", storage=postgresql)
    assert [trial.number for trial in study.trials] == list(range(len(study.trials)))
    assert 10 <= len(study.trials) <= 11
    assert {trial.user_attrs["owner"] for trial in study.trials} <= {"one", "two"}
    assert "secret" not in "".join(outputs)
    first, second = (output.splitlines()[-1].split()[1] for output in outputs)  # the identity of the study
    assert first == second

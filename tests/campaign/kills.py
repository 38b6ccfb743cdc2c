"""Kills: `score` and `run-pipeline` end by SIGKILL at some moment, and the same command is started again."""

import csv
import functools
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from tests.campaign.cases import NETWORK, Case, Part, copied_run, judged, small_table
from tests.campaign.processes import Outcome, Task, end
from tests.server import mlflow_server

FORMATS = ("csv", "tsv", "jsonl", "parquet", "csv.gz", "tsv.gz", "jsonl.gz")
TIMES = {"training_seconds", "scored_per_second"}

Moments = list[str]


class ScoreKills(Part):
    """`score` writes every format and is killed just before and just after every rename and removal, and at moments
    drawn over its whole length; then it is started again, which is refused where the kill came behind the end. OUTPUT
    and its rejected rows have the same bytes as without a kill, and nothing else is left.
    """

    name, count = "score-kills", 7 * (12 + 15)
    at_moments, rows = 12, 12_000

    def try_case(self, number: int) -> Case:
        """One format, killed once."""
        ending, attempt = FORMATS[number % len(FORMATS)], number // len(FORMATS)
        whole, seconds = self._whole(ending)
        with tempfile.TemporaryDirectory(dir=self.workshop.folder) as temporary:
            folder = Path(temporary, "case")
            folder.mkdir()
            shutil.copy(self._table, folder / "in.csv")
            task = functools.partial(Task, str(folder), self._arguments(f"out.{ending}"))
            if attempt < self.at_moments:
                kind = f"{ending}, at moment {attempt + 1}"
                outcome = self.workshop.scoring.run(task(kill_at=attempt + 1))
            else:
                kind = f"{ending}, at random"
                at = self.generator(number).random() * seconds
                outcome = self.workshop.scoring.run(task(), lambda pid, passed: end(pid) if passed >= at else None)
            wrong = None if outcome.is_killed or outcome.code == 0 else f"exit {outcome.code}: {outcome.output[-500:]}"
            was_killed = outcome.is_killed
            if was_killed:
                outcome = self.workshop.scoring.run(task())
                was_finished = outcome.code == 2 and "is there already" in outcome.output
                wrong = None if was_finished else judged(outcome, codes=(0,))
            found = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
            del found["in.csv"]
            if not wrong and found != whole:
                wrong = f"left {sorted(found)}, not the bytes of {sorted(whole)}"
            return Case(kind if was_killed else f"{ending}, not killed", outcome, wrong)

    def _arguments(self, output: str) -> list[str]:
        return ["score", "in.csv", output, "--model", str(self.workshop.classifier)]

    @functools.cached_property
    def _table(self) -> Path:
        path = self.workshop.made / "to-score.csv"
        small_table(path, self.generator(-1), self.rows)
        return path

    @functools.cached_property
    def _whole(self) -> Callable[[str], tuple[Mapping[str, bytes], float]]:
        return functools.cache(self._score_whole)

    def _score_whole(self, ending: str) -> tuple[Mapping[str, bytes], float]:
        with tempfile.TemporaryDirectory(dir=self.workshop.folder) as temporary:
            folder = Path(temporary, "case")
            folder.mkdir()
            shutil.copy(self._table, folder / "in.csv")
            outcome = self.workshop.scoring.run(Task(str(folder), self._arguments(f"out.{ending}")))
            assert outcome.code == 0, outcome.output
            found = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
            del found["in.csv"]
            return found, outcome.seconds


class PipelineKills(Part):
    """`run-pipeline` on part of the demo corpus is tracked by a real MLflow server with SQLite on loopback. It is
    killed just before and just after every rename, removal and request to the server, and at 100 moments drawn over
    its whole length; then it is started again. The figures are those of a run that was not killed. One parent run,
    its children and a version of each model are there, all finished; the champion loads and scores; nothing else is
    left. Moments behind the training begin from a working directory whose training is finished. Each model carries the
    files of the package: of these, the moments of the first and the last transfer are tried.
    """

    name, count = "pipeline-kills", 786

    def try_case(self, number: int) -> Case | None:
        """One moment."""
        moments = self._order()
        folder = Path(tempfile.mkdtemp(dir=self.workshop.folder, prefix="kill-"))
        shutil.rmtree(folder)
        try:
            if number < 100:
                at = self.generator(number).random() * self._plan["seconds"]
                folder.mkdir()
                outcome = self._run(folder, watch=lambda pid, seconds: end(pid) if seconds >= at else None)
                kind = "at random"
            elif number - 100 < len(moments):
                start, position, what = moments[number - 100]
                self._begin(folder, start)
                outcome = self._run(folder, kill_at=position)
                kind = kind_of(what)
            else:
                return None
            killed = outcome
            if not killed.is_killed:
                return Case(f"{kind}, not killed", killed, judged(killed, codes=(0,)))
            finished = [run for run in self._runs(folder)[0] if run.info.status == "FINISHED"]
            outcome = self._run(folder)
            return Case(kind, outcome, judged(outcome, codes=(0,)) or self._wrong(folder, 1 + len(finished)))
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _run(self, folder: Path, **options: Any) -> Outcome:
        watch = options.pop("watch", lambda pid, seconds: None)
        name = folder.name
        arguments = [*NETWORK, "--data", str(self.workshop.table), "--experiment", name, "--register", name,
                     "--promote"]  # fmt: skip
        environment = {"MLFLOW_TRACKING_URI": self._server}
        return self.workshop.training.run(
            Task(str(folder), arguments, environment=environment, seconds=300, **options), watch
        )

    @functools.cached_property
    def _server(self) -> str:
        folder = self.workshop.folder / "server"
        folder.mkdir(exist_ok=True)
        stores = ("--backend-store-uri", f"sqlite:///{folder / 'server.db'}",
                  "--artifacts-destination", str(folder / "store"))  # fmt: skip
        return self._held.enter_context(
            mlflow_server("server", "--host", "127.0.0.1", "--workers", "1", *stores, folder=folder)
        )

    def _begin(self, folder: Path, start: str) -> None:
        """The working directory that a case starts from."""
        if start == "empty":
            folder.mkdir()
            return
        copied_run(self.workshop, folder)
        for stage in ("evaluate", "linear-model", "compare"):
            shutil.rmtree(folder / ".sentiment" / stage)

    @functools.cached_property
    def _plan(self) -> dict[str, Any]:
        """The moments of two runs that are not killed, from an empty folder and after the training."""
        path = self.workshop.made / "moments.json"
        if not path.exists():
            plan: dict[str, Any] = {}
            for start in ("empty", "trained"):
                folder = Path(tempfile.mkdtemp(dir=self.workshop.folder, prefix="plan-"))
                shutil.rmtree(folder)
                self._begin(folder, start)
                log = folder.with_suffix(".moments")
                outcome = self._run(folder, moments=str(log))
                assert outcome.code == 0, outcome.output
                plan[start] = [line.split("\t")[1] for line in log.read_text("utf-8").splitlines()]
                plan.setdefault("seconds", outcome.seconds)
                plan.setdefault("figures", figures_of(folder))
                shutil.rmtree(folder)
                log.unlink()
            path.write_text(json.dumps(plan))
        found: dict[str, Any] = json.loads(path.read_text())
        return found

    def _order(self) -> list[tuple[str, int, str]]:
        """Where to start, the number of the moment and what it is: the first of each kind comes before all others."""
        plan = self._plan
        last = max(n for n, what in enumerate(plan["empty"], 1) if "/train/" in what)
        found = [("empty", n, what) for n, what in enumerate(plan["empty"][:last], 1)]
        found += [("trained", n, what) for n, what in without_repetition(enumerate(plan["trained"], 1))]
        seen: dict[str, int] = {}
        ranked = []
        for entry in found:
            kind = kind_of(entry[2])
            seen[kind] = seen.get(kind, 0) + 1
            ranked.append((seen[kind], entry))
        return [entry for _, entry in sorted(ranked, key=lambda pair: pair[0])]

    def _runs(self, folder: Path) -> tuple[list[Any], list[Any]]:
        """Parent runs and all others."""
        import mlflow

        client = mlflow.MlflowClient(self._server)
        experiment = client.get_experiment_by_name(folder.name)
        runs = client.search_runs([experiment.experiment_id]) if experiment else []
        parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
        return parents, [run for run in runs if run not in parents]

    def _wrong(self, folder: Path, pipelines: int) -> str | None:
        """What is wrong after the second start; pipelines: two where the kill came after the end, else one."""
        import mlflow

        if (found := figures_of(folder)) != self._plan["figures"]:
            return f"other figures: {found}"
        left = [str(path) for path in folder.rglob("*") if path.name.endswith(".partial") or path.name == "checkpoints"]
        parents, children = self._runs(folder)
        reports = {"report.html", *(f"report-{run.info.run_id[:8]}.html" for run in parents)}
        left += [path.name for path in folder.iterdir() if path.name not in {".sentiment", "tmp", *reports}]
        if left:
            return f"left {left}"
        runs = [(run.info.run_name, run.info.status) for run in (*parents, *children)]
        is_whole = (len(parents), len(children)) == (pipelines, 2 * pipelines)
        if not is_whole or any(status != "FINISHED" for _, status in runs):
            return f"runs {runs}"
        client = mlflow.MlflowClient(self._server)
        versions = client.search_model_versions(f"name = '{folder.name}'")
        models = client.search_logged_models([parents[0].info.experiment_id])
        if len(versions) != 2 or [model.status for model in models] != ["READY"] * 2 * pipelines:
            return f"versions {len(versions)}, models {[str(model.status) for model in models]}"
        task = Task(
            str(folder), ["predict", "a fine film", "--model", f"models:/{folder.name}@champion"],
            environment={"MLFLOW_TRACKING_URI": self._server},
        )  # fmt: skip
        return judged(self.workshop.training.run(task), codes=(0,))


def without_repetition(moments: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Numbered moments; of transfers of the package's files, one after the other, the first two and the last two."""
    for is_code, stretch in groupby(moments, key=lambda moment: "/code/sentiment" in unquote(moment[1])):
        transfers = list(stretch)
        yield from (*transfers[:2], *transfers[2:][-2:]) if is_code else transfers


def kind_of(moment: str) -> str:
    """A moment without IDs, names of files and values."""
    when, call, *rest = moment.split(" ")
    if call != "request":
        parts = Path(rest[0]).parts
        return (
            f"{when} {call} of {'a folder of ' + parts[1] if len(parts) == 3 else parts[-1].removesuffix('.partial')}"
        )
    method, path = rest[0], rest[1].split("?")[0]
    for part in ("mlflow-artifacts", "logged-models"):
        if part in path:
            return f"{when} {method} {part}"
    return f"{when} {method} {path.removeprefix('/api/2.0/mlflow/')}"


def figures_of(folder: Path) -> dict[str, list[str]]:
    """The comparison of a finished pipeline, without what depends on the clock."""
    [path] = folder.glob(".sentiment/compare/*/comparison.csv")
    with path.open(encoding="utf-8", newline="") as file:
        return {row[0]: row[1:] for row in csv.reader(file) if row[0] not in TIMES}

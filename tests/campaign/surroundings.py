"""What a command needs and does not get: room on the disk, leave to write, a server that goes on answering."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.campaign.cases import NETWORK, Case, Part, Workshop, copied_run, judged, small_table
from tests.campaign.kills import figures_of
from tests.campaign.processes import Outcome, Task
from tests.server import WITHOUT_JOBS


@contextlib.contextmanager
def small_disk(place: Path, size: int) -> Iterator[Path]:
    """A folder on a disk of so many bytes, in memory."""
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "faults", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


class FullDisks(Part):
    """`score` in every format and `run-pipeline` on a disk, a tmpfs, that is full after one part in twenty, two in
    twenty, and so on of what they need; then there is room, and the same command is started again. Exit code 2 and a
    message, nothing half-written under its final name, and the result of a command that had room from the start.
    """

    name, count = "disks", 5 * 20 + 20
    formats, rows = ("csv", "jsonl", "parquet", "csv.gz", "tsv"), 20_000

    def try_case(self, number: int) -> Case:
        """One disk."""
        share = (number % 20 + 1) / 21
        with tempfile.TemporaryDirectory(dir=self.workshop.folder) as temporary:
            if number < 100:
                return self._score(Path(temporary), self.formats[number // 20], share)
            return self._train(Path(temporary), share)

    def _score(self, folder: Path, ending: str, share: float) -> Case:
        small_table(folder / "in.csv", self.generator(-1), self.rows)
        (folder / "whole").mkdir()
        arguments = ["score", "../in.csv", f"out.{ending}", "--model", str(self.workshop.classifier)]
        prepared = self.workshop.scoring
        assert prepared.run(Task(str(folder / "whole"), arguments)).code == 0
        whole = {path.name: path.read_bytes() for path in (folder / "whole").iterdir() if path.is_file()}
        needed = sum(map(len, whole.values())) + 4 * self.rows
        with small_disk(folder / "small", int(share * needed) // 4_096 * 4_096 + 4_096) as disk:
            task = Task(str(disk), arguments, environment={"TMPDIR": str(folder)})
            outcome = prepared.run(task)
            wrong = judged(outcome)
            names = {path.name for path in disk.iterdir() if path.is_file()}
            if not wrong and outcome.code == 2 and (left := names - {f"out.{ending}.partial"}):
                wrong = f"left {sorted(left)}"
            if not wrong and outcome.code == 2 and "Make room" not in outcome.output:
                wrong = f"says {outcome.output[-300:]}"
            subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
            again = prepared.run(task) if outcome.code == 2 else outcome
            found = {path.name: path.read_bytes() for path in disk.iterdir() if path.is_file()}
            wrong = wrong or judged(again, codes=(0,)) or (None if found == whole else f"left {sorted(found)}")
        return Case(f"score to {ending}", outcome, wrong)

    def _train(self, folder: Path, share: float) -> Case:
        needed = sum(path.stat().st_size for path in self.workshop.run.rglob("*") if path.is_file())
        with small_disk(folder / "small", int(share * needed) // 4_096 * 4_096 + 8_192) as disk:
            arguments = [*NETWORK, "--data", str(self.workshop.table)]
            task = Task(str(disk), arguments, environment={"TMPDIR": str(folder)}, seconds=300)
            outcome = self.workshop.training.run(task)
            wrong = judged(outcome)
            subprocess.run(["mount", "-o", "remount,size=256m", str(disk)], check=True)
            again = self.workshop.training.run(task) if outcome.code == 2 else outcome
            wrong = wrong or judged(again, codes=(0,))
            if not wrong and figures_of(disk) != figures_of(self.workshop.run):
                wrong = "other figures"
        return Case("run-pipeline", outcome, wrong)


class ReadOnlyFolders(Part):
    """A folder that cannot be written, whoever the user is: of OUTPUT, of the working directory or a part of it, of the
    report, of MLflow's store, of temporary files. Exit code 2 and a message that names a place, or the command does
    without.
    """

    name, count = "read-only", 20

    def try_case(self, number: int) -> Case:
        """One folder."""
        kinds = (
            "OUTPUT, csv", "OUTPUT, parquet", "OUTPUT, there already", "an empty folder", "working directory", "load",
            "vocabulary", "pad", "train", "linear-model", "evaluate", "compare", "report", "MLflow's store",
            "MLflow's artifacts", "OUTPUT of explain", "OUTPUT of playground", "promote", "predict", "models",
        )  # fmt: skip
        kind = kinds[number]
        with tempfile.TemporaryDirectory(dir=self.workshop.folder) as temporary:
            folder = Path(temporary, "case")
            train = [*NETWORK, "--data", str(self.workshop.table)]
            arguments, closed = train, folder
            if kind.startswith("OUTPUT") or kind in ("an empty folder", "promote", "predict", "models"):
                folder.mkdir()
            else:
                copied_run(self.workshop, folder)
            closed = folder / "closed"
            closed.mkdir()
            uri = f"sqlite:///{folder / 'mlflow.db'}"
            if kind.startswith("OUTPUT,"):
                small_table(folder / "in.csv", self.generator(number), 2_000)
                ending = "parquet" if "parquet" in kind else "csv"
                arguments = ["score", "in.csv", f"closed/out.{ending}", "--model", str(self.workshop.classifier)]
                if "already" in kind:
                    (closed / "out.csv").write_text("precious")
                    arguments.append("--overwrite")
            elif kind == "an empty folder":
                arguments = [*train, "--work-dir", "closed/work"]
            elif kind == "working directory":
                closed = folder / ".sentiment"
            elif (folder / ".sentiment" / kind).is_dir():
                closed = folder / ".sentiment" / kind
                shutil.rmtree(closed)
                closed.mkdir()
            elif kind == "report":
                arguments = [*train, "--output", "closed"]
            elif kind in ("MLflow's store", "promote", "predict", "models"):
                shutil.copy(self.workshop.run / "mlflow.db", closed / "mlflow.db")
                uri = f"sqlite:///{closed / 'mlflow.db'}"
                of = {"promote": ["promote", "1"], "predict": ["predict", "fine"], "models": ["models"]}
                arguments = of.get(kind, train)
            elif kind == "MLflow's artifacts":
                closed = folder / "mlruns"
                closed.mkdir()
            else:
                command = kind.rsplit(" ", 1)[1]
                page = ["a fine film", "--output"] if command == "explain" else []
                arguments = [command, *page, "closed/page.html", "--model", str(self.workshop.classifier)]
            task = Task(
                str(folder), arguments, environment={"MLFLOW_TRACKING_URI": uri}, read_only=[str(closed)], seconds=300
            )
            outcome = (self.workshop.scoring if kind.startswith("OUTPUT,") else self.workshop.training).run(task)
            wrong = judged(outcome)
            if not wrong and outcome.code == 2 and not re.search("[Rr]ead-?only", outcome.output):
                wrong = f"says {outcome.output[-300:]}"
            if not wrong and "already" in kind and (closed / "out.csv").read_text() != "precious":
                wrong = "the old OUTPUT is gone"
            return Case(kind, outcome, wrong)


class DyingServers(Part):
    """An MLflow server that is killed after the first, second, third ... twentieth part of the requests of
    `run-pipeline`, and comes back after the command has ended. Exit code 2 and a message; the same command then goes
    on in the same runs, to the same figures. Or the server is back within seconds, and the command may end well.
    """

    name, count = "servers", 40

    def __init__(self, workshop: Workshop, seed: int) -> None:
        super().__init__(workshop, seed)
        self._server: subprocess.Popen[bytes] | None = None
        self._folder = Path(tempfile.mkdtemp(dir=workshop.folder, prefix="dying-"))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]

    @property
    def _address(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def _start(self) -> None:
        """Start the server, and wait until it answers."""
        stores = [f"--backend-store-uri=sqlite:///{self._folder / 'server.db'}",
                  f"--artifacts-destination={self._folder / 'store'}"]  # fmt: skip
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self._server = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", "--port", str(self._port), "--workers", "1", *stores],
            cwd=self._folder, env={**os.environ, **WITHOUT_JOBS, "PATH": path}, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{self._address}/health", timeout=2)
                return
            time.sleep(0.2)
        raise AssertionError("mlflow server does not answer")

    def _kill(self) -> None:
        if self._server is not None:
            os.killpg(self._server.pid, signal.SIGKILL)
            self._server.wait()
            self._server = None

    def close(self) -> None:
        """End the server."""
        self._kill()
        shutil.rmtree(self._folder)

    def try_case(self, number: int) -> Case:
        """One moment."""
        import mlflow

        if self._server is None:
            self._start()
        share, comes_back = (number % 20 + 1) / 21, number >= 20
        folder = copied_run(self.workshop, self.workshop.folder / f"server-{time.monotonic_ns()}")
        try:
            log = folder.with_suffix(".moments")
            seen = {"died": 0.0, "back": 0.0}

            def watch(pid: int, seconds: float) -> None:
                requests = log.read_bytes().count(b"before request") if log.exists() else 0
                if not seen["died"] and requests >= share * 600:
                    seen["died"] = seconds
                    self._kill()
                elif comes_back and seen["died"] and not seen["back"]:
                    seen["back"] = seconds
                    self._start()

            outcome = self._run(folder, watch=watch, moments=str(log))
            wrong = judged(outcome)
            if not wrong and outcome.code == 2 and self._address not in outcome.output:
                wrong = f"does not name the server: {outcome.output[-300:]}"
            if self._server is None:
                self._start()
            again = self._run(folder) if outcome.code == 2 else outcome
            wrong = wrong or judged(again, codes=(0,))
            if not wrong and figures_of(folder) != figures_of(self.workshop.run):
                wrong = "other figures"
            client = mlflow.MlflowClient(self._address)
            experiment = client.get_experiment_by_name(folder.name)
            runs = client.search_runs([experiment.experiment_id]) if experiment else []
            if not wrong and (len(runs) != 3 or any(run.info.status != "FINISHED" for run in runs)):
                wrong = f"runs {[(run.info.run_name, run.info.status) for run in runs]}"
            log.unlink(missing_ok=True)
            return Case("back within seconds" if comes_back else "back after the end", outcome, wrong)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _run(self, folder: Path, **options: Any) -> Outcome:
        watch = options.pop("watch", lambda pid, seconds: None)
        arguments = [*NETWORK, "--data", str(self.workshop.table), "--experiment", folder.name,
                     "--register", folder.name]  # fmt: skip
        environment = {"MLFLOW_TRACKING_URI": self._address}
        task = Task(str(folder), arguments, environment=environment, seconds=400, **options)
        return self.workshop.training.run(task, watch)

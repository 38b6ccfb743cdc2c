"""Commands in processes of their own that start at once: a prepared process forks for each, and memory is watched.

What a prepared process has imported, its children need not import again. Each child is a process of its own, so it can
be killed, limited and measured like any other.
"""

import ctypes
import functools
import itertools
import json
import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NoReturn

import psutil

from pipelines.cli import application

SECONDS = 120.0
"""Without an answer, a command is ended."""

CLONE_NEWNS = 0x00020000
"""For unshare(2): a mount namespace of its own."""

FILE_CALLS = (*((os, name) for name in ("rename", "replace", "unlink", "remove", "rmdir")), (shutil, "rmtree"))
"""Modules and their functions whose calls are moments."""

SCORING = "pandas pipelines.score"
TRAINING = "tensorflow mlflow.pyfunc git pyarrow.dataset sklearn.linear_model pipelines.run_pipeline"
"""Modules that a prepared process imports."""


@dataclass(frozen=True)
class Task:
    """A command and its surroundings.

    Attributes:
        folder: where it runs; temporary files lie below it, in `tmp`.
        arguments: of `sentiment`; or of `load_source`, where `is_source`.
        environment: variables beside those there are.
        moments: where the moments of its way, as `watch_moments` counts them, are written; "": nowhere.
        kill_at: the moment at which it kills itself; 0: none.
        read_only: folders that it cannot write.
        seconds: without an answer it is ended.
    """

    folder: str
    arguments: Sequence[str]
    is_source: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    moments: str = ""
    kill_at: int = 0
    read_only: Sequence[str] = ()
    seconds: float = SECONDS


@dataclass(frozen=True)
class Outcome:
    """What became of a command: its exit code, what it said, and the largest memory of one process, in bytes.

    A code below 0 is the number of a signal; None: no answer.
    """

    code: int | None
    output: str
    peak: int
    seconds: float

    @property
    def is_killed(self) -> bool:
        """By SIGKILL."""
        return self.code == -signal.SIGKILL


class Prepared:
    """A process that has imported modules, and forks for each task."""

    def __init__(self, modules: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.campaign.processes", *modules.split()],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,  # what is buffered no selector sees
        )  # fmt: skip

    def run(self, task: Task, watch: Callable[[int, float], None] = lambda pid, seconds: None) -> Outcome:
        """Run a command to its end.

        Args:
            watch: called with the process and the seconds that it has run, again and again; it may kill the process.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        output = Path(task.folder).with_name(f"{Path(task.folder).name}.output")
        self._process.stdin.write((json.dumps({**vars(task), "output": str(output)}) + "\n").encode())
        pid = json.loads(self._process.stdout.readline())["pid"]
        started, peak, is_late = time.monotonic(), 0, False
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while not selector.select(0.02):
                seconds = time.monotonic() - started
                peak = max(peak, _peak(pid))
                watch(pid, seconds)
                if seconds > task.seconds and not is_late:
                    is_late = True
                    end(pid)
        answer = json.loads(self._process.stdout.readline())
        said = output.read_text("utf-8", "replace")
        output.unlink()
        code = None if is_late else answer["code"]
        return Outcome(code, said, max(peak, answer["peak"]), time.monotonic() - started)

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def end(pid: int) -> None:
    """Kill a process and those that it started."""
    for process in _tree(pid):
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue


def _tree(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _peak(pid: int) -> int:
    """The largest memory, in bytes, that one process of the tree has had."""
    peaks = [0]
    for process in _tree(pid):
        try:
            found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
        except OSError:
            continue
        peaks.append(int(found[1]) * 1_024 if found else 0)
    return max(peaks)


# What follows runs in the prepared process and in its children.


def serve(modules: Sequence[str]) -> None:
    """Import modules, then fork for each line of standard input, and answer with its process and its end."""
    os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", MLFLOW_DISABLE_TELEMETRY="true", COLUMNS="160")
    for module in modules:
        __import__(module)
    application()
    answers: IO[str] = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        task = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _work(Task(**{name: value for name, value in task.items() if name != "output"}), task["output"])
        answers.write(json.dumps({"pid": pid}) + "\n")
        answers.flush()
        _, status, usage = os.wait4(pid, 0)
        answers.write(json.dumps({"code": os.waitstatus_to_exitcode(status), "peak": usage.ru_maxrss * 1_024}) + "\n")
        answers.flush()


def _work(task: Task, output: str) -> NoReturn:
    code = 1
    try:
        sink = os.open(output, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
        os.dup2(sink, 1)
        os.dup2(sink, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        temporary = Path(task.folder, "tmp")
        temporary.mkdir(exist_ok=True)
        os.chdir(task.folder)
        os.environ.update({"TMPDIR": str(temporary), **task.environment})
        for folder in task.read_only:
            _make_read_only(folder)
        if task.moments or task.kill_at:
            watch_moments(Path(task.folder), task.moments, task.kill_at)
        code = load_source(*task.arguments) if task.is_source else _command(task.arguments)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def watch_moments(folder: Path, log: str, kill_at: int) -> None:
    """Count the moments of this process from now on: before and after every rename, removal and request to a server.

    Only what happens in the command's own folder counts, its temporary files apart.

    Args:
        folder: of the command.
        log: file that gets a line for each moment; "": none.
        kill_at: the moment, from 1, at which the process kills itself; 0: none.
    """
    import requests

    numbers = itertools.count(1)
    lines = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644) if log else None

    def moment(what: str) -> None:
        number = next(numbers)
        if lines is not None:
            os.write(lines, f"{number}\t{what}\n".encode())
        if number == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def watched(function: Callable[..., Any], name: str, told: Callable[..., str | None]) -> Callable[..., Any]:
        @functools.wraps(function)
        def around(*arguments: Any, **options: Any) -> Any:
            of = told(*arguments, **options)
            if of is None:
                return function(*arguments, **options)
            moment(f"before {name} {of}")
            try:
                return function(*arguments, **options)
            finally:
                moment(f"after {name} {of}")

        return around

    def own(path: Any, *arguments: Any, **options: Any) -> str | None:
        """The path below the folder; None outside it, and of temporary files."""
        place = Path(os.fsdecode(path)).absolute()
        if options.get("dir_fd") is not None or not place.is_relative_to(folder):
            return None
        name = place.relative_to(folder)
        return None if name.parts[:1] == ("tmp",) else str(name)

    for module, name in FILE_CALLS:
        setattr(module, name, watched(getattr(module, name), name, own))
    requests.Session.send = watched(
        requests.Session.send, "request", lambda session, request, **options: f"{request.method} {request.path_url}"
    )


def _command(arguments: Sequence[str]) -> int:
    sys.argv = ["sentiment", *arguments]
    try:
        application()(list(arguments))
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    return 0


def load_source(source: str, data: str) -> int:
    """Read a corpus as the stage `load` does; its texts are Unicode."""
    from sentiment.data.sources import find_files, load_corpus
    from sentiment.data.sources.config import SourceConfig
    from sentiment.errors import InputError

    config: Any = SourceConfig.model_validate({"source": source, "data": data})
    try:
        corpus = load_corpus(config, find_files(config), seed=0)
    except InputError as error:
        print(error)
        return 2
    for text in (*corpus.train.texts, *corpus.test.texts, *corpus.unlabelled.texts):
        text.encode()
    return 0


def _make_read_only(folder: str) -> None:
    """For this process alone, whoever its user is."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS):  # Python 3.11 has no os.unshare
        raise OSError(ctypes.get_errno(), "no mount namespace of its own")
    for arguments in (
        ["--make-rprivate", "/"],
        ["--bind", folder, folder],
        ["--options", "remount,bind,ro", folder],
    ):
        subprocess.run(["mount", *arguments], check=True)


if __name__ == "__main__":
    serve(sys.argv[1:])

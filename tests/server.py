"""Real MLflow servers on loopback."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

SECONDS_TO_START = 120
WITHOUT_JOBS = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
"""Eight processes less: those of evaluations in the background, which nothing here starts."""


@contextmanager
def mlflow_server(*arguments: str, folder: Path, environment: Mapping[str, str] = os.environ) -> Iterator[str]:
    """The address of `mlflow ARGUMENTS`, started in a folder, once it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    path = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"  # where MLflow looks for uvicorn
    server = subprocess.Popen(
        [sys.executable, "-m", "mlflow", *arguments, "--port", str(port)],
        cwd=folder,
        env={**environment, **WITHOUT_JOBS, "PATH": path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + SECONDS_TO_START
        while not _answers(f"{address}/health"):
            assert server.poll() is None and time.monotonic() < deadline, f"mlflow {arguments[0]} does not answer"
            time.sleep(0.2)
        yield address
    finally:
        server.terminate()
        server.wait(timeout=30)


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=2)
    except OSError:
        return False
    return True

"""Running commands and watching them: seconds, memory, and the speed that they print."""

import os
import platform
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Measurement:
    """The costs of a process with its children.

    Attributes:
        seconds: from its start to its end.
        memory: bytes at the peak, of the proportional set size over all processes.
        rate: reviews/s, as it says itself; 0 if it does not.
    """

    seconds: float
    memory: int
    rate: float


def measured(*command: object, cwd: Path | None = None) -> Measurement:
    """Run a Python module with its arguments and watch it.

    Raises:
        SystemExit: it failed.
    """
    started = time.perf_counter()
    arguments = [sys.executable, "-m", *map(str, command)]
    root = str(Path(__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}
    process = subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd, env=environment
    )
    memory = 0
    while True:
        memory = max(memory, _memory(process.pid))
        try:
            output, errors = process.communicate(timeout=0.5)
            break
        except subprocess.TimeoutExpired:
            continue
    seconds = time.perf_counter() - started
    if process.returncode:
        raise SystemExit(f"{' '.join(arguments)} ended with exit code {process.returncode}:\n{errors[-3_000:]}")
    rates = re.findall(r"rows per second\s+([\d.,]+)", output)
    return Measurement(seconds, memory, float(rates[0].replace(",", "")) if rates else 0)


def _memory(pid: int) -> int:
    total = 0
    try:
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            total += process.memory_full_info().pss
    except psutil.Error:  # it has just ended
        return 0
    return total


def machine() -> str:
    """What the figures were measured on, for a report."""
    names = [line.split(": ")[1] for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    model = names[0] if names else platform.processor()
    return f"{len(os.sched_getaffinity(0))} cores of {model}, {psutil.virtual_memory().total / 2**30:.0f} GiB"

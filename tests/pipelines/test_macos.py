"""Commands where the names of Linux are missing: as near to macOS as a test on Linux comes."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd

from tests.conftest import SMALL, command_in

WITHOUT_LINUX = """
import os, resource, select, signal, sys

for module, names in {
    os: "copy_file_range eventfd fdatasync getrandom getxattr listxattr memfd_create pidfd_open posix_fadvise "
    "posix_fallocate sched_getaffinity sched_setaffinity setxattr splice O_DIRECT O_TMPFILE",
    resource: "prlimit",
    select: "epoll",
    signal: "SIGPOLL SIGPWR SIGRTMAX SIGRTMIN sigtimedwait sigwaitinfo",
}.items():
    for name in names.split():
        vars(module).pop(name, None)


def refuse(event, arguments):
    if event == "open" and str(arguments[0]).startswith(("/proc/", "/sys/")):
        raise FileNotFoundError(2, "No such file or directory", arguments[0])


sys.addaudithook(refuse)
"""
"""Run by Python as it starts, in every process."""

WITHOUT_XLA = """
import os
import tensorflow as tf

assert not hasattr(os, "sched_getaffinity")
function = tf.function

def without_xla(*arguments, jit_compile=None, **options):
    if not jit_compile:
        return function(*arguments, **options)

    def fail(*arguments, **options):
        raise tf.errors.UnimplementedError(None, None, "XLA has no compiler for this processor")

    return fail

tf.function = without_xla
from pipelines.cli import main

main()
"""


def test_a_pipeline_runs_without_the_names_of_linux_and_without_xla(reviews_csv: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_LINUX)
    environment = command_in(tmp_path).environment
    environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path), environment["PYTHONPATH"]])

    def run(*command: str | Path) -> None:
        done = subprocess.run([sys.executable, *command], cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    options = "--models lstm --epochs 1 --embedding-dim 64 --no-linear-model --promote".split()
    run("-c", WITHOUT_XLA, "run-pipeline", "--data", reviews_csv, *SMALL, *options)
    run("-m", "pipelines.cli", "score", reviews_csv, "scored.csv")
    assert pd.read_csv(tmp_path / "scored.csv")["positive_probability"].notna().all()

"""Hostile inputs against `sentiment score` and every source that reads files, with memory watched from outside.

    python -m benchmarks.faults --model CLASSIFIER_FOLDER [--inputs 2000] [--first 0] [--seed 0]

Of every input: exit code 0 or 2 and no traceback; rows read are rows written plus rows rejected; OUTPUT is there whole
or not at all; every process stays below 1 GB; an answer within two minutes. It writes benchmarks/FAULTS.md.
"""

import argparse
import csv
import json
import os
import random
import re
import selectors
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import psutil

from benchmarks.hostile_inputs import ARCHIVES, TABLES, Writer

MOST_BYTES = 2**30
"""Of memory, for each process."""

SECONDS = 120.0
INPUTS_OF_A_CHILD = 100
ENDINGS = ("csv", "tsv", "jsonl", "parquet", "csv.gz", "jsonl.gz")
RESULTS = Path(__file__).with_name("FAULTS.md")


@dataclass(frozen=True)
class Outcome:
    """What became of one input: how it ended, what it said, and the largest memory of one process, in bytes."""

    code: int | None
    output: str
    peak: int
    seconds: float


@dataclass
class Class:
    """What was tried of one kind of input, and the failures, as (number of the input, what was wrong)."""

    tried: int = 0
    finished: int = 0
    refused: int = 0
    peak: int = 0
    failures: list[tuple[int, str]] = field(default_factory=list)


class Child:
    """A process that works on one input after another, in the current code."""

    def __init__(self) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the child
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.faults", "--child"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True,
        )  # fmt: skip
        self.worked = 0

    def work_on(self, task: dict[str, Any]) -> Outcome:
        """Give it an input and watch it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.worked += 1
        self._process.stdin.write(json.dumps(task) + "\n")
        self._process.stdin.flush()
        started, peak = time.monotonic(), 0
        _forget_peaks(self._process.pid)
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while not selector.select(0.03):
                peak = max(peak, _peak(self._process.pid))
                if time.monotonic() - started > SECONDS:
                    self.close()
                    return Outcome(None, "no answer", peak, SECONDS)
        peak = max(peak, _peak(self._process.pid))
        line = self._process.stdout.readline()
        seconds = time.monotonic() - started
        if not line:
            return Outcome(
                None, f"the process ended with {self._process.wait()}: {self._said()[-2_000:]}", peak, seconds
            )
        answer = json.loads(line)
        return Outcome(answer["code"], answer["output"] + self._said(), peak, seconds)

    def _said(self) -> str:
        self._errors.seek(0)
        said = self._errors.read().decode("utf-8", "replace")
        self._errors.seek(0)
        self._errors.truncate()
        return said

    @property
    def is_alive(self) -> bool:
        """Whether it can take another input."""
        return self._process.poll() is None

    def close(self) -> None:
        """End it and the processes that it started."""
        for process in _tree(self._process.pid):
            process.kill()
        self._process.wait()
        self._errors.close()


def _tree(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _forget_peaks(pid: int) -> None:
    for process in _tree(pid):
        Path(f"/proc/{process.pid}/clear_refs").write_text("5")


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


def work_as_child() -> None:
    """Read tasks from standard input, a line each, and answer with a line."""
    answers: IO[str] = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever else is printed
    from typer.testing import CliRunner

    from pipelines.cli import app

    for line in sys.stdin:
        task = json.loads(line)
        os.chdir(task["folder"])
        try:
            if "source" in task:
                code, output = _load(task)
            else:
                result = CliRunner().invoke(app, task["arguments"])
                code, output = result.exit_code, result.output
                if result.exception is not None and not isinstance(result.exception, SystemExit):
                    output += "".join(traceback.format_exception(result.exception))
        except BaseException:
            code, output = 1, traceback.format_exc()
        answers.write(json.dumps({"code": code, "output": output[-20_000:]}) + "\n")
        answers.flush()


def _load(task: dict[str, Any]) -> tuple[int, str]:
    from sentiment.data.sources import SourceConfig, find_files, load_corpus
    from sentiment.errors import InputError

    config = SourceConfig(source=task["source"], data=Path(task["data"]))
    try:
        corpus = load_corpus(config, find_files(config), seed=0)
        for text in (*corpus.train.texts, *corpus.test.texts, *corpus.unlabelled.texts):
            text.encode()  # the pipeline writes it as UTF-8
    except InputError as error:
        return 2, str(error)
    return 0, f"{len(corpus.train)} {len(corpus.test)}"


def judge_score(folder: Path, ending: str, outcome: Outcome) -> str | None:
    """What is wrong with the result of scoring; None if nothing is."""
    output = folder / f"out.{ending}"
    if outcome.code == 2:
        left = sorted(
            path.name for path in folder.iterdir() if path.name.startswith("out.") and path.suffix != ".scores"
        )
        return f"left {', '.join(left)}" if left else None
    figures = {
        name: int(found[1].replace(",", ""))
        for name in ("rows read", "scored", "rejected")
        if (found := re.search(rf"^\s*{name} +([\d,]+)\s*$", outcome.output, re.MULTILINE))
    }
    rejected = output.with_name(output.name + ".rejected.jsonl")
    held = rejected.read_bytes().count(b"\n") if rejected.exists() else 0
    written = count_rows(output)
    if figures.get("rows read") != written + held or figures.get("scored") != written or figures["rejected"] != held:
        return f"says {figures}, wrote {written} and rejected {held}"
    return None


def count_rows(path: Path) -> int:
    """Rows of a table that `sentiment score` wrote; each has a label and a probability."""
    import gzip

    import pyarrow.parquet

    if path.name.endswith("parquet"):
        return int(pyarrow.parquet.ParquetFile(path).metadata.num_rows)
    with (
        gzip.open(path, "rt", encoding="utf-8", newline="")
        if path.suffix == ".gz"
        else path.open(encoding="utf-8", newline="") as file
    ):
        if ".jsonl" in path.name:
            return sum(1 for _ in file)
        csv.field_size_limit(2**31 - 1)
        rows = csv.reader(file, delimiter="\t" if ".tsv" in path.name else ",", strict=True)
        width = len(next(rows))
        return sum(1 for row in rows if len(row) == width)


def run(model: Path, numbers: range, seed: int) -> dict[str, Class]:
    """Try the inputs of these numbers; the number of an input and the seed make it again."""
    classes: dict[str, Class] = defaultdict(Class)
    child = Child()
    kinds = [(name, writer, "archive") for name, (writer, often) in ARCHIVES.items() for _ in range(often)]
    kinds += [(name, writer, "score") for name, (writer, often) in TABLES.items() for _ in range(often)]
    kinds += [(name, writer, "table") for name, (writer, often) in TABLES.items() for _ in range(often // 4)]
    for number in numbers:
        generator = random.Random(f"{seed}-{number}")
        name, writer, command = generator.choice(kinds)
        if child.worked >= INPUTS_OF_A_CHILD or not child.is_alive:
            child.close()
            child = Child()
        outcome, wrong = try_one(child, generator, writer, command, model)
        kind = classes[name + {"table": ", to train on"}.get(command, "")]
        kind.tried += 1
        kind.finished += outcome.code == 0
        kind.refused += outcome.code == 2
        kind.peak = max(kind.peak, outcome.peak)
        if wrong:
            kind.failures.append((number, wrong))
            print(f"input {number}, {name}, {command}: {wrong}", flush=True)
        if number % 100 == 99:
            print(f"{number + 1} inputs, {sum(len(kind.failures) for kind in classes.values())} failures", flush=True)
    child.close()
    return classes


def try_one(
    child: Child, generator: random.Random, writer: Writer, command: str, model: Path
) -> tuple[Outcome, str | None]:
    """One input, and what is wrong with its outcome."""
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    try:
        path = writer(generator, folder)
        ending = generator.choice(ENDINGS)
        if command == "score":
            arguments = ["score", path.name, f"out.{ending}", "--model", str(model)]
            outcome = child.work_on({"folder": str(folder), "arguments": arguments})
        else:
            source = "table" if command == "table" else "keras" if path.suffix == ".npz" else "aclimdb"
            outcome = child.work_on({"folder": str(folder), "source": source, "data": path.name})
        if outcome.code not in (0, 2) or "Traceback" in outcome.output:
            return outcome, f"exit {outcome.code}: {' '.join(outcome.output.split())[-700:]}"
        if outcome.peak > MOST_BYTES:
            return outcome, f"{outcome.peak / 2**20:,.0f} MiB of memory"
        return outcome, judge_score(folder, ending, outcome) if command == "score" else None
    finally:
        shutil.rmtree(folder)


def write_results(classes: dict[str, Class], seed: int, seconds: float) -> None:
    """benchmarks/FAULTS.md."""
    rows = [
        f"| {name} | {kind.tried:,} | {kind.finished:,} | {kind.refused:,} | {len(kind.failures)} "
        f"| {kind.peak / 2**20:,.0f} |"
        for name, kind in sorted(classes.items())
    ]
    tried = sum(kind.tried for kind in classes.values())
    failed = sum(len(kind.failures) for kind in classes.values())
    RESULTS.write_text(
        "\n".join([
            "# Hostile inputs", "",
            f"`python -m benchmarks.faults --inputs {tried} --seed {seed} --model CLASSIFIER`: {tried:,} inputs in "
            f"{seconds / 60:.0f} minutes, {failed} failures.", "",
            "A failure is an exit code other than 0 and 2, a traceback, a row that is neither written nor rejected, an",
            "OUTPUT that is not whole, more than 1 GiB of memory in one process, or no answer within two minutes.", "",
            "| Input | Tried | Exit 0 | Exit 2 | Failed | Peak memory of a process, MiB |",
            "|---|---:|---:|---:|---:|---:|",
            *rows, "",
        ]), "utf-8",
    )  # fmt: skip


def main() -> None:
    """Run the campaign and print its table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--model", type=Path, help="folder of a saved classifier")
    parser.add_argument("--inputs", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        work_as_child()
        return
    started = time.monotonic()
    classes = run(options.model.resolve(), range(options.first, options.first + options.inputs), options.seed)
    write_results(classes, options.seed, time.monotonic() - started)
    print(RESULTS.read_text("utf-8"))


if __name__ == "__main__":
    main()

"""Parts of the campaign: what each needs, the cases that it tries, and what counts as a failure."""

import contextlib
import csv
import functools
import hashlib
import json
import os
import random
import shutil
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.campaign.processes import SCORING, TRAINING, Outcome, Prepared, Task

MOST_BYTES, MOST_BYTES_OF_TRAINING = 2**30, 3 * 2**29
"""Memory that each process may take; where TensorFlow is loaded, the second."""

NETWORK = [
    *"run-pipeline --preset textbook --source table --models lstm --num-words 300 --maxlen 40".split(),
    *"--embedding-dim 4 --units 4 --epochs 2 --batch-size 64".split(),
]
"""A pipeline that takes seconds."""


@dataclass(frozen=True)
class Case:
    """What was tried, what became of it, and what was wrong with that; None if nothing was."""

    kind: str
    outcome: Outcome
    wrong: str | None


class Workshop:
    """What all cases share: prepared processes, and one finished pipeline with its classifiers.

    Attributes:
        folder: where cases work.
        made: where what belongs to the present code stays, such as the finished pipeline.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.made = self.folder / f"made-{code_digest()}"
        self.made.mkdir(parents=True, exist_ok=True)
        self._prepared: dict[str, Prepared] = {}

    @property
    def scoring(self) -> Prepared:
        """For commands that score."""
        return self._process(SCORING)

    @property
    def training(self) -> Prepared:
        """For commands that need TensorFlow or MLflow."""
        return self._process(TRAINING)

    def _process(self, modules: str) -> Prepared:
        if modules not in self._prepared:
            self._prepared[modules] = Prepared(modules)
        return self._prepared[modules]

    def close(self) -> None:
        """End the prepared processes."""
        for process in self._prepared.values():
            process.close()

    @functools.cached_property
    def table(self) -> Path:
        """A table of 300 training and 200 test reviews of the demo corpus, with a split column."""
        path = self.made / "demo.csv"
        if not path.exists():
            write_demo_table(path)
        return path

    @functools.cached_property
    def run(self) -> Path:
        """The folder of a finished pipeline on that table, tracked in a SQLite store beside it."""
        folder = self.made / "run"
        if not (folder / "finished").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            outcome = self.training.run(
                Task(str(folder), [*NETWORK, "--data", str(self.table), "--promote"], seconds=400)
            )
            assert outcome.code == 0, outcome.output
            (folder / "finished").touch()
        return folder

    @functools.cached_property
    def classifier(self) -> Path:
        """The LSTM of the finished pipeline."""
        [path] = self.run.glob(".sentiment/train/*/classifier")
        return path

    @functools.cached_property
    def linear_classifier(self) -> Path:
        """The linear model of the finished pipeline."""
        [path] = self.run.glob(".sentiment/linear-model/*/classifier")
        return path


class Part(ABC):
    """One kind of fault.

    Attributes:
        name: on the command line.
        count: cases in all, or more.
    """

    name: str
    count: int

    def __init__(self, workshop: Workshop, seed: int) -> None:
        self.workshop, self._seed, self._held = workshop, seed, contextlib.ExitStack()

    def generator(self, number: int) -> random.Random:
        """What decides a case: its number and the seed make it again."""
        return random.Random(f"{self.name}-{self._seed}-{number}")

    @abstractmethod
    def try_case(self, number: int) -> Case | None:
        """Try one case; None where there is none of this number."""

    def close(self) -> None:
        """Let go of what the part holds."""
        self._held.close()


def judged(
    outcome: Outcome, *, codes: tuple[int, ...] = (0, 2), most_bytes: int = MOST_BYTES_OF_TRAINING
) -> str | None:
    """What is wrong with how a command ended; None if nothing is."""
    if outcome.code not in codes or "Traceback" in outcome.output:
        return f"exit {outcome.code}: {' '.join(outcome.output.split())[-700:]}"
    if outcome.peak > most_bytes:
        return f"{outcome.peak / 2**20:,.0f} MiB of memory"
    return None


def code_digest() -> str:
    """A digest of all sources of the two packages."""
    hasher = hashlib.sha256()
    for package in ("sentiment", "pipelines"):
        for path in sorted((Path(__file__).parents[2] / package).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                hasher.update(path.read_bytes())
    return hasher.hexdigest()[:8]


def write_demo_table(path: Path) -> None:
    """Part of the demo corpus as a table."""
    from sentiment.data.sources import load_corpus
    from sentiment.data.sources.config import SourceConfig

    corpus = load_corpus(SourceConfig(source="demo"), [], seed=0)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label", "split"])
        for split, step in (("train", 20), ("test", 10)):
            reviews = getattr(corpus, split)
            for text, label in list(zip(reviews.texts, reviews.labels.tolist(), strict=True))[::step]:
                writer.writerow([text, label, split])


def small_table(path: Path, generator: random.Random, rows: int) -> None:
    """A table to score, with blank reviews among the others."""
    words = "a fine dull film and not the worst of all scenes is".split()
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "n"])
        for number in range(rows):
            text = " ".join(generator.choices(words, k=generator.randrange(1, 30))) if number % 97 else " "
            writer.writerow([text, number])


def copied_run(workshop: Workshop, folder: Path) -> Path:
    """A copy of the finished pipeline's working directory in a new folder; its files are links that may be replaced."""
    folder.mkdir(parents=True)
    shutil.copytree(workshop.run / ".sentiment", folder / ".sentiment", copy_function=os.link)
    return folder


def read_json_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a file of JSON lines; none where there is no file, nor of a line that was cut short."""
    found = []
    for line in path.read_text("utf-8").splitlines() if path.exists() else ():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found

"""CachedSteps: the recipe on a working directory, where every step leaves its output and a later command finds it."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from pipelines.console import Console
from pipelines.files import save_array, write_file, write_json
from pipelines.working_directory import CHECKPOINTS, WorkingDirectory, digest_of_all_code
from sentiment.classifier import SentimentClassifier
from sentiment.data.vocabulary import Vocabulary
from sentiment.engine.recurrent_model import engine_here
from sentiment.saved_classifier import CLASSIFIER_FOLDER
from sentiment.training.pseudo_labels import Teacher
from sentiment.training.start import FineTunings
from sentiment.training.steps import Output, Step
from sentiment.training.trained import Trained
from sentiment.training.trainer import Callbacks, OnEpoch

T = TypeVar("T")

VOCABULARY_FILE, ARRAY_FILE, CHOICE_FILE = "vocabulary.json", "array.npy", "choice.json"
HISTORY_FILE, COSTS_FILE = "history.json", "costs.json"


@dataclass(frozen=True)
class CachedSteps:
    """Runs a step where its output is not there yet, and says so. A killed step resumes from its checkpoints."""

    work: WorkingDirectory
    console: Console

    def run(self, step: Step[T]) -> Output[T]:
        """The output of a step, as it lies on the disk."""
        inputs = {name: output for name, output in step.inputs.items() if output is not None}
        digests = {name: output.digest for name, output in inputs.items()}
        key = {**step.settings, "inputs": digests, "environment": environment()}
        save, load = CODECS[step.kind]

        def run(folder: Path) -> None:
            save(step.compute(folder / CHECKPOINTS), folder)

        stage = self.work.run_stage(step.name, key, run, code=(*step.code, "training/recipe.py", "training/steps.py"))
        read = ", ".join(f"{output.name} {output.digest}" for output in inputs.values())
        self.console.finished_stage(stage, f"{step.label}: {read}" if step.label else read)
        return Output(step.name, lambda: load(stage.folder), stage.digest, stage.folder)

    def note(self, text: str) -> None:
        """Print it as a line of progress."""
        self.console.say(f"            {text}")

    def training(self, name: str, epochs: int, count: int, on_epoch: OnEpoch) -> AbstractContextManager[Callbacks]:
        """A bar on the terminal, and a line for every epoch."""
        return self.console.training(name, epochs, count, on_epoch=on_epoch)


def _save_trained(trained: Trained, folder: Path) -> None:
    SentimentClassifier.from_trained(trained).save(folder / CLASSIFIER_FOLDER)
    write_json(folder / HISTORY_FILE, trained.history)
    write_json(folder / COSTS_FILE, trained.costs)


def _load_trained(folder: Path) -> Trained:
    classifier = SentimentClassifier.load(folder / CLASSIFIER_FOLDER)
    assert classifier.profile_ is not None
    assert classifier.learned is not None
    history, costs = (json.loads((folder / name).read_text("utf-8")) for name in (HISTORY_FILE, COSTS_FILE))
    seconds, labels = costs["training_seconds"], (classifier.label_names, classifier.label_column_)
    return Trained(classifier.model_, classifier.profile_, classifier.learned, history, seconds, *labels)


def _save_teacher(teacher: Teacher, folder: Path) -> None:
    for name, probabilities in teacher._asdict().items():
        save_array(folder / f"{name}.npy", probabilities)


CODECS: dict[Any, tuple[Callable[[Any, Path], None], Callable[[Path], Any]]] = {
    np.ndarray: (
        lambda array, folder: save_array(folder / ARRAY_FILE, array),
        lambda folder: np.load(folder / ARRAY_FILE, mmap_mode="r"),
    ),
    Vocabulary: (
        lambda vocabulary, folder: vocabulary.save(folder / VOCABULARY_FILE),
        lambda folder: Vocabulary.load(folder / VOCABULARY_FILE),
    ),
    Teacher: (_save_teacher, lambda folder: Teacher(*(np.load(folder / f"{name}.npy") for name in Teacher._fields))),
    FineTunings: (
        lambda choice, folder: write_file(folder / CHOICE_FILE, choice.model_dump_json(indent=2)),
        lambda folder: FineTunings.model_validate_json((folder / CHOICE_FILE).read_bytes()),
    ),
    Trained: (_save_trained, _load_trained),
}
"""Type of an output -> what writes it into a folder, and what reads it from there."""


def environment() -> dict[str, str]:
    """What decides the digits of an output beside code, configuration and reviews: packages, device and engine."""
    import tensorflow as tf

    from sentiment.training.time_loop import PARTS

    device = "GPU" if tf.config.list_physical_devices("GPU") else f"CPU in {PARTS} parts"
    packages = ("keras", "tensorflow", "numpy", "scikit-learn", "scipy", "vadersentiment")
    return {**{package: metadata.version(package) for package in packages}, "device": device, "engine": engine_here()}


def resume_key(work: WorkingDirectory, *content: str) -> str:
    """What all attempts at the same MLflow run share.

    Beside the content it covers code and `environment`. So a run that was cut short before an upgrade stays as it is,
    and the new metrics get a run of their own.

    Args:
        content: configuration and digests of inputs, or the key of the parent run and what tells its children apart.
    """
    return work.key(*content, json.dumps({**environment(), "code": digest_of_all_code()}, sort_keys=True))

"""Context: what every stage needs; and what decides results beside configuration and reviews."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from pipelines.configuration import PipelineConfig
from pipelines.console import Console
from pipelines.working_directory import Stage, WorkingDirectory, digest_of_all_code
from sentiment.data.corpus import Fold
from sentiment.engine.recurrent_model import engine_here

SYNTHETIC_NOTE = "These reviews are synthetic: the figures say nothing about IMDB."


@dataclass(frozen=True)
class Context:
    """The configuration, the place for results, and somebody to tell.

    Attributes:
        start: the stage with the trained classifier to start from, if there is one.
        fold: to test on, where a table is cross-validated; else the test split is the source's.
    """

    config: PipelineConfig
    work: WorkingDirectory
    console: Console
    start: Stage | None = None
    fold: Fold | None = None

    def run_stage(
        self, name: str, read: str, key: Mapping[str, Any], run: Callable[[Path], None], *, code: tuple[str, ...]
    ) -> Stage:
        """Run one stage, or find it cached, and say so.

        Args:
            read: what it reads, for people.
            key, run, code: as for `WorkingDirectory.run_stage`.
        """
        stage = self.work.run_stage(name, key, run, code=code)
        self.console.finished_stage(stage, read)
        return stage

    @property
    def note(self) -> str:
        """The warning that goes before figures of synthetic reviews; "" where the reviews are real."""
        return SYNTHETIC_NOTE if self.config.source.is_synthetic else ""

    @property
    def of_reviews(self) -> str:
        """What follows a title, so that figures of synthetic reviews are known as such."""
        return " (synthetic reviews)" if self.config.source.is_synthetic else ""

    @property
    def tags(self) -> dict[str, str]:
        """Of every MLflow run: the source, and whether a program wrote its reviews."""
        source = self.config.source
        return {"source": source.source, "synthetic": str(source.is_synthetic).lower()}

    def description(self, *paragraphs: str) -> str:
        """Of an MLflow run or experiment, in Markdown, behind the warning of synthetic reviews where they are."""
        return "\n\n".join([*([f"**{self.note}**"] if self.note else []), *paragraphs])


def versions(*packages: str) -> dict[str, str]:
    """The versions of packages that decide a result, for the key of a stage."""
    return {package: metadata.version(package) for package in packages}


def training_environment() -> dict[str, Any]:
    """What decides the digits of a training beside its configuration, for the key of a stage."""
    import tensorflow as tf

    from sentiment.training.time_loop import PARTS

    device = "GPU" if tf.config.list_physical_devices("GPU") else f"CPU in {PARTS} parts"
    return {**versions("keras", "tensorflow", "numpy"), "device": device}


def resume_key(work: WorkingDirectory, *content: str) -> str:
    """What all attempts at the same MLflow run share.

    Beside the content it covers all that the digests of stages may cover: code, versions of packages, device and
    engine. So a run that was cut short before an upgrade stays as it is, and the new figures get a run of their own.

    Args:
        content: configuration and digests of inputs, or the key of the parent run and what tells its children apart.
    """
    environment = {
        **training_environment(),
        **versions("scikit-learn", "scipy"),
        "engine": engine_here(),
        "code": digest_of_all_code(),
    }
    return work.key(*content, json.dumps(environment, sort_keys=True))

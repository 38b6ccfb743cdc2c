"""Context: what every stage needs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.configuration import PipelineConfig
from pipelines.console import Console
from pipelines.working_directory import Stage, WorkingDirectory

SYNTHETIC_NOTE = "These reviews are synthetic: the figures say nothing about IMDB."


@dataclass(frozen=True)
class Context:
    """The configuration, the place for results, and somebody to tell."""

    config: PipelineConfig
    work: WorkingDirectory
    console: Console

    def run_stage(self, name: str, read: str, key: Mapping[str, Any], run: Callable[[Path], None]) -> Stage:
        """Run one stage, or find it cached, and say so.

        Args:
            read: what it reads, for people.
            key, run: as for `WorkingDirectory.run_stage`.
        """
        stage = self.work.run_stage(name, key, run)
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

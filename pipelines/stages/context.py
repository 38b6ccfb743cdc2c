"""Context: what the stages of one command share."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.configuration import PipelineConfig
from pipelines.console import Console
from pipelines.stages.cache import CachedSteps
from pipelines.working_directory import Stage, WorkingDirectory
from sentiment.data.corpus import Corpus, Fold
from sentiment.training.cut import Cut, cut_validation
from sentiment.training.recipe import Recipe
from sentiment.training.start import Start
from sentiment.training.steps import Output

SYNTHETIC_NOTE = "These reviews are synthetic: the figures say nothing about IMDB."


@dataclass(frozen=True)
class Context:
    """The configuration, the place for results, and somebody to tell.

    Attributes:
        start: the trained network to start from, if there is one.
        fold: to test on, where a table is cross-validated; else the test split is the source's.
    """

    config: PipelineConfig
    work: WorkingDirectory
    console: Console
    start: Output[Start] | None = None
    fold: Fold | None = None

    def recipe(self, corpus: Output[Corpus], cut: Callable[[Corpus, float, int], Cut] = cut_validation) -> Recipe:
        """The recipe for some reviews, whose steps are kept in the working directory."""
        self.console.import_tensorflow()
        steps = CachedSteps(self.work, self.console)
        return Recipe(self.config, corpus, steps, cut=cut, start=self.start, choices=self.config.choices)

    def run_stage(
        self, name: str, read: str, key: Mapping[str, Any], run: Callable[[Path], None], *, code: tuple[str, ...]
    ) -> Stage:
        """Run a stage that is no step of the recipe, or find it cached, and say so.

        Args:
            read: what it reads, for people.
            key, run, code: as for `WorkingDirectory.run_stage`.
        """
        stage = self.work.run_stage(name, key, run, code=code)
        self.console.finished_stage(stage, read)
        return stage

    @functools.cached_property
    def note(self) -> str:
        """The warning that goes before metrics of synthetic reviews; "" where the reviews are real."""
        return SYNTHETIC_NOTE if self.config.source.is_synthetic else ""

    @property
    def suffix(self) -> str:
        """What follows a title, so that metrics of synthetic reviews are known as such."""
        return " (synthetic reviews)" if self.config.source.is_synthetic else ""

    @property
    def tags(self) -> dict[str, str]:
        """Tags of every MLflow run: the source, and whether a program wrote its reviews."""
        source = self.config.source
        return {"source": source.source, "synthetic": str(source.is_synthetic).lower()}

    def description(self, *paragraphs: str) -> str:
        """The description of an MLflow run or experiment, in Markdown, behind the warning of synthetic reviews."""
        return "\n\n".join([*([f"**{self.note}**"] if self.note else []), *paragraphs])

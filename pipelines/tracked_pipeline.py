"""TrackedPipeline: the MLflow runs of a pipeline, a parent run with a child run for each model that it trains."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pipelines.configuration import PipelineConfig
from pipelines.stages.cache import resume_key
from pipelines.stages.context import Context
from pipelines.stages.load import read_summary
from sentiment.reporting import COLOURS
from sentiment.tracking import runs
from sentiment.training.recipe import Recipe
from sentiment.training.trained import TITLES, Candidate

NAMES = {title: name for name, title in TITLES.items()}
"""Title of a model -> its name in tags and metrics."""

EXPERIMENT, SYNTHETIC_EXPERIMENT = "sentiment", "sentiment-demo"

ABOUT_EXPERIMENT = (
    "Runs of `sentiment run-pipeline`. A parent run stands for a pipeline: its description tells the verdicts, its "
    "metrics the accuracy of every model with its 95 % interval, and its artifact `comparison.csv` all other metrics. "
    "Below it is a child run for every model and seed, with curves, figures, predictions and the logged model."
)


def models_on_source(config: PipelineConfig) -> str:
    """What a pipeline compares and on which reviews, as the name of its run."""
    return f"{' vs '.join(TITLES[model] for model in config.models)} on {config.source.name}"


@dataclass(frozen=True)
class TrackedPipeline:
    """The MLflow runs of one pipeline.

    Attributes:
        about: the description of the experiment, in Markdown.
    """

    context: Context
    recipe: Recipe
    experiment: str
    about: str

    @contextmanager
    def parent(self, name: str, **parameters: object) -> Iterator[runs.Run]:
        """The run of the whole pipeline, with its configuration and its corpus.

        Args:
            parameters: to log beside the configuration.
        """
        config = self.context.config
        content = self.recipe.prepared.padded("train").digest, config.model_dump_json(), json.dumps(parameters)
        with runs.tracked_run(
            name,
            experiment=self.experiment,
            tags={**self.context.tags, "seed": ",".join(map(str, config.seeds))},
            resume_key=resume_key(self.context.work, name, *content),
            about_experiment=self.context.description(self.about),
        ) as parent:
            self.context.console.say(f"mlflow      run {parent.info.run_id} in experiment {self.experiment}")
            runs.log_params({**config.flat(), **parameters})
            runs.log_dict(read_summary(self.recipe.corpus), "corpus.json")
            self._log_datasets()
            yield parent

    @contextmanager
    def child(self, parent: runs.Run, candidate: Candidate, *, fold: str = "") -> Iterator[runs.Run]:
        """The run of one model with one seed; of one fold, where the pipeline has several."""
        tags = {**self.context.tags, "model": candidate.model, "seed": str(candidate.seed)}
        tags |= {runs.COLOUR_TAG: self._colours[candidate.title], **({"fold": fold} if fold else {})}
        with runs.tracked_run(
            candidate.name,
            experiment=self.experiment,
            tags=tags,
            resume_key=":".join(filter(None, (parent.info.run_id, candidate.model, str(candidate.seed), fold))),
        ) as child:
            runs.log_params({**self.context.config.flat(), "models": candidate.model, "seeds": candidate.seed})
            self._log_datasets()
            yield child

    @property
    def _colours(self) -> dict[str, str]:
        titles = dict.fromkeys(candidate.title for candidate in self.context.config.candidates())
        return dict(zip(titles, COLOURS, strict=False))

    def _log_datasets(self) -> None:
        source, corpus = self.context.config.source.source, self.recipe.corpus.value
        runs.log_dataset(corpus.train, name=f"{source}-train", source=source, context="training")
        if len(corpus.test):
            runs.log_dataset(corpus.test, name=f"{source}-test", source=source, context="evaluation")

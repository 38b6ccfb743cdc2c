"""The search for settings: trials by Optuna, each a training that its stages share, and an MLflow run under one parent.

Trial 0 has the settings of the configuration itself. A trial trains on what two cuts for validation leave of train. It
is stopped early and compared by the first; nothing chooses by the second, which shows in the end by how much the metric
of the best flatters. The test split is not read. The best settings lie in a preset file as soon as they are found.
Killed or interrupted and started again, the search resumes the trial that it was at, from its last epoch.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from optuna.distributions import distribution_to_json
from optuna.trial import Trial, TrialState

from pipelines.configuration import PipelineConfig
from pipelines.files import write_file
from pipelines.stages.cache import resume_key
from pipelines.stages.comparison import check_report, owner_of, place_of_page
from pipelines.stages.context import Context
from pipelines.stages.load import load
from pipelines.tuning.conclusion import conclude, describe, preset_text
from pipelines.tuning.study import ENDED, Search, database_url
from pipelines.tuning.trials import (
    HopelessError,
    SearchConfig,
    TimeIsUpError,
    TooSlowError,
    kept_metrics,
    most_epochs,
    train_trial,
    trial_config,
)
from sentiment.data.corpus import Corpus
from sentiment.engine.cells import CELLS
from sentiment.errors import InputError
from sentiment.tracking import runs, store
from sentiment.training.trainer import DivergedError, History
from sentiment.version import __version__

STORAGE_FILE, PRESET_FILE = "tuning.db", "best.toml"


def search_settings(context: Context, config: SearchConfig) -> None:
    """Search until time or trials are used up; then show the best settings, what they are worth and which matter.

    Raises:
        InputError: what a stage raises; the configuration starts from a trained network, or lies outside the space; no
            trial came to its end; MLflow or the storage cannot be used; the preset cannot be written.
    """
    started = time.monotonic()
    store.silence()
    if config.output is not None:
        check_report(config.output, owner_of(context), what="preset", suffix=".toml")
    if context.start is not None:
        raise InputError(
            "A search trains from scratch, and --start-from finds its own settings: leave --start-from out, and give "
            "--preset or --source where the last command here had it."
        )
    context = replace(context, config=trial_config(context.config))
    url = database_url(config.storage or f"sqlite:///{context.work.path / STORAGE_FILE}")
    first = config.space.values_of(context.config)
    corpus = load(context).value
    has_unlabelled = len(corpus.unlabelled) > 0
    search = Search(
        url,
        _name(context.config, config, corpus),
        config.space,
        first,
        most_epochs=max(
            most_epochs(longest, has_unlabelled=has_unlabelled) for longest in _longest(context.config, config)
        ),
        seed=context.config.seeds[0],
        owner=context.work.key("tune"),
    )
    context.console.say(f"search      {search.name} in {search.place}")
    name = f"Tuning {CELLS[context.config.models[0]].layer} on {context.config.source.name}"
    key = f"tune:{search.identity}"
    with (
        search.errors_explained(),
        runs.tracked_run(
            name, experiment=config.experiment, tags=_tags(context), resume_key=key, even_finished=True
        ) as parent,
    ):
        context.console.say(f"mlflow      run {parent.info.run_id} in experiment {config.experiment}")
        runs.log_params({**context.config.flat(), "objective": config.metric, "space": config.space.name})
        tuning = Tuning(context, config, search, parent, started, has_unlabelled=has_unlabelled)
        tuning.keep_best()
        try:
            while not tuning.is_over():
                tuning.run_trial()
        except KeyboardInterrupt:
            if search.best() is not None:
                context.console.result(f"the best settings so far are in {tuning.keep_best()}")
            raise
        conclude(context, search, config, tuning.keep_best())


@dataclass(frozen=True)
class Tuning:
    """A search under way.

    Attributes:
        config: what `search_settings` was asked for.
        parent: the run of the search.
        started: when this command began, by the monotonic clock.
        has_unlabelled: whether there are unlabelled reviews.
    """

    context: Context
    config: SearchConfig
    search: Search
    parent: runs.Run
    started: float
    has_unlabelled: bool

    def is_over(self) -> bool:
        """Whether no trial is to begin."""
        return self._time_is_up() or (
            self.config.trials is not None and len(self.search.trials(*ENDED)) >= self.config.trials
        )

    def run_trial(self) -> None:
        """Train the next trial, or resume the one that was left, and report to the search how it ended."""
        trial, values = self.search.next()
        name, say = f"trial {trial.number}", self.context.console.say
        say(f"{name}: {describe(values)}", style="bold")
        config = self.config.space.configured(self.context.config, values)
        tags = {**_tags(replace(self.context, config=config)), "trial": str(trial.number)}
        key = resume_key(self.context.work, self.parent.info.run_id, str(trial.number))
        state, metrics, value = TrialState.PRUNED, dict[str, float](), None
        with runs.tracked_run(name, experiment=self.config.experiment, tags=tags, resume_key=key) as child:
            runs.log_params(config.flat())
            try:
                trained, _ = train_trial(
                    self.context,
                    config,
                    name,
                    max_microseconds=self.config.max_microseconds,
                    on_epoch=self._on_epoch(trial, config, child),
                )
                metrics = kept_metrics(trained.value.history)
                state, value, outcome = TrialState.COMPLETE, self.config.objective(metrics), "finished"
            except HopelessError:
                outcome = "stopped early: others had a lower validation loss after as many epochs"
            except TooSlowError as error:
                metrics = {"microseconds": error.microseconds}
                outcome = f"left out: scoring a review takes {error.microseconds:,.0f} microseconds"
            except DivergedError as error:
                state, outcome = TrialState.FAIL, f"failed: {error}"
            except TimeIsUpError:
                runs.set_tags({"outcome": "unfinished"})
                say(f"{name} resumes when you run the same command again: the time is up")
                return
            runs.log_metrics(child, metrics)
            runs.set_tags({"outcome": outcome.partition(":")[0]})
        self.search.finish(trial, value, state, metrics)
        say(f"{name} {outcome}" + (f": {_validation_metrics(metrics)}" if value is not None else ""))
        self.keep_best(trial.number)

    def keep_best(self, number: int | None = None) -> Path:
        """Write the preset of the best trial so far, if there is one; and say so where it is this trial.

        The preset counts the trials that it is the best of, so it changes with every trial.

        Returns:
            The place of the preset.
        """
        owner, best = owner_of(self.context), self.search.best()
        path = place_of_page(self.config.output or self.context.work.path.parent, PRESET_FILE, owner)
        if best is None:
            return path
        metrics = _validation_metrics(best.user_attrs)
        comments = [
            f"sentiment run-pipeline --preset {path}",
            "",
            f"Trial {best.number} of `sentiment tune`, search {self.search.name}, written by {owner}:",
            f"{metrics}. As the best of several it is optimistic.",
            *([self.context.note] if self.context.note else []),
        ]
        tried = self.context.config.settings_tried - 1 + len(self.search.trials(*ENDED))
        config = self.config.space.configured(self.context.config, best.params)
        write_file(path, preset_text(config.model_copy(update={"settings_tried": tried}), comments))
        if number == best.number:
            self.context.console.result(f"best so far trial {best.number}: {metrics}; {path}")
        return path

    def _on_epoch(self, trial: Trial, config: PipelineConfig, child: runs.Run) -> Callable[[History], None]:
        """What a training calls after every epoch: it logs, and stops a hopeless trial or one that has no time."""
        last, reported = most_epochs(config, has_unlabelled=self.has_unlabelled), 0

        def on_epoch(history: History) -> None:
            nonlocal reported
            runs.log_history(child, history)
            losses, before = history.get("val_loss", []), reported  # a phase before the last has other names
            for epoch in range(before, len(losses)):
                trial.report(losses[epoch], epoch + 1)
            reported = len(losses)
            if not losses and self._time_is_up():
                raise TimeIsUpError
            if reported == before + 1 and reported < last:  # an epoch has just ended, and it was not the last
                if trial.should_prune():
                    raise HopelessError
                if self._time_is_up():
                    raise TimeIsUpError

        return on_epoch

    def _time_is_up(self) -> bool:
        minutes = self.config.minutes
        return minutes is not None and time.monotonic() - self.started >= 60 * minutes


def _validation_metrics(metrics: Mapping[str, Any]) -> str:
    """Validation loss and accuracy, for people."""
    return f"validation loss {metrics['validation_loss']:.4f}, accuracy {metrics['validation_accuracy']:.4f}"


def _tags(context: Context) -> dict[str, str]:
    return {**context.tags, "seed": str(context.config.seeds[0]), "model": context.config.models[0]}


def _longest(config: PipelineConfig, search_config: SearchConfig) -> list[PipelineConfig]:
    """The configuration, and with the most epochs of each field that counts them."""
    space = search_config.space
    named = [name for name in space.settings if name in ("training.epochs", "pretraining.pseudo_label_epochs")]
    return [config, *(space.configured(config, {name: space.largest(name)}) for name in named)]


def _name(config: PipelineConfig, search_config: SearchConfig, corpus: Corpus) -> str:
    """What all processes at the same search share, wherever the reviews lie on their machine."""
    content = config.model_dump(mode="json")
    del content["source"]["data"]
    settings = {name: distribution_to_json(values) for name, values in sorted(search_config.space.settings.items())}
    objective = {"metric": search_config.metric, "max_microseconds": search_config.max_microseconds}
    reviews = [corpus.train.digest(), corpus.unlabelled.digest(), corpus.validation.tolist()]
    key = [content, settings, objective, reviews, __version__]
    return f"tune-{hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:12]}"

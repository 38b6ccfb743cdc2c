"""The search for settings: trials by Optuna, each a training that its stages share, and an MLflow run under one parent.

Trial 0 has the settings of the configuration itself. A trial trains on what two cuts for validation leave of train. It
is stopped early and compared by the first; nothing chooses by the second, which tells in the end by how much the best
figure flatters. The test split is not read. The best settings lie in a preset file from the moment that they are found.
Killed or interrupted and started again, the search goes on with the trial that it was at, from its last epoch.
"""

import functools
import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from optuna.distributions import distribution_to_json
from optuna.trial import FrozenTrial, TrialState
from optuna.trial import Trial as OptunaTrial

from pipelines.configuration import PipelineConfig
from pipelines.files import write_file
from pipelines.stages.comparison import is_ours, owner_of, place_of_page
from pipelines.stages.context import Context, resume_key
from pipelines.stages.data import prepare
from pipelines.tuning.conclusion import conclude, describe
from pipelines.tuning.preset_file import as_preset
from pipelines.tuning.space import Space
from pipelines.tuning.study import ENDED, Search, shown_url
from pipelines.tuning.trials import (
    HopelessError,
    Objective,
    TimeIsUpError,
    TooSlowError,
    kept_figures,
    most_epochs,
    train_trial,
    trial_config,
)
from sentiment import __version__
from sentiment.data.corpus import Corpus
from sentiment.errors import InputError
from sentiment.tracking import runs, store
from sentiment.training.cells import CELLS
from sentiment.training.trainer import DivergedError, History

STORAGE_FILE, PRESET_FILE = "tuning.db", "best.toml"


@dataclass(frozen=True)
class Budget:
    """When a search ends.

    Attributes:
        minutes: of this command; None for no bound.
        trials: of the search, those of other processes and earlier commands too; None for no bound.
    """

    minutes: float | None
    trials: int | None
    started: float = field(default_factory=time.monotonic)

    def is_over(self, ended: int) -> bool:
        """Whether no trial is to begin after so many."""
        return self.time_is_up() or (self.trials is not None and ended >= self.trials)

    def time_is_up(self) -> bool:
        """Whether the minutes have passed."""
        return self.minutes is not None and time.monotonic() - self.started >= 60 * self.minutes


def search_settings(
    context: Context,
    space: Space,
    budget: Budget,
    objective: Objective,
    storage: str | None,
    experiment: str,
    output: Path | None,
) -> None:
    """Search until the budget is spent, then show the best settings, what they are worth and which settings matter.

    Args:
        storage: URL of Optuna's storage; None for SQLite in the working directory.
        experiment: of MLflow.
        output: where the preset goes; None for best.toml beside the working directory.

    Raises:
        InputError: what a stage raises; the configuration starts from a trained network, or lies outside the space; no
            trial came to its end; MLflow or the storage cannot be used.
    """
    store.silence()
    _check_output(output, owner_of(context))
    if context.start is not None:
        raise InputError(
            "A search trains from scratch, and --start-from finds its own settings: leave --start-from out, and give "
            "--preset or --source where the last command here had it."
        )
    context = replace(context, config=trial_config(context.config))
    config, url = context.config, storage or f"sqlite:///{context.work.path / STORAGE_FILE}"
    shown_url(url)
    first = space.values_of(config)
    corpus = prepare(context).corpus
    has_unlabelled = len(corpus.unlabelled) > 0
    search = Search(
        url,
        _name(config, space, objective, corpus),
        space,
        first,
        most_epochs=max(most_epochs(c, has_unlabelled=has_unlabelled) for c in _longest(space, config)),
        seed=config.seeds[0],
        owner=context.work.key("tune"),
    )
    context.console.say(f"search      {search.name} in {search.place}")
    name = f"Tuning {CELLS[config.models[0]].layer} on {config.source.source}"
    key = f"tune:{search.identity}"
    with runs.tracked_run(
        name, experiment=experiment, tags=_tags(context), resume_key=key, even_finished=True
    ) as parent:
        context.console.say(f"mlflow      run {parent.info.run_id} in experiment {experiment}")
        runs.log_parameters({**config.flat(), "objective": objective.metric, "space": space.name})
        tuning = Tuning(context, space, budget, objective, search, has_unlabelled, experiment, parent, output)
        tuning.keep_best()
        try:
            while not budget.is_over(len(search.trials(*ENDED))):
                tuning.run_trial()
        except KeyboardInterrupt:
            if search.best() is not None:
                context.console.result(f"the best settings so far are in {tuning.keep_best()}")
            raise
        conclude(context, tuning.config_of, search, objective, tuning.keep_best())


@dataclass(frozen=True)
class Tuning:
    """A search under way, as the arguments of `search_settings` ask for it."""

    context: Context
    space: Space
    budget: Budget
    objective: Objective
    search: Search
    has_unlabelled: bool
    experiment: str
    parent: runs.Run
    output: Path | None

    def config_of(self, values: Mapping[str, Any]) -> PipelineConfig:
        """The configuration with the values of a trial."""
        return self.space.configured(self.context.config, values)

    def run_trial(self) -> None:
        """Train the next trial, or go on with the one that was left, and tell the search how it ended."""
        trial, values = self.search.next()
        config, say = self.config_of(values), self.context.console.say
        name = f"trial {trial.number}"
        say(f"{name}: {describe(values)}", style="bold")
        tags = {**_tags(replace(self.context, config=config)), "trial": str(trial.number)}
        key = resume_key(self.context.work, self.parent.info.run_id, str(trial.number))
        child_run = runs.tracked_run(name, experiment=self.experiment, tags=tags, resume_key=key, nested=True)
        with child_run as child:
            runs.log_parameters(config.flat())
            report = self._reporter(trial, config, functools.partial(runs.log_history, child))
            outcome, told, value = TrialState.PRUNED, {}, None
            try:
                trained = train_trial(
                    self.context,
                    config,
                    name,
                    max_microseconds=self.objective.max_microseconds,
                    on_epoch=report,
                )
                told = kept_figures(trained.history)
                outcome, value, ended = TrialState.COMPLETE, self.objective.value(told), "finished"
            except HopelessError:
                ended = "stopped early: others had a lower validation loss after as many epochs"
            except TooSlowError as error:
                told = {"microseconds": error.microseconds}
                ended = f"left out: scoring a review takes {error.microseconds:,.0f} microseconds"
            except DivergedError as error:
                outcome, ended = TrialState.FAIL, f"failed: {error}"
            except TimeIsUpError:
                runs.log_tags({"outcome": "unfinished"})
                say(f"{name} goes on when the same command starts again: the time is up")
                return
            runs.log_metrics(child, told)
            runs.log_tags({"outcome": ended.partition(":")[0]})
        self.search.finish(trial, value, outcome, told)
        say(f"{name} {ended}" + (f": {validation_figures(told)}" if value is not None else ""))
        self.keep_best(trial.number)

    def _reporter(
        self, trial: OptunaTrial, config: PipelineConfig, log: Callable[[History], None]
    ) -> Callable[[History], None]:
        """What a training calls after every epoch: it logs, and stops a hopeless trial or one that has no time."""
        last, told = most_epochs(config, has_unlabelled=self.has_unlabelled), 0

        def report(history: History) -> None:
            nonlocal told
            log(history)
            losses, before = history.get("val_loss", []), told  # a phase before the last has other names
            for epoch in range(before, len(losses)):
                self.search.report(trial, losses[epoch], epoch + 1)
            told = len(losses)
            if not losses and self.budget.time_is_up():
                raise TimeIsUpError
            if told == before + 1 and told < last:  # an epoch has just ended, and it was not the last
                if self.search.is_hopeless(trial):
                    raise HopelessError
                if self.budget.time_is_up():
                    raise TimeIsUpError

        return report

    def keep_best(self, number: int | None = None) -> Path:
        """Write the preset of the best trial so far, if there is one; and say so where it is this trial.

        The preset counts the trials that it is the best of, so it changes with every trial.

        Returns:
            The place of the preset.
        """
        owner, best = owner_of(self.context), self.search.best()
        path = place_of_page(self.output or self.context.work.path.parent, PRESET_FILE, owner)
        if best is None:
            return path
        tried = self.context.config.settings_tried - 1 + len(self.search.trials(*ENDED))
        config = self.config_of(best.params).model_copy(update={"settings_tried": tried})
        write_file(path, as_preset(config, self._comments(best, path, owner)))
        if number == best.number:
            self.context.console.result(
                f"best so far trial {best.number}: {validation_figures(best.user_attrs)}; {path}"
            )
        return path

    def _comments(self, best: FrozenTrial, path: Path, owner: str) -> list[str]:
        note = [self.context.note] if self.context.note else []
        return [
            f"sentiment run-pipeline --preset {path}",
            "",
            f"Trial {best.number} of `sentiment tune`, search {self.search.name}, written by {owner}:",
            f"{validation_figures(best.user_attrs)}. As the best of several it is optimistic.",
            *note,
        ]


def validation_figures(told: Mapping[str, Any]) -> str:
    """Validation loss and accuracy, for people."""
    return f"validation loss {told['validation_loss']:.4f}, accuracy {told['validation_accuracy']:.4f}"


def _tags(context: Context) -> dict[str, str]:
    return {**context.tags, "seed": str(context.config.seeds[0]), "model": context.config.models[0]}


def _longest(space: Space, config: PipelineConfig) -> list[PipelineConfig]:
    """The configuration, and with the most epochs of each field that counts them."""
    named = [name for name in space.settings if name in ("training.epochs", "pretraining.pseudo_label_epochs")]
    return [config, *(space.configured(config, {name: space.largest(name)}) for name in named)]


def _name(config: PipelineConfig, space: Space, objective: Objective, corpus: Corpus) -> str:
    """What all processes at the same search share, wherever the reviews lie on their machine."""
    content = config.model_dump(mode="json")
    del content["source"]["data"]
    settings = {name: distribution_to_json(values) for name, values in sorted(space.settings.items())}
    reviews = [corpus.train.digest(), corpus.unlabelled.digest(), corpus.validation.tolist()]
    key = [content, settings, vars(objective), reviews, __version__]
    return f"tune-{hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:12]}"


def _check_output(output: Path | None, owner: str) -> None:
    """Refuse a place for the preset that cannot be one, before hours of work.

    Raises:
        InputError: it is neither a folder nor a file that ends with .toml in a folder; or a file of another owner
            stands there.
    """
    if output is None or output.is_dir():
        return
    if output.suffix != ".toml" or not output.parent.is_dir():
        raise InputError(f"The preset cannot go to {output}: give a file ending with .toml, in a folder that exists.")
    if not is_ours(output, owner):
        raise InputError(f"{output} is there already, and not of this search: name another file, or delete this one.")

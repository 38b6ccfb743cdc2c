"""How a search ends: the best settings, their figures on reviews that nothing chose by, and which settings matter."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from optuna.trial import FrozenTrial, TrialState

from pipelines.configuration import PipelineConfig
from pipelines.stages.context import Context
from pipelines.tuning.study import ENDED, FEWEST_FOR_IMPORTANCE, Search
from pipelines.tuning.trials import Figures, Objective, train_trial
from sentiment.errors import InputError
from sentiment.reporting import plots
from sentiment.reporting.markdown import markdown_table
from sentiment.tracking import runs

ConfigOf = Callable[[Mapping[str, Any]], PipelineConfig]

FIGURE_NAME = "tuning"


def conclude(context: Context, config_of: ConfigOf, search: Search, objective: Objective, preset: Path) -> None:
    """Show and log what a search has found.

    Args:
        config_of: from the values of a trial to its configuration.
        preset: that the best settings are in.

    Raises:
        InputError: no trial has come to its end.
    """
    best = search.best()
    if best is None:
        raise InputError(_nothing(search, objective))
    console, trials = context.console, search.trials()
    measured: dict[str, tuple[Figures, Figures]] = {}
    for trial in [t for t in search.trials(TrialState.COMPLETE) if t.number in (0, best.number)]:
        trained = train_trial(context, config_of(trial.params), f"trial {trial.number}")
        measured[f"trial {trial.number}"] = trained.first(), trained.second()
    settings = _setting_rows(trials, best)
    console.table("Best settings", *settings)
    validation = _validation_rows(measured)
    console.table(f"Validation figures{context.of_reviews}", *validation)
    verdicts = _verdicts(search, objective, measured, f"trial {best.number}")
    for verdict in verdicts:
        console.result(verdict)
    importance = search.importance()
    shares = ["setting", "share of the variance"], [[name, f"{share:.0%}"] for name, share in importance.items()]
    finished = sum(trial.state == TrialState.COMPLETE for trial in trials)
    if importance:
        console.table(f"Importance of each setting, by fANOVA over {finished} finished trials", *shares)
    else:
        console.say(f"Importance of settings takes {FEWEST_FOR_IMPORTANCE} finished trials; there are {finished}.")
    console.say(f"preset      {preset}")
    console.say(f"to use it   sentiment run-pipeline --preset {preset}")
    runs.log_file(preset)
    runs.log_json({"importance": importance}, "importance.json")
    runs.log_figure(plots.search(_losses(trials), importance, f"Search{context.of_reviews}"), FIGURE_NAME)
    tables = [markdown_table(*rows) for rows in (settings, validation, *([shares] if importance else []))]
    runs.set_description(context.description(*verdicts, *tables))


def describe(values: Mapping[str, Any]) -> str:
    """The values of settings, for people."""
    return ", ".join(f"{name.rpartition('.')[2]} {_value(value)}" for name, value in values.items())


def _value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _nothing(search: Search, objective: Objective) -> str:
    ended = search.trials(*ENDED)
    costs = [trial.user_attrs["microseconds"] for trial in ended if "microseconds" in trial.user_attrs]
    if costs:
        return (
            f"None of {len(ended)} trials scores a review within {objective.max_microseconds:g} microseconds; the "
            f"fastest takes {min(costs):,.0f}: raise --max-microseconds, or give a --space of smaller networks."
        )
    return (
        f"No trial has come to its end, and {len(ended)} have failed: the same command goes on; give it more --minutes."
    )


def _setting_rows(trials: list[FrozenTrial], best: FrozenTrial) -> tuple[list[str], list[list[str]]]:
    shown = trials[:1] if best.number == 0 else [trials[0], best]
    return ["setting", *(f"trial {trial.number}" for trial in shown)], [
        [name, *(_value(trial.params[name]) for trial in shown)] for name in best.params
    ]


def _validation_rows(measured: Mapping[str, tuple[Figures, Figures]]) -> tuple[list[str], list[list[str]]]:
    heads = ["", "reviews chosen by: loss", "accuracy", "second cut: loss", "accuracy"]
    return heads, [
        [name, *(cell for cut in cuts for cell in (f"{cut.loss:.4f}", f"{100 * cut.accuracy:.2f} %"))]
        for name, cuts in measured.items()
    ]


def _verdicts(
    search: Search, objective: Objective, measured: Mapping[str, tuple[Figures, Figures]], best: str
) -> list[str]:
    """How optimistic the best figure is, and whether the best is better than the configuration itself."""
    metric, (first, second) = objective.metric, measured[best]
    count = len(search.trials(*ENDED))

    def shown(value: float) -> str:
        return f"{value:.4f}" if metric == "loss" else f"{100 * value:.2f} %"

    chosen, unseen = (float(cut.of_each(metric).mean()) for cut in (first, second))
    verdicts = [
        f"As the best of {count} trials this validation figure is optimistic: {metric} {shown(chosen)} on the "
        f"{len(first.correct):,} reviews that chose it, {shown(unseen)} on {len(second.correct):,} others, which chose "
        "nothing."
    ]
    if best != "trial 0" and "trial 0" in measured:
        gained = second.of_each(metric) - measured["trial 0"][1].of_each(metric)
        gained = -gained if metric == "loss" else gained
        half = 1.96 * float(gained.std(ddof=1)) / np.sqrt(len(gained))
        low, high = gained.mean() - half, gained.mean() + half
        verdicts.append(
            f"On the second cut {best} is better than trial 0, the configuration itself, by {shown(gained.mean())} in "
            f"{metric}, 95 % interval {shown(low)} to {shown(high)}"
            + (": the difference is not significant." if low <= 0 <= high else ".")
        )
    return verdicts


def _losses(trials: list[FrozenTrial]) -> list[tuple[int, str, list[float]]]:
    """Number, state and validation losses of the trials that told any."""
    return [
        (
            trial.number,
            trial.state.name.lower(),
            [trial.intermediate_values[e] for e in sorted(trial.intermediate_values)],
        )
        for trial in trials
        if trial.intermediate_values
    ]

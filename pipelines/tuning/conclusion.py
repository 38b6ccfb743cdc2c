"""How a search ends: the best settings as a preset, what they are worth on other reviews, and which settings matter."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from optuna.trial import FrozenTrial, TrialState

from pipelines.configuration import PipelineConfig
from pipelines.stages.context import Context
from pipelines.tuning.study import ENDED, FEWEST_FOR_IMPORTANCE, Search
from pipelines.tuning.trials import MetricName, SearchConfig, evaluate_trial
from sentiment.errors import InputError
from sentiment.evaluation.metrics import Table
from sentiment.evaluation.result import Result, true_label_probability
from sentiment.reporting import plots
from sentiment.reporting.pages import markdown_table
from sentiment.tracking import runs


def conclude(context: Context, search: Search, config: SearchConfig, preset: Path) -> None:
    """Show and log what a search has found.

    Args:
        preset: the file that has the best settings.

    Raises:
        InputError: no trial has come to its end.
    """
    best, console = search.best(), context.console
    if best is None:
        raise InputError(_nothing_found(search, config))
    trials, finished = search.trials(), search.trials(TrialState.COMPLETE)
    results = {
        trial.number: evaluate_trial(
            context, config.space.configured(context.config, trial.params), f"trial {trial.number}"
        )
        for trial in finished
        if trial.number in (0, best.number)
    }
    settings, validation = _setting_rows(trials, best), _metric_rows(results)
    console.table("Best settings", *settings)
    console.table(f"Validation metrics{context.suffix}", *validation)
    verdicts = _verdicts(results, best.number, config.metric, tried=len(search.trials(*ENDED)))
    for verdict in verdicts:
        console.result(verdict)
    importance = search.importance()
    tables = [settings, validation]
    if importance:
        tables += [
            (["setting", "share of the variance"], [[name, f"{share:.0%}"] for name, share in importance.items()])
        ]
        console.table(f"Importance of each setting, by fANOVA over {len(finished)} finished trials", *tables[-1])
    else:
        console.say(f"Importance of settings takes {FEWEST_FOR_IMPORTANCE} finished trials; there are {len(finished)}.")
    console.say(f"preset      {preset}")
    console.say(f"to use it   sentiment run-pipeline --preset {preset}")
    losses = [(t.number, t.state.name.lower(), list(t.intermediate_values.values())) for t in trials]
    figure = plots.search([trial for trial in losses if trial[2]], importance, f"Search{context.suffix}")
    runs.log_artifact(str(preset))
    runs.log_dict({"importance": importance}, "importance.json")
    runs.log_figure(figure, "tuning.png")
    runs.set_description(context.description(*verdicts, *(markdown_table(*table) for table in tables)))


def describe(values: Mapping[str, Any]) -> str:
    """The values of settings, for people."""
    return ", ".join(f"{name.rpartition('.')[2]} {_value(value)}" for name, value in values.items())


def preset_text(config: PipelineConfig, comments: Sequence[str]) -> str:
    """A configuration as a preset file, which `--preset FILE.toml` reads back: comments, then every setting."""
    return "\n".join([*(f"# {comment}".rstrip() for comment in comments), "", *_lines(config.model_dump(mode="json"))])


def _lines(content: dict[str, Any]) -> Iterator[str]:
    for name, value in content.items():
        if not isinstance(value, dict):
            yield f"{name} = {_toml(value)}"
    for section, fields in content.items():
        if isinstance(fields, dict):
            yield f"\n[{section}]"
            yield from (f"{name} = {_toml(value)}" for name, value in fields.items() if value is not None)
    yield ""


def _toml(value: Any) -> str:
    """A string, number, truth value or list; JSON writes them as TOML does, but for one control character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _nothing_found(search: Search, config: SearchConfig) -> str:
    ended = search.trials(*ENDED)
    costs = [trial.user_attrs["microseconds"] for trial in ended if "microseconds" in trial.user_attrs]
    if costs:
        return (
            f"None of {len(ended)} trials scores a review within {config.max_microseconds:g} microseconds; the "
            f"fastest takes {min(costs):,.0f}: raise --max-microseconds, or give a --space of smaller networks."
        )
    return (
        f"No trial has come to its end, and {len(ended)} have failed: run the same command again, which resumes the "
        "search, and give it more --minutes."
    )


def _setting_rows(trials: Sequence[FrozenTrial], best: FrozenTrial) -> Table:
    shown = trials[:1] if best.number == 0 else [trials[0], best]
    header = ["setting", *(f"trial {trial.number}" for trial in shown)]
    return header, [[name, *(_value(trial.params[name]) for trial in shown)] for name in best.params]


def _metric_rows(results: Mapping[int, tuple[Result, Result]]) -> Table:
    header = ["", "reviews chosen by: loss", "accuracy", "second cut: loss", "accuracy"]
    return header, [
        [f"trial {number}", *(_shown(_each(cut, name).mean(), name) for cut in cuts for name in ("loss", "accuracy"))]
        for number, cuts in results.items()
    ]


def _verdicts(results: Mapping[int, tuple[Result, Result]], best: int, metric: MetricName, *, tried: int) -> list[str]:
    """How optimistic the metric of the best is, and whether it is better than the configuration itself."""
    chosen, unseen = (_each(cut, metric) for cut in results[best])
    verdicts = [
        f"As the best of {tried} trials this validation metric is optimistic: {metric} {_shown(chosen.mean(), metric)} "
        f"on the {len(chosen):,} reviews that chose it, {_shown(unseen.mean(), metric)} on {len(unseen):,} others, "
        "which chose nothing."
    ]
    if best != 0 and 0 in results:
        gain = (unseen - _each(results[0][1], metric)) * (-1 if metric == "loss" else 1)
        half = 1.96 * float(gain.std(ddof=1)) / np.sqrt(len(gain))
        low, high = gain.mean() - half, gain.mean() + half
        verdicts.append(
            f"On the second cut trial {best} is better than trial 0, the configuration itself, by "
            f"{_shown(gain.mean(), metric)} in {metric}, 95 % interval {_shown(low, metric)} to {_shown(high, metric)}"
            + (": the difference is not significant." if low <= 0 <= high else ".")
        )
    return verdicts


def _each(result: Result, metric: MetricName) -> np.ndarray:
    """The metric of each review, (N,): its loss in nats, or 1.0 where the verdict is right."""
    if metric == "accuracy":
        return result.correct.astype(float)
    likelihood = true_label_probability(result.predictions).astype(float)
    losses: np.ndarray = -np.log(np.clip(likelihood, 1e-7, None))
    return losses


def _shown(value: float, metric: str) -> str:
    return f"{value:.4f}" if metric == "loss" else f"{100 * value:.2f} %"

"""The comparison of finished MLflow runs: the tables and report of the training pipeline, from what the runs hold."""

import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pipelines.console import Console
from pipelines.stages.comparison import Findings, check_report, with_baseline
from sentiment.errors import InputError
from sentiment.evaluation.result import Result
from sentiment.tracking import store
from sentiment.tracking.model import load_run_classifier
from sentiment.tracking.runs import Run, read_results
from sentiment.training.linear_model import LINEAR_MODEL_NAME
from sentiment.training.trained import TITLES

ABOUT_RUN = ("models", "seeds", "settings_tried", "linear_model")
"""Parameters that differ between runs of one configuration, or say what ran beside or before them."""

ABOUT_NETWORKS = ("vocabulary.", "sequences.", "model.", "training.")
"""How the names of parameters begin that the linear model does not know, but for the share of validation reviews."""

OWNER = "comparison-of-runs"
"""What a report of finished runs says of who may replace it."""


def compare_runs(run_ids: Sequence[str], console: Console, output: Path) -> None:
    """Print the comparison of finished runs and write the report.

    Runs that differ in nothing but their seed are one model. Where a model has several configurations, its titles name
    the settings that differ.

    Args:
        run_ids: of models' runs, or of pipelines' runs, which stand for all their children.
        output: the report, or the folder to write report.html in.

    Raises:
        InputError: fewer than two runs, a run that cannot be read, or different test reviews; two runs of one model
            with one seed; no folder for the report.
    """
    store.silence()
    check_report(output, OWNER)
    results = {run.info.run_id: (run, result) for run_id in run_ids for run, result in read_results(run_id)}
    if len(results) < 2:
        raise InputError("A comparison takes at least two runs of models: name more.")
    _check_split(list(results.values()))
    models = _models([run for run, _ in results.values()])
    findings = Findings(
        with_baseline({title: [results[run.info.run_id][1] for run in seeds] for title, seeds in models.items()}),
        sources=" and ".join(dict.fromkeys(run.data.tags["source"] for run, _ in results.values())),
        is_synthetic=any(run.data.tags["synthetic"] == "true" for run, _ in results.values()),
        configuration=_configuration([run for seeds in models.values() for run in seeds]),
        owner=OWNER,
        classifier_of=lambda title: load_run_classifier(models[title][0].info.run_id),
    )
    name = hashlib.sha256(" ".join(sorted(results)).encode()).hexdigest()[:8]
    with tempfile.TemporaryDirectory() as folder:
        findings.write(Path(folder))
        findings.publish(Path(folder), output, console, name=name)


def _check_split(results: Sequence[tuple[Run, Result]]) -> None:
    """Refuse results on different test reviews."""
    tested = [f"{result.reviews.digest()} and labels {', '.join(result.label_names)}" for _, result in results]
    other = next((number for number, digest in enumerate(tested) if digest != tested[0]), None)
    if other is None:
        return
    first, second = (
        f"run {run.info.run_id} ({result.name}) on {len(result.predictions):,} reviews of {run.data.tags['source']} "
        f"with digest {digest}"
        for (run, result), digest in ((results[number], tested[number]) for number in (0, other))
    )
    raise InputError(
        f"These runs were tested on different reviews, so their metrics cannot be compared: {first}; {second}. Choose "
        "runs of one test split."
    )


def _models(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """Title of each model -> its runs, one per seed."""
    groups: dict[tuple[str, frozenset[tuple[str, str]]], dict[str, Run]] = {}
    for run in runs:
        model, seed = run.data.tags["model"], run.data.tags["seed"]
        settings = frozenset(item for item in run.data.params.items() if _decides_model(model, item[0]))
        same = groups.setdefault((model, settings), {}).setdefault(seed, run)
        if same is not run and model != LINEAR_MODEL_NAME:  # it stands beside every pipeline's networks
            raise InputError(
                f"Runs {same.info.run_id} and {run.info.run_id} are the same {TITLES[model]} with the same seed, "
                f"{seed}: name one of them."
            )
    named = {}
    for (model, settings), seeds in groups.items():
        shared = frozenset.intersection(*(others for name, others in groups if name == model))
        own = ", ".join(f"{name} {value}" for name, value in sorted(settings - shared))
        named[TITLES[model] + (f" ({own})" if own else "")] = list(seeds.values())
    return named


def _decides_model(model: str, parameter: str) -> bool:
    """Whether a parameter decides what the model becomes, beside its seed."""
    if parameter in ABOUT_RUN:
        return False
    if model != LINEAR_MODEL_NAME:
        return True
    return parameter == "training.validation_share" or not parameter.startswith(ABOUT_NETWORKS)


def _configuration(runs: Sequence[Run]) -> dict[str, str]:
    """Every parameter; where runs differ, all of its values."""
    names = dict.fromkeys(name for run in runs for name in run.data.params)
    return {
        name: ", ".join(dict.fromkeys(run.data.params[name] for run in runs if name in run.data.params))
        for name in names
    }

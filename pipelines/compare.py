"""The comparison of finished MLflow runs: the tables and report of the training pipeline, from what the runs hold."""

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipelines.console import Console
from pipelines.stages.comparison import Findings, check_report, with_baseline
from sentiment.data.corpus import Reviews
from sentiment.errors import InputError
from sentiment.tracking import store
from sentiment.tracking.model import load_run_classifier
from sentiment.tracking.results import LoggedResult, read_results
from sentiment.training.cells import CELLS
from sentiment.training.linear_model import LINEAR_MODEL, LINEAR_MODEL_NAME

OF_ONE_RUN = ("models", "seeds", "settings_tried", "linear_model")
"""Parameters that tell runs of one configuration apart, or say what ran beside or before them."""

OF_NETWORKS = ("vocabulary.", "sequences.", "model.", "training.")
"""How the names of parameters begin that the linear model does not know, but for the share of validation reviews."""


OWNER = "comparison-of-runs"
"""What a report of finished runs says of who may replace it."""


def compare_runs(run_ids: Sequence[str], console: Console, output: Path) -> None:
    """Print the comparison of finished runs and write the report.

    Runs that differ in nothing but their seed are one model; a model with several configurations is told apart by what
    differs.

    Args:
        run_ids: of models' runs, or of pipelines' runs, which stand for all their children.
        output: the report, or the folder to write report.html in.

    Raises:
        InputError: fewer than two runs, a run that cannot be read, or different test reviews; two runs of one model
            with one seed; no folder for the report.
    """
    store.silence()
    check_report(output, OWNER)
    logged = {found.run_id: found for run_id in run_ids for found in read_results(run_id)}
    if len(logged) < 2:
        raise InputError("A comparison takes at least two runs of models: name more.")
    _check_split(list(logged.values()))
    groups = _groups(list(logged.values()))
    findings = Findings(
        with_baseline({title: [found.result for found in of_seeds] for title, of_seeds in groups.items()}),
        sources=" and ".join(dict.fromkeys(found.tags["source"] for found in logged.values())),
        is_synthetic=any(found.tags["synthetic"] == "true" for found in logged.values()),
        configuration=_configuration(groups),
        owner=OWNER,
        classifier_of=lambda title: load_run_classifier(groups[title][0].run_id),
    )
    name = hashlib.sha256(" ".join(sorted(logged)).encode()).hexdigest()[:8]
    with tempfile.TemporaryDirectory() as folder:
        findings.write(Path(folder))
        findings.publish(Path(folder), output, console, name=name)


def _check_split(logged: Sequence[LoggedResult]) -> None:
    def digest(found: LoggedResult) -> str:
        return Reviews(found.result.predictions["text"].tolist(), found.result.labels).digest()

    first, *others = logged
    for other in others:
        if digest(other) != digest(first):
            said = [
                f"run {found.run_id} ({found.result.name}) on {len(found.result.predictions):,} reviews of "
                f"{found.tags['source']} with digest {digest(found)}"
                for found in (first, other)
            ]
            raise InputError(
                f"These runs were tested on different reviews, so their figures cannot be compared: {said[0]}; "
                f"{said[1]}. Choose runs of one test split."
            )


def _groups(logged: Sequence[LoggedResult]) -> dict[str, list[LoggedResult]]:
    """Title of each model -> its runs, one per seed."""
    titles = {name: cell.layer for name, cell in CELLS.items()} | {LINEAR_MODEL_NAME: LINEAR_MODEL}
    groups: dict[tuple[str, frozenset[tuple[str, str]]], dict[str, LoggedResult]] = {}
    for found in logged:
        model, seed = found.tags["model"], found.tags["seed"]
        settings = frozenset(item for item in found.parameters.items() if _shapes(model, item[0]))
        same = groups.setdefault((model, settings), {}).setdefault(seed, found)
        if same is not found and model != LINEAR_MODEL_NAME:  # it stands beside every pipeline's networks
            raise InputError(
                f"Runs {same.run_id} and {found.run_id} are the same {titles[model]} with the same seed, {seed}: "
                "name one of them."
            )
    named = {}
    for (model, settings), by_seed in groups.items():
        of_model = [others for name, others in groups if name == model]
        own = sorted(settings - frozenset.intersection(*of_model))
        title = titles[model] + (f" ({', '.join(f'{name} {value}' for name, value in own)})" if own else "")
        named[title] = list(by_seed.values())
    return named


def _shapes(model: str, parameter: str) -> bool:
    """Whether a parameter decides what the model becomes, beside its seed."""
    if parameter in OF_ONE_RUN:
        return False
    if model != LINEAR_MODEL_NAME:
        return True
    return parameter == "training.validation_share" or not parameter.startswith(OF_NETWORKS)


def _configuration(groups: Mapping[str, Sequence[LoggedResult]]) -> dict[str, str]:
    """Every parameter; where runs differ, all of its values."""
    runs = [found.parameters for of_seeds in groups.values() for found in of_seeds]
    names = dict.fromkeys(name for parameters in runs for name in parameters)
    return {
        name: ", ".join(dict.fromkeys(parameters[name] for parameters in runs if name in parameters)) for name in names
    }

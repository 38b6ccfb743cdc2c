"""The comparison of finished MLflow runs: the tables and report of the training pipeline, from what the runs hold."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pipelines.console import Console
from pipelines.stages import REPORT_FILE, SYNTHETIC_NOTE, compare_results, show_comparison
from pipelines.working_directory import write_file
from sentiment.data.corpus import Reviews
from sentiment.errors import InputError
from sentiment.reporting.report import render_report
from sentiment.tracking import runs as tracking
from sentiment.tracking.runs import LoggedResult
from sentiment.training.linear_model import LINEAR_MODEL
from sentiment.training.models import CELLS

OF_ONE_RUN = ("models", "seeds", "yardstick")
"""Parameters that tell runs of one configuration apart, or say what ran beside them."""

OF_NETWORKS = ("vocabulary.", "sequences.", "model.", "training.")
"""How the names of parameters begin that the yardstick does not know, but for the share of validation reviews."""


def compare_runs(run_ids: Sequence[str], console: Console, work_dir: Path) -> None:
    """Print the comparison of finished runs and write report.html beside the working directory.

    Runs that differ in nothing but their seed are one model; a model with several configurations is told apart by what
    differs.

    Args:
        run_ids: of models' runs, or of pipelines' runs, which stand for all their children.

    Raises:
        InputError: fewer than two runs, one that cannot be read, runs that were tested on different reviews, two
            runs of one model with one seed, or no folder for the report.
    """
    tracking.silence()
    path = work_dir.parent / REPORT_FILE
    if not path.parent.is_dir():
        raise InputError(
            f"The folder {path.parent}, where {path.name} is to be written, does not exist: make it first."
        )
    logged = {found.run_id: found for run_id in run_ids for found in tracking.read_results(run_id)}
    if len(logged) < 2:
        raise InputError("A comparison takes at least two runs of models: name more.")
    _check_split(list(logged.values()))
    groups = _groups(list(logged.values()))
    comparison = compare_results({title: [found.result for found in of_seeds] for title, of_seeds in groups.items()})
    is_synthetic = any(found.tags["synthetic"] == "true" for found in logged.values())
    sources = " and ".join(dict.fromkeys(found.tags["source"] for found in logged.values()))
    report = render_report(
        comparison,
        title=f"{' vs '.join(groups)} on {sources}",
        note=SYNTHETIC_NOTE if is_synthetic else "",
        configuration=_configuration(groups),
    )
    write_file(path, report)
    show_comparison(console, f"Test split of {sources}{' (synthetic reviews)' if is_synthetic else ''}", comparison)
    console.say(f"report      {path}")


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
    titles = {**CELLS, "yardstick": LINEAR_MODEL}
    groups: dict[tuple[str, frozenset[tuple[str, str]]], dict[str, LoggedResult]] = {}
    for found in logged:
        model, seed = found.tags["model"], found.tags["seed"]
        settings = frozenset(item for item in found.parameters.items() if _shapes(model, item[0]))
        same = groups.setdefault((model, settings), {}).setdefault(seed, found)
        if same is not found and model != "yardstick":  # the yardstick stands beside every pipeline's models
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
    return model != "yardstick" or parameter == "training.validation_share" or not parameter.startswith(OF_NETWORKS)


def _configuration(groups: Mapping[str, Sequence[LoggedResult]]) -> dict[str, str]:
    """Every parameter; where runs differ, all of its values."""
    runs = [found.parameters for of_seeds in groups.values() for found in of_seeds]
    names = dict.fromkeys(name for parameters in runs for name in parameters)
    return {
        name: ", ".join(dict.fromkeys(parameters[name] for parameters in runs if name in parameters)) for name in names
    }

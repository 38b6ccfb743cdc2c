"""Commands that train and compare: the whole pipeline, its stages alone, and what removes old stages."""

from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines.commands.app import (
    DEFAULT_WORK_DIR,
    OF_ALL,
    OF_ARRAYS,
    OF_NETWORKS,
    OF_TEXTS,
    TRAIN,
    ExperimentOfReviews,
    Folds,
    NoRegister,
    OneModel,
    Promote,
    Register,
    Repeats,
    Report,
    RunIds,
    WorkDir,
    app,
    opened,
    trials,
)
from pipelines.commands.command import command
from pipelines.configuration import compose, default_preset, option_fields
from pipelines.console import Console
from pipelines.models import registered_name
from pipelines.options import with_repeats
from pipelines.working_directory import WorkingDirectory
from sentiment.data.sources import SourceConfig
from sentiment.errors import InputError
from sentiment.training.cells import CELLS

BEYOND_THE_DEFAULT = (
    "for more    --preset strong: 93.0 % instead of 91.4 % on the development cut of IMDB, in half an hour on two cores"
)
"""What a run of the preset `standard` by default is told; the figures are those at the top of the presets."""


@command(app, "run-pipeline", panel=TRAIN, reads=OF_ALL)
def run_pipeline(
    console: Console,
    preset: str | None,
    options: dict[str, Any],
    work_dir: WorkDir = DEFAULT_WORK_DIR,
    experiment: ExperimentOfReviews = None,
    repeats: Repeats = None,
    register: Register = None,
    no_register: NoRegister = False,
    promote: Promote = False,
    output: Report = None,
    folds: Folds = None,
) -> None:
    """Load reviews, train every model, evaluate and compare them, and log all of it to MLflow."""
    if register is not None and (no_register or not register.strip() or set("/:@'") & set(register)):
        raise InputError(f"--register {register!r}: give a name without / : @ or ', and no --no-register.")
    if promote and no_register:
        raise InputError("--promote makes a registered model champion: leave out --no-register.")
    options = with_repeats(options, repeats)
    if folds is not None and output is not None:
        raise InputError("--folds shows its figures as tables and in MLflow; there is no report for --output.")
    with opened(console, work_dir, preset, options, goes_on=False) as context:
        from pipelines import run_pipeline

        name = None if no_register else register or registered_name(context.config.source)
        if folds is not None:
            from pipelines.cross_validation import cross_validate

            cross_validate(context, folds, experiment, name, promote=promote)
            return
        run_pipeline.run_pipeline(context, experiment, name, output, promote=promote)
        if preset is None and default_preset(options) == "standard" and context.config.source.source != "table":
            console.say(BEYOND_THE_DEFAULT)


@command(app, "load", panel=TRAIN, reads=OF_TEXTS)
def load(console: Console, preset: str | None, options: dict[str, Any], work_dir: WorkDir = DEFAULT_WORK_DIR) -> None:
    """Read the reviews of a source, and report number, balance, lengths and duplicates."""
    with opened(console, work_dir, preset, options, goes_on=True) as context:
        from pipelines.stages import data

        data.load(context, report=True)


@command(app, "vocabulary", panel=TRAIN, reads=(*OF_TEXTS, "vocabulary"))
def vocabulary(
    console: Console, preset: str | None, options: dict[str, Any], work_dir: WorkDir = DEFAULT_WORK_DIR
) -> None:
    """Find the most frequent words of the training reviews."""
    with opened(console, work_dir, preset, options, goes_on=True) as context:
        from pipelines.stages import data

        data.fit_vocabulary(context, data.load(context))


@command(app, "pad", panel=TRAIN, reads=OF_ARRAYS)
def pad(console: Console, preset: str | None, options: dict[str, Any], work_dir: WorkDir = DEFAULT_WORK_DIR) -> None:
    """Turn the training reviews into padded arrays of word indices."""
    with opened(console, work_dir, preset, options, goes_on=True) as context:
        from pipelines.stages import data

        loaded = data.load(context)
        data.pad(context, loaded, data.fit_vocabulary(context, loaded), "train")


@command(app, "pretrain", panel=TRAIN, reads=(*OF_ARRAYS, "pretraining", "model.embedding_dim"))
def pretrain(
    console: Console, preset: str | None, options: dict[str, Any], work_dir: WorkDir = DEFAULT_WORK_DIR
) -> None:
    """Learn vectors of words and of reviews from reviews without their labels."""
    with opened(console, work_dir, preset, options, goes_on=True) as context:
        from pipelines.stages import data

        config = context.config.pretraining
        if not (config.word_vectors or config.document_vectors):
            raise InputError("The configuration has no pre-training: add --word-vectors, or take --preset strong.")
        data.prepare(context)


@command(app, "train", panel=TRAIN, reads=OF_NETWORKS)
def train(
    console: Console,
    preset: str | None,
    options: dict[str, Any],
    work_dir: WorkDir = DEFAULT_WORK_DIR,
    model: OneModel = None,
) -> None:
    """Train one model, or all; only run-pipeline logs to MLflow."""
    with opened(console, work_dir, preset, options, goes_on=True) as context:
        from pipelines.stages.data import prepare
        from pipelines.stages.side_by_side import side_by_side

        chosen, prepared = trials(context, model), prepare(context)
        with side_by_side(context, prepared, chosen) as train_one:
            for trial in chosen:
                train_one(trial, lambda history: None)


@command(app, "evaluate", panel=TRAIN, reads=OF_ALL)
def evaluate(
    console: Console,
    preset: str | None,
    options: dict[str, Any],
    work_dir: WorkDir = DEFAULT_WORK_DIR,
    model: Annotated[
        str | None,
        typer.Option(
            help=f"One of {', '.join(CELLS)} (default: all of --models); or a saved model to test on the labelled "
            "reviews of --data, as models:/NAME@ALIAS, models:/NAME/VERSION, runs:/ID/model or a folder."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="File for the report on a saved model (default: report.html in this folder).")
    ] = None,
) -> None:
    """Measure one model, or all, on the test split; or a saved model on your own labelled table."""
    if model is not None and model not in CELLS:
        from pipelines.evaluate import evaluate_model

        evaluate_model(model, _source_of_labels(preset, options), console, output or Path())
        return
    if output is not None:
        raise InputError("--output is for the report on a saved model: name one with --model, or use `compare`.")
    with opened(console, work_dir, preset, options, goes_on=True) as context:
        from pipelines.stages.comparison import show_metrics
        from pipelines.stages.data import prepare
        from pipelines.stages.evaluation import evaluate_all

        chosen, prepared = trials(context, model), prepare(context)
        with_linear_model = context.config.linear_model and model is None
        show_metrics(context, evaluate_all(context, prepared, chosen, linear_model=with_linear_model))


def _source_of_labels(preset: str | None, options: dict[str, Any]) -> SourceConfig:
    """Where the labelled reviews for a saved model come from: a table, unless another source is named.

    Raises:
        InputError: options of the training are given, or no reviews are.
    """
    of_source = {name for name, (section, _) in option_fields().items() if section == "source"}
    others = sorted({*options} - of_source)
    if preset is not None or others:
        named = ", ".join(f"--{name.replace('_', '-')}" for name in (*(["preset"] if preset else []), *others))
        raise InputError(f"A saved model is tested as it is, so leave out {named}, which is for training.")
    if not {"data", "source"} & {*options}:
        raise InputError("A saved model needs labelled reviews to be tested on: name them with --data.")
    return compose(None, {"source": "table", **options}).source


@command(app, "compare", panel=TRAIN, reads=OF_ALL)
def compare(
    console: Console,
    preset: str | None,
    options: dict[str, Any],
    run_ids: RunIds = None,
    work_dir: WorkDir = DEFAULT_WORK_DIR,
    output: Report = None,
) -> None:
    """Compare the models on the test split and write report.html; or compare finished MLflow runs."""
    if run_ids:
        if preset is not None or options:
            raise InputError("Runs bring their own configuration: give either RUN_IDs or options of the pipeline.")
        from pipelines.compare import compare_runs

        compare_runs(run_ids, console, output or work_dir.parent)
        return
    with opened(console, work_dir, preset, options, goes_on=True) as context:
        from pipelines.stages import comparison
        from pipelines.stages.data import prepare
        from pipelines.stages.evaluation import evaluate_all

        if output is not None:
            comparison.check_report(output, comparison.owner_of(context))
        config = context.config
        prepared = prepare(context)
        outcomes = evaluate_all(context, prepared, config.trials(), linear_model=config.linear_model)
        comparison.compare(context, outcomes, output, lost=prepared.summary()["lost"])


@command(app, "clean", panel=TRAIN)
def clean(
    console: Console,
    work_dir: WorkDir = DEFAULT_WORK_DIR,
    keep: Annotated[int, typer.Option(min=1, help="Last commands whose stages stay, with all that these need.")] = 5,
    delete: Annotated[bool, typer.Option("--delete", help="Remove them; without it they are only shown.")] = False,
) -> None:
    """Show the stages that the last commands do not need, with their sizes, or remove them; never MLflow's runs."""
    from pipelines.clean import clean

    if not work_dir.is_dir():
        raise InputError(f"There is no working directory {work_dir}: name one with --work-dir.")
    with WorkingDirectory(work_dir) as work:
        clean(work, keep, console, delete=delete)

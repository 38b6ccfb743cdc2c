"""Commands that train and compare: the whole pipeline, its stages alone, and what removes old stages."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from pipelines.commands import options
from pipelines.commands.command import TRAIN, command
from pipelines.commands.given import Given
from pipelines.configuration import PipelineConfig, default_preset
from pipelines.console import Console
from pipelines.models import registered_name
from pipelines.working_directory import WorkingDirectory
from sentiment.data.sources.config import SourceConfig
from sentiment.errors import InputError
from sentiment.training.trained import TITLES, Candidate

if TYPE_CHECKING:
    from pipelines.stages.context import Context

BEYOND_THE_DEFAULT = (
    "for more    --preset strong: 92.6 % instead of 91.7 % on the development cut of IMDB, in half an hour on two cores"
)
"""What follows a run of the preset `standard` by default; the figures are those at the top of the presets."""


@command("run-pipeline", panel=TRAIN, reads=options.ALL_SECTIONS)
def run_pipeline(
    console: Console,
    given: Given,
    repeats: options.Repeats = None,
    register: options.Register = None,
    no_register: options.NoRegister = False,
    promote: options.Promote = False,
    output: options.Report = None,
    folds: options.Folds = None,
    experiment: options.PipelineExperiment = None,
    work_dir: options.WorkDir = options.DEFAULT_WORK_DIR,
) -> None:
    """Load reviews, train the models, evaluate and compare them, and log everything to MLflow."""
    if register is not None and (no_register or not register.strip() or set("/:@'") & set(register)):
        raise InputError(f"--register {register!r}: give a name without / : @ or ', and no --no-register.")
    if promote and no_register:
        raise InputError("--promote makes a registered model the champion: leave out --no-register.")
    if folds is not None and output is not None:
        raise InputError("--folds shows its results as tables and in MLflow, without a report: leave out --output.")
    with given.with_repeats(repeats).opened(console, work_dir, resume=False) as context:
        from pipelines import run_pipeline

        name = None if no_register else register or registered_name(context.config.source)
        if folds is not None:
            from pipelines.cross_validation import cross_validate

            cross_validate(context, folds, experiment, name, promote=promote)
            return
        run_pipeline.run_pipeline(context, experiment, name, output, promote=promote)
        is_default = given.preset is None and default_preset(given.options) == "standard"
        if is_default and context.config.source.name in ("imdb", "keras", "aclimdb"):
            console.say(BEYOND_THE_DEFAULT)


@command("load", panel=TRAIN, reads=options.TEXT_SECTIONS)
def load(console: Console, given: Given, work_dir: options.WorkDir = options.DEFAULT_WORK_DIR) -> None:
    """Read the reviews and report their number, balance, lengths and duplicates."""
    with given.opened(console, work_dir) as context:
        from pipelines.stages.load import load

        load(context, report=True)


@command("vocabulary", panel=TRAIN, reads=(*options.TEXT_SECTIONS, "vocabulary"))
def vocabulary(console: Console, given: Given, work_dir: options.WorkDir = options.DEFAULT_WORK_DIR) -> None:
    """Find the most frequent words of the training reviews."""
    with given.opened(console, work_dir) as context:
        from pipelines.stages.load import load

        _ = context.recipe(load(context)).prepared.vocabulary


@command("pad", panel=TRAIN, reads=options.ARRAY_SECTIONS)
def pad(console: Console, given: Given, work_dir: options.WorkDir = options.DEFAULT_WORK_DIR) -> None:
    """Turn the training reviews into padded arrays of word indices."""
    with given.opened(console, work_dir) as context:
        from pipelines.stages.load import load

        context.recipe(load(context)).prepared.padded("train")


@command("pretrain", panel=TRAIN, reads=(*options.ARRAY_SECTIONS, "pretraining", "model.embedding_dim"))
def pretrain(console: Console, given: Given, work_dir: options.WorkDir = options.DEFAULT_WORK_DIR) -> None:
    """Learn vectors of words and reviews from the texts alone, without labels."""
    with given.opened(console, work_dir) as context:
        from pipelines.stages.load import load

        config = context.config.pretraining
        if not (config.word_vectors or config.document_vectors):
            raise InputError("The configuration has no pre-training: add --word-vectors, or use --preset strong.")
        recipe = context.recipe(load(context))
        _ = recipe.prepared.word_vectors, recipe.prepared.document_vectors


@command("train", panel=TRAIN, reads=options.NETWORK_SECTIONS)
def train(
    console: Console, given: Given, model: options.OneModel = None, work_dir: options.WorkDir = options.DEFAULT_WORK_DIR
) -> None:
    """Train one model or all of them, without logging to MLflow."""
    with given.opened(console, work_dir) as context:
        from pipelines.stages.load import load
        from pipelines.stages.side_by_side import side_by_side

        chosen, recipe = _candidates(context, model), context.recipe(load(context))
        with side_by_side(recipe, chosen, console) as train_one:
            for candidate in chosen:
                train_one(candidate, lambda history: None)


@command("evaluate", panel=TRAIN, reads=options.ALL_SECTIONS)
def evaluate(
    console: Console,
    given: Given,
    model: Annotated[
        str | None,
        Option(
            help=f"One of {', '.join(TITLES)} (default: all of --models). Or a saved model to test on your labelled "
            "reviews in --data: a folder, models:/NAME@ALIAS, models:/NAME/VERSION or runs:/ID/model."
        ),
    ] = None,
    output: Annotated[
        Path | None, Option(help="File for the report on a saved model (default: report.html in this folder).")
    ] = None,
    work_dir: options.WorkDir = options.DEFAULT_WORK_DIR,
) -> None:
    """Measure one model or all of them on the test split, or a saved model on your own labelled table."""
    if model is not None and model not in TITLES:
        from pipelines.evaluate import evaluate_model

        evaluate_model(model, _source_of_labels(given), console, output or Path())
        return
    if output is not None:
        raise InputError("--output is for the report on a saved model: name one with --model, or use `compare`.")
    with given.opened(console, work_dir) as context:
        from pipelines.stages.comparison import show_metrics
        from pipelines.stages.evaluation import train_and_evaluate
        from pipelines.stages.load import load

        chosen = _candidates(context, model)
        show_metrics(context, train_and_evaluate(context, context.recipe(load(context)), chosen))


@command("compare", panel=TRAIN, reads=options.ALL_SECTIONS)
def compare(
    console: Console,
    given: Given,
    run_ids: options.RunIds = None,
    output: options.Report = None,
    work_dir: options.WorkDir = options.DEFAULT_WORK_DIR,
) -> None:
    """Compare the models on the test split and write report.html, or compare finished MLflow runs."""
    if run_ids:
        if given.preset is not None or given.options:
            raise InputError("Runs bring their own configuration: give either RUN_IDs or options of the pipeline.")
        from pipelines.compare import compare_runs

        compare_runs(run_ids, console, output or work_dir.parent)
        return
    with given.opened(console, work_dir) as context:
        from pipelines.stages import comparison
        from pipelines.stages.evaluation import train_and_evaluate
        from pipelines.stages.load import load, read_summary

        if output is not None:
            comparison.check_report(output, comparison.owner_of(context))
        loaded = load(context)
        results = train_and_evaluate(context, context.recipe(loaded), context.config.candidates())
        comparison.compare(context, results, output, lost=read_summary(loaded)["lost"])


@command("clean", panel=TRAIN)
def clean(
    console: Console,
    delete: Annotated[bool, Option("--delete", help="Remove them; otherwise they are only listed.")] = False,
    keep: Annotated[
        int, Option(min=1, help="How many of the last commands keep their results, with all that these need.")
    ] = 5,
    work_dir: options.WorkDir = options.DEFAULT_WORK_DIR,
) -> None:
    """List or remove the results in the working directory that the last commands do not need; never MLflow's runs."""
    from pipelines.clean import clean

    if not work_dir.is_dir():
        raise InputError(f"There is no working directory {work_dir}: name one with --work-dir.")
    with WorkingDirectory(work_dir) as work:
        clean(work, keep, console, delete=delete)


def _candidates(context: "Context", model: str | None) -> list[Candidate]:
    """The candidates of one model, or all; the linear model is one of them where it is asked for."""
    if model is None:
        return context.config.candidates()
    if model not in TITLES:
        raise InputError(f"There is no model {model}: choose {', '.join(TITLES)}.")
    if context.start is not None and (model,) != context.config.models:
        raise InputError(f"--model is {model}, but the start is a {context.config.models[0]}: leave --model out.")
    return context.config.model_copy(update={"models": (model,), "linear_model": False}).candidates()


def _source_of_labels(given: Given) -> SourceConfig:
    """Where the labelled reviews for a saved model come from: a table, unless another source is named."""
    source_options = {name for name, (section, _) in PipelineConfig.settings().items() if section == "source"}
    others = [*(["preset"] if given.preset else []), *sorted({*given.options} - source_options)]
    if others:
        named = ", ".join(f"--{name.replace('_', '-')}" for name in others)
        raise InputError(f"A saved model is tested as it is, so leave out {named}, which is for training.")
    if not {"data", "source"} & {*given.options}:
        raise InputError("A saved model needs labelled reviews to be tested on: name them with --data.")
    return Given(None, {"source": "table", **given.options}).config().source

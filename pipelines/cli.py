"""The `sentiment` command: parses, calls one pipeline, prints.

TensorFlow and MLflow take seconds to import, so commands import the pipeline, which needs them, when they run.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import typer

from pipelines.configuration import Trial, compose, preset_names
from pipelines.console import Console
from pipelines.files import write_json
from pipelines.model_name import DEMO_NAME, IMDB_NAME, registered_name
from pipelines.options import command, seeds_of, split_list
from pipelines.working_directory import WorkingDirectory
from sentiment import __version__
from sentiment.errors import InputError
from sentiment.inside.memory_tasks import TaskName
from sentiment.scoring.network import BATCH_SIZE
from sentiment.training.cells import CELLS

if TYPE_CHECKING:
    from pipelines.stages.context import Context

CONFIGURATION_FILE = "configuration.json"

app = typer.Typer(
    help="Train a recurrent classifier of reviews, compare it with a baseline, and track both in MLflow.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

TRAIN, USE, UNDERSTAND = "Train and compare", "Use a trained model", "Understand"
"""Headings of the list of commands."""

OF_TEXTS = ("source", "seeds")
OF_ARRAYS = (*OF_TEXTS, "vocabulary", "sequences")
OF_NETWORKS = (*OF_ARRAYS, "pretraining", "model", "training", "models", "threshold")
OF_ALL = (*OF_NETWORKS, "linear_model")
"""What the stages read of the configuration."""

WorkDir = Annotated[Path, typer.Option(help="Folder for the results of the stages.")]
OneModel = Annotated[str | None, typer.Option(help=f"One of {', '.join(CELLS)} (default: all of --models).")]
Repeats = Annotated[int | None, typer.Option(min=1, help="Instead of --seeds: this many, from 0 on.")]
RunIds = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[RUN_ID]...",
        help="Finished MLflow runs to compare, of models or of whole pipelines (default: the working directory's).",
        show_default=False,
    ),
]
Experiment = Annotated[str, typer.Option(help="MLflow experiment to log to.")]
Register = Annotated[
    str | None,
    typer.Option(
        help=f"Name to register each LSTM under (default: {IMDB_NAME}; a table: the name of its file; the demo source: "
        f"{DEMO_NAME})."
    ),
]
Report = Annotated[
    Path | None,
    typer.Option("--output", help="File for the report (default: report.html beside the working directory)."),
]
NoRegister = Annotated[bool, typer.Option("--no-register", help="Register no model.")]
ModelURI = Annotated[
    str | None,
    typer.Option(
        help="models:/NAME@ALIAS, models:/NAME/VERSION, runs:/ID/model or a folder (default: the champion of the only "
        f"registered model, or else of {IMDB_NAME})."
    ),
]
TextColumn = Annotated[str | None, typer.Option(help="Column of the reviews (default: text, else review).")]
Engine = Literal["local", "spark"]
Threshold = Annotated[
    float | None,
    typer.Option(min=0, max=1, help="P(positive) from which on a review is positive (default: the model's own)."),
]
DEFAULT_WORK_DIR = Path(".sentiment")


def main() -> None:
    """Entry point of the command."""
    app()


def _show_version(asked: bool) -> None:
    if asked:
        from sentiment.scoring import native

        engine = "its own core" if native.available() else "ONNX Runtime, as the core was not built"
        typer.echo(f"sentiment {__version__}, scoring in {engine}")
        raise typer.Exit


@app.callback()
def sentiment(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Train a recurrent classifier of reviews, compare it with a baseline, and track both in MLflow."""


@contextmanager
def _opened(
    console: Console, work_dir: Path, preset: str | None, options: Mapping[str, Any], *, goes_on: bool
) -> Iterator["Context"]:
    """What the stages need, on a working directory.

    Args:
        goes_on: start from the configuration that the last command left there, unless a preset or source is given.
    """
    with WorkingDirectory(work_dir) as work:
        path = work_dir / CONFIGURATION_FILE
        follows = goes_on and preset is None and "source" not in options and path.exists()
        config = compose(preset, options, base=_remembered(path) if follows else None)
        write_json(path, config.model_dump(mode="json"))
        from pipelines.stages.context import Context

        yield Context(config, work, console)


def _remembered(path: Path) -> dict[str, Any]:
    """The configuration that the last command left.

    Raises:
        InputError: the file is damaged.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
        if not isinstance(content, dict):
            raise ValueError("it holds no object")
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is damaged ({error}): delete the file, or give --preset or --source.") from error
    return content


def _trials(context: "Context", model: str | None) -> list[Trial]:
    """Those of one model, or all.

    Raises:
        InputError: there is no such model.
    """
    if model is None:
        return context.config.trials()
    if model not in CELLS:
        raise InputError(f"There is no model {model}: choose {', '.join(CELLS)}.")
    return context.config.model_copy(update={"models": (model,)}).trials()


@command(app, "run-pipeline", panel=TRAIN, reads=OF_ALL)
def run_pipeline(
    console: Console,
    preset: str | None,
    options: dict[str, Any],
    work_dir: WorkDir = DEFAULT_WORK_DIR,
    experiment: Experiment = "sentiment",
    repeats: Repeats = None,
    register: Register = None,
    no_register: NoRegister = False,
    output: Report = None,
) -> None:
    """Load reviews, train every model, evaluate and compare them, and log all of it to MLflow."""
    if register is not None and (no_register or not register.strip() or set("/:@'") & set(register)):
        raise InputError(f"--register {register!r}: give a name without / : @ or ', and no --no-register.")
    if repeats is not None:
        options["seeds"] = split_list(seeds_of(options.get("seeds"), repeats) or "")
    with _opened(console, work_dir, preset, options, goes_on=False) as context:
        from pipelines import run_pipeline

        name = None if no_register else register or registered_name(context.config.source)
        run_pipeline.run_pipeline(context, experiment, name, output)


@command(app, "load", panel=TRAIN, reads=OF_TEXTS)
def load(console: Console, preset: str | None, options: dict[str, Any], work_dir: WorkDir = DEFAULT_WORK_DIR) -> None:
    """Read the reviews of a source, and report number, balance, lengths and duplicates."""
    with _opened(console, work_dir, preset, options, goes_on=True) as context:
        from pipelines.stages import data

        data.load(context, report=True)


@command(app, "vocabulary", panel=TRAIN, reads=(*OF_TEXTS, "vocabulary"))
def vocabulary(
    console: Console, preset: str | None, options: dict[str, Any], work_dir: WorkDir = DEFAULT_WORK_DIR
) -> None:
    """Find the most frequent words of the training reviews."""
    with _opened(console, work_dir, preset, options, goes_on=True) as context:
        from pipelines.stages import data

        data.fit_vocabulary(context, data.load(context))


@command(app, "pad", panel=TRAIN, reads=OF_ARRAYS)
def pad(console: Console, preset: str | None, options: dict[str, Any], work_dir: WorkDir = DEFAULT_WORK_DIR) -> None:
    """Turn the training reviews into padded arrays of word indices."""
    with _opened(console, work_dir, preset, options, goes_on=True) as context:
        from pipelines.stages import data

        loaded = data.load(context)
        data.pad(context, loaded, data.fit_vocabulary(context, loaded), "train")


@command(app, "pretrain", panel=TRAIN, reads=(*OF_TEXTS, "vocabulary", "pretraining", "model.embedding_dim"))
def pretrain(
    console: Console, preset: str | None, options: dict[str, Any], work_dir: WorkDir = DEFAULT_WORK_DIR
) -> None:
    """Learn word vectors from reviews without their labels."""
    with _opened(console, work_dir, preset, options, goes_on=True) as context:
        if not context.config.pretraining.word_vectors:
            raise InputError("The configuration has no pre-training: add --word-vectors, or take --preset strong.")
        from pipelines.stages import data

        loaded = data.load(context)
        data.pretrain(context, loaded, data.fit_vocabulary(context, loaded))


@command(app, "train", panel=TRAIN, reads=OF_NETWORKS)
def train(
    console: Console,
    preset: str | None,
    options: dict[str, Any],
    work_dir: WorkDir = DEFAULT_WORK_DIR,
    model: OneModel = None,
) -> None:
    """Train one model, or all; only run-pipeline logs to MLflow."""
    with _opened(console, work_dir, preset, options, goes_on=True) as context:
        from pipelines.stages.data import prepare
        from pipelines.stages.training import train_network

        trials, prepared = _trials(context, model), prepare(context)
        for trial in trials:
            train_network(context, prepared, trial)


@command(app, "evaluate", panel=TRAIN, reads=OF_ALL)
def evaluate(
    console: Console,
    preset: str | None,
    options: dict[str, Any],
    work_dir: WorkDir = DEFAULT_WORK_DIR,
    model: OneModel = None,
) -> None:
    """Measure one model, or all, on the test split."""
    with _opened(console, work_dir, preset, options, goes_on=True) as context:
        from pipelines.stages.comparison import show_metrics
        from pipelines.stages.data import prepare
        from pipelines.stages.evaluation import evaluate_all

        trials, prepared = _trials(context, model), prepare(context)
        with_linear_model = context.config.linear_model and model is None
        show_metrics(context, evaluate_all(context, prepared, trials, linear_model=with_linear_model))


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
    with _opened(console, work_dir, preset, options, goes_on=True) as context:
        from pipelines.stages import comparison
        from pipelines.stages.data import prepare
        from pipelines.stages.evaluation import evaluate_all

        config = context.config
        outcomes = evaluate_all(context, prepare(context), config.trials(), linear_model=config.linear_model)
        comparison.compare(context, outcomes, output)


@command(app, "score", panel=USE)
def score(
    console: Console,
    input: Annotated[
        str,
        typer.Argument(help="CSV, TSV, JSONL, Parquet or plain text (a review a line), also .gz; folder, glob, or -."),
    ],
    output: Annotated[str, typer.Argument(help="The table to write, its format by its ending; - for standard output.")],
    model: ModelURI = None,
    text_column: TextColumn = None,
    batch_size: Annotated[
        int, typer.Option(min=1, help="Reviews that go through the network at once (local engine).")
    ] = BATCH_SIZE,
    threshold: Threshold = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an OUTPUT that is there.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first row that cannot be scored.")] = False,
    engine: Annotated[
        Engine,
        typer.Option(help="This machine, or Spark: OUTPUT is then a folder with a part for each input file."),
    ] = "local",
    spark_master: Annotated[
        str | None, typer.Option(help="Spark's master (default: that of spark-submit, else local[*]).")
    ] = None,
) -> None:
    """Add a verdict and a probability to every row of a table of reviews."""
    from pipelines import score

    config = score.ScoreConfig(
        input, output, model, text_column, batch_size, threshold, overwrite, strict, engine, spark_master
    )
    score.score(config, console)


@command(app, "predict", panel=USE)
def predict_texts(
    console: Console,
    texts: Annotated[list[str], typer.Argument(metavar="TEXT...", help="Reviews, each in quotation marks.")],
    model: ModelURI = None,
    threshold: Threshold = None,
) -> None:
    """Say of each review whether it is positive, and P(positive)."""
    from pipelines.predict import predict

    predict(texts, model, threshold, console)


@command(app, "promote", panel=USE)
def promote(
    console: Console,
    version: Annotated[int, typer.Argument(help="Number of the version, as `sentiment models` shows it.")],
    name: Annotated[
        str | None, typer.Option(help=f"Registered model (default: the only one, or else {IMDB_NAME}).")
    ] = None,
) -> None:
    """Make a registered version the champion, which `sentiment score` uses where no other is named."""
    from pipelines.promote import promote

    promote(version, name, console)


@command(app, "models", panel=USE)
def list_models(
    console: Console,
    name: Annotated[str | None, typer.Option(help="Registered model (default: all).")] = None,
) -> None:
    """List the registered versions with their aliases, accuracy and run."""
    from sentiment.tracking import registry, store

    store.silence()
    rows = [
        [
            f"{version.name} {version.number}",
            ", ".join(version.aliases),
            *(f"{version.metrics[metric]:.4f}" if version.metrics else "" for metric in registry.METRICS),
            version.run_id,
        ]
        for version in registry.versions(name)
    ]
    if not rows:
        raise InputError("No model is registered: `sentiment run-pipeline` registers every LSTM that it trains.")
    console.table("Registered models", ["version", "aliases", *registry.METRICS, "run"], rows)


@command(
    app,
    "describe",
    panel=UNDERSTAND,
    reads=("models", "vocabulary.num_words", "sequences.maxlen", "model"),
)
def describe(console: Console, preset: str | None, options: dict[str, Any]) -> None:
    """Print the layers of each model with their parameter counts."""
    config = compose(preset, options)
    console.import_tensorflow()
    from sentiment.training.models import build_model

    for cell in config.models:
        network = build_model(cell, config.model, num_words=config.vocabulary.num_words, maxlen=config.sequences.maxlen)
        rows = [
            [layer.name, type(layer).__name__, str(tuple(layer.output.shape)), f"{layer.count_params():,}"]
            for layer in network.layers
        ]
        rows.append(["total", "", "", f"{network.count_params():,}"])
        console.table(CELLS[cell].layer, ["layer", "type", "output shape", "parameters"], rows)


@command(app, "explain", panel=UNDERSTAND)
def explain(
    console: Console,
    text: Annotated[str | None, typer.Argument(help="The review; or name one by --input and --row.")] = None,
    model: ModelURI = None,
    output: Annotated[
        Path | None, typer.Option(help="Write the explanation here too: .html a page, .json numbers.")
    ] = None,
    table: Annotated[
        Path | None, typer.Option("--input", help="Table of reviews, of any format that `sentiment score` reads.")
    ] = None,
    row: Annotated[int | None, typer.Option(help="Row of --input, from 1, the header not counted.")] = None,
    text_column: TextColumn = None,
) -> None:
    """Show what happens inside a model while it reads a review: gates, states, and which words decided."""
    from pipelines import explain

    if text is not None and table is None and row is None:
        review = text
    elif text is None and table is not None and row is not None:
        review = explain.read_review(table, row, text_column)
    else:
        raise InputError('Give one review: either as "TEXT", or by --input FILE --row N.')
    explain.explain_review(console, review, model, output)


@command(app, "playground", panel=UNDERSTAND)
def playground(
    console: Console,
    page: Annotated[Path, typer.Argument(metavar="PAGE.html", help="Page to write.")],
    model: ModelURI = None,
    exact: Annotated[bool, typer.Option("--exact", help="Keep the word vectors as float32: larger, exact.")] = False,
) -> None:
    """Write a model as one web page that computes by itself: type, and see the verdict and what decides it."""
    from pipelines.playground import write_playground

    write_playground(console, model, page, exact=exact)


@command(app, "gradient-flow", panel=UNDERSTAND, reads=OF_NETWORKS)
def gradient_flow(
    console: Console,
    preset: str | None,
    options: dict[str, Any],
    length: Annotated[
        int | None, typer.Option(help="Tokens of the reviews to measure on (default: the model's maxlen).")
    ] = None,
    reviews: Annotated[int, typer.Option(min=1, help="Most reviews to measure on.")] = 64,
    fresh: Annotated[bool, typer.Option("--fresh", help="Measure untrained networks.")] = False,
    work_dir: WorkDir = DEFAULT_WORK_DIR,
    experiment: Experiment = "gradient-flow",
) -> None:
    """Measure how gradients vanish or explode over the words of real reviews, in every kind of network."""
    with _opened(console, work_dir, preset, options, goes_on=True) as context:
        from pipelines.gradient_flow import run_gradient_flow

        if "models" not in options:
            context = replace(context, config=context.config.model_copy(update={"models": tuple(CELLS)}))
        run_gradient_flow(context, length=length, reviews=reviews, fresh=fresh, experiment=experiment)


@command(app, "run-memory", panel=UNDERSTAND)
def run_memory(
    console: Console,
    task: Annotated[
        str | None, typer.Option(help=f"Tasks, comma-separated: {', '.join(get_args(TaskName))} (default: all).")
    ] = None,
    models: Annotated[
        str | None, typer.Option(help="Models, comma-separated (default: lstm, simple_rnn, gru).")
    ] = None,
    seeds: Annotated[str | None, typer.Option(help="Seeds, comma-separated (full: 0,1,2).")] = None,
    repeats: Repeats = None,
    lengths: Annotated[
        str | None, typer.Option(help="Steps of the adding problem, comma-separated (full: 50,100,200,400).")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Most epochs, of every task.")] = None,
    preset: Annotated[
        str, typer.Option(help=f"Named configuration ({', '.join(preset_names('memory'))}) or a TOML file.")
    ] = "full",
    work_dir: WorkDir = DEFAULT_WORK_DIR,
    experiment: Experiment = "memory",
) -> None:
    """Compare SimpleRNN, LSTM and GRU on the classic memory tasks, and log all of it to MLflow."""
    given = {"tasks": task, "models": models, "seeds": seeds_of(seeds, repeats), "lengths": lengths}
    lists = {name: split_list(value) for name, value in given.items() if value is not None}
    with console.without_native_log():
        from pipelines import memory

    config = memory.compose_memory(preset, lists, epochs)
    with WorkingDirectory(work_dir) as work:
        memory.run_memory(config, work, console, experiment)


if __name__ == "__main__":
    main()

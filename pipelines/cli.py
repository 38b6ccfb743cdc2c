"""The `sentiment` command: parses, calls one pipeline, prints.

TensorFlow and MLflow take seconds to import, so commands import the pipeline, which needs them, when they run.
"""

import errno
import functools
import inspect
import json
import logging
import os
import types
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

import typer

from pipelines.configuration import PipelineConfig, compose, option_fields, preset_names
from pipelines.console import Console
from pipelines.output import STANDARD_STREAM
from pipelines.working_directory import WorkingDirectory, write_json
from sentiment.errors import InputError
from sentiment.inside.memory_tasks import TaskName
from sentiment.scoring.network import BATCH_SIZE
from sentiment.training.models import CELLS, CellName, build_model

if TYPE_CHECKING:
    from pipelines.stages import Pipeline

EXIT_INPUT, EXIT_INTERRUPTED = 2, 130
STORAGE_ERRORS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file would be larger than this system allows",
    errno.EACCES: "permission denied",
    errno.EROFS: "the file system is read-only",
    errno.ENAMETOOLONG: "the name is too long",
    errno.EISDIR: "a folder stands there",
}
CONFIGURATION_FILE = "configuration.json"

app = typer.Typer(
    help="Train a recurrent classifier of reviews, compare it with a baseline, and track both in MLflow.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

WorkDir = Annotated[Path, typer.Option(help="Folder for the results of the stages.")]
Preset = Annotated[
    str | None,
    typer.Option(
        help=f"Named configuration ({', '.join(preset_names())}) or a TOML file; other options override it "
        "(default: demo for the demo source, else textbook)."
    ),
]
OneModel = Annotated[str | None, typer.Option(help=f"One of {', '.join(CELLS)} (default: all of --models).")]
Repeats = Annotated[int | None, typer.Option(min=1, help="Instead of --seeds: this many, from 0 on.")]
RunIds = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[RUN_ID]...",
        help="Finished MLflow runs to compare, of models or of whole pipelines (default: the working directory's).",
    ),
]
Experiment = Annotated[str, typer.Option(help="MLflow experiment to log to.")]
REGISTERED_NAME, DEMO_NAME = "imdb-sentiment", "demo-sentiment"
DEFAULT_MODEL = f"models:/{REGISTERED_NAME}@champion"
Register = Annotated[
    str | None,
    typer.Option(help=f"Name to register each LSTM under (default: {REGISTERED_NAME}; the demo source: {DEMO_NAME})."),
]
NoRegister = Annotated[bool, typer.Option("--no-register", help="Register no model.")]
ModelURI = Annotated[str, typer.Option(help="models:/NAME@ALIAS, models:/NAME/VERSION, runs:/ID/model or a folder.")]
TextColumn = Annotated[str | None, typer.Option(help="Column of the reviews (default: text, else review).")]
Engine = Literal["local", "spark"]
Threshold = Annotated[
    float | None,
    typer.Option(min=0, max=1, help="P(positive) from which on a review is positive (default: the model's own)."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print results and errors only.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="Also show the log of TensorFlow and MLflow.")]


def main() -> None:
    """Entry point of the command."""
    app()


def command(name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function as a command. What the user can mend ends with exit code 2.

    The function gets the console. If it has the parameters `preset` and `options`, the command also takes a preset and
    every option of PipelineConfig, with its help, and the function gets the preset and the given options.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(function).parameters
        configured = option_fields() if "options" in signature else {}
        given = ("console", "preset", "options") if configured else ("console",)
        own = [p for p in signature.values() if p.name not in given]

        @functools.wraps(function)
        def run(quiet: bool, verbose: bool, **values: Any) -> None:
            console = Console(quiet=quiet, verbose=verbose, is_piped=values.get("output") == STANDARD_STREAM)
            _set_log_levels(verbose)
            if configured:
                values["options"] = {name: values.pop(name) for name in configured}
            with _errors_to_exit_codes(console):
                function(console=console, **values)

        common: dict[str, tuple[Any, Any]] = {"preset": (Preset, None)} if configured else {}
        common |= {"quiet": (Quiet, False), "verbose": (Verbose, False)}
        keyword = inspect.Parameter.KEYWORD_ONLY
        parameters = [
            *(p.replace(kind=keyword) for p in own),
            *(inspect.Parameter(n, keyword, default=d, annotation=a) for n, (a, d) in common.items()),
            *(inspect.Parameter(n, keyword, default=None, annotation=_option(n)) for n in configured),
        ]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        app.command(name)(run)
        return function

    return register


def _option(name: str) -> Any:
    """The Typer option of a configuration field: its type, its description, its textbook default."""
    section, field_name = option_fields()[name]
    owner: Any = PipelineConfig if section is None else PipelineConfig.model_fields[section].annotation
    field = owner.model_fields[field_name]
    kind = field.annotation
    if isinstance(kind, types.UnionType):  # X | None
        kind = get_args(kind)[0]
    if kind not in (int, float, bool, Path):
        kind = str  # pydantic checks names such as "pre"
    flag = f"--{name.replace('_', '-')}"
    names = [f"{flag}/--no-{flag[2:]}"] if kind is bool else [flag, "--seed"] if name == "seeds" else [flag]
    default = _textbook().flat()[name if section is None else f"{section}.{field_name}"]
    choices = f" One of {', '.join(get_args(field.annotation))}." if get_origin(field.annotation) is Literal else ""
    shown = "" if default is None else f" (textbook: {str(default).lower()})"
    return Annotated[kind | None, typer.Option(*names, help=f"{field.description}{choices}{shown}")]


@functools.cache
def _textbook() -> PipelineConfig:
    return compose("textbook", {})


def _set_log_levels(verbose: bool) -> None:
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")  # of an unreachable server: seconds, not minutes
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    if not verbose:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
        warnings.simplefilter("ignore")


@contextmanager
def _errors_to_exit_codes(console: Console) -> Iterator[None]:
    try:
        yield
    except InputError as error:
        console.error(str(error))
        raise typer.Exit(EXIT_INPUT) from error
    except OSError as error:
        if error.errno not in STORAGE_ERRORS:
            raise
        place = error.filename or "the results"
        console.error(
            f"{place} could not be written: {STORAGE_ERRORS[error.errno]}. Make room or choose another place; "
            "the same command then goes on where it stopped."
        )
        raise typer.Exit(EXIT_INPUT) from error
    except KeyboardInterrupt as error:
        console.error("interrupted; the same command goes on where it stopped.")
        raise typer.Exit(EXIT_INTERRUPTED) from error


def _configure(options: dict[str, Any], preset: str | None, remembered: dict[str, Any] | None = None) -> PipelineConfig:
    return compose(preset, {**options, **_lists(models=options["models"], seeds=options["seeds"])}, base=remembered)


def _lists(**options: str | None) -> dict[str, list[str]]:
    """The comma-separated options that were given."""
    return {name: [part.strip() for part in value.split(",")] for name, value in options.items() if value is not None}


def _seeds(seeds: str | None, repeats: int | None) -> str | None:
    """--seeds, or what --repeats stands for."""
    if repeats is None:
        return seeds
    if seeds is not None:
        raise InputError("--seeds and --repeats both choose the seeds: give one of them.")
    return ",".join(map(str, range(repeats)))


@contextmanager
def _opened(
    console: Console, work_dir: Path, preset: str | None, options: dict[str, Any], *, goes_on: bool
) -> Iterator["Pipeline"]:
    """The pipeline on a working directory.

    Args:
        goes_on: start from the configuration that the last command left there, unless a preset or source is given.
    """
    with WorkingDirectory(work_dir) as work:
        path = work_dir / CONFIGURATION_FILE
        follows = goes_on and preset is None and options["source"] is None and path.exists()
        config = _configure(options, preset, json.loads(path.read_text("utf-8")) if follows else None)
        write_json(path, config.model_dump(mode="json"))
        from pipelines.stages import Pipeline

        yield Pipeline(config, work, console)


DEFAULT_WORK_DIR = Path(".sentiment")


@command("run-pipeline")
def run_pipeline(
    console: Console,
    preset: str | None,
    options: dict[str, Any],
    work_dir: WorkDir = DEFAULT_WORK_DIR,
    experiment: Experiment = "sentiment",
    repeats: Repeats = None,
    register: Register = None,
    no_register: NoRegister = False,
) -> None:
    """Load reviews, train every model, evaluate and compare them, and log all of it to MLflow."""
    if register is not None and (no_register or not register.strip() or set("/:@'") & set(register)):
        raise InputError(f"--register {register!r}: give a name without / : @ or ', and no --no-register.")
    options["seeds"] = _seeds(options["seeds"], repeats)
    with _opened(console, work_dir, preset, options, goes_on=False) as pipeline:
        from pipelines import train

        name = register or (DEMO_NAME if pipeline.config.source.is_synthetic else REGISTERED_NAME)
        train.run_pipeline(pipeline, experiment, None if no_register else name)


@command("load")
def load(console: Console, preset: str | None, options: dict[str, Any], work_dir: WorkDir = DEFAULT_WORK_DIR) -> None:
    """Read the reviews of a source, and report their number, balance, lengths and duplicates."""
    with _opened(console, work_dir, preset, options, goes_on=True) as pipeline:
        from pipelines import stages

        stages.load(pipeline, report=True)


@command("vocabulary")
def vocabulary(
    console: Console, preset: str | None, options: dict[str, Any], work_dir: WorkDir = DEFAULT_WORK_DIR
) -> None:
    """Find the most frequent words of the training reviews, running earlier stages if need be."""
    with _opened(console, work_dir, preset, options, goes_on=True) as pipeline:
        from pipelines import stages

        stages.fit_vocabulary(pipeline, stages.load(pipeline))


@command("pad")
def pad(console: Console, preset: str | None, options: dict[str, Any], work_dir: WorkDir = DEFAULT_WORK_DIR) -> None:
    """Turn reviews into padded arrays of word indices, running earlier stages if need be."""
    with _opened(console, work_dir, preset, options, goes_on=True) as pipeline:
        from pipelines import stages

        loaded = stages.load(pipeline)
        stages.pad(pipeline, loaded, stages.fit_vocabulary(pipeline, loaded))


@command("pretrain")
def pretrain(
    console: Console, preset: str | None, options: dict[str, Any], work_dir: WorkDir = DEFAULT_WORK_DIR
) -> None:
    """Learn word vectors from reviews without their labels, running earlier stages if need be."""
    with _opened(console, work_dir, preset, options, goes_on=True) as pipeline:
        if not pipeline.config.pretraining.word_vectors:
            raise InputError("The configuration has no pre-training: add --word-vectors, or take --preset strong.")
        from pipelines import stages

        stages.prepare(pipeline)


@command("train")
def train_models(
    console: Console,
    preset: str | None,
    options: dict[str, Any],
    work_dir: WorkDir = DEFAULT_WORK_DIR,
    model: OneModel = None,
) -> None:
    """Train one model, or all, running earlier stages if need be. Only run-pipeline logs to MLflow."""
    with _opened(console, work_dir, preset, options, goes_on=True) as pipeline:
        from pipelines import stages

        prepared = stages.prepare(pipeline)
        for cell in _cells(pipeline.config, model):
            for seed in pipeline.config.seeds:
                stages.train(pipeline, prepared, cell, seed)


@command("evaluate")
def evaluate(
    console: Console,
    preset: str | None,
    options: dict[str, Any],
    work_dir: WorkDir = DEFAULT_WORK_DIR,
    model: OneModel = None,
) -> None:
    """Measure one model, or all, on the test split, running earlier stages if need be."""
    with _opened(console, work_dir, preset, options, goes_on=True) as pipeline:
        from pipelines import stages

        prepared = stages.prepare(pipeline)
        cells = _cells(pipeline.config, model)
        stages.show_metrics(
            pipeline, stages.measure(pipeline, prepared, cells, yardstick=pipeline.config.yardstick and model is None)
        )


@command("compare")
def compare(
    console: Console,
    preset: str | None,
    options: dict[str, Any],
    run_ids: RunIds = None,
    work_dir: WorkDir = DEFAULT_WORK_DIR,
) -> None:
    """Compare the models on the test split and write report.html, running earlier stages if need be; or do so for
    finished MLflow runs."""
    if run_ids:
        if preset is not None or any(value is not None for value in options.values()):
            raise InputError("Runs bring their own configuration: give either RUN_IDs or options of the pipeline.")
        from pipelines.compare import compare_runs

        compare_runs(run_ids, console, work_dir)
        return
    with _opened(console, work_dir, preset, options, goes_on=True) as pipeline:
        from pipelines import stages

        prepared = stages.prepare(pipeline)
        config = pipeline.config
        stages.compare(pipeline, stages.measure(pipeline, prepared, config.models, yardstick=config.yardstick))


@command("describe")
def describe(console: Console, preset: str | None, options: dict[str, Any]) -> None:
    """Print the layers of each model with their parameter counts."""
    config = _configure(options, preset)
    for cell in config.models:
        network = build_model(cell, config.model, num_words=config.vocabulary.num_words, maxlen=config.sequences.maxlen)
        rows = [
            [layer.name, type(layer).__name__, str(tuple(layer.output.shape)), f"{layer.count_params():,}"]
            for layer in network.layers
        ]
        rows.append(["total", "", "", f"{network.count_params():,}"])
        console.table(CELLS[cell], ["layer", "type", "output shape", "parameters"], rows)


@command("score")
def score(
    console: Console,
    input: Annotated[
        str,
        typer.Argument(help="CSV, TSV, JSONL, Parquet or plain text (a review a line), also .gz; folder, glob, or -."),
    ],
    output: Annotated[str, typer.Argument(help="The table to write, its format by its ending; - for standard output.")],
    model: ModelURI = DEFAULT_MODEL,
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


@command("predict")
def predict(
    console: Console,
    texts: Annotated[list[str], typer.Argument(metavar="TEXT...", help="Reviews, each in quotation marks.")],
    model: ModelURI = DEFAULT_MODEL,
    threshold: Threshold = None,
) -> None:
    """Say of each review whether it is positive, and P(positive)."""
    from pipelines import score

    score.predict(texts, model, threshold, console)


@command("promote")
def promote(
    console: Console,
    version: Annotated[int, typer.Argument(help="Number of the version, as `sentiment models` shows it.")],
    name: Annotated[str, typer.Option(help="Registered model.")] = REGISTERED_NAME,
) -> None:
    """Make a registered version the champion, which `sentiment score` uses."""
    from sentiment.tracking import registry
    from sentiment.tracking import runs as tracking

    tracking.silence()
    console.say(f"{registry.promote(name, version)} is what `sentiment score` uses now.")


@command("models")
def list_models(
    console: Console,
    name: Annotated[str | None, typer.Option(help="Registered model (default: all).")] = None,
) -> None:
    """List the registered versions with their aliases, accuracy and run."""
    from sentiment.tracking import registry
    from sentiment.tracking import runs as tracking

    tracking.silence()
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


@command("explain")
def explain(
    console: Console,
    text: Annotated[str | None, typer.Argument(help="The review; or name one by --input and --row.")] = None,
    model: ModelURI = DEFAULT_MODEL,
    output: Annotated[
        Path | None, typer.Option(help="Write the explanation here too, as .html or .png picture or as .json numbers.")
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


@command("gradient-flow")
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
    every_kind = options["models"] is None
    with _opened(console, work_dir, preset, options, goes_on=True) as pipeline:
        from pipelines import gradient_flow

        cells = get_args(CellName) if every_kind else pipeline.config.models
        gradient_flow.run_gradient_flow(
            pipeline, cells, length=length, reviews=reviews, fresh=fresh, experiment=experiment
        )


@command("run-memory")
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
    quick: Annotated[bool, typer.Option("--quick", help="The preset quick: all of it in less than a minute.")] = False,
    work_dir: WorkDir = DEFAULT_WORK_DIR,
    experiment: Experiment = "memory",
) -> None:
    """Compare SimpleRNN, LSTM and GRU on the classic memory tasks, and log all of it to MLflow."""
    lists = _lists(tasks=task, models=models, seeds=_seeds(seeds, repeats), lengths=lengths)
    with console.without_native_log():
        from pipelines import memory

    config = memory.compose_memory("quick" if quick else preset, lists, epochs)
    with WorkingDirectory(work_dir) as work:
        memory.run_memory(config, work, console, experiment)


def _cells(config: PipelineConfig, model: str | None) -> tuple[CellName, ...]:
    if model is None:
        return config.models
    for cell in get_args(CellName):
        if cell == model:
            return (cell,)
    raise InputError(f"There is no model {model}: choose {', '.join(CELLS)}.")


if __name__ == "__main__":
    main()

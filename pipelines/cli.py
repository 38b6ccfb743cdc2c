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
from pipelines.working_directory import WorkingDirectory, write_json
from sentiment.errors import InputError
from sentiment.memory_tasks import TaskName
from sentiment.models import CELLS, CellName, build_model

if TYPE_CHECKING:
    from pipelines.stages import Pipeline

EXIT_INPUT, EXIT_INTERRUPTED = 2, 130
STORAGE_ERRORS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file would be larger than this system allows",
    errno.EACCES: "permission denied",
    errno.EROFS: "the file system is read-only",
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
Experiment = Annotated[str, typer.Option(help="MLflow experiment to log to.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print results and errors only.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="Also show the log of TensorFlow and MLflow.")]


def main() -> None:
    """Entry point of the command."""
    app()


def command(name: str, *, configured: bool = True) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function as a command that also takes --quiet and --verbose; it gets the console. What the user can
    mend ends with exit code 2.

    Args:
        configured: the command takes every option of PipelineConfig too, with its help, and a preset; the function
            gets the preset and the given options.
    """
    fields = list(option_fields()) if configured else []

    def register(function: Callable[..., None]) -> Callable[..., None]:
        injected = ("console", "preset", "options") if configured else ("console",)
        own = [p for p in inspect.signature(function).parameters.values() if p.name not in injected]

        @functools.wraps(function)
        def run(quiet: bool, verbose: bool, **values: Any) -> None:
            console = Console(quiet=quiet, verbose=verbose)
            _set_log_levels(verbose)
            if configured:
                values["options"] = {name: values.pop(name) for name in fields}
            with _errors_to_exit_codes(console):
                function(console=console, **values)

        common: dict[str, tuple[Any, Any]] = {"preset": (Preset, None)} if configured else {}
        common |= {"quiet": (Quiet, False), "verbose": (Verbose, False)}
        keyword = inspect.Parameter.KEYWORD_ONLY
        parameters = [
            *(p.replace(kind=keyword) for p in own),
            *(inspect.Parameter(n, keyword, default=d, annotation=a) for n, (a, d) in common.items()),
            *(inspect.Parameter(n, keyword, default=None, annotation=_option(n)) for n in fields),
        ]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        app.command(name)(run)
        return function

    return register


def _option(name: str) -> Any:
    """The Typer option of a configuration field: its type, its description, its textbook default."""
    section, field_name = option_fields()[name]
    owner = PipelineConfig if section is None else PipelineConfig.model_fields[section].annotation
    field = owner.model_fields[field_name]  # type: ignore[union-attr]
    kind = field.annotation
    if isinstance(kind, types.UnionType):  # X | None
        kind = get_args(kind)[0]
    if kind not in (int, float, bool, Path):
        kind = str  # pydantic checks names such as "pre"
    flag = f"--{name.replace('_', '-')}"
    names = [f"{flag}/--no-{flag[2:]}"] if kind is bool else [flag]
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
            f"{place} could not be written: {STORAGE_ERRORS[error.errno]}. Make room or choose another --work-dir; "
            "the same command then goes on where it stopped."
        )
        raise typer.Exit(EXIT_INPUT) from error
    except KeyboardInterrupt as error:
        console.error("interrupted; the same command goes on where it stopped.")
        raise typer.Exit(EXIT_INTERRUPTED) from error


def _configure(options: dict[str, Any], preset: str | None, remembered: dict[str, Any] | None = None) -> PipelineConfig:
    if options["models"] is not None:
        options["models"] = [name.strip() for name in options["models"].split(",")]
    return compose(preset, options, base=remembered)


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
) -> None:
    """Load reviews, train every model, evaluate and compare them, and log all of it to MLflow."""
    with _opened(console, work_dir, preset, options, goes_on=False) as pipeline:
        from pipelines import train

        train.run_pipeline(pipeline, experiment)


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
            stages.train(pipeline, prepared, cell)


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
        stages.show_metrics(pipeline, stages.train_and_evaluate(pipeline, prepared, cells))


@command("compare")
def compare(
    console: Console, preset: str | None, options: dict[str, Any], work_dir: WorkDir = DEFAULT_WORK_DIR
) -> None:
    """Set the test metrics of the models side by side, running earlier stages if need be."""
    with _opened(console, work_dir, preset, options, goes_on=True) as pipeline:
        from pipelines import stages

        prepared = stages.prepare(pipeline)
        stages.compare(pipeline, stages.train_and_evaluate(pipeline, prepared, pipeline.config.models))


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


@command("explain", configured=False)
def explain(
    console: Console,
    text: Annotated[str | None, typer.Argument(help="The review; or name one by --input and --row.")] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="A classifier's folder, or runs:/RUN_ID/model (default: the newest LSTM in --work-dir, else the "
            "newest model)."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Write the explanation here too, as .html or .png picture or as .json numbers.")
    ] = None,
    input_file: Annotated[
        Path | None, typer.Option("--input", help="Table of reviews: .csv, .tsv, .jsonl or .parquet.")
    ] = None,
    row: Annotated[int | None, typer.Option(help="Row of --input, from 1.")] = None,
    text_column: Annotated[str, typer.Option(help="Column of --input that holds the reviews.")] = "text",
    work_dir: WorkDir = DEFAULT_WORK_DIR,
) -> None:
    """Show what happens inside a model while it reads a review: gates, states, and which words decided."""
    if (text is None) == (input_file is None) or (input_file is None) != (row is None):
        raise InputError('Give one review: either as "TEXT", or by --input FILE --row N.')
    from pipelines import explain

    if input_file is not None and row is not None:
        text = explain.read_review(input_file, row, text_column)
    explain.explain_review(console, text or "", model=model, output=output, work_dir=work_dir)


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
    experiment: Experiment = "sentiment",
) -> None:
    """Measure how gradients vanish or explode over the words of real reviews, in every kind of network."""
    every_kind = options["models"] is None
    with _opened(console, work_dir, preset, options, goes_on=True) as pipeline:
        from pipelines import gradient_flow

        cells = get_args(CellName) if every_kind else pipeline.config.models
        gradient_flow.run_gradient_flow(
            pipeline, cells, length=length, reviews=reviews, fresh=fresh, experiment=experiment
        )


@command("run-memory", configured=False)
def run_memory(
    console: Console,
    task: Annotated[
        str | None, typer.Option(help=f"Tasks, comma-separated: {', '.join(get_args(TaskName))} (default: all).")
    ] = None,
    models: Annotated[
        str | None, typer.Option(help="Models, comma-separated (default: lstm, simple_rnn, gru).")
    ] = None,
    seeds: Annotated[str | None, typer.Option(help="Seeds, comma-separated (full: 0,1,2).")] = None,
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
    lists = {"tasks": task, "models": models, "seeds": seeds, "lengths": lengths}
    options: dict[str, Any] = {
        name: [part.strip() for part in value.split(",")] for name, value in lists.items() if value is not None
    }
    with console.without_native_log():
        from pipelines import memory

    config = memory.compose_memory("quick" if quick else preset, {**options, "epochs": epochs})
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

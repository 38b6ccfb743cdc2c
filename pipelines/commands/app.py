"""The command-line application: what its commands have in common."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from pipelines.console import Console
from pipelines.files import write_json
from pipelines.models import DEMO_NAME, IMDB_NAME
from pipelines.working_directory import WorkingDirectory
from sentiment.errors import InputError
from sentiment.training.cells import CELLS

if TYPE_CHECKING:
    from pipelines.configuration import Trial
    from pipelines.stages.context import Context

CONFIGURATION_FILE = "configuration.json"

app = typer.Typer(
    help="Train a recurrent classifier of reviews, compare it with a baseline, and track both in MLflow.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

TRAIN, IMPROVE = "Train and compare", "Improve"
USE, UNDERSTAND = "Use a trained model", "Understand"
"""Headings of the list of commands."""

OF_TEXTS = ("source", "seeds")
OF_ARRAYS = (*OF_TEXTS, "vocabulary", "sequences")
OF_NETWORKS = (*OF_ARRAYS, "pretraining", "model", "training", "models", "threshold", "settings_tried")
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
ExperimentOfReviews = Annotated[
    str | None, typer.Option(help="MLflow experiment to log to (default: sentiment; the demo source: sentiment-demo).")
]
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
Folds = Annotated[
    int | None,
    typer.Option(
        min=2,
        help="table: cross-validate with so many folds, and train on all rows at last; for tables of fewer than 5,000 "
        "labelled rows.",
    ),
]
Promote = Annotated[
    bool, typer.Option("--promote", help="Make the LSTM champion, whatever it is worth beside the champion there is.")
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
Encoding = Annotated[
    str | None,
    typer.Option(help="Text encoding of a table, such as cp1252 (default: UTF-8 or UTF-16)."),
]
Delimiter = Annotated[
    str | None, typer.Option(help="Character between the cells of a table, or tab (default: the first line's).")
]
Quote = Annotated[
    str | None, typer.Option(help="Quotation mark around cells, or none (default: what loses the fewest rows).")
]
Header = Annotated[bool, typer.Option(help="The first line names the columns; else they are column1, column2, ...")]
Engine = Literal["local", "spark"]
Threshold = Annotated[
    float | None,
    typer.Option(min=0, max=1, help="P(positive) from which on a review is positive (default: the model's own)."),
]
DEFAULT_WORK_DIR = Path(".sentiment")


@contextmanager
def opened(
    console: Console, work_dir: Path, preset: str | None, options: Mapping[str, Any], *, goes_on: bool
) -> Iterator["Context"]:
    """What the stages need, on a working directory.

    Args:
        goes_on: start from the configuration that the last command left there, unless a preset or source is given.
    """
    with WorkingDirectory(work_dir) as work:
        path = work_dir / CONFIGURATION_FILE
        follows = goes_on and preset is None and "source" not in options and path.exists()
        from pipelines.configuration import compose

        config = compose(preset, options, base=_remembered(path) if follows else None)
        from pipelines.stages.context import Context
        from pipelines.stages.start import with_start

        context = with_start(Context(config, work, console), preset, options)
        write_json(path, context.config.model_dump(mode="json"))
        yield context


def _remembered(path: Path) -> dict[str, Any]:
    """The configuration that the last command left.

    Raises:
        InputError: the file is damaged.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
        if not isinstance(content, dict):
            raise ValueError("it holds no object")
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} is damaged ({error}): delete the file, or give --preset or --source.") from error
    return content


def trials(context: "Context", model: str | None) -> "list[Trial]":
    """Those of one model, or all.

    Raises:
        InputError: there is no such model, or the start is another one.
    """
    if model is None:
        return context.config.trials()
    if model not in CELLS:
        raise InputError(f"There is no model {model}: choose {', '.join(CELLS)}.")
    if context.start is not None and (model,) != context.config.models:
        raise InputError(f"--model is {model}, but the start is a {context.config.models[0]}: leave --model out.")
    return context.config.model_copy(update={"models": (model,)}).trials()

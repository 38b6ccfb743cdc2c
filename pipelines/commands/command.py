"""The command-line application, and `command`, which makes a function one of its commands."""

import functools
import inspect
import logging
import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperArgument, TyperCommand
from typer.exceptions import TyperException

from pipelines.commands.exit_codes import errors_to_exit_codes
from pipelines.console import Console
from pipelines.output import STANDARD_STREAM
from sentiment.tracking import sqlite_store

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"max_content_width": 120},
)

TRAIN, IMPROVE = "Train and compare", "Improve"
USE, UNDERSTAND = "Use a trained model", "Understand"
"""Headings of the list of commands."""

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print results and errors only.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="Also show the logs of TensorFlow and MLflow.")]
LogFile = Annotated[
    Path | None, typer.Option(help="Also append all that is printed to this file, with the time.", show_default=False)
]


def command(
    name: str, *, panel: str, reads: Sequence[str] = ()
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function as a command: it gets the console, and errors end it with an exit code.

    Where `reads` names anything, the command also takes a preset and an option for every field that it reads; the
    function then gets what the user gave of them, as `given`.

    Args:
        panel: heading of the command in the list of all commands.
        reads: sections of PipelineConfig, or single fields of it or of a section (`seeds`, `model.embedding_dim`).
    """
    fields: dict[str, Any] = {}
    if reads:
        from pipelines.commands.given import Given, Preset, typer_options  # many pydantic models, not for `predict`

        fields = typer_options(reads)

    def register(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def run(quiet: bool, verbose: bool, log_file: Path | None, **values: Any) -> None:
            console = Console(quiet=quiet, verbose=verbose, is_piped=values.get("output") == STANDARD_STREAM)
            _set_log_levels(verbose)
            with errors_to_exit_codes(console):
                if log_file is not None:
                    console.log_to(log_file)
                if fields:
                    values["given"] = Given.by(values.pop("preset"), {field: values.pop(field) for field in fields})
                if moved := sqlite_store.relocate_store():
                    console.note(moved)
                function(console=console, **values)

        own = [p for p in inspect.signature(function).parameters.values() if p.name not in ("console", "given")]
        parameters = [
            *([_option("preset", Preset, None)] if fields else []),
            *(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own),
            _option("quiet", Quiet, False),
            _option("verbose", Verbose, False),
            _option("log_file", LogFile, None),
            *(_option(field, annotation, None) for field, annotation in fields.items()),
        ]
        vars(run)["__signature__"] = inspect.Signature(parameters)
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        app.command(name, cls=_ListingCommand, rich_help_panel=panel)(run)
        return function

    return register


def _option(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


class _ListingCommand(TyperCommand):
    """A command whose help is lists under headings: in boxes, Rich cuts the names of options at 80 columns."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **{**settings, "rich_markup_mode": None})

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options under their headings."""
        panels: dict[str, list[tuple[str, str]]] = {"Arguments": []}
        for parameter in self.get_params(ctx):
            if record := parameter.get_help_record(ctx):
                usual = "Arguments" if isinstance(parameter, TyperArgument) else "Options"
                panels.setdefault(getattr(parameter, "rich_help_panel", None) or usual, []).append(record)
        for panel, records in panels.items():
            if records:
                with formatter.section(panel):
                    formatter.write_dl(records)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments, and say what to do with one that looks like an option.

        Raises:
            TyperException: they are wrong.
        """
        try:
            return super().parse_args(ctx, args)
        except TyperException as error:
            option = getattr(error, "option_name", None)
            if option and any(isinstance(parameter, TyperArgument) for parameter in self.get_params(ctx)):
                error.message += (
                    f". If {option} begins a text or a file name, put -- before it, "
                    f"as in `{ctx.command_path} -- '{option} ...'`"
                )
            raise


def _set_log_levels(verbose: bool) -> None:
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")  # of an unreachable server: seconds, not minutes
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    if not verbose:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
        warnings.simplefilter("ignore")

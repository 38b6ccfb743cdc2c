"""The `sentiment` command: parses, calls one pipeline, prints.

TensorFlow and MLflow take seconds to import, so commands import the pipeline, which needs them, when they run.
"""

import contextlib
import io
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated, TextIO

import typer

from pipelines.commands.command import app
from pipelines.commands.exit_codes import EXIT_INPUT, refusal
from sentiment.version import __version__

MODULES = ("training", "tuning", "use", "interpretation")
"""Each adds its commands to the application when it is imported; in the order of the list of commands."""

USING = ("score", "adapt", "predict", "export", "promote", "models")
"""Commands of the module `use`."""


def application(command: str | None = None) -> typer.Typer:
    """The application with all commands; with those of `use` alone where one of them is asked for.

    The options of training come from many pydantic models, which `predict` need not wait for.
    """
    for module in ("use",) if command in USING else MODULES:
        import_module(f"pipelines.commands.{module}")
    return app


def main() -> None:
    """Entry point of the command.

    What the encoding of a terminal lacks is shown as an escape. A stream that cannot be written to ends the command
    with exit code 2, also where it prints help or an error.
    """
    sys.stdout, sys.stderr = (_writable(stream) for stream in (sys.stdout, sys.stderr))
    try:
        try:
            application(*sys.argv[1:2])()
        finally:
            sys.stdout.flush()
    except OSError as error:
        refused = refusal(error)
        if refused is None:
            raise
        with contextlib.suppress(OSError):
            typer.echo(f"Error: {refused}", err=True)
        os._exit(EXIT_INPUT)  # Python would try to write once more what the stream refused


def _writable(stream: TextIO | None) -> TextIO:
    """A standard stream that takes every character; nowhere in the place of one that is closed."""
    if stream is None:
        return Path(os.devnull).open("w", encoding="utf-8")
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    return stream


def _show_version(asked: bool) -> None:
    if asked:
        from sentiment.engine import native

        engine = "its own core" if native.available() else "NumPy, as the core was not built"
        typer.echo(f"sentiment {__version__}, scoring in {engine}")
        raise typer.Exit


@app.callback()
def sentiment(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Judge reviews, and train a recurrent classifier on your own, compared with a baseline and tracked in MLflow.

    \b
    Begin with one of these:
    sentiment predict "This movie was not bad."
    sentiment score reviews.csv scored.csv
    sentiment run-pipeline --source table --data labelled.csv
    """


if __name__ == "__main__":
    main()

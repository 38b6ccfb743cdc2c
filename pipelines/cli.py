"""The `sentiment` command: parses, calls one pipeline, prints.

TensorFlow and MLflow take seconds to import, so commands import the pipeline, which needs them, when they run.
"""

import sys
from importlib import import_module
from typing import Annotated

import typer

from pipelines.commands.app import app
from sentiment import __version__

MODULES = ("training", "tuning", "use", "within")
"""Each adds its commands to the application when it is imported; in the order of the list of commands."""

USING = ("score", "predict", "promote", "models")
"""Commands of the module `use`."""


def application(command: str | None = None) -> typer.Typer:
    """The application with all commands; with those of `use` alone where one of them is asked for.

    The options of training come from many pydantic models, which `predict` need not wait for.
    """
    for module in ("use",) if command in USING else MODULES:
        import_module(f"pipelines.commands.{module}")
    return app


def main() -> None:
    """Entry point of the command."""
    application(*sys.argv[1:2])()


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


if __name__ == "__main__":
    main()

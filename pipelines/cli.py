"""The `sentiment` command: parses, calls one pipeline, prints.

TensorFlow and MLflow take seconds to import, so commands import the pipeline, which needs them, when they run.
"""

from typing import Annotated

import typer

from pipelines.commands import training, tuning, use, within
from pipelines.commands.app import app
from sentiment import __version__

__all__ = ["app", "main"]

COMMANDS = (training, tuning, use, within)
"""Modules that add their commands to the application when they are imported, in the order of the list of commands."""


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


if __name__ == "__main__":
    main()

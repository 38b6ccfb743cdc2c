"""Commands that use a trained model."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.app import (
    USE,
    Delimiter,
    Encoding,
    Engine,
    Header,
    ModelURI,
    Quote,
    TextColumn,
    Threshold,
    app,
)
from pipelines.commands.command import command
from pipelines.console import Console
from pipelines.models import IMDB_NAME
from sentiment.data.tables.files import USUALLY_ALLOWED, ReadOptions
from sentiment.engine.onnx_network import BATCH_SIZE
from sentiment.errors import InputError


@command(app, "score", panel=USE)
def score(
    console: Console,
    input: Annotated[
        str,
        typer.Argument(help="CSV, TSV, JSON, Parquet or plain text (a review a line), also .gz; folder, glob, or -."),
    ],
    output: Annotated[str, typer.Argument(help="The table to write, its format by its ending; - for standard output.")],
    model: ModelURI = None,
    text_column: TextColumn = None,
    batch_size: Annotated[
        int, typer.Option(min=1, help="Reviews that go through the network at once (local engine).")
    ] = BATCH_SIZE,
    threshold: Threshold = None,
    sure: Annotated[
        float | None,
        typer.Option(
            help="Accuracy to promise of the verdicts, such as 0.97; rows whose verdict is not so sure get none."
        ),
    ] = None,
    drift: Annotated[
        Path | None,
        typer.Option(help="Page to write of how the rows differ from the model's validation reviews, .html."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an OUTPUT that is there.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first row that cannot be scored.")] = False,
    engine: Annotated[
        Engine,
        typer.Option(help="This machine, or Spark: OUTPUT is then a folder with a part for each input file."),
    ] = "local",
    spark_master: Annotated[
        str | None, typer.Option(help="Spark's master (default: that of spark-submit, else local[*]).")
    ] = None,
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    quote: Quote = None,
    header: Header = True,
    allow_rejected: Annotated[
        float,
        typer.Option(min=0, max=1, help="Go on while a smaller share of the lines of INPUT cannot be read."),
    ] = USUALLY_ALLOWED,
) -> None:
    """Add a verdict and a probability to every row of a table of reviews."""
    from pipelines.score import score as score_table
    from pipelines.score_config import ScoreConfig

    config = ScoreConfig(
        input, output, model, text_column, batch_size, threshold, sure, overwrite, strict, engine, spark_master, drift,
        ReadOptions(encoding, delimiter, quote, header), allow_rejected,
    )  # fmt: skip
    score_table(config, console)


@command(app, "predict", panel=USE)
def predict_texts(
    console: Console,
    texts: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TEXT...",
            help="Reviews, each in quotation marks; - for standard input, a line each.",
            show_default=False,
        ),
    ] = None,
    model: ModelURI = None,
    threshold: Threshold = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Say of each review whether it is positive, and P(positive)."""
    from pipelines.predict import predict

    if not texts:
        raise InputError(
            'Give reviews, each in quotation marks: sentiment predict "A moving film." '
            "Or give - to read them from standard input, one a line: sentiment predict - < reviews.txt"
        )
    predict(texts, model, threshold, console, as_json=as_json)


@command(app, "promote", panel=USE)
def promote(
    console: Console,
    version: Annotated[int, typer.Argument(help="Number of the version, as `sentiment models` shows it.")],
    name: Annotated[
        str | None, typer.Option(help=f"Registered model (default: the only one, or else {IMDB_NAME}).")
    ] = None,
) -> None:
    """Make a registered version the champion of its name."""
    from pipelines.models import promote

    promote(version, name, console)


@command(app, "models", panel=USE)
def models(
    console: Console,
    name: Annotated[str | None, typer.Option(help="Registered model (default: all).")] = None,
) -> None:
    """List the registered versions: aliases, accuracy, size, speed, age and run."""
    from pipelines.models import list_models

    list_models(name, console)

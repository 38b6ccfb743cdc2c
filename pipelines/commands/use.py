"""Commands that use a trained model."""

from pathlib import Path
from typing import Annotated, Literal

from typer import Argument, Option

from pipelines.commands import options
from pipelines.commands.command import IMPROVE, USE, command
from pipelines.console import Console
from pipelines.models import IMDB_NAME
from sentiment.data.files import USUALLY_ALLOWED, ReadOptions
from sentiment.errors import InputError


@command("score", panel=USE)
def score(
    console: Console,
    input: Annotated[
        str,
        Argument(
            metavar="INPUT",
            help="CSV, TSV, JSON, Parquet or plain text with a review a line, also .gz; a folder or a pattern of "
            "files; - for standard input.",
        ),
    ],
    output: Annotated[
        str, Argument(metavar="OUTPUT", help="Table to write, in the format of its ending; - for standard output.")
    ],
    model: options.ModelURI = None,
    text_column: options.TextColumn = None,
    threshold: options.Threshold = None,
    neutral: options.Neutral = None,
    sure: Annotated[
        float | None, Option(help="Accuracy to promise, such as 0.97; rows whose verdict is less sure get none.")
    ] = None,
    drift: Annotated[
        Path | None, Option(help="Page (.html) to write on how the rows differ from the model's validation reviews.")
    ] = None,
    overwrite: Annotated[bool, Option("--overwrite", help="Replace OUTPUT if it exists.")] = False,
    strict: Annotated[bool, Option("--strict", help="Stop at the first row that cannot be scored.")] = False,
    allow_rejected: options.AllowRejected = USUALLY_ALLOWED,
    encoding: options.Encoding = None,
    delimiter: options.Delimiter = None,
    quote: options.Quote = None,
    header: options.Header = True,
    engine: Annotated[
        Literal["local", "spark"],
        Option(help="This machine, or Spark, which makes OUTPUT a folder with a part for each input file."),
    ] = "local",
    spark_master: Annotated[
        str | None, Option(help="Spark's master (default: that of spark-submit, or local[*]).")
    ] = None,
) -> None:
    """Add a verdict and a probability to every row of a table of reviews."""
    from pipelines.score import score as score_table
    from pipelines.score_summary import ScoreConfig

    config = ScoreConfig(
        input=input, output=output, model=model, text_column=text_column, threshold=threshold, neutral=neutral,
        sure=sure, drift=drift, overwrite=overwrite, strict=strict, allow_rejected=allow_rejected, engine=engine,
        spark_master=spark_master, options=ReadOptions(encoding, delimiter, quote, header),
    )  # fmt: skip
    score_table(config, console)


@command("adapt", panel=IMPROVE)
def adapt(
    console: Console,
    data: Annotated[
        str,
        Option(help="Texts of your domain: a table, a folder or a pattern, as for `score`; labels in it are not read."),
    ],
    output: Annotated[Path, Option(metavar="FOLDER", help="Where the new classifier goes; nothing may be there yet.")],
    model: options.ModelURI = None,
    text_column: options.TextColumn = None,
    allow_rejected: options.AllowRejected = USUALLY_ALLOWED,
    encoding: options.Encoding = None,
    delimiter: options.Delimiter = None,
    quote: options.Quote = None,
    header: options.Header = True,
) -> None:
    """Adapt a trained network to reviews of another domain, from their texts alone, without labels."""
    from pipelines.adapt import AdaptConfig
    from pipelines.adapt import adapt as adapt_classifier

    read = ReadOptions(encoding, delimiter, quote, header)
    adapt_classifier(AdaptConfig(data, output, model, text_column, allow_rejected, read), console)


@command("predict", panel=USE)
def predict_texts(
    console: Console,
    texts: Annotated[
        list[str] | None,
        Argument(
            metavar="TEXT",
            help="Reviews, each in quotation marks; - to read them from standard input, one a line.",
            show_default=False,
        ),
    ] = None,
    model: options.ModelURI = None,
    threshold: options.Threshold = None,
    neutral: options.Neutral = None,
    as_json: Annotated[bool, Option("--json", help="Print one JSON object per review.")] = False,
) -> None:
    """Say which label each review has, such as positive, and with which probability."""
    from pipelines.predict import predict

    if not texts:
        raise InputError(
            'Give reviews, each in quotation marks: sentiment predict "A moving film." '
            "Or give - to read them from standard input, one a line: sentiment predict - < reviews.txt"
        )
    predict(texts, model, console, threshold=threshold, neutral=neutral, as_json=as_json)


@command("export", panel=USE)
def export(
    console: Console,
    onnx: Annotated[Path, Option("--onnx", metavar="FILE", help="ONNX model to write; an existing file is replaced.")],
    model: options.ModelURI = None,
) -> None:
    """Write a network in a format that other programs read: ONNX.

    The model takes padded indices, as the Keras model does, and gives P(positive), or of more labels the probability
    of a better one than each. It needs the extra `onnx`.
    """
    from pipelines.files import write_file
    from pipelines.models import located_classifier
    from sentiment.classifier import SentimentClassifier
    from sentiment.engine.onnx_export import export_onnx

    with located_classifier(model) as (folder, name):
        classifier = SentimentClassifier.load(folder)
        if classifier.is_linear:
            raise InputError(f"{name} is a linear model, which ONNX has no operators for: export a network.")
        write_file(onnx, export_onnx(classifier.recurrent_model.network, classifier.recurrent_model.sequences))
    console.say(f"{onnx}: {name} as an ONNX model; vocabulary.json in its folder has the indices of words")


@command("promote", panel=USE)
def promote(
    console: Console,
    version: Annotated[int, Argument(help="Number of the version, as `sentiment models` shows it.")],
    name: Annotated[str | None, Option(help=f"Registered model (default: the only one, or {IMDB_NAME}).")] = None,
) -> None:
    """Make a registered version the champion, which commands use by default."""
    from pipelines.models import promote

    promote(version, name, console)


@command("models", panel=USE)
def models(
    console: Console, name: Annotated[str | None, Option(help="Only this registered model (default: all).")] = None
) -> None:
    """List the registered models with their accuracy, size, speed and age."""
    from pipelines.models import list_models

    list_models(name, console)

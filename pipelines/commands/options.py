"""Options that several commands have, and the sections of the configuration that they read."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from pipelines.models import DEMO_NAME, IMDB_NAME
from sentiment.engine.cells import CELLS

TEXT_SECTIONS = ("source", "seeds")
ARRAY_SECTIONS = (*TEXT_SECTIONS, "vocabulary", "sequences")
NETWORK_SECTIONS = (*ARRAY_SECTIONS, "pretraining", "model", "training", "models", "threshold", "settings_tried")
ALL_SECTIONS = (*NETWORK_SECTIONS, "linear_model")
"""What a command reads of the configuration: to get texts, arrays, networks, and everything."""

DEFAULT_WORK_DIR = Path(".sentiment")

WorkDir = Annotated[Path, Option(help="Folder where every step keeps its result.")]
OneModel = Annotated[str | None, Option(help=f"Only this one: {', '.join(CELLS)} (default: all of --models).")]
Repeats = Annotated[int | None, Option(min=1, help="Train with this many seeds, 0, 1, 2, ..., instead of --seeds.")]
RunIds = Annotated[
    list[str] | None,
    Argument(
        metavar="RUN_ID",
        help="Finished MLflow runs to compare, of single models or of whole pipelines (default: the models of the "
        "working directory).",
        show_default=False,
    ),
]
Experiment = Annotated[str, Option(help="MLflow experiment to log to.")]
PipelineExperiment = Annotated[
    str | None, Option(help="MLflow experiment to log to (default: sentiment, or sentiment-demo for the demo).")
]
Register = Annotated[
    str | None,
    Option(
        help=f"Name to register each LSTM under (default: {IMDB_NAME}; for a table the name of its file; for the demo "
        f"{DEMO_NAME})."
    ),
]
NoRegister = Annotated[bool, Option("--no-register", help="Register no model.")]
Promote = Annotated[
    bool, Option("--promote", help="Make the LSTM champion even if it is no better than the present champion.")
]
Report = Annotated[
    Path | None, Option("--output", help="File for the report (default: report.html beside the working directory).")
]
Folds = Annotated[
    int | None,
    Option(
        min=2,
        help="Cross-validate a table with this many folds, then train on all of its rows; for tables with fewer than "
        "5,000 labelled rows.",
    ),
]
ModelURI = Annotated[
    str | None,
    Option(
        help="imdb, which comes with sentiment; a folder; models:/NAME@ALIAS, models:/NAME/VERSION or runs:/ID/model "
        f"(default: your only champion but {DEMO_NAME}'s, or that of {IMDB_NAME}, or else imdb)."
    ),
]
Threshold = Annotated[
    float | None,
    Option(min=0, max=1, help="P(positive) from which a review counts as positive (default: the model's own)."),
]
Neutral = Annotated[
    str | None,
    Option(
        metavar="LOWER,UPPER",
        help="Call a review neutral whose P(positive) is LOWER or more and below UPPER; auto: the model's own band.",
    ),
]
TextColumn = Annotated[str | None, Option(help="Column with the reviews (default: text, or else review).")]
AllowRejected = Annotated[
    float, Option(min=0, max=1, help="Continue while fewer than this share of the lines of the table are unreadable.")
]
Encoding = Annotated[str | None, Option(help="Encoding of a text table, such as cp1252 (default: UTF-8 or UTF-16).")]
Delimiter = Annotated[str | None, Option(help="Character between cells, or tab (default: taken from the first line).")]
Quote = Annotated[
    str | None, Option(help="Quotation mark around cells, or none (default: whichever loses the fewest rows).")
]
Header = Annotated[
    bool, Option(help="Whether the first line names the columns; otherwise they are column1, column2, ...")
]

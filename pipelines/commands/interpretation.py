"""Commands that show what happens inside a model."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from pipelines.commands.app import (
    DEFAULT_WORK_DIR,
    OF_NETWORKS,
    UNDERSTAND,
    Delimiter,
    Encoding,
    Experiment,
    Header,
    ModelURI,
    Quote,
    Repeats,
    TextColumn,
    WorkDir,
    app,
    opened,
)
from pipelines.commands.command import command
from pipelines.configuration import compose, preset_names
from pipelines.console import Console
from pipelines.options import split_list, with_repeats
from pipelines.working_directory import WorkingDirectory
from sentiment.data.tables.files import ReadOptions
from sentiment.errors import InputError
from sentiment.interpretation.memory_tasks import TaskName
from sentiment.training.cells import CELLS


@command(
    app,
    "describe",
    panel=UNDERSTAND,
    reads=("models", "vocabulary.num_words", "sequences.maxlen", "model"),
)
def describe(console: Console, preset: str | None, options: dict[str, Any]) -> None:
    """Print the layers of each model with their parameter counts."""
    config = compose(preset, options)
    console.import_tensorflow()
    from sentiment.training.models import build_model

    for cell in config.models:
        network = build_model(cell, config.model, num_words=config.vocabulary.num_words, maxlen=config.sequences.maxlen)
        rows = [
            [layer.name, type(layer).__name__, str(tuple(layer.output.shape)), f"{layer.count_params():,}"]
            for layer in network.layers
        ]
        rows.append(["total", "", "", f"{network.count_params():,}"])
        console.table(CELLS[cell].layer, ["layer", "type", "output shape", "parameters"], rows)


@command(app, "explain", panel=UNDERSTAND)
def explain(
    console: Console,
    text: Annotated[str | None, typer.Argument(help="The review; or name one by --input and --row.")] = None,
    model: ModelURI = None,
    output: Annotated[
        Path | None, typer.Option(help="Write the explanation here too: .html a page, .json numbers.")
    ] = None,
    table: Annotated[
        Path | None, typer.Option("--input", help="Table of reviews, of any format that `sentiment score` reads.")
    ] = None,
    row: Annotated[int | None, typer.Option(help="Row of --input, from 1, the header not counted.")] = None,
    text_column: TextColumn = None,
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    quote: Quote = None,
    header: Header = True,
) -> None:
    """Show what happens inside a model while it reads a review: gates, states, and which words decided."""
    from pipelines import explain

    if text is not None and table is None and row is None:
        review = text
    elif text is None and table is not None and row is not None:
        review = explain.read_review(table, row, text_column, ReadOptions(encoding, delimiter, quote, header))
    else:
        raise InputError('Give one review: either as "TEXT", or by --input FILE --row N.')
    explain.explain_review(console, review, model, output)


@command(app, "playground", panel=UNDERSTAND)
def playground(
    console: Console,
    page: Annotated[Path, typer.Argument(metavar="PAGE.html", help="Page to write.")],
    model: ModelURI = None,
    exact: Annotated[bool, typer.Option("--exact", help="Keep the word vectors as float32: larger, exact.")] = False,
) -> None:
    """Write a model as one web page that computes by itself: type, and see the verdict and what decides it."""
    from pipelines.playground import write_playground

    write_playground(console, model, page, exact=exact)


@command(app, "gradient-flow", panel=UNDERSTAND, reads=OF_NETWORKS)
def gradient_flow(
    console: Console,
    preset: str | None,
    options: dict[str, Any],
    length: Annotated[
        int | None, typer.Option(help="Tokens of the reviews to measure on (default: what --reviews of them have).")
    ] = None,
    reviews: Annotated[int, typer.Option(min=1, help="Most reviews to measure on.")] = 64,
    fresh: Annotated[bool, typer.Option("--fresh", help="Measure untrained networks.")] = False,
    work_dir: WorkDir = DEFAULT_WORK_DIR,
    experiment: Experiment = "gradient-flow",
) -> None:
    """Measure how gradients vanish or explode over the words of real reviews, in every kind of network."""
    with opened(console, work_dir, preset, options, goes_on=True) as context:
        from pipelines.gradient_flow import run_gradient_flow

        if "models" not in options and context.start is None:
            context = replace(context, config=context.config.model_copy(update={"models": tuple(CELLS)}))
        run_gradient_flow(context, length=length, reviews=reviews, fresh=fresh, experiment=experiment)


@command(app, "run-memory", panel=UNDERSTAND)
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
    work_dir: WorkDir = DEFAULT_WORK_DIR,
    experiment: Experiment = "memory",
) -> None:
    """Compare SimpleRNN, LSTM and GRU on the classic memory tasks, and log all of it to MLflow."""
    given = {"tasks": task, "models": models, "seeds": seeds, "lengths": lengths}
    lists = with_repeats({name: split_list(value) for name, value in given.items() if value is not None}, repeats)
    with console.without_native_log():
        from pipelines import memory

    config = memory.compose_memory(preset, lists, epochs)
    with WorkingDirectory(work_dir) as work:
        memory.run_memory(config, work, console, experiment)

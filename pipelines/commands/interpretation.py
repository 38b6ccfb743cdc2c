"""Commands that show what happens inside a model."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, get_args

from typer import Argument, Option

from pipelines.commands import options
from pipelines.commands.command import UNDERSTAND, command
from pipelines.commands.given import Given, split_list
from pipelines.console import Console
from pipelines.working_directory import WorkingDirectory
from sentiment.data.files import ReadOptions
from sentiment.engine.cells import CELLS
from sentiment.errors import InputError
from sentiment.interpretation.memory_tasks import TaskName
from sentiment.presets import preset_names


@command("describe", panel=UNDERSTAND, reads=("models", "vocabulary.num_words", "sequences.maxlen", "model"))
def describe(console: Console, given: Given) -> None:
    """Print the layers of each model with their numbers of parameters."""
    config = given.config()
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


@command("explain", panel=UNDERSTAND)
def explain(
    console: Console,
    text: Annotated[
        str | None, Argument(metavar="TEXT", help="The review; or choose one with --input and --row.")
    ] = None,
    model: options.ModelURI = None,
    output: Annotated[
        Path | None, Option(help="Also write the explanation to a file: .html for a page, .json for numbers.")
    ] = None,
    table: Annotated[
        Path | None, Option("--input", help="Table of reviews, in any format that `sentiment score` reads.")
    ] = None,
    row: Annotated[int | None, Option(help="Row of --input, counted from 1 without the header.")] = None,
    text_column: options.TextColumn = None,
    encoding: options.Encoding = None,
    delimiter: options.Delimiter = None,
    quote: options.Quote = None,
    header: options.Header = True,
) -> None:
    """Show which words decided about a review, and what the gates and states of the network did while it read them."""
    from pipelines import explain

    if text is not None and table is None and row is None:
        review = text
    elif text is None and table is not None and row is not None:
        review = explain.read_review(table, row, text_column, ReadOptions(encoding, delimiter, quote, header))
    else:
        raise InputError('Give one review: either as "TEXT", or with --input FILE --row N.')
    explain.explain_review(console, review, model, output)


@command("playground", panel=UNDERSTAND)
def playground(
    console: Console,
    page: Annotated[
        Path | None,
        Argument(metavar="[PAGE.html]", help="Page to write (default: playground.html, which your browser opens)."),
    ] = None,
    model: options.ModelURI = None,
    exact: Annotated[
        bool, Option("--exact", help="Keep the word vectors as float32: a larger page with exact numbers.")
    ] = False,
) -> None:
    """Write a model as one web page that works offline: type a review, and see the verdict and what decides it."""
    from pipelines.explain import write_playground

    write_playground(console, model, page, exact=exact)


@command("gradient-flow", panel=UNDERSTAND, reads=options.NETWORK_SECTIONS)
def gradient_flow(
    console: Console,
    given: Given,
    length: Annotated[
        int | None, Option(help="Tokens of the reviews to measure on (default: what --reviews of them reach).")
    ] = None,
    reviews: Annotated[int, Option(min=1, help="Most reviews to measure on.")] = 64,
    fresh: Annotated[bool, Option("--fresh", help="Measure untrained networks.")] = False,
    experiment: options.Experiment = "gradient-flow",
    work_dir: options.WorkDir = options.DEFAULT_WORK_DIR,
) -> None:
    """Measure how gradients vanish or explode over the words of real reviews, in every kind of network."""
    with given.opened(console, work_dir) as context:
        from pipelines.gradient_flow import run_gradient_flow

        if "models" not in given.options and context.start is None:
            context = replace(context, config=context.config.model_copy(update={"models": tuple(CELLS)}))
        run_gradient_flow(context, length=length, reviews=reviews, fresh=fresh, experiment=experiment)


@command("run-memory", panel=UNDERSTAND)
def run_memory(
    console: Console,
    task: Annotated[
        str | None, Option(help=f"Tasks, comma-separated: {', '.join(get_args(TaskName))} (default: all).")
    ] = None,
    models: Annotated[str | None, Option(help="Models, comma-separated (default: lstm, simple_rnn, gru).")] = None,
    seeds: Annotated[str | None, Option(help="Seeds, comma-separated (full: 0,1,2).")] = None,
    repeats: options.Repeats = None,
    lengths: Annotated[
        str | None, Option(help="Steps of the adding problem, comma-separated (full: 50,100,200,400).")
    ] = None,
    epochs: Annotated[int | None, Option(help="Most epochs for every task.")] = None,
    preset: Annotated[
        str, Option(help=f"Named configuration ({', '.join(preset_names('memory'))}) or a TOML file.")
    ] = "full",
    experiment: options.Experiment = "memory",
    work_dir: options.WorkDir = options.DEFAULT_WORK_DIR,
) -> None:
    """Compare SimpleRNN, LSTM and GRU on the classic memory tasks, and log everything to MLflow."""
    lists = {"tasks": task, "models": models, "seeds": seeds, "lengths": lengths}
    listed = {name: split_list(value) for name, value in lists.items() if value is not None}
    given = Given(preset, listed).with_repeats(repeats)
    with console.without_native_log():
        from pipelines import memory

    config = memory.compose_memory(preset, given.options, epochs)
    with WorkingDirectory(work_dir) as work:
        memory.run_memory(config, work, console, experiment)

"""Commands that tell what would make a model better: more labels, or other settings."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from pipelines.commands.app import (
    DEFAULT_WORK_DIR,
    IMPROVE,
    OF_ALL,
    OF_NETWORKS,
    Experiment,
    Repeats,
    WorkDir,
    app,
    opened,
)
from pipelines.commands.command import command
from pipelines.configuration import preset_names
from pipelines.console import Console
from pipelines.options import split_list, with_repeats
from sentiment.errors import InputError

DEFAULT_MINUTES = 20


@command(app, "learning-curve", panel=IMPROVE, reads=OF_ALL)
def learning_curve(
    console: Console,
    preset: str | None,
    options: dict[str, Any],
    shares: Annotated[
        str, typer.Option(help="Per cent of the labels that the models are trained on, comma-separated.")
    ] = "5,10,25,50,100",
    more: Annotated[
        int | None, typer.Option("--more-labels", min=1, help="Labels to ask about (default: a fifth of all).")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="File for the page (default: learning-curve.html beside the working directory)."),
    ] = None,
    work_dir: WorkDir = DEFAULT_WORK_DIR,
    experiment: Experiment = "learning-curve",
    repeats: Repeats = None,
) -> None:
    """Tell what more labels would bring: train every model on parts of the labels, and log all of it to MLflow."""
    options = with_repeats(options, repeats)
    with opened(console, work_dir, preset, options, goes_on=True) as context:
        from pipelines import learning_curve

        checked = learning_curve.check_shares(split_list(shares), len(context.config.seeds))
        learning_curve.run_learning_curve(context, checked, more, experiment, output)


@command(app, "tune", panel=IMPROVE, reads=OF_NETWORKS)
def tune(
    console: Console,
    preset: str | None,
    options: dict[str, Any],
    minutes: Annotated[
        float | None,
        typer.Option(help=f"Minutes to search (default: {DEFAULT_MINUTES}, or no bound where --trials is given)."),
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option(min=1, help="Trials of the search, with those of earlier commands and other processes."),
    ] = None,
    space: Annotated[
        str, typer.Option(help=f"Settings to search: {', '.join(preset_names('spaces'))}, or a TOML file.")
    ] = "default",
    objective: Annotated[
        Literal["loss", "accuracy"], typer.Option(help="Validation metric that is made best.")
    ] = "loss",
    max_microseconds: Annotated[
        float | None, typer.Option(help="Most microseconds that scoring a review may take on this machine.")
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(
            help="URL of the trials' database, which several machines may share, such as postgresql://HOST/NAME "
            "(default: SQLite in the working directory)."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="File for the best settings (default: best.toml beside the working directory)."),
    ] = None,
    work_dir: WorkDir = DEFAULT_WORK_DIR,
    experiment: Experiment = "tuning",
) -> None:
    """Search settings for a network by its validation loss, and write the best as a preset; test is not read.

    An option that fixes a setting takes it out of the search. Killed or interrupted, the same command goes on.
    """
    for name in ("models", "seeds"):
        if len(options.get(name, ())) > 1:
            raise InputError(f"A trial trains one network: give one of --{name}; a space may list several models.")
    for option, value in (("--minutes", minutes), ("--max-microseconds", max_microseconds)):
        if value is not None and not value > 0:
            raise InputError(f"{option} is {value:g}: give a number above 0.")
    with console.without_native_log():
        from pipelines.tune import search_settings
        from pipelines.tuning.space import read_space
        from pipelines.tuning.trials import SearchConfig
    found = read_space(space)
    fixed = {name for name in found.settings if name.rpartition(".")[2] in options}
    config = SearchConfig(
        space=found.without(fixed),
        metric=objective,
        max_microseconds=max_microseconds,
        minutes=DEFAULT_MINUTES if minutes is None and trials is None else minutes,
        trials=trials,
        storage=storage,
        experiment=experiment,
        output=output,
    )
    with opened(console, work_dir, preset, options, goes_on=True) as context:
        if fixed:
            console.say(f"not searched, as options fix them: {', '.join(sorted(fixed))}")
        search_settings(context, config)

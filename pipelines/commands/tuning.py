"""Commands that say what would make a model better: more labels, or other settings."""

from pathlib import Path
from typing import Annotated, Literal

from typer import Option

from pipelines.commands import options
from pipelines.commands.command import IMPROVE, command
from pipelines.commands.given import Given, split_list
from pipelines.console import Console
from sentiment.errors import InputError
from sentiment.presets import preset_names

DEFAULT_MINUTES = 20


@command("learning-curve", panel=IMPROVE, reads=options.ALL_SECTIONS)
def learning_curve(
    console: Console,
    given: Given,
    shares: Annotated[str, Option(help="Percentages of the labels to train on, comma-separated.")] = "5,10,25,50,100",
    more: Annotated[
        int | None, Option("--more-labels", min=1, help="More labels to predict the gain of (default: a fifth).")
    ] = None,
    repeats: options.Repeats = None,
    output: Annotated[
        Path | None, Option(help="File for the page (default: learning-curve.html beside the working directory).")
    ] = None,
    experiment: options.Experiment = "learning-curve",
    work_dir: options.WorkDir = options.DEFAULT_WORK_DIR,
) -> None:
    """Predict what more labels would bring, from models trained on parts of the labels; log everything to MLflow."""
    with given.with_repeats(repeats).opened(console, work_dir) as context:
        from pipelines import learning_curve

        checked = learning_curve.check_shares(split_list(shares), len(context.config.seeds))
        learning_curve.run_learning_curve(context, checked, more, experiment, output)


@command("tune", panel=IMPROVE, reads=options.NETWORK_SECTIONS)
def tune(
    console: Console,
    given: Given,
    minutes: Annotated[
        float | None, Option(help=f"Minutes to search (default: {DEFAULT_MINUTES}, or unlimited with --trials).")
    ] = None,
    trials: Annotated[
        int | None, Option(min=1, help="Trials in all, including those of earlier commands and of other processes.")
    ] = None,
    space: Annotated[
        str, Option(help=f"Settings to search: {', '.join(preset_names('spaces'))}, or a TOML file.")
    ] = "default",
    objective: Annotated[Literal["loss", "accuracy"], Option(help="Validation metric to optimize.")] = "loss",
    max_microseconds: Annotated[
        float | None, Option(help="Most microseconds that scoring a review may take on this machine.")
    ] = None,
    storage: Annotated[
        str | None,
        Option(
            help="URL of the database of trials, which several machines can share, such as postgresql://HOST/NAME "
            "(default: SQLite in the working directory)."
        ),
    ] = None,
    output: Annotated[
        Path | None, Option(help="File for the best settings (default: best.toml beside the working directory).")
    ] = None,
    experiment: options.Experiment = "tuning",
    work_dir: options.WorkDir = options.DEFAULT_WORK_DIR,
) -> None:
    """Search for the settings of a network with the lowest validation loss, and write the best as a preset.

    The test reviews are not read. An option that fixes a setting takes it out of the search. After a kill or an
    interruption, the same command resumes the search.
    """
    for name in ("models", "seeds"):
        if len(given.options.get(name, ())) > 1:
            raise InputError(f"A trial trains one network: give one of --{name}; a space may list several models.")
    for option, value in (("--minutes", minutes), ("--max-microseconds", max_microseconds)):
        if value is not None and not value > 0:
            raise InputError(f"{option} is {value:g}: give a number above 0.")
    with console.without_native_log():
        from pipelines.tune import search_settings
        from pipelines.tuning.space import read_space
        from pipelines.tuning.trials import SearchConfig
    found = read_space(space)
    fixed = {name for name in found.settings if name.rpartition(".")[2] in given.options}
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
    with given.opened(console, work_dir) as context:
        if fixed:
            console.say(f"not searched, because options fix them: {', '.join(sorted(fixed))}")
        search_settings(context, config)

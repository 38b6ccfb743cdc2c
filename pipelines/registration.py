"""After the training: LSTMs and linear model become versions of a registered model, and the commands that use it."""

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.files import write_file
from pipelines.model_card import size_of
from pipelines.stages.context import Context
from pipelines.stages.evaluation import Outcome
from sentiment.reporting.report import render_flips, show_flips
from sentiment.tracking import champion, runs
from sentiment.tracking.champion import Registration, Training
from sentiment.tracking.model import load_run_classifier
from sentiment.training.linear_model import LINEAR_MODEL

FLIPS_PAGE = "flips.html"
"""Under this name the parent run holds the page of what the candidate judges otherwise than its rival."""

EXAMPLE = "A moving film."


@dataclass(frozen=True)
class LoggedModel:
    """A trained and evaluated network or linear model, its card, and the ID of the model that its run holds."""

    outcome: Outcome
    model_id: str
    card: str

    @property
    def validation_loss(self) -> float:
        """Of the weights that were kept; NaN for the linear model, which has no epochs."""
        return self.outcome.result.validation_loss

    def training(self) -> Training:
        """As the registry takes it."""
        result = self.outcome.result
        metrics = runs.tracked_metrics(result.metrics)
        return Training(
            result.name,
            self.model_id,
            metrics,
            result.predictions,
            self.validation_loss,
            size_of(self.outcome.trained.folder),
            self.card,
        )


def register(
    context: Context,
    name: str,
    networks: Sequence[LoggedModel],
    linear_model: Sequence[LoggedModel],
    report: Path,
    *,
    promote: bool,
) -> str:
    """Register every network, and say what became of the one with the lowest validation loss, and why.

    The linear model, if there is one, becomes a version that is no candidate: `sentiment promote` makes it champion.

    Args:
        promote: whether it becomes champion whatever it is worth.
        report: of the pipeline; beside it goes the page of what the candidate judges otherwise than the champion.

    Returns:
        The URI of its version.

    Raises:
        InputError: a logged model cannot be loaded, or MLflow cannot be used.
    """
    registration = champion.register(
        name,
        [network.training() for network in networks],
        [model.training() for model in linear_model],
        promote=promote,
    )
    others = ", ".join(str(other.number) for other in registration.others)
    of_seeds = f"; versions of the other seeds: {others}" if others else ""
    context.console.say(f"registered  {registration.candidate}, {registration.reason}{of_seeds}")
    for version in registration.kept:
        command = f"`sentiment promote {version.number} --name {shlex.quote(name)}`"
        context.console.say(f"            {version} is the linear model, {LINEAR_MODEL}: {command} makes it champion")
    if registration.flips is not None and registration.rival is not None:
        page = report.with_name(f"flips-{name}-{registration.candidate.number}-{registration.rival.number}.html")
        content = render_contest(context, registration)
        write_file(page, content)
        runs.log_text(content, FLIPS_PAGE)
        context.console.say(f"flips       {page}")
    return f"models:/{name}/{registration.candidate.number}"


def render_contest(context: Context, registration: Registration) -> str:
    """The page of the test reviews that a candidate judges otherwise than the version that it was held against."""
    assert registration.flips is not None  # there was a contest
    assert registration.rival is not None
    candidate, rival = registration.candidate, registration.rival
    classifiers = [load_run_classifier(version.run_id) for version in (candidate, rival)]
    return render_flips(
        [show_flips(registration.flips, *classifiers)],
        title=f"{candidate.name}: version {candidate.number} against version {rival.number}",
        note=context.note,
    )


def folder_of_best(networks: Sequence[LoggedModel]) -> str:
    """Where the classifier with the lowest validation loss lies; a NaN is the highest."""

    def loss(network: LoggedModel) -> float:
        return math.inf if math.isnan(network.validation_loss) else network.validation_loss

    return str(min(networks, key=loss).outcome.trained.folder)


def show_next_steps(context: Context, model: str) -> None:
    """The commands that use the model that was just trained.

    Args:
        model: its folder or URI.
    """
    source, chosen = context.config.source, f"--model {shlex.quote(model)}"
    table, column = "reviews.csv", ""
    if source.source == "table":
        table = "new.csv"  # not the rows that it was trained on, which it judges too surely
        given = {"text-column": source.text_column, "encoding": source.encoding, "delimiter": source.delimiter,
                 "quote": source.quote}  # fmt: skip
        column = "".join(f" --{name} {shlex.quote(value)}" for name, value in given.items() if value)
        column += "" if source.header else " --no-header"
    context.console.command("to use it", f'sentiment predict {chosen} "{EXAMPLE}"')
    context.console.command("", f"sentiment score {chosen}{column} {table} scored.csv")

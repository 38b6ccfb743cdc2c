"""After the training: LSTMs and linear model become versions of a registered model, and the commands that use it."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from pipelines.files import write_file
from pipelines.stages.context import Context
from sentiment.evaluation.result import Result
from sentiment.reporting.report import render_flips, show_flips
from sentiment.tracking import champion, runs
from sentiment.tracking.model import load_run_classifier
from sentiment.tracking.registry import Version
from sentiment.training.linear_model import LINEAR_MODEL

FLIPS_PAGE = "flips.html"
"""Under this name the parent run holds the page of what the candidate judges otherwise than its rival."""

EXAMPLE = "A moving film."


def register(
    context: Context,
    name: str,
    results: Sequence[Result],
    linear_model: Sequence[Result],
    report: Path,
    *,
    promote: bool,
) -> str:
    """Register every model, and say what became of the one with the lowest validation loss, and why.

    The linear model, if there is one, becomes a version that is no candidate: `sentiment promote` makes it champion.

    Args:
        promote: whether it becomes champion whatever it is worth.
        report: of the pipeline; beside it goes the page of what the candidate judges otherwise than the champion.

    Returns:
        The URI of its version.

    Raises:
        InputError: a logged model cannot be loaded, or MLflow cannot be used.
    """
    versions = champion.register(name, results, linear_model, promote=promote)
    candidate = next(version for version in versions if version.reason)
    seeds = dict.fromkeys(version.number for version in versions[: len(results)] if version.number != candidate.number)
    others = f"; versions of the other seeds: {', '.join(map(str, seeds))}" if seeds else ""
    context.console.say(f"registered  {candidate}, {candidate.reason}{others}")
    for version in versions[len(results) :]:
        command = f"`sentiment promote {version.number} --name {shlex.quote(name)}`"
        context.console.say(f"            {version} is the linear model, {LINEAR_MODEL}: {command} makes it champion")
    if candidate.flips is not None and candidate.rival is not None:
        page = report.with_name(f"flips-{name}-{candidate.number}-{candidate.rival.number}.html")
        content = render_contest(context, candidate)
        write_file(page, content)
        runs.log_text(content, FLIPS_PAGE)
        context.console.say(f"flips       {page}")
    return f"models:/{name}/{candidate.number}"


def render_contest(context: Context, candidate: Version) -> str:
    """The page of the test reviews that a candidate judges otherwise than the version that it was compared with."""
    assert candidate.flips is not None  # there was a contest
    assert candidate.rival is not None
    classifiers = [load_run_classifier(version.run_id) for version in (candidate, candidate.rival)]
    return render_flips(
        [show_flips(candidate.flips, *classifiers)],
        title=f"{candidate.name}: version {candidate.number} against version {candidate.rival.number}",
        note=context.note,
    )


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

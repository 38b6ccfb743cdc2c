"""The learning curve pipeline: what more labels would bring, from trainings on parts of those there are.

A network or linear model on a part of the labels is the stage that `run-pipeline` trains, with fewer reviews. Test is
read by the stage `evaluate` alone. So with all labels both commands share their stages, and killed and started again
this one goes on from the last finished epoch. In MLflow every model with every seed is a child run of one parent, and
the steps of its metrics are numbers of labels.

An epoch takes as many gradient steps with few labels as with all, as it goes through them several times. Else the curve
would tell of steps, not of labels.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pipelines.files import write_file
from pipelines.stages.comparison import check_report, owner_of, place_of_page
from pipelines.stages.context import Context
from pipelines.stages.evaluation import evaluate
from pipelines.stages.load import load
from pipelines.tracked_pipeline import TrackedPipeline
from pipelines.working_directory import Stage
from sentiment.data.corpus import Corpus
from sentiment.errors import InputError
from sentiment.evaluation.learning_curve import SIZES, LearningCurves, default_more
from sentiment.evaluation.result import Result
from sentiment.reporting import plots
from sentiment.reporting.pages import gain_rows, markdown_table, point_rows, render_learning_curve
from sentiment.tracking import runs, store
from sentiment.training.cut import Cut, cut_validation, keep_labels
from sentiment.training.linear_model import LINEAR_MODEL
from sentiment.training.recipe import Recipe
from sentiment.training.trained import Candidate

PAGE_FILE, TRAININGS_FILE, POINTS_FILE = "learning-curve.html", "trainings.csv", "learning_curve.csv"

FEWEST_LABELS = 20

LOGGED = (
    *("accuracy", "f1", "roc_auc", "mean_absolute_error", "quadratic_weighted_kappa"),
    *("log_loss", "training_seconds"),
)
"""Metrics of a training that MLflow gets, at the number of labels as their step."""


ABOUT_EXPERIMENT = (
    "Runs of `sentiment learning-curve`. A parent run holds the accuracy of every model by the number of labels, its "
    "chart and its page; below it is a child run for every model and seed."
)


@dataclass(frozen=True)
class Part:
    """A share of the labels.

    Attributes:
        labels: how many they are, those of validation reviews too.
        recipe: for a model that has these labels alone.
    """

    labels: int
    recipe: Recipe

    def measure(self, context: Context, candidate: Candidate) -> Result:
        """Train a model on this part of the labels, and evaluate it on the test split."""
        name = f"{candidate.title} with {self.labels:,} labels, seed {candidate.seed}"
        named = candidate._replace(name=name)
        return evaluate(context, self.recipe, named, self.recipe.train(named))


def check_shares(shares: Sequence[str], seeds: int) -> list[float]:
    """Percentages as shares of the labels, from the smallest.

    Args:
        shares: in per cent.
        seeds: with each share so many times a model is trained.

    Raises:
        InputError: one is no percentage or stands there twice, or they are too few for a curve.
    """
    try:
        values = sorted(float(share) / 100 for share in shares)
    except ValueError:
        values = [0.0]
    if not all(0 < value <= 1 for value in values) or len(set(values)) < len(values):
        raise InputError(
            f"--shares is {','.join(shares)}: give different percentages of the labels, above 0 and up to 100."
        )
    if len(values) < SIZES or len(values) * seeds <= SIZES:
        raise InputError(
            f"--shares names {len(values)} sizes, with {seeds} seed{'s' if seeds > 1 else ''}: a learning curve takes "
            f"{SIZES} sizes and {SIZES + 1} trainings of a model; name more sizes or more seeds."
        )
    return values


def run_learning_curve(
    context: Context, shares: Sequence[float], more: int | None, experiment: str, output: Path | None
) -> None:
    """Train each model on each share of the labels, fit its power law, and write page and MLflow runs.

    Args:
        shares: of the labels, rising, as `check_shares` gives them.
        more: labels to ask about; None for a fifth of those there are.
        experiment: of MLflow.
        output: where the page goes; None for learning-curve.html beside the working directory.

    Raises:
        InputError: what a stage raises; the smallest share has too few labels; MLflow cannot be reached.
    """
    store.silence()
    if output is not None:
        check_report(output, owner_of(context))
    config = context.config
    parts = _parts(context, shares)
    more = more or default_more(parts[-1].labels)
    tracked = TrackedPipeline(context, parts[-1].recipe, experiment, ABOUT_EXPERIMENT)
    percentages = ",".join(f"{100 * share:g}" for share in shares)
    results: list[tuple[Candidate, Part, Result]] = []
    with tracked.parent(f"Learning curve on {config.source.name}", shares=percentages, more=more) as parent:
        for candidate in config.candidates(linear_seeds=len(config.seeds)):
            named = candidate._replace(name=f"{candidate.title}, seed {candidate.seed}")
            with tracked.child(parent, named) as child:
                for part in parts:
                    result = part.measure(context, candidate)
                    metrics = {metric: result.metrics[metric] for metric in LOGGED if metric in result.metrics}
                    points = {metric: {part.labels: value} for metric, value in runs.tracked_metrics(metrics).items()}
                    runs.log_points(child, points)
                    results.append((candidate, part, result))
        folder = _fit(context, results, more).folder
        curves = LearningCurves(pd.read_csv(folder / POINTS_FILE), pd.read_csv(folder / TRAININGS_FILE))
        _log(context, parent, curves, folder, more)
    _show(context, curves, folder, more, output)


def _parts(context: Context, shares: Sequence[float]) -> list[Part]:
    loaded, parts = load(context), []
    for share in shares:
        recipe = context.recipe(loaded, functools.partial(_cut_labels, share))
        cut = recipe.cut(context.config.seeds[0])
        parts.append(Part(len(cut.training) + len(cut.validation), recipe))
    if parts[0].labels < FEWEST_LABELS:
        raise InputError(
            f"{100 * shares[0]:g} % of the labels are {parts[0].labels}, and a training takes {FEWEST_LABELS}: "
            "name larger --shares."
        )
    return parts


def _cut_labels(part: float, corpus: Corpus, share: float, seed: int) -> Cut:
    """The usual cut for validation, of which a part has labels."""
    return keep_labels(cut_validation(corpus, share, seed), corpus.train.labels, part, seed)


def _fit(context: Context, results: Sequence[tuple[Candidate, Part, Result]], more: int) -> Stage:
    """All evaluations -> trainings.csv, learning_curve.csv and learning-curve.html."""
    config = context.config

    def run(folder: Path) -> None:
        rows = [[candidate.title, candidate.seed, part.labels] for candidate, part, _ in results]
        trainings = pd.DataFrame(rows, columns=["model", "seed", "labels"])
        correct = [result.correct for *_, result in results]
        curves = LearningCurves.from_trainings(trainings, correct, chance=results[0][2].metrics["majority_accuracy"])
        curves.trainings.to_csv(folder / TRAININGS_FILE, index=False)
        curves.points.to_csv(folder / POINTS_FILE, index=False)
        page = render_learning_curve(
            curves,
            sentence=curves.sentence(LINEAR_MODEL, more),
            more=more,
            title=f"Learning curve on {config.source.name}",
            note=context.note,
            configuration=config.flat(),
            owner=owner_of(context),
        )
        write_file(folder / PAGE_FILE, page)

    evaluated = [[candidate.model, part.labels, result.digest] for candidate, part, result in results]
    key = {"evaluated": evaluated, "more": more, "configuration": config.flat()}
    return context.run_stage(
        "learning-curve", f"{len(results)} evaluations", key, run, code=("evaluation", "reporting")
    )


def _log(context: Context, parent: runs.Run, curves: LearningCurves, folder: Path, more: int) -> None:
    """The mean accuracy of each model at each number of labels, its gain, the chart, page and description."""
    for model in curves.models:
        points, columns = curves.points_of(model), {"accuracy": "_mean", "low": "_low", "high": "_high"}
        steps = points["labels"].tolist()
        series = {end: dict(zip(steps, points[column].tolist(), strict=True)) for column, end in columns.items()}
        runs.log_points(parent, {f"{model}_test_accuracy{end}": values for end, values in series.items()})
    for model, law in curves.laws.items():
        gains = dict(zip(("", "_low", "_high"), law.gain(more), strict=True))
        runs.log_metrics(parent, {f"{model}_gain{end}": value for end, value in gains.items()})
    title = f"Accuracy by number of labels{context.suffix}"
    runs.log_figure(plots.accuracy_by_labels(curves, more, title), "accuracy_by_labels.png")
    for name in (TRAININGS_FILE, POINTS_FILE, PAGE_FILE):
        runs.log_artifact(str(folder / name))
    tables = [markdown_table(*rows) for rows in (point_rows(curves), gain_rows(curves, more))]
    runs.set_description(context.description(f"{curves.sentence(LINEAR_MODEL, more)}.", *tables))


def _show(context: Context, curves: LearningCurves, folder: Path, more: int, output: Path | None) -> None:
    """The tables and the sentence, and the page in its place."""
    console = context.console
    title = f"Accuracy on the test split of {context.config.source.name}{context.suffix}"
    console.table(f"{title}, with 95 % intervals", *point_rows(curves))
    console.table("What more labels would bring, with 95 % intervals", *gain_rows(curves, more))
    console.result(curves.sentence(LINEAR_MODEL, more))
    page = place_of_page(output or context.work.path.parent, PAGE_FILE, owner_of(context))
    write_file(page, (folder / PAGE_FILE).read_text("utf-8"))
    console.say(f"page        {page}")

"""The page of learning curves: the sentence first, then the chart and the figures that it rests on."""

from collections.abc import Mapping

from sentiment.evaluation.learning_curve import LearningCurves
from sentiment.reporting import plots
from sentiment.reporting.page import inline_svg, render_page

HOW = (
    "Each point is the mean over seeds, measured on the test split, with a 95 % interval over reviews and seeds. Lines "
    "are power laws of the error with 95 % intervals, dashed beyond the trainings; dots join points without a law. "
    "Labels count training and validation reviews."
)


def point_rows(curves: LearningCurves) -> tuple[list[str], list[list[str]]]:
    """Column heads and rows of the accuracies, as people read them."""
    rows = []
    for labels, of_size in curves.points.groupby("labels"):
        cells = of_size.set_index("model").loc[curves.models, ["accuracy", "low", "high"]].to_numpy() * 100
        rows.append([f"{labels:,}", *(f"{value:.1f} % ({low:.1f} to {high:.1f})" for value, low, high in cells)])
    return ["labels", *curves.models], rows


def gain_rows(curves: LearningCurves, more: int) -> tuple[list[str], list[list[str]]]:
    """Column heads and rows of what more labels would bring each model, as people read them."""
    return ["model", "by its power law"], [[model, curves.gain(model, more)] for model in curves.models]


def render_learning_curve(
    curves: LearningCurves,
    *,
    sentence: str,
    more: int,
    title: str,
    note: str,
    configuration: Mapping[str, object],
    owner: str,
) -> str:
    """The page, as HTML.

    Args:
        sentence: what it all comes to.
        more: labels to ask about.
        title: what was measured.
        note: a warning that goes before everything else, or "".
        configuration: name -> value.
        owner: who may replace the page; it stands in the page's generator.
    """
    return render_page(
        "learning_curve.html",
        title=title,
        owner=owner,
        note=note,
        sentence=sentence,
        figure=inline_svg(plots.accuracy_by_labels(curves, more, "Accuracy by number of labels")),
        how=HOW,
        points=point_rows(curves),
        gains=gain_rows(curves, more),
        configuration=configuration,
    )

"""The report of a comparison: the verdict first, then all that it rests on, as one HTML page.

A part of it, and a page of its own, are the flips: the reviews that two models judge otherwise. The words that moved
the verdict are coloured as in the playground: blue speaks for positive, orange for negative.
"""

import sys
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from sentiment.classifier import SentimentClassifier
from sentiment.data.tokenizer import Span
from sentiment.evaluation.behaviour import REPORTED, left_out_note
from sentiment.evaluation.comparison import RIGHT, VERDICT_RULE, WRONG, Comparison, Flips, difference_rows
from sentiment.evaluation.metrics import Table, metric_rows
from sentiment.evaluation.result import confident_mistakes
from sentiment.interpretation.explanation import moved_words
from sentiment.reporting import COLOURS, plots
from sentiment.reporting.pages import inline_svg, render_page

PACKAGES = ("sentiment", "tensorflow", "keras", "numpy", "scikit-learn", "mlflow")

PER_PAGE, SHOWN, COLOURED = 10, 50, 10
"""Flips on a page, most that are shown of each kind, and most whose words are coloured: that takes a second each."""

LONGEST = 600
"""Words of a review from which on it is not coloured."""

FAINTEST = 0.15
"""Words below this share of the strongest stay plain."""


def render_report(
    comparison: Comparison,
    *,
    title: str,
    note: str,
    configuration: Mapping[str, object],
    owner: str = "",
    classifier_of: Callable[[str], SentimentClassifier | None] = lambda model: None,
    lost: str = "",
) -> str:
    """The page, as HTML.

    Args:
        title: what was compared.
        note: a warning that goes before everything else, or "".
        configuration: name -> value.
        owner: who may replace the page; it stands in the page's generator.
        classifier_of: from a model of the comparison to the classifier of its first seed, to colour words; None where
            there is none.
        lost: a sentence on the lines of the reviews' table that could not be read, or "".
    """
    first = {model: seeds[0] for model, seeds in comparison.results.items()}
    classifiers = {model: classifier_of(model) for model in first} if comparison.differences else {}
    return render_page(
        "report.html",
        title=title,
        owner=owner,
        note=note,
        is_ordered=comparison.any_result.is_ordered,
        verdicts=[*(difference.verdict for difference in comparison.differences), *comparison.warnings.values()],
        accuracies=_accuracies(comparison),
        scope=comparison.scope,
        lost=lost,
        rule=VERDICT_RULE,
        differences=difference_rows(comparison.differences),
        metrics=metric_rows(comparison.metrics, comparison.intervals),
        curves=_curves(comparison),
        slices=_share_rows(comparison.slices),
        behaviour={file: _share_rows(comparison.behaviour.loc[[file]].droplevel("file")) for file in REPORTED},
        fairness=_share_rows(comparison.fairness),
        left_out=_left_out(comparison),
        failures={
            model: result.behaviour.query("example != ''")[["capability", "example"]].to_numpy().tolist()
            for model, result in first.items()
        },
        worst_pairs={
            model: result.fairness[["group", "example"]].to_numpy().tolist() for model, result in first.items()
        },
        shown={model: result.name for model, result in first.items()},
        guarantees=_guarantees(comparison),
        flips=[show_flips(flips, classifiers[flips.model], classifiers[flips.baseline]) for flips in comparison.flips],
        per_page=PER_PAGE,
        shown_flips=SHOWN,
        mistakes={model: confident_mistakes(result.predictions) for model, result in first.items()},
        configuration=configuration,
        versions={"python": sys.version.split()[0], **{package: metadata.version(package) for package in PACKAGES}},
    )


def _accuracies(comparison: Comparison) -> list[str]:
    """How right each model is, with the interval, as sentences."""
    majority = comparison.any_result.metrics["majority_accuracy"]
    beside = f"calling every review by the majority's label is right for {100 * majority:.1f} %"
    return [
        f"{model} is right for {100 * value:.1f} % of the reviews, 95 % interval {100 * low:.1f} to {100 * high:.1f}; "
        f"{beside}"
        for model, (value, low, high) in comparison.accuracies.items()
    ]


def _guarantees(comparison: Comparison) -> tuple[list[tuple[str, Markup]], Table] | None:
    """Plots with their captions, and the table of guaranteed accuracies; None where no model guarantees any."""
    checks = {model: [r.guarantees for r in seeds if r.guarantees] for model, seeds in comparison.results.items()}
    checks = {model: seeds for model, seeds in checks.items() if seeds}
    if not checks:
        return None
    rows = [
        [result.name, f"{100 * check.level:g} %", *check.cells]
        for seeds in comparison.results.values()
        for result in seeds
        for check in result.guarantees
    ]
    drawn = [
        (
            "What the option --sure promises, chosen on validation reviews, and what test reviews show.",
            inline_svg(plots.guaranteed_accuracy(checks)),
        ),
        ("What a promise costs: the other reviews get no verdict.", inline_svg(plots.coverage(checks))),
    ]
    return drawn, (["model", "promised", "found", "95 % interval", "answered", "kept"], rows)


def _left_out(comparison: Comparison) -> str:
    """How many behavioural cases are left out, of each model where they differ."""
    counts = {result.name: result.left_out for seeds in comparison.results.values() for result in seeds}
    if len(set(counts.values())) == 1:
        return left_out_note(comparison.any_result.left_out)
    return " ".join(f"{name}: {left_out_note(count)}" for name, count in counts.items() if count)


def _share_rows(shares: pd.DataFrame) -> Table:
    """Headers and rows of shares by model, after the names and the number of reviews or cases."""
    names, (counted, *models) = list(map(str, shares.index.names)), list(map(str, shares))
    rows = [
        [
            *(str(row[name]) for name in names),
            f"{row[counted]:,}",
            *("n/a" if np.isnan(row[model]) else f"{100 * row[model]:.1f} %" for model in models),
        ]
        for row in shares.reset_index().to_dict("records")
    ]
    return [*names, counted, *models], rows


def _curves(comparison: Comparison) -> list[tuple[str, str, Markup]]:
    """Name, alternative text and SVG of each plot."""
    histories = {m: [r.history for r in seeds] for m, seeds in comparison.results.items() if seeds[0].history}
    curves = []
    for metric, best, which in (("loss", min, "Lowest"), ("accuracy", max, "Highest")) if histories else ():
        ends = {m: [best(history[f"val_{metric}"]) for history in seeds] for m, seeds in histories.items()}
        values = "; ".join(f"{m} {', '.join(f'{end:.3f}' for end in seeds)}" for m, seeds in ends.items())
        alternative = f"Training and validation {metric} against the epoch. {which} on validation: {values}."
        figure = plots.learning_curves(histories, [metric])
        curves.append((f"Learning curves: {metric}", alternative, inline_svg(figure)))
    return curves + (_curves_of_labels(comparison) if comparison.any_result.is_ordered else _curves_of_two(comparison))


def _curves_of_labels(comparison: Comparison) -> list[tuple[str, str, Markup]]:
    """What more than two labels have in place of a ROC curve: a confusion matrix and a reliability diagram a model."""
    any_result, curves = comparison.any_result, []
    for model, seeds in comparison.results.items():
        first, means = seeds[0], comparison.metrics[model]
        alternative = (
            f"True labels by verdicts of {first.name}, the colour by the share of the true label. Quadratic weighted "
            f"kappa {first.metrics['quadratic_weighted_kappa']:.3f}, mean absolute error "
            f"{first.metrics['mean_absolute_error']:.3f}."
        )
        matrix = inline_svg(plots.confusion_matrix(first.confusion_matrix, first.name))
        curves.append((f"Confusion matrix: {model}", alternative, matrix))
        diagram = plots.reliability_diagram(
            any_result.labels, {model: [result.probabilities for result in seeds]}, any_result.label_names
        )
        error = (
            f"Expected calibration error of {model}, the mean of the labels: "
            f"{means['expected_calibration_error']:.3f}. Bins with fewer than {plots.FEWEST_IN_BIN} reviews are left "
            "out."
        )
        curves.append((f"Reliability: {model}", error, inline_svg(diagram)))
    return curves


def _curves_of_two(comparison: Comparison) -> list[tuple[str, str, Markup]]:
    labels, curves = comparison.any_result.labels, []
    probabilities = {model: [r.probabilities for r in seeds] for model, seeds in comparison.results.items()}
    for name, title, metric, draw in (
        ("ROC curves", "Area under the curve", "roc_auc", plots.roc_curves),
        ("Reliability", "Expected calibration error", "expected_calibration_error", plots.reliability_diagram),
    ):
        means = comparison.metrics.loc[metric, list(probabilities)]
        values = "; ".join(f"{model} {value:.3f}" for model, value in means.items())
        curves.append((name, f"{title}: {values}.", inline_svg(draw(labels, probabilities))))
    return curves


@dataclass(frozen=True)
class ShownFlips:
    """The flips of a pair of models as a page shows them.

    Attributes:
        kinds: `newly right` and `newly wrong` -> how many there are, and the pages of those that are shown: a row of
            `Flips.table` with `parts`, its text in order, each part with its colour or "".
        is_coloured: whether words are.
    """

    flips: Flips
    kinds: Mapping[str, tuple[int, list[list[dict[Hashable, Any]]]]]
    is_coloured: bool


def show_flips(
    flips: Flips, model: SentimentClassifier | None = None, baseline: SentimentClassifier | None = None
) -> ShownFlips:
    """The flips as a page shows them; words are coloured where both classifiers are given."""
    kinds = {}
    for kind in (RIGHT, WRONG):
        table = flips.select(kind)
        shown = table.head(SHOWN).to_dict("records")
        for place, row in enumerate(shown):
            moved = {}
            if model and baseline and place < COLOURED and len(row["text"].split()) < LONGEST:
                moved = moved_words(model.model_, baseline.model_, row["text"])
            row["parts"] = list(_coloured(row["text"], moved))
        kinds[kind] = (len(table), [shown[start : start + PER_PAGE] for start in range(0, len(shown), PER_PAGE)])
    return ShownFlips(flips, kinds, model is not None and baseline is not None)


def render_flips(flips: Sequence[ShownFlips], *, title: str, note: str) -> str:
    """A page of its own, as HTML; note: a warning that goes before everything else, or ""."""
    return render_page("flips.html", title=title, note=note, flips=flips, per_page=PER_PAGE, shown=SHOWN)


def _coloured(text: str, moved: Mapping[Span, float]) -> Iterator[tuple[str, str]]:
    """The whole text, part by part, each word with the colour of what it moved."""
    strongest = max(map(abs, moved.values()), default=0.0) or 1.0
    end = 0
    for (first, last), effect in moved.items():
        share = effect / strongest
        if abs(share) < FAINTEST or first < end:
            continue
        if first > end:
            yield text[end:first], ""
        yield text[first:last], f"{COLOURS[0] if share > 0 else COLOURS[1]}{round(170 * abs(share)):02x}"
        end = last
    if end < len(text):
        yield text[end:], ""

"""The report of a comparison: the verdict first, then all that it rests on, as one HTML page."""

import sys
from collections.abc import Callable, Mapping
from importlib import metadata

import numpy as np
import pandas as pd
from markupsafe import Markup

from sentiment.classifier import Classifier
from sentiment.evaluation.behaviour import left_out_note
from sentiment.evaluation.comparison import VERDICT_RULE, Comparison, difference_rows, metric_rows
from sentiment.evaluation.slices import confident_mistakes
from sentiment.reporting import plots
from sentiment.reporting.flips import PER_PAGE, SHOWN, show_flips
from sentiment.reporting.page import inline_svg, render_page

PACKAGES = ("sentiment", "tensorflow", "keras", "numpy", "scikit-learn", "mlflow")


def render_report(
    comparison: Comparison,
    *,
    title: str,
    note: str,
    configuration: Mapping[str, object],
    owner: str = "",
    classifier_of: Callable[[str], Classifier | None] = lambda model: None,
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
    results = comparison.results
    heads, rows = metric_rows(comparison.metrics, comparison.intervals)
    classifiers = {model: classifier_of(model) for model in results} if comparison.differences else {}
    return render_page(
        "report.html",
        title=title,
        owner=owner,
        note=note,
        verdicts=[difference.verdict for difference in comparison.differences] + comparison.warnings,
        accuracies=_accuracies(comparison),
        scope=comparison.scope,
        lost=lost,
        rule=VERDICT_RULE,
        differences=difference_rows(comparison.differences),
        metrics=(heads, rows),
        curves=_curves(comparison),
        slices=_share_rows(comparison.slices),
        behaviour=_share_rows(comparison.behaviour),
        left_out=_left_out(comparison),
        failures={
            model: of_seeds[0].behaviour.query("example != ''")[["capability", "example"]].to_numpy().tolist()
            for model, of_seeds in results.items()
        },
        shown={model: of_seeds[0].name for model, of_seeds in results.items()},
        promises=_promises(comparison),
        flips=[
            show_flips(flips, classifiers[difference.model], classifiers[difference.baseline])
            for difference, flips in zip(comparison.differences, comparison.flips, strict=True)
        ],
        per_page=PER_PAGE,
        shown_flips=SHOWN,
        mistakes={model: confident_mistakes(of_seeds[0].predictions) for model, of_seeds in results.items()},
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


def _promises(comparison: Comparison) -> tuple[list[tuple[str, Markup]], list[str], list[list[str]]] | None:
    """Figures with their captions, column heads and rows of promised accuracies; None where no model promises any."""
    checks = {model: [r.promises for r in of_seeds if r.promises] for model, of_seeds in comparison.results.items()}
    checks = {model: of_seeds for model, of_seeds in checks.items() if of_seeds}
    if not checks:
        return None
    rows = [
        [result.name, f"{100 * check.level:g} %", *check.cells]
        for of_seeds in comparison.results.values()
        for result in of_seeds
        for check in result.promises
    ]
    heads = ["model", "promised", "found", "95 % interval", "answered", "kept"]
    drawn = [
        (
            "What the option --sure promises, chosen on validation reviews, and what test reviews show.",
            inline_svg(plots.promised_accuracy(checks)),
        ),
        ("What a promise costs: the other reviews get no verdict.", inline_svg(plots.answered_share(checks))),
    ]
    return drawn, heads, rows


def _left_out(comparison: Comparison) -> str:
    """How many behavioural cases are left out, of each model where they differ."""
    counts = {result.name: result.left_out for of_seeds in comparison.results.values() for result in of_seeds}
    if len(set(counts.values())) == 1:
        return left_out_note(comparison.any_result.left_out)
    return " ".join(f"{name}: {left_out_note(count)}" for name, count in counts.items() if count)


def _share_rows(shares: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Column heads and rows of shares by model, after the names and the number of reviews or cases."""
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
    """Name, alternative text and SVG of each figure."""
    results = comparison.results
    labels = comparison.any_result.labels
    probabilities = {model: [result.probabilities for result in of_seeds] for model, of_seeds in results.items()}
    histories = {m: [r.history for r in of_seeds] for m, of_seeds in results.items() if of_seeds[0].history}
    curves = []
    if histories:
        for metric, ends in (("loss", "lowest"), ("accuracy", "highest")):
            best = min if metric == "loss" else max
            ends_of_seeds = {m: [best(history[f"val_{metric}"]) for history in h] for m, h in histories.items()}
            said = "; ".join(f"{m} {', '.join(f'{end:.3f}' for end in of_m)}" for m, of_m in ends_of_seeds.items())
            curves.append(
                (
                    f"Learning curves: {metric}",
                    f"Training and validation {metric} against the epoch. {ends.title()} on validation: {said}.",
                    inline_svg(plots.learning_curves(histories, [metric])),
                )
            )
    for name, metric, draw in (
        ("ROC curves", "roc_auc", plots.roc_curves),
        ("Reliability", "expected_calibration_error", plots.reliability_diagram),
    ):
        values = comparison.metrics.loc[metric, list(results)].to_dict()
        said = "; ".join(f"{model} {value:.3f}" for model, value in values.items())
        what = {"roc_auc": "Area under the curve", "expected_calibration_error": "Expected calibration error"}[metric]
        curves.append((name, f"{what}: {said}.", inline_svg(draw(labels, probabilities))))
    return curves

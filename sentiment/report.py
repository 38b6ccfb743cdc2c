"""The report of a comparison: one HTML page that needs nothing else.

The page loads nothing: styles and figures stand in it, and its content security policy forbids scripts and requests.
Whatever is shown is escaped, so a review that holds markup is shown as it was written.
"""

import io
import re
import sys
from collections.abc import Mapping
from importlib import metadata

import jinja2
import numpy as np
from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.figure import Figure

from sentiment import figures
from sentiment.comparison import Comparison, difference_rows, metric_rows
from sentiment.slices import confident_mistakes

PACKAGES = ("sentiment", "tensorflow", "keras", "numpy", "scikit-learn", "mlflow")


def render_report(comparison: Comparison, *, title: str, note: str, configuration: Mapping[str, object]) -> str:
    """The page, as HTML.

    Args:
        title: what was compared.
        note: a warning that goes before everything else, or "".
        configuration: name -> value.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("sentiment", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["percent"] = lambda share: "n/a" if np.isnan(share) else f"{100 * share:.1f} %"
    results = comparison.results
    heads, rows = metric_rows(comparison.metrics)
    return environment.get_template("report.html").render(
        title=title,
        note=note,
        verdicts=[difference.verdict for difference in comparison.differences],
        scope=comparison.scope,
        differences=difference_rows(comparison.differences),
        metrics=(heads, rows),
        curves=_curves(comparison),
        models=list(results),
        slices=comparison.slices,
        behaviour=comparison.behaviour,
        shown={model: of_seeds[0] for model, of_seeds in results.items()},
        mistakes={model: confident_mistakes(of_seeds[0].predictions) for model, of_seeds in results.items()},
        configuration=configuration,
        versions={"python": sys.version.split()[0], **{package: metadata.version(package) for package in PACKAGES}},
    )


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
                    _svg(figures.learning_curves(histories, [metric])),
                )
            )
    for name, metric, draw in (
        ("ROC curves", "roc_auc", figures.roc_curves),
        ("Reliability", "expected_calibration_error", figures.reliability_diagram),
    ):
        values = comparison.metrics.loc[metric, list(results)].to_dict()
        said = "; ".join(f"{model} {value:.3f}" for model, value in values.items())
        what = {"roc_auc": "Area under the curve", "expected_calibration_error": "Expected calibration error"}[metric]
        curves.append((name, f"{what}: {said}.", _svg(draw(labels, probabilities))))
    return curves


def _svg(figure: Figure) -> Markup:
    """The figure as an inline SVG element, in the page's font and colour of text, on no background."""
    buffer = io.StringIO()
    with rc_context({"svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = svg.replace("#000000", "currentColor")
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)  # the same in every figure, and nothing refers to them
    return Markup(svg)

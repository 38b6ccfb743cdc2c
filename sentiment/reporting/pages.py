"""Pages: HTML that needs nothing else, from the templates beside this module; and tables in Markdown.

A page loads nothing: styles and plots stand in it, and its content security policy forbids scripts and requests.
Whatever is shown is escaped, so a review that holds markup is shown as it was written, but for line breaks.
"""

import io
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

import jinja2
import numpy as np
from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.figure import Figure

from sentiment.data.markup import LINE_BREAK
from sentiment.evaluation.drift import (
    LENGTH,
    POSITION,
    PROBABILITY,
    SHIFTED,
    STABLE,
    SURE,
    SURE_OF_MORE,
    UNKNOWN_SHARE,
    Reference,
    ReviewSample,
    find_drift,
)
from sentiment.evaluation.learning_curve import LearningCurves
from sentiment.evaluation.metrics import Table
from sentiment.evaluation.validation_profile import ValidationProfile
from sentiment.reporting import plots

CONTROLS = {code: 0x2400 + code for code in range(32) if code not in b"\t\n\r"} | {127: 0x2421}
"""Control characters, which a page shows as nothing -> Unicode's pictures of them."""

MARKUP = "\\`*_[]<>|#&"
"""Characters that Markdown or HTML may take for markup."""

UNKNOWN_WORDS = 40
"""Most unknown words that the page of drift lists."""

SHOWN = {LENGTH: "{:,.0f}", UNKNOWN_SHARE: "{:z.1%}", PROBABILITY: "{:.3f}", POSITION: "{:.3f}"}
"""Feature -> how its values are written."""

HOW = (
    "Each point is the mean over seeds, measured on the test split, with a 95 % interval over reviews and seeds. Lines "
    "are power laws of the error with 95 % intervals, dashed beyond the trainings; dots join points without a law. "
    "Labels count training and validation reviews."
)


def review_markup(text: str) -> Markup:
    """A text from a review: control characters are pictures, and its direction of writing ends with it."""
    return Markup("<bdi>{}</bdi>").format(with_line_breaks(text))


def with_line_breaks(text: str) -> Markup:
    """A text, or a part of one, with line breaks where it has `<br />`, and with pictures of control characters."""
    return Markup("<br>").join(LINE_BREAK.split(text.translate(CONTROLS)))


def render_page(template: str, **content: object) -> str:
    """The page, as HTML; content: name in the template -> value."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("sentiment.reporting", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["review"] = review_markup
    environment.filters["line_breaks"] = with_line_breaks
    return environment.get_template(template).render(content)


def inline_svg(figure: Figure) -> Markup:
    """A plot as an inline SVG element, in the page's font and colour of text, on no background."""
    buffer = io.StringIO()
    with rc_context({"svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = svg.replace("#000000", "currentColor")
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)  # the same in every plot, and nothing refers to them
    return Markup(svg)


def markdown_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table as MLflow shows it in descriptions: its first column holds names, the others numbers."""
    lines = [headers, ["---", *("---:" for _ in headers[1:])], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def plain(text: str) -> str:
    """A line of Markdown without markup: whatever the text holds is shown as it is."""
    return "".join(f"\\{character}" if character in MARKUP else character for character in " ".join(text.split()))


def render_drift(profile: ValidationProfile, sample: ReviewSample, *, title: str, model: str) -> str:
    """The page of drift: how the rows that were scored are distributed beside the validation reviews.

    Args:
        sample: of the rows that were scored, at least one.
        title: what was scored.
        model: its name for people.
    """
    measures = sample.measures
    drifts = find_drift(profile.features, measures)
    rows, drawn = [], []
    for drift in drifts:
        reference, values = profile.features[drift.feature], measures[drift.feature]
        shown = SHOWN[drift.feature]
        means = [shown.format(mean) for mean in (reference.mean, values.mean())]
        rows.append([drift.feature, drift.grade, *means, f"{drift.index:.3f}", f"{drift.chance:.3f}"])
        expected, found = np.array(reference.counts), reference.count(values)
        figure = plots.two_distributions(
            drift.feature, bin_names(reference, shown), expected / expected.sum(), found / found.sum()
        )
        drawn.append((drift.sentence, inline_svg(figure)))
    rows.append(["share of unsure verdicts", "", f"{profile.unsure_share:.1%}", f"{sample.unsure_share:.1%}", "", ""])
    return render_page(
        "drift.html",
        title=title,
        model=model,
        verdicts=[drift.sentence for drift in drifts if drift.grade != "stable"] or ["No feature has drifted"],
        measured=len(sample),
        seen=sample.seen,
        reviews=profile.reviews,
        rows=rows,
        figures=drawn,
        words=[
            [review_markup(word), f"{reviews:,}", f"{reviews / len(sample):.1%}"]
            for word, reviews in sample.unknown_words(UNKNOWN_WORDS)
        ],
        thresholds=(STABLE, SHIFTED),
        sure=SURE_OF_MORE if POSITION in profile.features else SURE,
    )


def bin_names(reference: Reference, shown: str) -> list[str]:
    """What each bin of a distribution holds, such as `3 to 7`: values above the first, up to the second.

    The first bin is `below` an edge that reads as the second does.
    """
    edges = [shown.format(edge) for edge in reference.edges]
    inner = [f"{low} to {high}" if low != high else high for low, high in pairwise(edges)]
    first = "below" if edges[:1] == edges[1:2] else "up to"
    return [f"{first} {edges[0]}", *inner, f"above {edges[-1]}"]


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
    """The page of learning curves: the sentence first, then the chart and the numbers that it rests on.

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


def point_rows(curves: LearningCurves) -> Table:
    """Headers and rows of the accuracies, as people read them."""
    rows = []
    for labels, points in curves.points.groupby("labels"):
        cells = points.set_index("model").loc[curves.models, ["accuracy", "low", "high"]].to_numpy() * 100
        rows.append([f"{labels:,}", *(f"{value:.1f} % ({low:.1f} to {high:.1f})" for value, low, high in cells)])
    return ["labels", *curves.models], rows


def gain_rows(curves: LearningCurves, more: int) -> Table:
    """Headers and rows of what more labels would bring each model, as people read them."""
    return ["model", "by its power law"], [[model, curves.gain(model, more)] for model in curves.models]

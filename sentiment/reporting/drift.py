"""The page of drift: how the rows that were scored are distributed beside the validation reviews."""

from itertools import pairwise

import numpy as np

from sentiment.evaluation.drift import SHIFTED, STABLE, Reference
from sentiment.evaluation.review_sample import LENGTH, PROBABILITY, UNKNOWN_SHARE, UNSURE, ReviewSample
from sentiment.evaluation.validation_profile import ValidationProfile
from sentiment.reporting import plots
from sentiment.reporting.page import inline_svg, of_reviews, render_page

UNKNOWN_WORDS = 40
"""Most unknown words that are listed."""

SHOWN = {LENGTH: "{:,.0f}", UNKNOWN_SHARE: "{:z.1%}", PROBABILITY: "{:.3f}"}
"""Feature -> how its values are written."""


def render_drift(profile: ValidationProfile, sample: ReviewSample, *, title: str, model: str) -> str:
    """The page, as HTML.

    Args:
        sample: of the rows that were scored, at least one.
        title: what was scored.
        model: its name for people.
    """
    drifts, measures = profile.drift(sample), sample.measures
    rows = [
        [
            drift.feature,
            drift.grade,
            SHOWN[drift.feature].format(profile.features[drift.feature].mean),
            SHOWN[drift.feature].format(measures[drift.feature].mean()),
            f"{drift.index:.3f}",
            f"{drift.chance:.3f}",
        ]
        for drift in drifts
    ]
    rows.append(["share of unsure verdicts", "", f"{profile.unsure_share:.1%}", f"{sample.unsure_share:.1%}", "", ""])
    moved = [drift.sentence for drift in drifts if drift.grade != "stable"]
    drawn = []
    for drift in drifts:
        reference = profile.features[drift.feature]
        bins = bin_names(reference, SHOWN[drift.feature])
        expected, found = np.array(reference.counts), reference.count(measures[drift.feature])
        figure = plots.two_distributions(drift.feature, bins, expected / expected.sum(), found / found.sum())
        drawn.append((drift.sentence, inline_svg(figure)))
    return render_page(
        "drift.html",
        title=title,
        model=model,
        verdicts=moved or ["No feature has drifted"],
        measured=len(sample),
        seen=sample.seen,
        reviews=profile.reviews,
        rows=rows,
        figures=drawn,
        words=[
            [of_reviews(word), f"{reviews:,}", f"{reviews / len(sample):.1%}"]
            for word, reviews in sample.unknown_words(UNKNOWN_WORDS)
        ],
        thresholds=(STABLE, SHIFTED),
        unsure=UNSURE,
    )


def bin_names(reference: Reference, shown: str) -> list[str]:
    """What each bin of a distribution holds, such as `3 to 7`: above the first value, up to the second.

    The first bin is `below` an edge that reads as the second does.
    """
    edges = [shown.format(edge) for edge in reference.edges]
    inner = [f"{low} to {high}" if low != high else high for low, high in pairwise(edges)]
    first = "below" if edges[:1] == edges[1:2] else "up to"
    return [f"{first} {edges[0]}", *inner, f"above {edges[-1]}"]

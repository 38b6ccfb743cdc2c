"""The reviews that two models judge otherwise, for pages: paged, and the words coloured that moved the verdict.

Blue speaks for positive, orange for negative, as in the playground.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sentiment.classifier import Classifier
from sentiment.data.vocabulary import Span
from sentiment.evaluation.flips import RIGHT, WRONG, Flips
from sentiment.interpretation.occlusion import moved_words
from sentiment.reporting.page import render_page
from sentiment.reporting.plots import COLOURS

PER_PAGE, SHOWN, COLOURED = 10, 50, 10
"""Reviews on a page, most that are shown of each kind, and most whose words are coloured: that takes a second each."""

LONGEST = 600
"""Words of a review from which on it is not coloured."""

FAINTEST = 0.15
"""Words below this share of the strongest stay plain."""


@dataclass(frozen=True)
class ShownFlip:
    """A flip as a page shows it.

    Attributes:
        label: the true one.
        before, after: P(positive) by baseline and model.
        pieces: the text in order, each piece with its colour or "".
    """

    label: str
    before: float
    after: float
    pieces: list[tuple[str, str]]


@dataclass(frozen=True)
class ShownFlips:
    """The flips of a pair of models as a page shows them.

    Attributes:
        heading: the pair.
        counts: in words.
        kinds: `newly right` and `newly wrong` -> how many there are, and the pages of those that are shown.
        is_coloured: whether words are.
    """

    heading: str
    counts: str
    kinds: Mapping[str, tuple[int, list[list[ShownFlip]]]]
    is_coloured: bool


def show_flips(flips: Flips, model: Classifier | None = None, baseline: Classifier | None = None) -> ShownFlips:
    """The flips as a page shows them; words are coloured where both classifiers are given."""
    kinds = {}
    for kind in (RIGHT, WRONG):
        rows = flips.of_kind(kind)
        shown = []
        for place, row in enumerate(rows.head(SHOWN).to_dict("records")):
            text, moved = str(row["text"]), {}
            if model and baseline and place < COLOURED and len(text.split()) < LONGEST:
                moved = moved_words(model, baseline, text)
            pieces = list(_pieces(text, moved))
            shown.append(ShownFlip(row["label"], row["baseline_probability"], row["model_probability"], pieces))
        pages = [shown[start : start + PER_PAGE] for start in range(0, len(shown), PER_PAGE)]
        kinds[kind] = (len(rows), pages)
    heading = f"{flips.model} against {flips.baseline}"
    return ShownFlips(heading, flips.counts, kinds, model is not None and baseline is not None)


def render_flips(flips: Sequence[ShownFlips], *, title: str, note: str) -> str:
    """A page of its own, as HTML; note: a warning that goes before everything else, or ""."""
    return render_page("flips.html", title=title, note=note, flips=flips, per_page=PER_PAGE, shown=SHOWN)


def _pieces(text: str, moved: Mapping[Span, float]) -> Iterator[tuple[str, str]]:
    """The whole text, piece by piece, each word with the colour of what it moved."""
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

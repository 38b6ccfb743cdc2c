"""The page of an Explanation: the text coloured by contribution, the running verdict and the gates, as one HTML file
that needs nothing else.

Blue speaks for positive, orange for negative. A word's colour is as strong as its integrated gradients, held against
the strongest word of the review. In a heat map the units are ordered by how much they move, the liveliest on top.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from sentiment.data.corpus import LABEL_NAMES
from sentiment.inside.explanation import COMPLETENESS, SMALLEST_DIFFERENCE, Explanation
from sentiment.reporting.figures import COLOURS
from sentiment.reporting.page import inline_svg, render_page

POSITIVE, NEGATIVE = COLOURS[:2]
SIGNED = ("candidate", "cell_state", "hidden_state")
"""Values drawn around 0; the others are gates, between 0 and 1."""

MOST_WORDS_ON_AXIS = 75


@dataclass(frozen=True)
class Segment:
    """A piece of the text: a word, or what stands between two.

    Attributes:
        text: as it was written.
        kind: `word`, `unknown` (out of the vocabulary), `cut` (not read), `start` (the mark that every review begins
            with) or `between`.
        contribution: of a word, between -1 and 1: integrated gradients over those of the strongest word.
        title: of a word, its figures.
    """

    text: str
    kind: str
    contribution: float = 0.0
    title: str = ""

    @property
    def colour(self) -> str:
        """Background as `#rrggbbaa`."""
        alpha = round(200 * abs(self.contribution))
        return f"{POSITIVE if self.contribution > 0 else NEGATIVE}{alpha:02x}"


def segments(explanation: Explanation) -> Iterator[Segment]:
    """The whole text, piece by piece and in order; the mark of the start comes first, where it was read."""
    strongest = np.abs(explanation.integrated_gradients).max() or 1.0
    words: dict[tuple[int, int], Segment] = {}
    for position, (token, span) in enumerate(zip(explanation.tokens, explanation.spans, strict=True)):
        gradients, occlusion = explanation.integrated_gradients[position], explanation.occlusion[position]
        text = explanation.text[slice(*span)] or token
        unknown = explanation.out_of_vocabulary[position]
        words[span] = Segment(
            text,
            "start" if text == token and span == (0, 0) else "unknown" if unknown else "word",
            float(gradients / strongest),
            f"{text}{' (out of vocabulary)' if unknown else ''}: integrated gradients {100 * gradients:+.1f}, "
            f"occlusion {100 * occlusion:+.1f} points; verdict so far {explanation.running_verdict[position]:.1%}",
        )
    words |= {span: Segment(explanation.text[slice(*span)], "cut") for span in explanation.cut_spans}
    end = 0
    for span in sorted(words):
        if span[0] > end:
            yield Segment(explanation.text[end : span[0]], "between")
        yield words[span]
        end = span[1]
    if explanation.text[end:]:
        yield Segment(explanation.text[end:], "between")


def summary(explanation: Explanation) -> list[str]:
    """The verdict, and what a reader should know of how it came about, one sentence each."""
    label = LABEL_NAMES[int(explanation.probability >= explanation.threshold)]
    sentences = [f"P(positive) is {explanation.probability:.1%}: {label}."]
    if explanation.cut_spans:
        kept = len(explanation.tokens) - (explanation.spans[0] == (0, 0))
        side = "first" if explanation.cut_spans[0] < explanation.spans[-1] else "last"
        sentences.append(
            f"The review is longer than the model's maxlen: its {side} {len(explanation.cut_spans):,} words were cut, "
            f"{kept:,} are read."
        )
    unknown = int(explanation.out_of_vocabulary.sum())
    if unknown:
        sentences.append(f"{unknown:,} {'word is' if unknown == 1 else 'words are'} out of the vocabulary.")
    difference = explanation.probability - explanation.baseline_probability
    error = abs(float(explanation.integrated_gradients.sum()) - difference)
    sentences.append(
        f"Integrated gradients lead from {explanation.baseline_probability:.1%}, the verdict on a review of nothing, "
        f"to {explanation.probability:.1%} (numerical error {100 * error:.2f} points)."
    )
    if error > COMPLETENESS * max(abs(difference), SMALLEST_DIFFERENCE):
        sentences.append("This error is large, as the gradients of this model explode here: trust occlusion alone.")
    return sentences


def draw(explanation: Explanation) -> Figure:
    """The running verdict, the contributions and a heat map of each gate and state."""
    tokens = len(explanation.tokens)
    maps = [(layer, name) for layer in explanation.layers for name in layer.values]
    heights = [1.5, 1.5] + [1.25] * len(maps)
    figure = Figure(figsize=(13.5, sum(heights) + 0.32 * len(heights) + 1), layout="constrained", dpi=110)
    axes: list[Axes] = list(figure.subplots(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0])
    for axis in axes[1:]:
        axis.sharex(axes[0])
    _draw_verdict(axes[0], explanation)
    _draw_contributions(axes[1], explanation)
    orders = {layer.name: _by_movement(layer.values["hidden_state"]) for layer in explanation.layers}
    for axis, (layer, name) in zip(axes[2:], maps, strict=True):
        values = layer.values[name][:, orders[layer.name]].T  # (units, tokens)
        image = axis.imshow(values, aspect="auto", interpolation="nearest", cmap="viridis")
        if name in SIGNED:
            bound = float(np.abs(values).max()) or 1.0
            image.set(cmap="RdBu", clim=(-bound, bound))
        axis.set_ylabel("units")
        axis.set_yticks([])
        title = name.replace("_", " ")
        axis.set_title(f"{layer.name}: {title}" if len(explanation.layers) > 1 else title, fontsize=10, loc="left")
        figure.colorbar(image, ax=axis, pad=0.01, aspect=12)
    labelled = _labelled_tokens(explanation)
    for axis in axes:
        axis.set_xlim(-0.5, tokens - 0.5)
        axis.tick_params(labelbottom=axis is axes[-1])
    axes[-1].set_xticks(labelled)
    axes[-1].set_xticklabels(
        [explanation.tokens[token] for token in labelled], rotation=90, fontsize=8, parse_math=False
    )
    for position, label in zip(labelled, axes[-1].get_xticklabels(), strict=True):
        if explanation.out_of_vocabulary[position]:
            label.set(color="grey", style="italic")
    return figure


def render_explanation(explanation: Explanation, *, label: str = "", note: str = "") -> str:
    """One HTML page with everything inside; all that comes from the review is escaped.

    Args:
        label: the right verdict, where it is known.
        note: a warning that goes before everything else.
    """
    verdict, *sentences = summary(explanation)
    return render_page(
        "explanation.html",
        title=verdict,
        label=label,
        note=note,
        sentences=sentences,
        segments=list(segments(explanation)),
        positive=f"{POSITIVE}c8",
        negative=f"{NEGATIVE}c8",
        svg=inline_svg(draw(explanation)),
        alternative="Against the words of the review: the running verdict, how much each word decides, and a heat map "
        f"of {_listed(explanation)}.",
    )


def _listed(explanation: Explanation) -> str:
    """The gates and states that are drawn."""
    names = dict.fromkeys(name.replace("_", " ") for layer in explanation.layers for name in layer.values)
    return ", ".join(names)


def _by_movement(values: np.ndarray) -> np.ndarray:
    """The units of (tokens, units), those whose value changes most from token to token first."""
    order: np.ndarray = np.argsort(-np.abs(np.diff(values, axis=0)).sum(axis=0), kind="stable")
    return order


def _labelled_tokens(explanation: Explanation) -> list[int]:
    """Every token, or in a long review those that decide most and whose names do not overlap."""
    tokens = len(explanation.tokens)
    apart = -(-tokens // MOST_WORDS_ON_AXIS)
    chosen: list[int] = []
    for position in np.argsort(-np.abs(explanation.integrated_gradients), kind="stable").tolist():
        if all(abs(position - other) >= apart for other in chosen):
            chosen.append(position)
    return sorted(chosen)


def _draw_verdict(axis: Axes, explanation: Explanation) -> None:
    verdict, threshold = explanation.running_verdict, explanation.threshold
    positions = np.arange(len(verdict))
    axis.plot(positions, verdict, color="black", linewidth=1, marker="." if len(verdict) < 80 else None)
    for side, colour in ((verdict >= threshold, POSITIVE), (verdict <= threshold, NEGATIVE)):
        axis.fill_between(positions, threshold, verdict, where=side, color=colour, alpha=0.5, interpolate=True, lw=0)
    axis.axhline(threshold, color="grey", linewidth=0.8)
    axis.set(ylim=(0, 1), yticks=[0, 0.5, 1])
    axis.yaxis.set_major_formatter(PercentFormatter(1.0))
    axis.set_title("running verdict: P(positive) if the review ended here", fontsize=10, loc="left")


def _draw_contributions(axis: Axes, explanation: Explanation) -> None:
    positions, gradients = np.arange(len(explanation.tokens)), explanation.integrated_gradients
    colours = [POSITIVE if value > 0 else NEGATIVE for value in gradients]
    axis.bar(positions, 100 * gradients, color=colours, width=0.85, label="integrated gradients")
    axis.plot(positions, 100 * explanation.occlusion, "k_", markersize=5, label="occlusion")
    axis.axhline(0, color="grey", linewidth=0.8)
    axis.legend(frameon=False, fontsize=8, ncols=2, loc="best")
    axis.set_title("how much each word decides, in points of P(positive)", fontsize=10, loc="left")

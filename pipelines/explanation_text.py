"""An Explanation in words and coloured pieces of its text, for the terminal.

Blue speaks for positive, orange for negative. A word's colour is as strong as its integrated gradients, held against
the strongest word of the review.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sentiment.data.corpus import LABEL_NAMES
from sentiment.interpretation.explanation import COMPLETENESS, SMALLEST_DIFFERENCE, Explanation
from sentiment.reporting.plots import COLOURS

POSITIVE, NEGATIVE = COLOURS[:2]


@dataclass(frozen=True)
class Segment:
    """A piece of the text: a word, or what stands between two.

    Attributes:
        text: as it was written.
        kind: `word`, `unknown` (out of the vocabulary), `cut` (not read), `start` (the mark that every review begins
            with) or `between`.
        contribution: of a word, between -1 and 1: integrated gradients over those of the strongest word.
    """

    text: str
    kind: str
    contribution: float = 0.0

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
        gradients = explanation.integrated_gradients[position]
        text = explanation.text[slice(*span)] or token
        unknown = explanation.out_of_vocabulary[position]
        words[span] = Segment(
            text,
            "start" if text == token and span == (0, 0) else "unknown" if unknown else "word",
            float(gradients / strongest),
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

"""Predicting a few reviews, given on the command line or a line each on standard input."""

import io
import itertools
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pipelines.console import Console
from pipelines.models import located_classifier
from pipelines.output import STANDARD_STREAM
from sentiment.classifier import SentimentClassifier
from sentiment.data.corpus import reason_against_review
from sentiment.data.verdicts import POSITIVE_PROBABILITY, VerdictRule
from sentiment.errors import InputError

LINES_AT_ONCE = 256
"""Lines of standard input that are scored together."""

UNUSUAL = 2.0
"""A share of unknown words this many times that of the validation reviews is worth a warning."""


@dataclass(frozen=True)
class Verdict:
    """What the classifier says of a review; for a blank one only the reason why it says nothing.

    Attributes:
        probabilities: by the columns that `sentiment score` writes.
        words: number of words that it reads, without punctuation.
        known_words: number of those that its vocabulary holds.
        unread_words: number of words that it does not read because the review is too long.
    """

    text: str
    predicted_label: str | None
    probabilities: dict[str, float | None]
    words: int = 0
    known_words: int = 0
    unread_words: int = 0
    reason: str | None = None

    def __str__(self) -> str:
        """The verdict as a line; how many words are known follows the text, unless all are.

        Behind the label stands P(positive), or of more labels the probability of this one and the expected number.
        """
        found = {column.removeprefix("probability_"): value for column, value in self.probabilities.items()}
        shown = [f"{found.get(self.predicted_label or '', found.get(POSITIVE_PROBABILITY)):.4f}"]
        shown += [f"expected {value:.1f}" for column, value in found.items() if column.startswith("expected_")]
        line = "  ".join([f"{self.predicted_label}", *shown, self.text]).replace("\n", "\\n")
        if self.words and self.known_words == self.words:
            return line.rstrip()
        words = f"{self.known_words} of {self.words} word{'s' * (self.words != 1)} known" if self.words else "no word"
        return f"{line}  [{words}{'' if self.known_words else ': no verdict from the words'}]"

    def as_json(self) -> str:
        """All of it as a JSON object, in which each probability is a field."""
        content: dict[str, Any] = {}
        for name, value in asdict(self).items():
            content |= value if name == "probabilities" else {name: value}
        return json.dumps(content)


def predict(
    texts: Sequence[str],
    model: str | None,
    console: Console,
    *,
    threshold: float | None = None,
    neutral: str | None = None,
    as_json: bool = False,
) -> None:
    """Print the verdict and the probability of each text, and on standard error the model that gave them.

    Beside a text stands how many of its words the model knows, where it does not know all of them; and a warning on
    standard error where that is unusual. A warning also says how much of a long text the model does not read.

    Args:
        texts: the reviews; or - alone for standard input, a review a line.
        threshold, neutral: as for `SentimentClassifier.rule`.
        as_json: print a JSON object for each review.

    Raises:
        InputError: a text is blank, which has no verdict, while the others have; there is no such model, or it cannot
            have this threshold or band.
    """
    is_stream = STANDARD_STREAM in texts
    if is_stream and len(texts) > 1:
        raise InputError("Give either reviews or - for standard input, and not both.")
    refused = 0
    with located_classifier(model) as (folder, name):
        classifier = SentimentClassifier.load(folder)
        rule = classifier.rule(threshold=threshold, neutral=neutral)
        console.note(f"model: {name}")
        for number, verdict in enumerate(verdicts(classifier, rule, _lines(console) if is_stream else texts), 1):
            refused += verdict.reason is not None
            if as_json or verdict.reason is None:
                console.result(verdict.as_json() if as_json else str(verdict))
            else:
                console.error(f"Review {number}: {verdict.reason}.")
            for warning in _warnings(classifier, verdict):
                console.warn(f"review {number}: {warning}" if is_stream or len(texts) > 1 else warning)
    if refused:
        raise InputError(f"{refused} of {number} reviews had no text to judge: leave them out.")


def _warnings(classifier: SentimentClassifier, verdict: Verdict) -> Iterator[str]:
    """What the user should know about a verdict: the review is too long to be read in whole, or has unusual words."""
    words, unknown, expected = verdict.words, verdict.words - verdict.known_words, classifier.unknown_share
    if verdict.unread_words:
        part, left_out = (
            ("last", "beginning") if classifier.recurrent_model.sequences.truncating == "pre" else ("first", "end")
        )
        yield (
            f"the model reads the {part} {words:,} of {words + verdict.unread_words:,} words, so the {left_out} has no "
            "say in the verdict."
        )
    if verdict.known_words and expected is not None and unknown / words > UNUSUAL * expected:
        yield (
            f"{unknown} of {words} words {'is' if unknown == 1 else 'are'} unknown to the model "
            f"({unknown / words:.1%}; of its validation reviews {expected:.1%}): trust the verdict less."
        )


def verdicts(classifier: SentimentClassifier, rule: VerdictRule, texts: Iterable[str]) -> Iterator[Verdict]:
    """The verdict on each text, in their order."""
    remaining, columns = iter(texts), rule.probability_columns
    while batch := list(itertools.islice(remaining, LINES_AT_ONCE)):
        reasons = {text: reason_against_review(text) for text in batch}
        judged = [text for text in batch if reasons[text] is None]
        cumulative = classifier.cumulative_probability(judged)
        probabilities = zip(*(values.tolist() for values in rule.probabilities(cumulative).values()), strict=True)
        words, known = classifier.count_words(judged).T.tolist()
        unread = map(classifier.model_.count_unread, judged)
        found = zip(rule.verdicts(cumulative), probabilities, words, known, unread, strict=True)
        for text in batch:
            if reasons[text] is None:
                label, figures, *counts = next(found)
                yield Verdict(text, label, dict(zip(columns, figures, strict=True)), *counts)
            else:
                yield Verdict(text, None, dict.fromkeys(columns), reason=reasons[text])


def _lines(console: Console) -> Iterator[str]:
    """The lines of standard input."""
    if sys.stdin.isatty():
        console.note("reading reviews from the keyboard, one a line; Ctrl-D ends them")
    line = ""
    stream = io.TextIOWrapper(sys.stdin.buffer, "utf-8-sig", newline="\n")
    try:
        for line in stream:
            yield line.rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise InputError("Standard input is not UTF-8: convert it first.") from error
    finally:
        stream.detach()
    if not line:
        raise InputError("Standard input holds no review: give one a line.")

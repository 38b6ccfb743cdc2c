"""Explaining one review: on the terminal, and as an HTML page or numbers in a file; and the playground, a page for all.

Blue speaks for positive, orange for negative. A word's colour is as strong as its integrated gradients, held against
the strongest word of the review.
"""

import contextlib
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
from rich.text import Text

from pipelines.console import Console, escaped
from pipelines.files import write_file
from pipelines.models import located_classifier
from sentiment.classifier import SentimentClassifier
from sentiment.data.corpus import LABEL_NAMES
from sentiment.data.files import ReadOptions, TableFile
from sentiment.data.tables.reader import TableReader
from sentiment.errors import InputError
from sentiment.interpretation.explanation import COMPLETENESS, SMALLEST_DIFFERENCE, Explanation
from sentiment.reporting.playground import render_playground
from sentiment.reporting.plots import COLOURS

POSITIVE, NEGATIVE = (tuple(bytes.fromhex(colour[1:])) for colour in COLOURS[:2])

BLOCKS = "▁▂▃▄▅▆▇█"
"""Eighths of the way from P(positive) 0 to 1."""

ENDINGS = (".html", ".json")
"""Of OUTPUT: the playground opened on the review, or all numbers."""

DECISIVE_WORDS, DECISIVE_NGRAMS = 8, 12
"""In the tables on the terminal; a file holds all."""


def explain_review(console: Console, text: str, model: str | None, output: Path | None) -> None:
    """Explain one review.

    Args:
        model: a folder, or a model URI of MLflow; None as for `located_classifier`.
        output: .html or .json file to write; for the linear model .json alone.

    Raises:
        InputError: there is no such model, the text is not UTF-8 or holds no word, or `output` cannot be written.
    """
    if output is not None:
        _check(output)
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise InputError("The review is not UTF-8: give it in UTF-8.")
    with located_classifier(model) as (folder, name), console.without_native_log():
        classifier = SentimentClassifier.load(folder)
        if classifier.is_linear:
            content = _explain_by_ngrams(console, classifier, text, name, output)
        else:
            explanation = classifier.explain(text)
            console.say(f"{'model':<11} {name}")
            _show(console, explanation)
            if output is not None and output.suffix.lower() == ".html":
                content = render_playground(classifier, name=name, opened_on=explanation)
            else:
                content = to_json(explanation)
    if output is not None:
        write_file(output, content)
        console.say(f"{'explanation':<11} wrote {output}")


def read_review(path: Path, row: int, text_column: str | None, options: ReadOptions | None = None) -> str:
    """One review of a table, which may have been scored.

    Args:
        row: from 1, the header not counted.
        text_column: None for `text` or else `review`.
        options: how to read it where it does not say so itself.

    Raises:
        InputError: the file cannot be read, lacks the column or the row, or the row holds no review.
    """
    reader = TableReader(TableFile.at(path), text_column, options=options, columns=())
    with contextlib.closing(reader):
        for chunk in reader.chunks():
            reasons = {rejected.row: rejected.reason for rejected in chunk.rejected}
            if row in reasons:
                raise InputError(f"{path}, row {row}: {reasons[row]}.")
            texts = dict(zip(chunk.numbers, chunk.texts, strict=True))
            if row in texts:
                return texts[row]
    raise InputError(f"{path} has no row {row}: choose --row from 1 to {reader.rows:,}.")


def write_playground(console: Console, model: str | None, page: Path, *, exact: bool) -> None:
    """Write a classifier as one web page that works offline.

    Args:
        model: a folder, or a model URI of MLflow; None for the champion.
        page: .html file to write.
        exact: keep the weights as float32.

    Raises:
        InputError: there is no such model, the page cannot run it, or `page` cannot be written.
    """
    if page.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"{page} must end with .html, because it is a web page.")
    if not page.parent.is_dir():
        raise InputError(f"{page}: there is no folder {page.parent}; make it first.")
    with located_classifier(model) as (folder, name), console.without_native_log():
        classifier = SentimentClassifier.load(folder)
        if classifier.is_linear:
            raise InputError(f"{name} is the linear model: the playground needs an LSTM, GRU or SimpleRNN; name one.")
        content = render_playground(classifier, exact=exact, name=name)
    write_file(page, content)
    console.say(f"{'model':<11} {name}")
    console.say(f"{'playground':<11} wrote {page}, {len(content.encode()) / 1e6:.1f} MB: open it in a browser")


def to_json(explanation: Explanation) -> str:
    """All that an Explanation holds; gates and states as lists of shape (tokens, units)."""
    content = {
        "text": explanation.text,
        "predicted_label": LABEL_NAMES[int(explanation.probability >= explanation.threshold)],
        "positive_probability": explanation.probability,
        "threshold": explanation.threshold,
        "baseline_probability": explanation.baseline_probability,
        "cut_words": [explanation.text[slice(*span)] for span in explanation.cut_spans],
        "tokens": explanation.tokens,
        "out_of_vocabulary": explanation.out_of_vocabulary.tolist(),
        "running_verdict": explanation.running_verdict.tolist(),
        "occlusion": explanation.occlusion.tolist(),
        "integrated_gradients": explanation.integrated_gradients.tolist(),
        "layers": [
            {"name": layer.name, **{name: values.tolist() for name, values in layer.values.items()}}
            for layer in explanation.layers
        ],
    }
    return json.dumps(content, ensure_ascii=False)


def _check(output: Path) -> None:
    if output.suffix.lower() not in ENDINGS:
        raise InputError(f"--output {output} must end with {', '.join(ENDINGS)}.")
    if not output.parent.is_dir():
        raise InputError(f"--output {output}: there is no folder {output.parent}; make it first.")


def _show(console: Console, explanation: Explanation) -> None:
    for sentence in summary(explanation):
        console.say(f"            {sentence}")
    console.show(coloured(explanation))
    levels = np.minimum((explanation.running_verdict * len(BLOCKS)).astype(int), len(BLOCKS) - 1)
    console.say("            P(positive) after each word, from ▁ 0 % to █ 100 %:")
    console.show(Text("".join(BLOCKS[level] for level in levels)))
    strongest = np.argsort(-np.abs(explanation.integrated_gradients), kind="stable")[:DECISIVE_WORDS]
    rows = [
        [
            explanation.tokens[position] + (" (out of vocabulary)" if explanation.out_of_vocabulary[position] else ""),
            f"{100 * explanation.integrated_gradients[position]:+.1f}",
            f"{100 * explanation.occlusion[position]:+.1f}",
            f"{explanation.running_verdict[position]:.1%}",
        ]
        for position in strongest
    ]
    columns = ["word", "integrated gradients", "occlusion", "verdict so far"]
    console.table("What decided, in points of P(positive)", columns, rows)


def coloured(explanation: Explanation) -> Text:
    """The whole text: words on the colour of what they say, unknown ones in italics, those not read struck through."""
    strongest = np.abs(explanation.integrated_gradients).max() or 1.0
    styles = dict.fromkeys(explanation.cut_spans, "dim strike")
    start = ""  # the mark that every review begins with has no place in the text
    for token, span, gradients, is_unknown in zip(
        explanation.tokens,
        explanation.spans,
        explanation.integrated_gradients,
        explanation.out_of_vocabulary,
        strict=True,
    ):
        style = _background(float(gradients / strongest))
        if span == (0, 0):
            start, styles[span] = token, f"dim {style}"
        else:
            styles[span] = f"italic underline {style}" if is_unknown else style
    text, end = Text(), 0
    for span in sorted(styles):
        text.append(escaped(explanation.text[end : span[0]]))
        text.append(escaped(explanation.text[slice(*span)] or start), styles[span])
        if span == (0, 0):
            text.append(" ")
        end = span[1]
    return text.append(escaped(explanation.text[end:]))


def _background(contribution: float) -> str:
    """The style of a word that contributes between -1 and 1."""
    if abs(contribution) <= 0.1:
        return ""
    strength = 200 / 255 * abs(contribution)
    parts = (round(255 + (part - 255) * strength) for part in (POSITIVE if contribution > 0 else NEGATIVE))
    return "black on #" + "".join(f"{part:02x}" for part in parts)


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
        f"Integrated gradients lead from {explanation.baseline_probability:.1%}, the verdict on an empty review, "
        f"to {explanation.probability:.1%} (numerical error {100 * error:.2f} points)."
    )
    if error > COMPLETENESS * max(abs(difference), SMALLEST_DIFFERENCE):
        sentences.append("This error is large because the gradients of this model explode here: trust occlusion alone.")
    return sentences


def _explain_by_ngrams(
    console: Console, classifier: SentimentClassifier, text: str, name: str, output: Path | None
) -> str:
    """Show what each n-gram of the review adds to the log-odds of the linear model; all of them as JSON."""
    if output is not None and output.suffix.lower() != ".json":
        raise InputError(f"--output {output} must end with .json, because the linear model has only n-grams to show.")
    probabilities = classifier.positive_probability([text])
    probability, label = float(probabilities[0]), classifier.labels(probabilities)[0]
    ngrams = classifier.explain(text)
    console.say(f"{'model':<11} {name}")
    console.say(f"            P(positive) is {probability:.1%}: {label}.")
    rows = [[" ".join(ngram.tokens), f"{ngram.weight:+.2f}"] for ngram in ngrams[:DECISIVE_NGRAMS]]
    console.table("What decided, in log-odds of P(positive)", ["n-gram", "adds"], rows)
    content = {
        "text": text,
        "predicted_label": label,
        "positive_probability": probability,
        "threshold": classifier.threshold_,
        "ngrams": [asdict(ngram) for ngram in ngrams],
    }
    return json.dumps(content, ensure_ascii=False)

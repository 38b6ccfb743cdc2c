"""Explaining one review: on the terminal, and as an HTML page or numbers in a file."""

import contextlib
import json
from pathlib import Path

import numpy as np
from rich.text import Text

from pipelines.console import Console, escaped
from pipelines.explanation_text import segments, summary
from pipelines.files import write_file
from pipelines.models import located_classifier
from pipelines.ngrams import explain_by_ngrams
from sentiment.classifier import SentimentClassifier, load_classifier
from sentiment.data.corpus import LABEL_NAMES
from sentiment.data.tables.files import ReadOptions, TableFile
from sentiment.data.tables.reader import TableReader
from sentiment.errors import InputError
from sentiment.interpretation.explanation import Explanation, explain
from sentiment.linear_classifier import LinearClassifier
from sentiment.reporting.playground import render_playground

BLOCKS = "▁▂▃▄▅▆▇█"
"""Eighths of the way from P(positive) 0 to 1."""

ENDINGS = (".html", ".json")
"""Of OUTPUT: the playground opened on the review, or all numbers."""

DECISIVE_WORDS = 8
"""Words in the table on the terminal."""


def explain_review(console: Console, text: str, model: str | None, output: Path | None) -> None:
    """Explain one review.

    Args:
        model: a folder, or a model URI of MLflow; None as for `located_classifier`.
        output: .html or .json file to write.

    Raises:
        InputError: there is no such model, it has no recurrent layer, the text is not UTF-8 or holds no word, or
            `output` cannot be written.
    """
    if output is not None:
        _check(output)
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise InputError("The review is not UTF-8: give it in UTF-8.")
    with located_classifier(model) as (folder, name), console.without_native_log():
        classifier = load_classifier(folder)
        if isinstance(classifier, LinearClassifier):
            explain_by_ngrams(console, classifier, text, name, output)
            return
        assert isinstance(classifier, SentimentClassifier)  # there are two kinds
        explanation = explain(classifier, text)
    console.say(f"{'model':<11} {name}")
    _show(console, explanation)
    if output is not None:
        if output.suffix.lower() == ".json":
            write_file(output, to_json(explanation))
        else:
            write_file(output, render_playground(classifier, name=name, opened_on=explanation))
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
    reader = TableReader(TableFile.at(path), text_column, options=options, columns=(), is_scored=True)
    with contextlib.closing(reader):
        for chunk in reader.chunks():
            reasons = {rejected.row: rejected.reason for rejected in chunk.rejected}
            if row in reasons:
                raise InputError(f"{path}, row {row}: {reasons[row]}.")
            texts = dict(zip(chunk.numbers, chunk.texts, strict=True))
            if row in texts:
                return texts[row]
    raise InputError(f"{path} has no row {row}: choose --row from 1 to {reader.rows:,}.")


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
    text = Text()
    for segment in segments(explanation):
        style = {"unknown": "italic underline ", "cut": "dim strike", "start": "dim "}.get(segment.kind, "")
        if abs(segment.contribution) > 0.1:
            style += f"black on {_blend(segment.colour)}"
        text.append(escaped(segment.text), style)
        if segment.kind == "start":
            text.append(" ")
    console.show(text)
    levels = np.minimum((explanation.running_verdict * len(BLOCKS)).astype(int), len(BLOCKS) - 1)
    console.say("            P(positive) after each word, from ▁ 0 % to █ 100 %:")
    line = "".join(BLOCKS[level] for level in levels)
    for first in range(0, len(line), console.width):
        console.show(Text(line[first : first + console.width]))
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
    console.table(
        "What decided, in points of P(positive)",
        ["word", "integrated gradients", "occlusion", "verdict so far"],
        rows,
    )


def _blend(colour: str) -> str:
    """#rrggbbaa over white, as #rrggbb."""
    red, green, blue, alpha = bytes.fromhex(colour[1:])
    return "#" + "".join(f"{round(255 + (part - 255) * alpha / 255):02x}" for part in (red, green, blue))

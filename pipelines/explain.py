"""Explaining one review: on the terminal, and as an HTML page or numbers in a file; and the playground, a page for all.

Blue speaks for positive, orange for negative. A word's colour is as strong as its integrated gradients, held against
the strongest word of the review.
"""

import contextlib
import json
import os
import sys
import webbrowser
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from rich.text import Text

from pipelines.console import Console, escaped
from pipelines.files import check_page, write_file
from pipelines.models import located_classifier
from sentiment.classifier import SentimentClassifier
from sentiment.data.files import ReadOptions, TableFile
from sentiment.data.labels import cut_scores, expected_position, label_probabilities
from sentiment.data.tables.reader import TableReader
from sentiment.data.verdicts import POSITIVE_PROBABILITY, VerdictRule
from sentiment.errors import InputError
from sentiment.interpretation.explanation import COMPLETENESS, SMALLEST_DIFFERENCE, Explanation
from sentiment.reporting import COLOURS
from sentiment.reporting.playground import render_playground

POSITIVE, NEGATIVE = (tuple(bytes.fromhex(colour[1:])) for colour in COLOURS[:2])

BLOCKS = "▁▂▃▄▅▆▇█"
"""Eighths of the way from P(positive) 0 to 1, or from the worst label to the best."""

PLAYGROUND_FILE = Path("playground.html")
"""The page where no other is named."""

DECISIVE_WORDS, DECISIVE_NGRAMS = 8, 12
"""In the tables on the terminal; a file holds all."""


def explain_review(console: Console, text: str, model: str | None, output: Path | None) -> None:
    """Explain one review.

    Args:
        model: a folder, or a model URI of MLflow; None as for `located_classifier`.
        output: file to write; .html for the playground opened on the review, .json for all numbers. For the linear
            model .json alone.

    Raises:
        InputError: there is no such model, the text is not UTF-8 or holds no word, or `output` cannot be written.
    """
    if output is not None:
        check_page(output, "--output", ".html", ".json")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise InputError("The review is not UTF-8: give it in UTF-8.")
    with located_classifier(model) as (folder, name), console.without_native_log():
        classifier = SentimentClassifier.load(folder)
        is_page = output is not None and output.suffix.lower() == ".html"
        if classifier.is_linear and is_page:
            raise InputError(f"--output {output} must end with .json: the linear model has only n-grams to show.")
        console.say(f"{'model':<11} {name}")
        if classifier.is_linear:
            content = _explain_by_ngrams(console, classifier, text)
        else:
            explanation = classifier.explain(text)
            _show(console, explanation)
            content = (
                render_playground(classifier, name=name, opened_on=explanation) if is_page else to_json(explanation)
            )
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
    with contextlib.closing(TableReader(TableFile.at(path), text_column, options=options, columns=())) as reader:
        for chunk in reader.chunks():
            for rejected in chunk.rejected:
                if rejected.row == row:
                    raise InputError(f"{path}, row {row}: {rejected.reason}.")
            if row in chunk.numbers:
                return chunk.texts[chunk.numbers.index(row)]
    raise InputError(f"{path} has no row {row}: choose --row from 1 to {reader.rows:,}.")


def write_playground(console: Console, model: str | None, page: Path | None, *, exact: bool) -> None:
    """Write a classifier as one web page that works offline.

    Args:
        model: a folder, or a model URI of MLflow; None as for `located_classifier`.
        page: .html file to write; None for PLAYGROUND_FILE, which is then opened in the browser.
        exact: keep the weights as float32.

    Raises:
        InputError: there is no such model, the page cannot run it, or `page` cannot be written.
    """
    target = page or PLAYGROUND_FILE
    check_page(target, "The page", ".html", ".htm")
    with located_classifier(model) as (folder, name), console.without_native_log():
        classifier = SentimentClassifier.load(folder)
        if classifier.is_linear:
            raise InputError(f"{name} is the linear model: the playground needs an LSTM, GRU or SimpleRNN; name one.")
        content = render_playground(classifier, exact=exact, name=name)
    write_file(target, content)
    console.say(f"{'model':<11} {name}")
    opened = "your browser opens it" if page is None and _open(target) else "open it in a browser"
    console.say(f"{'playground':<11} wrote {target}, {len(content.encode()) / 1e6:.1f} MB: {opened}")


def _open(page: Path) -> bool:
    """Show a page in the browser where there is a display; whether there is."""
    has_display = sys.platform == "darwin" or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
    return has_display and webbrowser.open(page.absolute().as_uri())


def to_json(explanation: Explanation) -> str:
    """All that an Explanation holds; gates and states as lists of shape (tokens, units)."""
    names = ("tokens", "out_of_vocabulary", "running_verdict", "occlusion", "integrated_gradients")
    verdict: dict[str, Any] = {
        POSITIVE_PROBABILITY: explanation.probability,
        "threshold": explanation.rule.threshold,
        "baseline_probability": explanation.baseline_probability,
    }
    if explanation.rule.cuts > 1:
        verdict = {
            **_probabilities(explanation.rule, explanation.cumulative),
            "score": explanation.score,
            "cut_points": explanation.cut_points,
            "expected_position": explanation.probability,
            "baseline_position": explanation.baseline_probability,
        }
    content = {
        "text": explanation.text,
        "predicted_label": explanation.predicted_label,
        **verdict,
        "cut_words": [explanation.text[slice(*span)] for span in explanation.cut_spans],
        **{name: getattr(explanation, name) for name in names},
        "layers": [{"name": layer.name, **layer.values} for layer in explanation.layers],
    }
    return json.dumps(content, ensure_ascii=False, default=np.ndarray.tolist)


def _probabilities(rule: VerdictRule, cumulative: np.ndarray) -> dict[str, float]:
    """The columns of probabilities of one review."""
    return {name: values.item() for name, values in rule.probabilities(cumulative).items()}


def verdict_in_words(rule: VerdictRule, cumulative: np.ndarray) -> str:
    """The verdict on one review with its probability, or with that of each of more than two labels, as a sentence."""
    [label], found = rule.verdicts(cumulative), _probabilities(rule, cumulative)
    if rule.cuts == 1:
        return f"P(positive) is {found[POSITIVE_PROBABILITY]:.1%}: {label}."
    shares = ", ".join(f"{name} {found[f'probability_{name}']:.1%}" for name in rule.names)
    expected = "".join(f", expected {value:.1f}" for name, value in found.items() if name.startswith("expected_"))
    return f"The verdict is {label}{expected}. Probabilities: {shares}."


def _show(console: Console, explanation: Explanation) -> None:
    for sentence in summary(explanation):
        console.say(f"            {sentence}")
    console.show(coloured(explanation))
    levels = np.minimum((explanation.running_verdict * len(BLOCKS)).astype(int), len(BLOCKS) - 1)
    rule, cut_points = explanation.rule, explanation.cut_points
    if rule.cuts == 1:
        console.say("            P(positive) after each word, from ▁ 0 % to █ 100 %:")
    else:
        positions = expected_position(label_probabilities(cut_scores(cut_points, cut_points)))
        marks = ", ".join(f"{mark:.0%}" for mark in positions.tolist())
        console.say(
            f"            After each word, from ▁ {rule.names[0]} to █ {rule.names[-1]}; cut points at {marks}:"
        )
    console.show(Text("".join(BLOCKS[level] for level in levels)))
    rows = [
        [
            explanation.tokens[position] + " (out of vocabulary)" * bool(explanation.out_of_vocabulary[position]),
            f"{100 * explanation.integrated_gradients[position]:+.1f}",
            f"{100 * explanation.occlusion[position]:+.1f}",
            f"{explanation.running_verdict[position]:.1%}",
        ]
        for position in np.argsort(-np.abs(explanation.integrated_gradients), kind="stable")[:DECISIVE_WORDS]
    ]
    columns = ["word", "integrated gradients", "occlusion", "verdict so far"]
    console.table(f"What decided, in points of {rule.measure}", columns, rows)


def coloured(explanation: Explanation) -> Text:
    """The whole text: words on the colour of what they say, unknown ones in italics, those not read struck through."""
    gradients = explanation.integrated_gradients
    styles = dict.fromkeys(explanation.cut_spans, "dim strike")
    strengths = (gradients / (np.abs(gradients).max() or 1.0)).tolist()
    for span, strength, is_unknown in zip(explanation.spans, strengths, explanation.out_of_vocabulary, strict=True):
        styles[span] = "italic underline " * bool(is_unknown) + _background(strength)
    text, end = Text(), 0
    if (0, 0) in styles:  # the mark that every review begins with has no place in the text
        text.append(explanation.tokens[0], f"dim {styles.pop((0, 0))}").append(" ")
    for span in sorted(styles):
        text.append(escaped(explanation.text[end : span[0]]))
        text.append(escaped(explanation.text[slice(*span)]), styles[span])
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
    sentences = [verdict_in_words(explanation.rule, explanation.cumulative)]
    if explanation.rule.cuts > 1:
        sentences.append(
            f"The score is {explanation.score:+.2f}, among the cut points "
            f"{', '.join(f'{point:+.2f}' for point in explanation.cut_points.tolist())}: "
            f"{explanation.probability:.1%} of {explanation.rule.measure}."
        )
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


def _explain_by_ngrams(console: Console, classifier: SentimentClassifier, text: str) -> str:
    """Show what each n-gram of the review adds to the log-odds of the linear model; all of them as JSON."""
    rule, cumulative, ngrams = classifier.rule(), classifier.cumulative_probability([text]), classifier.explain(text)
    console.say(f"            {verdict_in_words(rule, cumulative)}")
    rows = [[" ".join(ngram.tokens), f"{ngram.weight:+.2f}"] for ngram in ngrams[:DECISIVE_NGRAMS]]
    odds = "log-odds of P(positive)" if rule.cuts == 1 else "log-odds of a better label, in the mean over the cuts"
    console.table(f"What decided, in {odds}", ["n-gram", "adds"], rows)
    content = {
        "text": text,
        "predicted_label": rule.verdicts(cumulative)[0],
        **_probabilities(rule, cumulative),
        **({"threshold": rule.threshold} if rule.cuts == 1 else {}),
        "ngrams": [asdict(ngram) for ngram in ngrams],
    }
    return json.dumps(content, ensure_ascii=False)

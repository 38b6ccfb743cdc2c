"""Explaining a verdict of the linear model: what each n-gram of the review adds to its log-odds."""

import json
from dataclasses import asdict
from pathlib import Path

from pipelines.console import Console
from pipelines.files import write_file
from sentiment.errors import InputError
from sentiment.linear_classifier import LinearClassifier

NGRAMS_SHOWN = 12
"""In the table on the terminal; a file holds all."""


def explain_by_ngrams(
    console: Console, classifier: LinearClassifier, text: str, name: str, output: Path | None
) -> None:
    """Show the n-grams that decided, and write all of them as JSON where a file is named.

    Args:
        name: of the model, for people.
        output: .json file to write.

    Raises:
        InputError: `output` is of another format.
    """
    if output is not None and output.suffix.lower() != ".json":
        raise InputError(f"--output {output} must end with .json, as the linear model has n-grams alone.")
    probabilities = classifier.positive_probability([text])
    probability, label = float(probabilities[0]), classifier.labels(probabilities)[0]
    ngrams = classifier.model.explain(text)
    console.say(f"{'model':<11} {name}")
    console.say(f"            P(positive) is {probability:.1%}: {label}.")
    rows = [[" ".join(ngram.tokens), f"{ngram.weight:+.2f}"] for ngram in ngrams[:NGRAMS_SHOWN]]
    console.table("What decided, in log-odds of P(positive)", ["n-gram", "adds"], rows)
    if output is not None:
        content = {
            "text": text,
            "predicted_label": label,
            "positive_probability": probability,
            "threshold": classifier.threshold,
            "ngrams": [asdict(ngram) for ngram in ngrams],
        }
        write_file(output, json.dumps(content, ensure_ascii=False))
        console.say(f"{'explanation':<11} wrote {output}")

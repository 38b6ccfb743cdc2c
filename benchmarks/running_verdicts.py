"""How honest a verdict is while a review is still being read, and of a single sentence of it.

    python -m benchmarks.running_verdicts --archive aclImdb_v1.tar.gz CLASSIFIER [CLASSIFIER ...]

Prints a table in Markdown: accuracy and expected calibration error, both in %, of each saved classifier's P(positive)
after the first words of the test reviews that have as many, and of their sentences. A sentence has the label of its
review, which it may not speak for; so no classifier can be right on all.
"""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.reviews import archive_reviews
from sentiment.classifier import SentimentClassifier
from sentiment.data.corpus import Reviews
from sentiment.data.tokenizer import Tokenizer
from sentiment.evaluation.metrics import expected_calibration_error

WORDS = 5, 10, 20, 50, 100
FEWEST, MOST = 4, 40
"""Words of a sentence."""

_BETWEEN_SENTENCES = re.compile(r"(?<=[.!?])\s+|<br\s*/?>|\n")


def parts(reviews: Reviews) -> Iterator[tuple[str, list[str], np.ndarray]]:
    """Each part of the reviews: its name, N texts and their labels, (N,)."""
    spans = [Tokenizer().spans(text) for text in reviews.texts]
    for words in WORDS:
        long = np.flatnonzero([len(of_text) >= words for of_text in spans])
        texts = [reviews.texts[position][: spans[position][words - 1][1]] for position in long.tolist()]
        yield f"the first {words} words", texts, reviews.labels[long]
    sentences = [
        [part for part in _BETWEEN_SENTENCES.split(text) if FEWEST <= len(Tokenizer().tokenize(part)) <= MOST]
        for text in reviews.texts
    ]
    counts = np.array([len(of_review) for of_review in sentences])
    yield "a sentence", [part for of_review in sentences for part in of_review], np.repeat(reviews.labels, counts)
    yield "the last sentence", [of_review[-1] for of_review in sentences if of_review], reviews.labels[counts > 0]


def main() -> None:
    """Read the archive and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archive", type=Path, required=True)
    parser.add_argument("classifiers", type=Path, nargs="+")
    arguments = parser.parse_args()
    test = archive_reviews(arguments.archive).test
    classifiers = [SentimentClassifier.load(folder) for folder in arguments.classifiers]
    print("| what is read | texts |" + " accuracy | error |" * len(classifiers))
    print("|---|---:|" + "---:|---:|" * len(classifiers))
    for name, texts, labels in parts(test):
        row = f"| {name} | {len(texts):,} |"
        for classifier in classifiers:
            probabilities = classifier.positive_probability(texts)
            accuracy = np.mean((probabilities >= classifier.threshold_) == labels)
            error = expected_calibration_error(labels, probabilities)
            row += f" {100 * accuracy:.1f} | {100 * error:.1f} |"
        print(row)


if __name__ == "__main__":
    main()

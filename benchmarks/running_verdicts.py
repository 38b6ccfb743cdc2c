"""How honest a verdict is while a review is still being read.

    python -m benchmarks.running_verdicts --archive aclImdb_v1.tar.gz CLASSIFIER [CLASSIFIER ...]

Prints a table in Markdown: accuracy and expected calibration error, both in %, of each saved classifier's P(positive)
after the first words of the test reviews that have as many.
"""

import argparse
from pathlib import Path

import numpy as np

from sentiment.classifier import load_classifier
from sentiment.data.sources import SourceConfig, find_files, load_corpus
from sentiment.data.vocabulary import Tokenizer
from sentiment.evaluation.metrics import expected_calibration_error

WORDS = 5, 10, 20, 50, 100


def main() -> None:
    """Read the archive and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archive", type=Path, required=True)
    parser.add_argument("classifiers", type=Path, nargs="+")
    arguments = parser.parse_args()
    config = SourceConfig(source="aclimdb", data=arguments.archive)
    test = load_corpus(config, find_files(config), seed=0).test
    spans = [Tokenizer().spans(text) for text in test.texts]
    classifiers = [load_classifier(folder) for folder in arguments.classifiers]
    print("| words read | reviews |" + " accuracy | error |" * len(classifiers))
    print("|---:|---:|" + "---:|---:|" * len(classifiers))
    for words in WORDS:
        long = np.array([len(of_text) >= words for of_text in spans])
        texts = [test.texts[position][: spans[position][words - 1][1]] for position in np.flatnonzero(long).tolist()]
        row = f"| {words} | {len(texts):,} |"
        for classifier in classifiers:
            probabilities = classifier.positive_probability(texts)
            accuracy = np.mean((probabilities >= classifier.threshold) == test.labels[long])
            error = expected_calibration_error(test.labels[long], probabilities)
            row += f" {100 * accuracy:.1f} | {100 * error:.1f} |"
        print(row)


if __name__ == "__main__":
    main()

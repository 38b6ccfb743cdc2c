"""A neutral band for the classifier in the box, chosen on sets that have neutral texts; VADER stands beside it.

    python -m benchmarks.neutral FOLDER [MODEL]

FOLDER has the tables of `benchmarks.other_texts`, of which SETS are read. The band with the highest mean of their
macro-F1 is kept in classifier.json of MODEL, a folder. What is printed belongs into its model card.
"""

import argparse
import itertools
from pathlib import Path

import numpy as np
import pandas as pd

import sentiment
from benchmarks.other_texts import vader
from benchmarks.reviews import ENDING
from sentiment.data.verdicts import Band, VerdictRule
from sentiment.errors import PRETRAINED
from sentiment.reporting.pages import markdown_table
from sentiment.saved_classifier import IN_THE_BOX, ClassifierDescription

SETS = ("sst5_dev", "tweeteval_val")
LABELS = VerdictRule(band=(0.5, 0.5)).labels
HUNDREDTHS = [number / 100 for number in range(101)]
USUAL_OF_VADER = (0.475025, 0.525)
"""VADER calls a compound score above -0.05 and below 0.05 neutral, here as (compound + 1) / 2."""

Judged = tuple[np.ndarray, np.ndarray]
"""The numbers of the right LABELS of a set's texts, and P(positive) of each."""


def macro_f1(judged: Judged, band: Band) -> float:
    """The mean F1 of the three labels."""
    labels, probabilities = judged
    verdicts, count = VerdictRule(band=band).numbers(probabilities), len(LABELS)
    confusion = np.bincount(count * labels + verdicts, minlength=count**2).reshape(count, count)
    return float(np.mean(2 * confusion.diagonal() / (confusion.sum(axis=0) + confusion.sum(axis=1))))


def choose(sets: list[Judged], threshold: float) -> Band:
    """The band with the highest mean of macro-F1. It holds the threshold, so other verdicts stay as they are."""
    bands = (band for band in itertools.combinations(HUNDREDTHS, 2) if band[0] <= threshold <= band[1])
    return max(bands, key=lambda band: float(np.mean([macro_f1(judged, band) for judged in sets])))


def main() -> None:
    """Choose a band, keep it, and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("model", nargs="?", type=Path, default=PRETRAINED / IN_THE_BOX)
    arguments = parser.parse_args()
    classifier = sentiment.load(arguments.model)
    judged, by_vader = [], []
    for name in SETS:
        table = pd.read_csv(arguments.folder / f"{name}{ENDING}", keep_default_na=False)
        texts, labels = table["text"].tolist(), table["label"].map(LABELS.index).to_numpy()
        judged.append((labels, classifier.positive_probability(texts)))
        by_vader.append((labels, vader(texts)))
    lower, upper = choose(judged, classifier.threshold_)
    rows = []
    for number, name in enumerate(SETS):
        of_others = choose([one for other, one in enumerate(judged) if other != number], classifier.threshold_)
        found = [
            macro_f1(judged[number], (lower, upper)),
            macro_f1(judged[number], of_others),
            macro_f1(by_vader[number], USUAL_OF_VADER),
        ]
        rows.append([name, f"{len(judged[number][0]):,}", *(f"{value:.3f}" for value in found)])
    print(f"P(positive) from {lower} on and below {upper} is called neutral. Macro-F1 of three labels:\n")
    print(markdown_table(["set", "texts", "this band", "a band chosen on the other set", "VADER"], rows))
    description = ClassifierDescription.load(arguments.model)
    description.model_copy(update={"neutral": (lower, upper)}).save(arguments.model)


if __name__ == "__main__":
    main()

"""Adapting to other domains without labels: benchmarks/ADAPTATION.md.

    python -m benchmarks.adaptation FOLDER --model MODEL --own own.csv [--sets NAME,NAME]

FOLDER has tables NAME.csv.gz with the columns `text` and `label` (positive, negative or neutral); neutral texts are
left out. Labels measure, and nothing else. MODEL adapts to the texts of each set and judges the same texts; then it
adapts to a half of them, and judges the other half. OWN has labelled reviews of the kind that MODEL was trained on,
which it has not seen: they tell what it forgets.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd

import sentiment
from benchmarks.reviews import ENDING, table_reviews
from sentiment.classifier import SentimentClassifier
from sentiment.data.corpus import Reviews
from sentiment.evaluation.metrics import evaluate_predictions
from sentiment.reporting.pages import markdown_table

HERE = Path(__file__).parent
COLUMNS = ["set", "texts", "before", "after", "gain", "ROC AUC", "other half, gain", "own reviews", "seconds"]


def metrics(classifier: SentimentClassifier, reviews: Reviews) -> tuple[float, float]:
    """Accuracy and ROC AUC in %."""
    probabilities = classifier.positive_probability(reviews.texts)
    found = evaluate_predictions(reviews.labels, probabilities, classifier.threshold_)
    return 100 * found["accuracy"], 100 * found["roc_auc"]


def measure(start: SentimentClassifier, reviews: Reviews, own: Reviews) -> list[float]:
    """The numbers of a row: those of COLUMNS from the second on, ROC AUC before and after."""
    started = time.perf_counter()
    adapted = start.adapt(list(reviews.texts))
    seconds = time.perf_counter() - started
    before, after = metrics(start, reviews), metrics(adapted, reviews)
    is_seen = np.random.default_rng(0).permutation(len(reviews)) < len(reviews) // 2
    by_half, other_half = start.adapt(list(reviews.where(is_seen).texts)), reviews.where(~is_seen)
    gain = metrics(by_half, other_half)[0] - metrics(start, other_half)[0]
    lost = metrics(adapted, own)[0] - metrics(start, own)[0]
    return [len(reviews), before[0], after[0], before[1], after[1], gain, lost, seconds]


def render(found: pd.DataFrame, sets: str) -> str:
    """The text of ADAPTATION.md."""
    rows = [
        [name, f"{n:,.0f}", f"{old:.1f}", f"{new:.1f}", f"{new - old:+.1f}", f"{auc:.1f} to {auc_after:.1f}",
         f"{half:+.1f}", f"{lost:+.1f}", f"{seconds:.0f}"]
        for name, n, old, new, auc, auc_after, half, lost, seconds in found.itertuples()
    ]  # fmt: skip
    about = (
        f"`python -m benchmarks.adaptation FOLDER --model MODEL --own OWN{sets}`. Accuracy in %, before and after an\n"
        "adaptation to the texts that are judged, and the gain in points. The other half is that of a set whose first\n"
        "half was adapted to. Own reviews are of the kind that the model was trained on: points of accuracy lost there."
    )
    return f"# Another domain, without labels\n\n{about}\n\n{markdown_table(COLUMNS, rows)}\n"


def main() -> None:
    """Measure all sets, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", required=True)
    parser.add_argument("--own", type=Path, required=True)
    parser.add_argument("--sets", help="Names, comma-separated (default: all tables of FOLDER).")
    arguments = parser.parse_args()
    paths = sorted(arguments.folder.glob(f"*{ENDING}"))
    if arguments.sets:
        paths = [arguments.folder / f"{name}{ENDING}" for name in arguments.sets.split(",")]
    start, own, found = sentiment.load(arguments.model), table_reviews(arguments.own), {}
    for path in paths:
        found[path.name.removesuffix(ENDING)] = numbers = measure(start, table_reviews(path), own)
        print(path.name, *(f"{number:.2f}" for number in numbers), flush=True)
    page = pd.DataFrame.from_dict(found, "index")
    page.loc["mean"] = page.mean()
    sets = f" --sets {arguments.sets}" if arguments.sets else ""
    (HERE / "ADAPTATION.md").write_text(render(page, sets), "utf-8")


if __name__ == "__main__":
    main()

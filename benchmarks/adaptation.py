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
from benchmarks.other_texts import ENDING
from sentiment.classifier import SentimentClassifier
from sentiment.data.labels import LABEL_NAMES
from sentiment.evaluation.metrics import evaluate_predictions
from sentiment.reporting.pages import markdown_table

HERE = Path(__file__).parent
COLUMNS = ["set", "texts", "before", "after", "gain", "ROC AUC", "other half, gain", "own reviews", "seconds"]


def read(path: Path) -> tuple[list[str], np.ndarray]:
    """Texts and labels of a table."""
    table = pd.read_csv(path, keep_default_na=False).query("label in @LABEL_NAMES")
    return table["text"].tolist(), (table["label"] == LABEL_NAMES[1]).to_numpy(np.int8)


def metrics(classifier: SentimentClassifier, texts: list[str], labels: np.ndarray) -> tuple[float, float]:
    """Accuracy and ROC AUC in %."""
    found = evaluate_predictions(labels, classifier.positive_probability(texts), classifier.threshold_)
    return 100 * found["accuracy"], 100 * found["roc_auc"]


def measure(start: SentimentClassifier, path: Path, own: tuple[list[str], np.ndarray]) -> list[float]:
    """The numbers of a row: those of COLUMNS from the second on, ROC AUC before and after."""
    texts, labels = read(path)
    started = time.perf_counter()
    adapted = start.adapt(texts)
    seconds = time.perf_counter() - started
    before, after = metrics(start, texts, labels), metrics(adapted, texts, labels)
    is_seen = np.random.default_rng(0).permutation(len(texts)) < len(texts) // 2
    halves = [[text for text, is_here in zip(texts, half, strict=True) if is_here] for half in (is_seen, ~is_seen)]
    by_half = start.adapt(halves[0])
    held_back = [metrics(classifier, halves[1], labels[~is_seen])[0] for classifier in (start, by_half)]
    lost = metrics(adapted, *own)[0] - metrics(start, *own)[0]
    return [len(texts), before[0], after[0], before[1], after[1], held_back[1] - held_back[0], lost, seconds]


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
    start, own, found = sentiment.load(arguments.model), read(arguments.own), {}
    for path in paths:
        found[path.name.removesuffix(ENDING)] = numbers = measure(start, path, own)
        print(path.name, *(f"{number:.2f}" for number in numbers), flush=True)
    page = pd.DataFrame.from_dict(found, "index")
    page.loc["mean"] = page.mean()
    sets = f" --sets {arguments.sets}" if arguments.sets else ""
    (HERE / "ADAPTATION.md").write_text(render(page, sets), "utf-8")


if __name__ == "__main__":
    main()

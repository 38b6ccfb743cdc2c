"""Texts of other kinds, beside lexicons: benchmarks/OTHER_TEXTS.md and a chart of the accuracies.

    python -m benchmarks.other_texts FOLDER [NAME=MODEL ...]

FOLDER has tables NAME.csv.gz with the columns `text` and `label` (positive, negative or neutral); neutral texts are
left out. A MODEL is a folder that `save` wrote, or a URI such as models:/imdb-sentiment@champion. VADER, TextBlob and
AFINN judge the same texts in the same run. They have no threshold, so a text of no feeling counts as positive.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.special import expit

import sentiment
from benchmarks.reviews import ENDING, table_reviews
from sentiment.data.fingerprints import Fingerprints
from sentiment.evaluation.metrics import evaluate_predictions, format_metric, metric_title
from sentiment.reporting import COLOURS
from sentiment.reporting.pages import markdown_table

HERE = Path(__file__).parent
METRICS = ("accuracy", "balanced_accuracy", "roc_auc", "log_loss")
SUREST = 0.999
"""P(positive) is kept between 1 - SUREST and SUREST for the log loss, or one mistake of a lexicon would decide it."""


@dataclass(frozen=True)
class System:
    """What judges texts: P(positive) of N texts, (N,), from which on it says positive, and what it learned from."""

    positive_probability: Callable[[Sequence[str]], np.ndarray]
    threshold: float = 0.5
    learned: Fingerprints | None = None


def vader(texts: Sequence[str]) -> np.ndarray:
    """VADER (Hutto & Gilbert 2014): its compound score c, from -1 to 1, as (c + 1) / 2."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyzer = SentimentIntensityAnalyzer()
    return np.array([(analyzer.polarity_scores(text)["compound"] + 1) / 2 for text in texts])


def textblob(texts: Sequence[str]) -> np.ndarray:
    """TextBlob: its polarity p, from -1 to 1, as (p + 1) / 2."""
    from textblob import TextBlob

    return np.array([(TextBlob(text).sentiment.polarity + 1) / 2 for text in texts])


def afinn(texts: Sequence[str]) -> np.ndarray:
    """AFINN (Nielsen 2011): the sum of its words' valences, which has no bounds, by the logistic function."""
    from afinn import Afinn

    lexicon = Afinn(emoticons=True)
    return np.asarray(expit([lexicon.score(text) for text in texts]))


PEERS = {"VADER": System(vader), "TextBlob": System(textblob), "AFINN": System(afinn)}


def read_model(given: str) -> tuple[str, System]:
    """The name and the classifier of NAME=MODEL, or of MODEL alone, whose name is its last part."""
    name, _, model = given.rpartition("=")
    classifier = sentiment.load(model)
    return name or Path(model).name, System(classifier.positive_probability, classifier.threshold_, classifier.learned)


def measure(folder: Path, systems: dict[str, System]) -> pd.DataFrame:
    """A row per set and system: `set`, `texts`, `system`, the metrics, and `seen`, the texts that it learned from."""
    rows = []
    for path in sorted(folder.glob(f"*{ENDING}")):
        reviews = table_reviews(path)
        for name, system in systems.items():
            probabilities = system.positive_probability(reviews.texts)
            found = evaluate_predictions(reviews.labels, probabilities, system.threshold)
            bounded = probabilities.clip(1 - SUREST, SUREST)
            found["log_loss"] = evaluate_predictions(reviews.labels, bounded)["log_loss"]
            seen = 0 if system.learned is None else int(system.learned.holds(reviews.texts).sum())
            about = {"set": path.name.removesuffix(ENDING), "texts": len(reviews), "system": name, "seen": seen}
            rows.append(about | {metric: found[metric] for metric in METRICS})
            print(f"{about['set']}, {name}: accuracy {found['accuracy']:.4f}", flush=True)
    return pd.DataFrame(rows)


def render(found: pd.DataFrame, models: Sequence[str]) -> str:
    """The text of OTHER_TEXTS.md: a table for each metric, a row per set and a column per system."""
    given = " ".join(repr(f"{name}=MODEL") for name in models)
    systems = list(found["system"].unique())
    lines = [
        "# Texts of other kinds",
        "",
        f"`python -m benchmarks.other_texts FOLDER {given}`.",
        "",
        "Neutral texts are left out. The lexicons read the same texts in the same run. VADER says positive from a",
        "compound score of 0 on, and (compound + 1) / 2 is its probability. TextBlob's polarity is read alike, and",
        f"AFINN's sum by the logistic function. For the log loss all are kept between {1 - SUREST:.3f} and {SUREST}.",
        "With 1,000 texts, 85 % has a 95 % interval of ± 2.2 points. Seen are texts that a model has learned from.",
    ]
    for metric in METRICS:
        seen = found["seen"].map(lambda count: f" ({count:,} seen)" if count else "")
        shown = found.assign(cell=found[metric].map(lambda value, of=metric: format_metric(of, value)) + seen)
        cells = shown.pivot(index=["set", "texts"], columns="system", values="cell")[systems]
        rows = [[name, f"{texts:,}", *row] for (name, texts), *row in cells.itertuples()]
        means = found.groupby("system")[metric].mean()[systems]
        rows.append(["mean of the sets", "", *(format_metric(metric, mean) for mean in means)])
        title = metric_title(metric)
        lines += ["", f"## {title[0].upper()}{title[1:]}", "", markdown_table(["set", "texts", *systems], rows)]
    return "\n".join(lines) + "\n"


def chart(found: pd.DataFrame) -> Figure:
    """Accuracy on each set: a colour for each system, dots for classifiers and squares for lexicons."""
    figure = Figure(figsize=(7.5, 0.8 + 0.42 * found["set"].nunique()), layout="constrained", dpi=110)
    axis = figure.add_subplot()
    for number, (name, rows) in enumerate(found.groupby("system", sort=False)):
        kind = {"marker": "s", "ms": 8, "fillstyle": "none"} if name in PEERS else {"marker": "o"}
        style: dict[str, Any] = {"color": COLOURS[number % len(COLOURS)], "ls": "", "label": name, **kind}
        axis.plot(100 * rows["accuracy"], rows["set"], **style)
    axis.invert_yaxis()
    axis.set_xlabel("accuracy, %")
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(alpha=0.25)
    figure.legend(frameon=False, loc="outside right upper")
    return figure


def main() -> None:
    """Measure all, and write both files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("models", nargs="*", metavar="NAME=MODEL")
    arguments = parser.parse_args()
    models = dict(map(read_model, arguments.models))
    found = measure(arguments.folder, models | PEERS)
    (HERE / "OTHER_TEXTS.md").write_text(render(found, list(models)), "utf-8")
    chart(found).savefig(HERE.parent / "docs" / "images" / "other_texts.png")


if __name__ == "__main__":
    main()

"""Ordered labels on other people's texts: benchmarks/ORDERED.md and a chart.

    python -m benchmarks.ordered FOLDER [--draws 5]

FOLDER has yelp_stars_dev.csv.gz, reviews with one to five stars, and sst5_dev.csv.gz, sentences of film critics that
are negative, neutral or positive. A draw trains on some rows of a set and tests on the others; nothing of it is kept.
Three systems learn from the same rows: the classifier in the box, fine-tuned; NB-LR for each cut between two labels
(Frank & Hall 2001); and multinomial logistic regression on TF-IDF of one and two words. What is finished stands in
FINDINGS, and a second start goes on with the rest.
"""

import argparse
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy import stats
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, cohen_kappa_score, f1_score, mean_absolute_error
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from benchmarks.measuring import machine
from sentiment import SentimentClassifier
from sentiment.reporting import COLOURS
from sentiment.reporting.pages import markdown_table

HERE = Path(__file__).parent
FINDINGS = Path("ordered.csv")
"""In the current folder: a row for each set, draw and system."""


class TextSet(NamedTuple):
    """A file, the column and the order of its labels, and how many rows to learn from and to test on."""

    file: str
    column: str
    order: tuple[Any, ...]
    train: int
    test: int


SETS = {
    "Yelp, five stars": TextSet("yelp_stars_dev", "stars", (1, 2, 3, 4, 5), 4_000, 1_000),
    "critics, three classes": TextSet("sst5_dev", "label", ("negative", "neutral", "positive"), 800, 301),
}


def tfidf() -> Any:
    """Multinomial logistic regression, which knows of no order."""
    features = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    return make_pipeline(features, LogisticRegression(C=10, max_iter=2_000))


SYSTEMS: dict[str, Callable[[], Any]] = {
    "from imdb": lambda: SentimentClassifier(start="imdb"),
    "NB-LR": lambda: SentimentClassifier(preset="linear"),
    "TF-IDF": tfidf,
}

METRICS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "mean absolute error": mean_absolute_error,
    "accuracy": accuracy_score,
    "macro-F1": lambda labels, found: float(f1_score(labels, found, average="macro")),
    "quadratic weighted kappa": lambda labels, found: float(cohen_kappa_score(labels, found, weights="quadratic")),
}


def measure(folder: Path, draws: int) -> pd.DataFrame:
    """A row per set, draw and system: the metrics."""
    done: list[dict[Any, Any]] = pd.read_csv(FINDINGS).to_dict("records") if FINDINGS.exists() else []
    for draw in range(draws):
        for name, texts in SETS.items():
            table = pd.read_csv(folder / f"{texts.file}.csv.gz", keep_default_na=False)
            rank = {label: number for number, label in enumerate(texts.order)}
            labels = table[texts.column].map(rank).to_numpy()
            sizes = {"train_size": texts.train, "test_size": texts.test}
            learned, tested = train_test_split(np.arange(len(table)), stratify=labels, random_state=draw, **sizes)
            for system, make in SYSTEMS.items():
                if any((row["set"], row["draw"], row["system"]) == (name, draw, system) for row in done):
                    continue
                model = make().fit(table["text"][learned].tolist(), table[texts.column][learned].to_numpy())
                found = np.array([rank[label] for label in model.predict(table["text"][tested].tolist())])
                metrics = {metric: of(labels[tested], found) for metric, of in METRICS.items()}
                done.append({"set": name, "draw": draw, "system": system} | metrics)
                pd.DataFrame(done).to_csv(FINDINGS, index=False)
                print(done[-1], flush=True)
    return pd.DataFrame(done)


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The mean over draws and half the length of its 95 % interval, by Student's t."""
    return float(np.mean(values)), float(stats.t.ppf(0.975, len(values) - 1) * stats.sem(values))


def render(found: pd.DataFrame) -> str:
    """The text of ORDERED.md: a table for each set."""
    lines = [
        "# Ordered labels",
        "",
        f"`python -m benchmarks.ordered FOLDER`, {machine()}.",
        "",
        "Each figure is the mean over draws of the rows to learn from, with its 95 % interval by Student's t. The",
        "draws share rows, so an interval tells you how much the draw matters, and is too short for other texts.",
        "The way to fine-tune was chosen with these sets, so they are no test of it.",
    ]
    for name, rows in found.groupby("set", sort=False):
        texts, draws = SETS[str(name)], rows["draw"].nunique()
        cells = [
            [
                str(system),
                *("{:.3f} ± {:.3f}".format(*interval(group[metric].tolist())) for metric in METRICS),
            ]
            for system, group in rows.groupby("system", sort=False)
        ]
        title = f"{name}: {texts.train:,} rows to learn from, {texts.test:,} to test on, {draws} draws"
        lines += ["", f"## {title}", "", markdown_table(["system", *METRICS], cells)]
    return "\n".join(lines) + "\n"


def chart(found: pd.DataFrame) -> Figure:
    """Mean absolute error and accuracy of each system on each set, with intervals."""
    figure = Figure(figsize=(7.5, 2.6), layout="constrained", dpi=110)
    sets = list(found["set"].unique())
    for axis, metric in zip(figure.subplots(1, 2, sharey=True), list(METRICS)[:2], strict=True):
        for number, (system, rows) in enumerate(found.groupby("system", sort=False)):
            means = [interval(rows[rows["set"] == name][metric].tolist()) for name in sets]
            places = np.arange(len(sets)) + 0.2 * (number - 1)
            values, errors = zip(*means, strict=True)
            axis.errorbar(values, places, xerr=errors, fmt="o", capsize=3, color=COLOURS[number], label=system)
        axis.set_yticks(range(len(sets)), [name.replace(", ", ",\n") for name in sets])
        axis.set_xlabel(metric)
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.25)
    axis.invert_yaxis()
    figure.legend(*axis.get_legend_handles_labels(), frameon=False, loc="outside upper center", ncols=3)
    return figure


def main() -> None:
    """Measure all, and write both files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--draws", type=int, default=5)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    found = measure(arguments.folder, arguments.draws)
    (HERE / "ORDERED.md").write_text(render(found), "utf-8")
    chart(found).savefig(HERE.parent / "docs" / "images" / "ordered.png")


if __name__ == "__main__":
    main()

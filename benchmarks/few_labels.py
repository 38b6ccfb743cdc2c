"""A few labels of your own: what the classifier in the box makes of them. benchmarks/FEW_LABELS.md and a chart.

    python -m benchmarks.few_labels FOLDER ARCHIVE [--draws 3] [--work few-labels]

FOLDER has tables NAME.csv.gz with the columns `text` and `label`; the set `imdb` are the test reviews of ARCHIVE. Left
out are copies, and rows that the classifier in the box has learned from. The same rows of a set test all systems, and
each draw takes the labelled rows from the others. Adapting reads all rows of a set, but no label. The folder of --work
keeps what is finished, so you can stop the benchmark and start it again.
"""

import argparse
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import sentiment
from benchmarks.measuring import machine
from benchmarks.ordered import tfidf
from benchmarks.reviews import ENDING, archive_reviews, table_reviews
from sentiment import SentimentClassifier
from sentiment.data.corpus import Reviews, normalized
from sentiment.evaluation.significance import accuracy_with_interval, compare_accuracy, correct_for_number
from sentiment.reporting import COLOURS
from sentiment.reporting.pages import markdown_table

HERE = Path(__file__).parent
BOX, ADAPTED, NB_LR = "from imdb", "adapted, then labels", "NB-LR"


class TextSet(NamedTuple):
    """How many rows of a set test, and how many labelled ones there are to learn from."""

    tested: int
    sizes: tuple[int, ...]


SETS = {
    "imdb": TextSet(1_500, (100, 300, 1_000)),
    "mds_books": TextSet(800, (100, 300, 1_000)),
    "mds_dvd": TextSet(800, (100, 300, 1_000)),
    "uci_amazon_cells": TextSet(500, (100, 300)),
    "uci_yelp": TextSet(500, (100, 300)),
}

Learn = Callable[[Reviews, list[str]], np.ndarray]
"""Labelled rows to learn from and N texts to whether each of these is positive, bool (N,)."""


def network(**settings: Any) -> Learn:
    """A network of this project; without labelled rows, its start as it is."""

    def learn(rows: Reviews, texts: list[str]) -> np.ndarray:
        if len(rows):
            classifier = SentimentClassifier(**settings).fit(rows.texts, rows.labels)
        else:
            classifier = sentiment.load(settings["start"])
        return classifier.positive_probability(texts) >= classifier.threshold_

    return learn


def logistic_regression(rows: Reviews, texts: list[str]) -> np.ndarray:
    """Logistic regression on TF-IDF of one and two words."""
    return np.asarray(tfidf().fit(rows.texts, rows.labels).predict(texts) == 1)


FROM_NOTHING: dict[str, Learn] = {
    "LSTM from nothing": network(preset="standard"),
    NB_LR: network(preset="linear"),
    "TF-IDF": logistic_regression,
}


def read(name: str, folder: Path, archive: Path) -> Reviews:
    """The rows of a set, in an order drawn at random: those to test on first."""
    rows = archive_reviews(archive).test if name == "imdb" else table_reviews(folder / f"{name}{ENDING}")
    learned = sentiment.load("imdb").learned
    assert learned is not None
    is_copy = pd.Series(rows.texts).map(normalized).duplicated().to_numpy()
    return part(rows, np.random.default_rng(0).permutation(np.flatnonzero(~is_copy & ~learned.holds(rows.texts))))


def part(rows: Reviews, positions: np.ndarray) -> Reviews:
    """The rows at some positions."""
    return Reviews([rows.texts[position] for position in positions], rows.labels[positions])


def learners(name: str, rows: Reviews, work: Path) -> dict[str, Learn]:
    """The systems that need no labelled rows, and then those that do."""
    if name == "imdb":  # it would be adapted to the domain that it comes from
        return {BOX: network(start="imdb")} | FROM_NOTHING
    if not (work / name / "classifier.json").exists():
        sentiment.load("imdb").adapt(list(rows.texts)).save(work / name)
    return {BOX: network(start="imdb"), ADAPTED: network(start=work / name)} | FROM_NOTHING


def measure(folder: Path, archive: Path, work: Path, draws: int) -> pd.DataFrame:
    """A row per set, system, number of labelled rows and draw; `right` has a 1 for each test row judged rightly."""
    kept, keys = work / "found.csv", ["set", "system", "size", "draw"]
    found = pd.read_csv(kept, dtype={"right": str}) if kept.exists() else pd.DataFrame(columns=[*keys, "right"])
    done = set(found[keys].itertuples(index=False, name=None))
    for name, (tested, sizes) in SETS.items():
        rows = read(name, folder, archive)
        test, systems = part(rows, np.arange(tested)), learners(name, rows, work)
        for draw in range(draws):
            drawn = tested + np.random.default_rng([1, draw]).permutation(len(rows) - tested)
            for size, (system, learn) in ((size, item) for size in (0, *sizes) for item in systems.items()):
                key = name, system, size, draw
                if key in done or (not size and (system in FROM_NOTHING or draw)):
                    continue
                right = learn(part(rows, drawn[:size]), list(test.texts)) == (test.labels == 1)
                line = pd.DataFrame([[*key, "".join("01"[one] for one in right.astype(int))]], columns=found.columns)
                line.to_csv(kept, mode="a", header=not kept.exists(), index=False)
                found = pd.concat([found, line])
                print(*key, f"{right.mean():.4f}", flush=True)
    return found


Right = dict[Hashable, np.ndarray]
"""(set, system, number of labelled rows) to whether each draw judges each test row rightly: bool (draws, N)."""


def rightness(found: pd.DataFrame) -> Right:
    """What was found, as arrays."""
    groups = found.groupby(["set", "system", "size"], sort=False)["right"]
    return {key: np.array([[*text] for text in texts]) == "1" for key, texts in groups}


def render(right: Right, draws: int) -> str:
    """The text of FEW_LABELS.md."""
    systems, rows, differences = [BOX, ADAPTED, *FROM_NOTHING], [], []
    for name, (tested, sizes) in SETS.items():
        for size in (0, *sizes):
            intervals = {s: accuracy_with_interval(right[name, s, size]) for s in systems if (name, s, size) in right}
            shares = {s: "{:.1f} ({:.1f} to {:.1f})".format(*(100 * np.array(i))) for s, i in intervals.items()}
            rows.append([name, f"{tested:,}", f"{size:,}", *(shares.get(system, "") for system in systems)])
        for few, system in ((min(sizes), BOX), (min(sizes), ADAPTED)):
            if (name, system, few) in right:
                one, other = f"{system} with {few}", f"{NB_LR} with {max(sizes):,}"
                pair = right[name, system, few], right[name, NB_LR, max(sizes)]
                differences.append((name, compare_accuracy(one, pair[0], other, pair[1])))
    names, compared = zip(*differences, strict=True)
    lines = [
        "# A few labels of your own",
        "",
        f"`python -m benchmarks.few_labels FOLDER ARCHIVE --draws {draws}` on {machine()}.",
        "",
        f"Accuracy in %, mean over {draws} draws of the labelled rows, with its 95 % interval over draws and test",
        "rows. With 0 labels, the systems are the classifier in the box, and the same adapted to the texts of the set.",
        "",
        markdown_table(["set", "test rows", "labels", *systems], rows),
        "",
        "With few labels, against the linear model with many; the p-values behind the verdicts are corrected (Holm):",
        "",
        *(f"- {name}: {one.verdict}." for name, one in zip(names, correct_for_number(compared), strict=True)),
    ]
    return "\n".join(lines) + "\n"


def chart(right: Right) -> Figure:
    """Accuracy by labelled rows: a panel for each set, a line for each system."""
    figure = Figure(figsize=(7.5, 4.8), layout="constrained", dpi=110)
    *axes, empty = figure.subplots(2, 3, sharey=True).ravel()
    empty.axis("off")
    sizes = [0, *max((of.sizes for of in SETS.values()), key=len)]
    for axis, name in zip(axes, SETS, strict=True):
        for number, system in enumerate([BOX, ADAPTED, *FROM_NOTHING]):
            places = [place for place, size in enumerate(sizes) if (name, system, size) in right]
            if not places:
                continue
            means, lows, highs = (
                100 * np.array([accuracy_with_interval(right[name, system, sizes[place]]) for place in places]).T
            )
            axis.errorbar(
                np.array(places) + 0.06 * (number - 2), means, yerr=[means - lows, highs - means], fmt="o-", ms=4,
                lw=1.3, elinewidth=1, capsize=2, color=COLOURS[number], label=system,
            )  # fmt: skip
        axis.set_title(name, fontsize=10)
        axis.set_xticks(range(len(sizes)), [f"{size:,}" for size in sizes])
        axis.set_xlim(-0.4, len(sizes) - 0.6)
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.25)
    figure.supxlabel("labelled rows", fontsize=10)
    figure.supylabel("accuracy, %", fontsize=10)
    empty.legend(*axes[1].get_legend_handles_labels(), frameon=False, loc="center")
    return figure


def main() -> None:
    """Measure all, and write both files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--work", type=Path, default=Path("few-labels"))
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    right = rightness(measure(arguments.folder, arguments.archive, arguments.work, arguments.draws))
    (HERE / "FEW_LABELS.md").write_text(render(right, arguments.draws), "utf-8")
    chart(right).savefig(HERE.parent / "docs" / "images" / "few_labels.png")


if __name__ == "__main__":
    main()

"""What each preset reaches, and in how many minutes of training, beside its peers: benchmarks/PRESETS.md and a chart.

    python -m benchmarks.presets --archive aclImdb_v1.tar.gz --run standard=RUN_ID --run strong=RUN_ID,RUN_ID

A run is the parent of a `sentiment run-pipeline` on the same archive; several are seeds of one preset. Seeds train two
at a time, so the minutes are those of the fastest. fastText and Keras' published example are trained here, on all
training reviews. The figures of larger models are quoted.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import mlflow
import numpy as np
from matplotlib.figure import Figure

from benchmarks.measuring import machine
from benchmarks.peers import fasttext, fit_fasttext
from benchmarks.reviews import archive_reviews
from sentiment.data.corpus import Corpus
from sentiment.engine.cells import CELLS
from sentiment.training.linear_model import LINEAR_MODEL, LINEAR_MODEL_NAME

HERE = Path(__file__).parent
QUOTED = {"DistilBERT (Sanh et al. 2019)": 0.928, "Sachan et al. (2019), units 512, GPU": 0.9568}
"""Test accuracies on the official test split, trained on twice as many labels."""


@dataclass(frozen=True)
class Point:
    """A model on the chart: its minutes of training, its test accuracy, and whether it is of this project."""

    name: str
    minutes: float
    accuracy: float
    is_ours: bool = False


def of_runs(preset: str, run_ids: list[str]) -> Iterator[Point]:
    """The models of one preset, means over runs."""
    client = mlflow.MlflowClient()
    found: dict[str, list[dict[str, float]]] = {}
    for run_id in run_ids:
        experiment = client.get_run(run_id).info.experiment_id
        for child in client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{run_id}'"):
            found.setdefault(child.data.tags["model"], []).append(child.data.metrics)
    for model, metrics in sorted(found.items()):
        seconds, accuracies = ([one[name] for one in metrics] for name in ("training_seconds", "test_accuracy"))
        seeds = f", {len(metrics)} seeds" if len(metrics) > 1 else ""
        name = LINEAR_MODEL if model == LINEAR_MODEL_NAME else f"{CELLS[model].layer}, {preset}{seeds}"
        yield Point(name, min(seconds) / 60, float(np.mean(accuracies)), is_ours=True)


def of_fasttext(corpus: Corpus) -> Point:
    """Words and pairs of words."""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.bin"
        started = time.perf_counter()
        fit_fasttext(corpus.train.texts, corpus.train.labels.tolist(), model)
        seconds = time.perf_counter() - started
        positive = fasttext(model)(corpus.test.texts) > 0.5
    return Point("fastText, pairs of words", seconds / 60, float(np.mean(positive == (corpus.test.labels == 1))))


def of_keras_example(corpus: Corpus) -> Point:
    """`bidirectional_lstm_imdb` of Keras' code examples, with its words, lengths, layers and two epochs."""
    import keras

    from sentiment.data.sequences import SequenceConfig, pad_texts
    from sentiment.data.vocabulary import Vocabulary

    keras.utils.set_random_seed(0)
    vocabulary = Vocabulary.fit(corpus.train.texts, 20_000)
    train, test = (
        pad_texts(split.texts, vocabulary, SequenceConfig(maxlen=200)) for split in (corpus.train, corpus.test)
    )
    network = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            keras.layers.Embedding(20_000, 128),
            keras.layers.Bidirectional(keras.layers.LSTM(64, return_sequences=True)),
            keras.layers.Bidirectional(keras.layers.LSTM(64)),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    network.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    started = time.perf_counter()
    network.fit(train, corpus.train.labels, batch_size=32, epochs=2, verbose=2)
    seconds = time.perf_counter() - started
    _, accuracy = network.evaluate(test, corpus.test.labels, verbose=0)
    return Point("Keras' example bidirectional_lstm_imdb", seconds / 60, float(accuracy))


def chart(points: list[Point]) -> Figure:
    """Accuracy against minutes; the quoted models as lines, since their minutes are of other machines."""
    figure = Figure(figsize=(7.5, 4.6), layout="constrained", dpi=110)
    axis = figure.add_subplot()
    for point in points:
        marker, color = ("o", "#0072B2") if point.is_ours else ("s", "#D55E00")
        place = point.minutes, 100 * point.accuracy
        axis.plot(*place, marker, color=color)
        axis.annotate(point.name, place, (8, 2), textcoords="offset points", fontsize=8)
    for name, accuracy in QUOTED.items():
        axis.axhline(100 * accuracy, color="grey", linestyle="--", linewidth=0.8)
        axis.annotate(
            f"{name}, official test, quoted", (0.5, 100 * accuracy), (0, 3), xycoords=("axes fraction", "data"),
            textcoords="offset points", fontsize=8, color="dimgrey", ha="center",
        )  # fmt: skip
    axis.set_xscale("log")
    axis.xaxis.set_major_formatter("{x:g}")
    axis.set_xlim(right=6 * max(point.minutes for point in points))
    axis.set_xlabel("minutes of training on 2 cores, logarithmic; of presets without vectors and teachers")
    axis.set_ylabel("accuracy on 5,000 test reviews of the development cut, %")
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(alpha=0.25)
    return figure


def main() -> None:
    """Measure the peers, read the runs, write both files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archive", type=Path, required=True)
    parser.add_argument("--run", action="append", default=[], metavar="PRESET=RUN_ID[,RUN_ID]")
    arguments = parser.parse_args()
    corpus = archive_reviews(arguments.archive)
    points: dict[str, Point] = {}
    for given in arguments.run:
        preset, run_ids = given.split("=")
        points |= {point.name: point for point in of_runs(preset, run_ids.split(","))}
    points |= {point.name: point for point in (of_fasttext(corpus), of_keras_example(corpus))}
    ordered = sorted(points.values(), key=lambda point: -point.accuracy)
    rows = [f"| {point.name} | {100 * point.accuracy:.2f} % | {point.minutes:.1f} |" for point in ordered]
    head = [
        "# Presets",
        "",
        f"`python -m benchmarks.presets --archive ARCHIVE {' '.join(f'--run {r}' for r in arguments.run)}`.",
        "",
        f"On {machine()}. Minutes are of training alone, of presets without vectors and teachers. Seeds train two at a",
        "time; the fastest counts. NB-LR is that of the last preset. The squares of the chart are peers.",
    ]
    table = ["| model | test accuracy | minutes of training |", "|---|---:|---:|", *rows]
    quoted = [f"- {name}: {100 * accuracy:.1f} %." for name, accuracy in QUOTED.items()]
    text = "\n".join([*head, "", *table, "", "Quoted, on the official test split:", "", *quoted, ""])
    (HERE / "PRESETS.md").write_text(text, "utf-8")
    chart(ordered).savefig(HERE.parent / "docs" / "images" / "presets.png")
    print(text)


if __name__ == "__main__":
    main()

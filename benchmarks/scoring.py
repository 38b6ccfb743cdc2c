"""Scoring 50,000 reviews, from a CSV file to a Parquet file: `sentiment score` beside its peers, and a million rows.

    python -m benchmarks.scoring [--model URI] [--archive ../shared/imdb/aclImdb_dev.tar.gz] [--rounds 3]

Run it where `sentiment run-pipeline` ran. Needs `pip install '.[bench]'`. Every contender is a process of its own; in
every round each has its turn. The clock of `sentiment score` runs over the whole command, start-up included; that of
every other contender starts when its libraries and its model are loaded. Memory is the peak of the proportional set
size over all processes of a contender. All networks must give the same probabilities. Writes benchmarks/RESULTS.md.
"""

import argparse
import functools
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import psutil

from sentiment.training.linear_model import LinearModel

RESULTS = Path(__file__).parent / "RESULTS.md"
COMMAND = "sentiment score"
ROWS = 50_000
REPETITIONS = 20
MANY = f"{COMMAND}, {REPETITIONS * ROWS:,} rows: the same {REPETITIONS} times"
FOLDER_START, REGISTRY_START = "model in a folder", "model in the registry"
BATCH_SIZE = 256
"""Of the peers, where it is not said to be Keras' default."""

Score = Callable[[Sequence[str]], np.ndarray]
"""N texts to P(positive), (N,)."""


def usual_way(model: Path, batch_size: int | None = None) -> Score:
    """As tutorials do it: Keras' tokens, pad_sequences, model.predict; None is Keras' default batch of 32."""
    import keras
    from tensorflow.keras.preprocessing.text import text_to_word_sequence

    from sentiment.classifier import SentimentClassifier, classifier_folder
    from sentiment.data.vocabulary import OUT_OF_VOCABULARY, START

    classifier = SentimentClassifier.load(classifier_folder(model))
    network, index, sequences = classifier.network, classifier.vocabulary.index, classifier.sequences

    def score(texts: Sequence[str]) -> np.ndarray:
        # Keras splits on spaces alone, this project on all white space: the same tokens need the same spaces.
        encoded = [
            [START, *(index.get(word, OUT_OF_VOCABULARY) for word in text_to_word_sequence(" ".join(text.split())))]
            for text in texts
        ]
        padded = keras.utils.pad_sequences(
            encoded, sequences.maxlen, padding=sequences.padding, truncating=sequences.truncating
        )
        probabilities: np.ndarray = network.predict(padded, batch_size=batch_size, verbose=0)[:, 0]
        return probabilities

    return score


def logged_model(model: Path) -> Score:
    """The model as MLflow loads it, in one process."""
    import mlflow

    loaded = mlflow.pyfunc.load_model(str(model))

    def score(texts: Sequence[str]) -> np.ndarray:
        probabilities: np.ndarray = loaded.predict(pd.DataFrame({"text": texts}))["positive_probability"].to_numpy()
        return probabilities

    return score


def pytorch(model: Path) -> Score:
    """torch.nn.LSTM with the same weights, on this project's (faster) tokens."""
    import torch

    from sentiment.classifier import SentimentClassifier, classifier_folder
    from sentiment.data.sequences import pad_texts

    classifier = SentimentClassifier.load(classifier_folder(model))
    embedding, lstm, dense = (
        [layer.get_weights() for layer in classifier.network.layers if layer.weights][position] for position in range(3)
    )
    (table,), (kernel, recurrent, bias), (head, head_bias) = embedding, lstm, dense
    layer = torch.nn.LSTM(table.shape[1], recurrent.shape[0], batch_first=True)  # gates i, f, g, o, as in Keras
    weights = {"weight_ih_l0": kernel.T, "weight_hh_l0": recurrent.T, "bias_ih_l0": bias, "bias_hh_l0": 0 * bias}
    layer.load_state_dict({name: torch.tensor(value) for name, value in weights.items()})
    vectors = torch.nn.Embedding.from_pretrained(torch.tensor(table))
    outwards, outward_bias = torch.tensor(head), torch.tensor(head_bias)

    def score(texts: Sequence[str]) -> np.ndarray:
        padded = torch.from_numpy(pad_texts(texts, classifier.vocabulary, classifier.sequences))
        found = []
        with torch.inference_mode():
            for batch in padded.split(BATCH_SIZE):
                _, (last, _) = layer(vectors(batch))
                found.append(torch.sigmoid(last[0] @ outwards + outward_bias)[:, 0].numpy())
        return np.concatenate(found)

    return score


def bag_of_words(fitted: Path) -> Score:
    """The linear model, n-grams with logistic regression: another model."""
    return LinearModel.load(fitted).positive_probability


PEERS: dict[str, Callable[[Path], Score]] = {
    "pandas, Keras tokens, pad_sequences, model.predict": usual_way,
    f"the same in batches of {BATCH_SIZE}": functools.partial(usual_way, batch_size=BATCH_SIZE),
    "logged pyfunc": logged_model,
    "PyTorch nn.LSTM, same weights": pytorch,
    "scikit-learn TF-IDF, logistic regression": bag_of_words,
}
SAME_NETWORK = [name for name in PEERS if PEERS[name] is not bag_of_words]


def run_peer(name: str, source: Path, target: Path, model: Path) -> None:
    """Be a contender: print the reviews/s from the CSV file to the Parquet file."""
    score = PEERS[name](model)
    started = time.perf_counter()
    table = pd.read_csv(source)
    table["positive_probability"] = score(table["text"].tolist())
    table["predicted_label"] = np.where(table["positive_probability"] >= 0.5, "positive", "negative")
    table.to_parquet(target, index=False)
    print("rows per second", len(table) / (time.perf_counter() - started))


@dataclass(frozen=True)
class Measurement:
    """Of a process with its children.

    Attributes:
        seconds: from its start to its end.
        memory: bytes at the peak.
        rate: reviews/s, as it says itself; 0 if it does not.
    """

    seconds: float
    memory: int
    rate: float


def measured(*command: object) -> Measurement:
    """Run a Python module with its arguments and watch it."""
    started = time.perf_counter()
    arguments = [sys.executable, "-m", *map(str, command)]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    memory = 0
    while True:
        memory = max(memory, _memory(process.pid))
        try:
            output, _ = process.communicate(timeout=0.5)
            break
        except subprocess.TimeoutExpired:
            continue
    seconds = time.perf_counter() - started
    if process.returncode:
        raise SystemExit(f"{' '.join(arguments)} ended with exit code {process.returncode}.")
    rates = re.findall(r"rows per second\s+([\d.,]+)", output)
    return Measurement(seconds, memory, float(rates[0].replace(",", "")) if rates else 0)


def _memory(pid: int) -> int:
    total = 0
    try:
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            total += process.memory_full_info().pss
    except psutil.Error:  # it has just ended
        return 0
    return total


def fit_bag_of_words(archive: Path, target: Path) -> list[str]:
    """Fit the linear model on the training reviews; returns the unlabelled reviews."""
    from sentiment.data.sources import SourceConfig, find_files, load_corpus

    config = SourceConfig(source="aclimdb", data=archive)
    corpus = load_corpus(config, find_files(config), seed=0)
    target.mkdir()
    LinearModel.fit(corpus.train.texts, corpus.train.labels).save(target)
    return list(corpus.unlabelled.texts)[:ROWS]


def benchmark(model_uri: str, archive: Path, rounds: int) -> str:
    """Measure everything; returns the report, in Markdown."""
    from pipelines.model_uri import located_classifier

    with located_classifier(model_uri) as (classifier, model_name), tempfile.TemporaryDirectory() as temporary:
        folder, model = Path(temporary), classifier.parents[1]
        texts = fit_bag_of_words(archive, folder / "linear_model")
        reviews = pd.DataFrame({"id": range(len(texts)), "text": texts})
        reviews.to_csv(folder / "reviews.csv", index=False)
        pd.concat([reviews] * REPETITIONS).to_csv(folder / "many.csv", index=False)
        del reviews

        best: dict[str, Measurement] = {}

        def keep(name: str, found: Measurement) -> None:
            print(name, found, flush=True)
            if name not in best or (found.rate, -found.seconds) > (best[name].rate, -best[name].seconds):
                best[name] = found

        def score(source: str, target: str) -> Measurement:
            files = (folder / source, folder / f"{target}.parquet")
            return measured("pipelines.cli", "score", *files, "--model", classifier, "--overwrite")

        for _ in range(rounds):
            keep(COMMAND, score("reviews.csv", COMMAND))
            for name, contender in PEERS.items():
                loaded = folder / "linear_model" if contender is bag_of_words else model
                files = (folder / "reviews.csv", folder / f"{name}.parquet", loaded)
                keep(name, measured("benchmarks.scoring", "--peer", name, *files))
            keep(MANY, score("many.csv", "many"))
            for name, uri in ((FOLDER_START, classifier), (REGISTRY_START, model_uri)):
                keep(name, measured("pipelines.cli", "predict", "A moving film.", "--model", uri))
        differences = {name: _difference(folder, name) for name in SAME_NETWORK}

    own = best[COMMAND]
    lines = [
        "# Scoring",
        "",
        f"`python -m benchmarks.scoring --rounds {rounds}` on {machine()}; best of {rounds} rounds;",
        f"{model_name}; {ROWS:,} unlabelled IMDB reviews, CSV in and Parquet out. Reviews/s by a clock",
        "that starts when libraries and model are loaded; the seconds are those of the whole process.",
        "",
        f"| | reviews/s | speed-up of `{COMMAND}` | seconds | peak memory, MiB | P(positive) differs by |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name in (COMMAND, *PEERS):
        ratio = f"{own.rate / best[name].rate:.1f}"
        difference = f"{differences[name]:.0e}" if name in differences else "another model"
        lines.append(_row(name, best[name], ratio, difference if name != COMMAND else ""))
    lines.append(_row(MANY, best[MANY], f"{own.rate / best[MANY].rate:.2f}", ""))
    lines += [
        "",
        "| `sentiment predict`, from a cold start to the verdict on one review | seconds |",
        "|---|---:|",
        *(f"| {name} | {best[name].seconds:.2f} |" for name in (FOLDER_START, REGISTRY_START)),
        "",
    ]
    return "\n".join(lines)


def _row(name: str, found: Measurement, ratio: str, difference: str) -> str:
    figures = (f"{found.rate:,.0f}", ratio, f"{found.seconds:.1f}", f"{found.memory / 2**20:,.0f}", difference)
    return f"| {name} | {' | '.join(figures)} |"


def _difference(folder: Path, name: str) -> float:
    """Largest difference to the probabilities of `sentiment score`; ends the run if it is another function."""
    expected, found = (
        pd.read_parquet(folder / f"{contender}.parquet")["positive_probability"].to_numpy()
        for contender in (COMMAND, name)
    )
    difference = float(np.abs(expected - found).max())
    if difference > 1e-5:
        raise SystemExit(f"{name} differs from {COMMAND} by {difference}.")
    return difference


def machine() -> str:
    """What the figures were measured on, for a report."""
    names = [line.split(": ")[1] for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    model = names[0] if names else platform.processor()
    return f"{len(os.sched_getaffinity(0))} cores of {model}, {psutil.virtual_memory().total / 2**30:.0f} GiB"


def main() -> None:
    """Parse, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="models:/imdb-sentiment@champion", help="logged LSTM")
    parser.add_argument("--archive", type=Path, default=Path(__file__).parents[2] / "shared/imdb/aclImdb_dev.tar.gz")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer", nargs=4, metavar=("NAME", "CSV", "PARQUET", "MODEL"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        name, source, target, model = options.peer
        run_peer(name, Path(source), Path(target), Path(model))
        return
    report = benchmark(options.model, options.archive, options.rounds)
    RESULTS.write_text(report, "utf-8")
    print(report)


if __name__ == "__main__":
    main()

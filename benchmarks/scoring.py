"""Scoring 50,000 reviews, from a CSV file to a Parquet file: `sentiment score` beside its peers, and a million rows.

    python -m benchmarks.scoring [--model URI] [--archive ../shared/imdb/aclImdb_dev.tar.gz] [--rounds 3]

Run it where `sentiment run-pipeline` ran. Needs `pip install '.[bench]'`. Every contender is a process of its own; in
every round each has its turn. The clock of `sentiment score` runs over the whole command, start-up included; that of
every other contender starts when its libraries and its model are loaded. Memory is the peak of the proportional set
size over all processes of a contender. All networks must give the same probabilities. Writes benchmarks/RESULTS.md.
"""

import argparse
import os
import platform
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

RESULTS = Path(__file__).parent / "RESULTS.md"
COMMAND = "sentiment score"
ROWS = 50_000
REPETITIONS = 20
BATCH_SIZE = 256
"""Of the peers: each is as fast with it as with 64 or 1,024, or faster."""

Score = Callable[[Sequence[str]], np.ndarray]
"""N texts to P(positive), (N,)."""


def usual_way(model: Path) -> Score:
    """As tutorials do it: Keras' tokens, pad_sequences, model.predict."""
    import keras
    from tensorflow.keras.preprocessing.text import text_to_word_sequence

    from sentiment.classifier import SentimentClassifier, classifier_folder
    from sentiment.vocabulary import OUT_OF_VOCABULARY, START

    classifier = SentimentClassifier.load(classifier_folder(model))
    network, index, sequences = classifier.network, classifier.vocabulary.index, classifier.sequences

    def score(texts: Sequence[str]) -> np.ndarray:
        encoded = [
            [START, *(index.get(word, OUT_OF_VOCABULARY) for word in text_to_word_sequence(text))] for text in texts
        ]
        padded = keras.utils.pad_sequences(
            encoded, sequences.maxlen, padding=sequences.padding, truncating=sequences.truncating
        )
        probabilities: np.ndarray = network.predict(padded, batch_size=BATCH_SIZE, verbose=0)[:, 0]
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
    from sentiment.sequences import pad_texts

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

    @torch.inference_mode()  # type: ignore[untyped-decorator, unused-ignore]
    def score(texts: Sequence[str]) -> np.ndarray:
        padded = torch.from_numpy(pad_texts(texts, classifier.vocabulary, classifier.sequences))
        found = []
        for batch in padded.split(BATCH_SIZE):
            _, (last, _) = layer(vectors(batch))
            found.append(torch.sigmoid(last[0] @ outwards + outward_bias)[:, 0])
        return torch.cat(found).numpy()

    return score


def bag_of_words(fitted: Path) -> Score:
    """scikit-learn's TF-IDF over words and pairs of words with logistic regression: another model, faster to train."""
    import joblib

    pipeline = joblib.load(fitted)  # written by this very run

    def score(texts: Sequence[str]) -> np.ndarray:
        probabilities: np.ndarray = pipeline.predict_proba(texts)[:, 1]
        return probabilities

    return score


PEERS = {
    "pandas, Keras tokens, pad_sequences, model.predict": usual_way,
    "logged pyfunc": logged_model,
    "PyTorch nn.LSTM, same weights": pytorch,
    "scikit-learn TF-IDF, logistic regression": bag_of_words,
}
SAME_NETWORK = [name for name in PEERS if PEERS[name] is not bag_of_words]


def run_peer(name: str, source: Path, target: Path, model: Path) -> None:
    """Be a contender: print the seconds from the CSV file to the Parquet file."""
    score = PEERS[name](model)
    started = time.perf_counter()
    table = pd.read_csv(source)
    table["positive_probability"] = score(table["text"].tolist())
    table["predicted_label"] = np.where(table["positive_probability"] >= 0.5, "positive", "negative")
    table.to_parquet(target, index=False)
    print(time.perf_counter() - started)


@dataclass(frozen=True)
class Measurement:
    """Seconds, and bytes at the peak, of a process with its children."""

    seconds: float
    memory: int
    output: str


def measured(command: Sequence[str]) -> Measurement:
    """Run a command and watch it."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    memory = 0
    while True:
        memory = max(memory, _memory(process.pid))
        try:
            output, _ = process.communicate(timeout=0.1)
            break
        except subprocess.TimeoutExpired:
            continue
    seconds = time.perf_counter() - started
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with exit code {process.returncode}.")
    return Measurement(seconds, memory, output)


def _memory(pid: int) -> int:
    total = 0
    try:
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            total += process.memory_full_info().pss
    except psutil.Error:  # it has just ended
        return 0
    return total


def score_command(source: Path, target: Path, model: str) -> list[str]:
    """`sentiment score` as the user runs it."""
    return [sys.executable, "-m", "pipelines.cli", "score", str(source), str(target), "--model", model, "--overwrite"]


def fit_bag_of_words(archive: Path, target: Path) -> list[str]:
    """Fit TF-IDF and logistic regression on the training reviews; returns the unlabelled reviews."""
    import joblib
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    from sentiment.sources import SourceConfig, find_files, load_corpus

    config = SourceConfig(source="aclimdb", data=archive)
    corpus = load_corpus(config, find_files(config), seed=0)
    tfidf = TfidfVectorizer(sublinear_tf=True, min_df=2, ngram_range=(1, 2))
    pipeline = make_pipeline(tfidf, LogisticRegression(C=10, max_iter=1_000))
    joblib.dump(pipeline.fit(list(corpus.train.texts), corpus.train.labels), target)
    return list(corpus.unlabelled.texts)[:ROWS]


def benchmark(model_uri: str, archive: Path, rounds: int) -> str:
    """Measure everything; returns the report, in Markdown."""
    from pipelines.score import located_classifier

    with located_classifier(model_uri) as (classifier, model_name), tempfile.TemporaryDirectory() as temporary:
        folder, model = Path(temporary), classifier.parents[1]
        texts = fit_bag_of_words(archive, folder / "bag.joblib")
        reviews = pd.DataFrame({"id": range(len(texts)), "text": texts})
        reviews.to_csv(folder / "reviews.csv", index=False)
        pd.concat([reviews] * REPETITIONS).to_csv(folder / "many.csv", index=False)
        del reviews

        best: dict[str, Measurement] = {}

        def keep(name: str, found: Measurement) -> None:
            print(f"{name}: {found.seconds:.1f} s, {found.memory / 2**20:,.0f} MiB", flush=True)
            if name not in best or found.seconds < best[name].seconds:
                best[name] = found

        many = f"{COMMAND}, {REPETITIONS * ROWS:,} rows"
        folder_start, registry_start = "a model folder", f"the registry ({model_uri})"
        for _ in range(rounds):
            keep(
                COMMAND, measured(score_command(folder / "reviews.csv", folder / f"{COMMAND}.parquet", str(classifier)))
            )
            for name, contender in PEERS.items():
                loaded = folder / "bag.joblib" if contender is bag_of_words else model
                files = (str(folder / "reviews.csv"), str(folder / f"{name}.parquet"), str(loaded))
                found = measured([sys.executable, "-m", "benchmarks.scoring", "--peer", name, *files])
                keep(name, Measurement(float(found.output.splitlines()[-1]), found.memory, ""))
            keep(many, measured(score_command(folder / "many.csv", folder / "many.parquet", str(classifier))))
            for name, uri in ((folder_start, str(classifier)), (registry_start, model_uri)):
                review = ["A moving film, and not a minute too long."]
                keep(name, measured([sys.executable, "-m", "pipelines.cli", "predict", *review, "--model", uri]))
        differences = {name: _difference(folder, name) for name in SAME_NETWORK}

    own = best[COMMAND]
    lines = [
        "# Scoring",
        "",
        f"`python -m benchmarks.scoring --rounds {rounds}` on {_machine()}; best of {rounds} rounds; {model_name}; the",
        f"{ROWS:,} unlabelled IMDB reviews, CSV in and Parquet out. The clock of `{COMMAND}` runs over the whole",
        "command, start-up included; that of the others starts when their libraries and models are loaded.",
        "",
        f"| | reviews/s | `{COMMAND}` is | peak memory, MiB | largest difference in P(positive) |",
        "|---|---:|---:|---:|---:|",
        _row(COMMAND, ROWS, own, "", ""),
    ]
    for name in PEERS:
        ratio = f"{best[name].seconds / own.seconds:.1f} times as fast"
        lines.append(
            _row(name, ROWS, best[name], ratio, f"{differences[name]:.0e}" if name in differences else "other model")
        )
    lines += [
        "",
        f"| `{COMMAND}` | reviews/s | peak memory, MiB |",
        "|---|---:|---:|",
        f"| {ROWS:,} rows | {ROWS / own.seconds:,.0f} | {own.memory / 2**20:,.0f} |",
        f"| {REPETITIONS * ROWS:,} rows, the same {REPETITIONS} times | {REPETITIONS * ROWS / best[many].seconds:,.0f} "
        f"| {best[many].memory / 2**20:,.0f} |",
        "",
        "| from a cold start to the verdict on one review, `sentiment predict` | seconds |",
        "|---|---:|",
        *(f"| from {name} | {best[name].seconds:.2f} |" for name in (folder_start, registry_start)),
        "",
    ]
    return "\n".join(lines)


def _row(name: str, rows: int, found: Measurement, ratio: str, difference: str) -> str:
    return f"| {name} | {rows / found.seconds:,.0f} | {ratio} | {found.memory / 2**20:,.0f} | {difference} |"


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


def _machine() -> str:
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

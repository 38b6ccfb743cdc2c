"""Training speed: `sentiment.training.trainer.fit` beside Keras `fit` as usually written and PyTorch `nn.LSTM`.

    python -m benchmarks.training [--archive ../shared/imdb/aclImdb_dev.tar.gz] [--reviews 6400] [--rounds 3]

Needs `pip install '.[bench]'`. All train the same LSTM on the same reviews: 10,000 words, word vectors of 64, 64 units,
batches of 64, Adam. Every contender is a process of its own; in every round each has its turn. It trains for two
epochs, and the second counts, so graphs are built and code is compiled; what that took is told beside it. Writes
benchmarks/TRAINING.md.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.measuring import machine

RESULTS = Path(__file__).parent / "TRAINING.md"
NUM_WORDS, EMBEDDING_DIM, UNITS, BATCH_SIZE, LEARNING_RATE = 10_000, 64, 64, 64, 0.001
MAXLENS = 200, 400

Contender = Callable[[np.ndarray, np.ndarray], list[float]]
"""int32 (N, maxlen) and labels (N,) to the seconds of the first epoch and of the second."""


def keras_fit(inputs: np.ndarray, labels: np.ndarray, *, mask_zero: bool) -> list[float]:
    """As tutorials write it: a Sequential model on padded reviews; mask_zero skips padding, but keeps it in batches."""
    import keras

    network = keras.Sequential(
        [
            keras.Input((inputs.shape[1],), dtype="int32"),
            keras.layers.Embedding(NUM_WORDS, EMBEDDING_DIM, mask_zero=mask_zero),
            keras.layers.LSTM(UNITS),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    network.compile(keras.optimizers.Adam(LEARNING_RATE), "binary_crossentropy", metrics=["accuracy"])
    times: list[float] = []

    def note_time(logs: object) -> None:
        times.append(time.perf_counter())

    clock = keras.callbacks.LambdaCallback(on_train_begin=note_time, on_train_end=note_time)
    for _ in range(2):
        network.fit(inputs, labels, batch_size=BATCH_SIZE, verbose=0, callbacks=[clock])
    return [end - begin for begin, end in zip(times[::2], times[1::2], strict=True)]


def sentiment_train(inputs: np.ndarray, labels: np.ndarray, *, mask_padding: bool) -> list[float]:
    """This project: the same function as Keras; mask_padding skips padding, in batches of similar length."""
    from sentiment.training.models import ModelConfig, build_model
    from sentiment.training.trainer import SameExamples, TrainingConfig, fit

    config = ModelConfig(embedding_dim=EMBEDDING_DIM, units=UNITS, mask_padding=mask_padding)
    network = build_model("lstm", config, num_words=NUM_WORDS, maxlen=inputs.shape[1])
    training = TrainingConfig(epochs=2, patience=2, batch_size=BATCH_SIZE, learning_rate=LEARNING_RATE)
    with tempfile.TemporaryDirectory() as folder:
        history = fit(
            network,
            SameExamples(inputs, labels),
            (inputs[:BATCH_SIZE], labels[:BATCH_SIZE]),
            training,
            seed=0,
            checkpoints=Path(folder),
        )
    return [len(labels) / speed for speed in history["reviews_per_second"]]


def pytorch(inputs: np.ndarray, labels: np.ndarray, *, packed: bool) -> list[float]:
    """torch.nn.LSTM on padded reviews, or on packed sequences, which skip padding."""
    import torch
    from torch.nn.utils.rnn import pack_padded_sequence

    embedding = torch.nn.Embedding(NUM_WORDS, EMBEDDING_DIM)
    lstm = torch.nn.LSTM(EMBEDDING_DIM, UNITS, batch_first=True)
    dense = torch.nn.Linear(UNITS, 1)
    weights = [*embedding.parameters(), *lstm.parameters(), *dense.parameters()]
    optimizer = torch.optim.Adam(weights, LEARNING_RATE)
    tokens, targets = torch.from_numpy(inputs).long(), torch.from_numpy(labels).float()
    lengths = (tokens > 0).sum(1)
    if packed:  # words first, as packing expects
        tokens = torch.stack([row.roll(int(length)) for row, length in zip(tokens, lengths, strict=True)])

    def epoch() -> None:
        for batch in torch.randperm(len(tokens)).split(BATCH_SIZE):
            vectors = embedding(tokens[batch])
            read = pack_padded_sequence(vectors, lengths[batch], True, enforce_sorted=False) if packed else vectors
            _, (last, _) = lstm(read)
            loss = torch.nn.functional.binary_cross_entropy_with_logits(dense(last[0])[:, 0], targets[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return [_seconds(epoch) for _ in range(2)]


def _seconds(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


KERAS, PYTORCH = "Keras `fit` as usually written", "PyTorch `nn.LSTM`, padded"
CONTENDERS: dict[str, Contender] = {
    KERAS: partial(keras_fit, mask_zero=False),
    "Keras `fit`, `mask_zero`": partial(keras_fit, mask_zero=True),
    PYTORCH: partial(pytorch, packed=False),
    "PyTorch `nn.LSTM`, packed": partial(pytorch, packed=True),
    "sentiment, padding read": partial(sentiment_train, mask_padding=False),
    "sentiment, `mask_padding`": partial(sentiment_train, mask_padding=True),
}


def write_reviews(archive: Path, reviews: int, folder: Path) -> None:
    """Padded training reviews, MAXLEN.npy for each length, and labels.npy."""
    from benchmarks.reviews import archive_reviews
    from sentiment.data.sequences import SequenceConfig, pad_texts
    from sentiment.data.vocabulary import Vocabulary

    train = archive_reviews(archive).train
    chosen = np.random.default_rng(0).permutation(len(train))[:reviews]
    vocabulary = Vocabulary.fit(train.texts, NUM_WORDS)
    for maxlen in MAXLENS:
        texts = [train.texts[position] for position in chosen]
        np.save(folder / f"{maxlen}.npy", pad_texts(texts, vocabulary, SequenceConfig(maxlen=maxlen)))
    np.save(folder / "labels.npy", train.labels[chosen])


def benchmark(archive: Path, reviews: int, rounds: int) -> str:
    """Measure everything; returns the report, in Markdown."""
    best: dict[tuple[str, int], tuple[float, float]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        write_reviews(archive, reviews, Path(temporary))
        for _ in range(rounds):
            for maxlen in MAXLENS:
                for name in CONTENDERS:
                    command = [sys.executable, "-m", "benchmarks.training", "--run", name, temporary, str(maxlen)]
                    process = subprocess.run(
                        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True
                    )
                    first, second = map(float, process.stdout.split()[-2:])
                    print(f"{name}, maxlen {maxlen}: {reviews / second:,.0f} reviews/s", flush=True)
                    best[name, maxlen] = min(best.get((name, maxlen), (second, first)), (second, first))
    lines = [
        "# Training",
        "",
        f"`python -m benchmarks.training --reviews {reviews} --rounds {rounds}` on {machine()}; best of {rounds}",
        f"rounds. One LSTM: {NUM_WORDS:,} words, word vectors of {EMBEDDING_DIM}, {UNITS} units, batches of",
        f"{BATCH_SIZE}, Adam; {reviews:,} IMDB reviews. The second epoch counts; the last column is what the first",
        "took longer. Keras' clock stops before `fit` returns, as it may wait seconds for a thread of tf.data then.",
    ]
    for maxlen in MAXLENS:
        lines += [
            "",
            f"| maxlen {maxlen} | reviews/s | to Keras `fit` | to PyTorch, padded | start-up, s |",
            "|---|---:|---:|---:|---:|",
        ]
        for name in CONTENDERS:
            second, first = best[name, maxlen]
            ratios = [f"{best[peer, maxlen][0] / second:.2f}" for peer in (KERAS, PYTORCH)]
            cells = [name, f"{reviews / second:,.0f}", *ratios, f"{max(0.0, first - second):.1f}"]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def main() -> None:
    """Parse, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archive", type=Path, default=Path(__file__).parents[2] / "shared/imdb/aclImdb_dev.tar.gz")
    parser.add_argument("--reviews", type=int, default=6_400)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--run", nargs=3, metavar=("NAME", "FOLDER", "MAXLEN"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        name, folder, maxlen = options.run
        inputs, labels = np.load(Path(folder) / f"{maxlen}.npy"), np.load(Path(folder) / "labels.npy")
        print(*CONTENDERS[name](inputs, labels))
        return
    report = benchmark(options.archive, options.reviews, options.rounds)
    RESULTS.write_text(report, "utf-8")
    print(report)


if __name__ == "__main__":
    main()

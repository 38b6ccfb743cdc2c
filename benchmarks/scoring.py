"""Scoring 50,000 reviews, from a CSV file to a Parquet file: `sentiment score` beside its peers, a million rows, Spark.

    python -m benchmarks.scoring --archive aclImdb_v1.tar.gz [--model URI] [--other NAME=URI]... [--rounds 2]

Run it where `sentiment run-pipeline --preset textbook` ran. Needs `pip install '.[bench,spark]'` and Java. Every
contender is a process of its own; in every round each has its turn. All clocks start when libraries and model are
loaded. Each contender scores the test reviews too, for its accuracy. Memory is the peak of the proportional set size
over all processes of a contender. All networks must give the same probabilities.

Writes benchmarks/RESULTS.md, and docs/images/speed.png with accuracy against speed.
"""

import argparse
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import transformer
from benchmarks.measuring import Measurement, machine, measured
from benchmarks.peers import BATCH_SIZE, FASTTEXT, PEERS, SAME_NETWORK, fit_fasttext

ROOT = Path(__file__).parents[1]
RESULTS, FIGURE = Path(__file__).parent / "RESULTS.md", ROOT / "docs" / "images" / "speed.png"
COMMAND = "sentiment score"
FOLDER_START, REGISTRY_START = "model in a folder", "model in the registry"
SPARK_FILES = 16
SHORT_NAMES = dict(
    zip(PEERS, ("Keras", f"Keras, batches of {BATCH_SIZE}", "logged pyfunc", "PyTorch", "fastText"), strict=True)
)
"""Peer -> its name in the figure."""


@dataclass
class Bench:
    """What is scored, with what, and what was found.

    Attributes:
        folder: of this run alone. It holds reviews.csv and test.csv, and the tables that contenders write.
        models: contender of this project -> folder of its classifier; COMMAND is the one that peers copy.
        logged: folder of the model of COMMAND as MLflow logged it.
        best: contender -> its best round.
    """

    folder: Path
    models: dict[str, Path]
    logged: Path
    best: dict[str, Measurement] = field(default_factory=dict)

    def keep(self, name: str, found: Measurement) -> None:
        """Note a round."""
        print(f"{name}: {found}", flush=True)
        if name not in self.best or (found.rate, -found.seconds) > (self.best[name].rate, -self.best[name].seconds):
            self.best[name] = found

    def score(self, name: str, source: str, *options: object) -> Measurement:
        """Run `sentiment score` with a model of this project."""
        target = self.target(name, source)
        model = ("--model", self.models.get(name, self.models[COMMAND]))
        return measured("pipelines.cli", "score", self.folder / source, target, *model, "--overwrite", *options)

    def target(self, name: str, source: str) -> Path:
        """Where a contender writes."""
        return self.folder / f"{name.replace('/', '-')} {Path(source).stem}.parquet"

    def probabilities(self, name: str, source: str) -> np.ndarray:
        """P(positive) of each row, float32 (N,)."""
        return pd.read_parquet(self.target(name, source))["positive_probability"].to_numpy()

    def accuracy(self, name: str) -> float:
        """On the test reviews, at a threshold of 0.5."""
        labels = pd.read_csv(self.folder / "test.csv")["label"].to_numpy()
        return float(((self.probabilities(name, "test.csv") >= 0.5) == labels).mean())

    def difference(self, name: str) -> float:
        """Largest difference to the probabilities of COMMAND.

        Raises:
            SystemExit: it is another function.
        """
        one, other = (self.probabilities(contender, "reviews.csv") for contender in (name, COMMAND))
        difference = float(np.abs(one - other).max())
        if difference > 1e-5:
            raise SystemExit(f"{name} differs from {COMMAND} by {difference}.")
        return difference


def run_peer(name: str, model: Path, *tables: Path) -> None:
    """Be a contender: score the tables, each a CSV file and the Parquet file to write; print the first one's speed."""
    score = PEERS[name](model)
    for number, (source, target) in enumerate(zip(tables[::2], tables[1::2], strict=True)):
        started = time.perf_counter()
        table = pd.read_csv(source)
        table["positive_probability"] = score(table["text"].tolist())
        table["predicted_label"] = np.where(table["positive_probability"] >= 0.5, "positive", "negative")
        table.to_parquet(target, index=False)
        if number == 0:
            print("rows per second", len(table) / (time.perf_counter() - started))


def prepare(archive: Path, rows: int, repetitions: int, folder: Path) -> None:
    """Write the tables to score, and train fastText on the training reviews."""
    from benchmarks.reviews import archive_reviews

    corpus = archive_reviews(archive)
    pd.DataFrame({"text": list(corpus.test.texts), "label": corpus.test.labels}).to_csv(
        folder / "test.csv", index=False
    )
    texts = list(corpus.unlabelled.texts)[:rows]
    reviews = pd.DataFrame({"id": range(len(texts)), "text": texts})
    reviews.to_csv(folder / "reviews.csv", index=False)
    many = pd.concat([reviews] * repetitions)
    many.to_csv(folder / "many.csv", index=False)
    (folder / "parts").mkdir()
    for number, part in enumerate(np.array_split(np.arange(len(many)), SPARK_FILES)):
        many.iloc[part].to_csv(folder / "parts" / f"{number:02d}.csv", index=False)
    fit_fasttext(corpus.train.texts, list(corpus.train.labels), folder / "fasttext.bin")


def measure(bench: Bench, rounds: int, model_uri: str) -> None:
    """Give each contender its turn in every round."""
    folder = bench.folder
    for _ in range(rounds):
        for name in bench.models:
            bench.keep(name, bench.score(name, "reviews.csv"))
        for name in PEERS:
            model = folder / "fasttext.bin" if name == FASTTEXT else bench.logged
            tables = [path for csv in ("reviews.csv", "test.csv") for path in (folder / csv, bench.target(name, csv))]
            bench.keep(name, measured("benchmarks.scoring", "--peer", name, model, *tables))
        for name, uri in ((FOLDER_START, bench.models[COMMAND]), (REGISTRY_START, model_uri)):
            bench.keep(name, measured("pipelines.cli", "predict", "A moving film.", "--model", uri))
    for name in bench.models:
        bench.score(name, "test.csv")
    bench.keep("one file", bench.score("one file", "many.csv"))
    bench.keep("local", bench.score("local", "parts"))
    bench.keep("Spark", bench.score("Spark", "parts", "--engine", "spark", "--spark-master", "local[2]"))


def report(bench: Bench, rows: int, repetitions: int, transformers: dict[str, float]) -> str:
    """The tables, in Markdown."""
    best, own = bench.best, bench.best[COMMAND]
    lines = [
        f"| from CSV to Parquet, {rows:,} reviews | reviews/s | speed-up of `{COMMAND}` | test accuracy | seconds "
        "| peak memory, MiB | P(positive) differs by |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name in (*bench.models, *PEERS):
        found = best[name]
        difference = f"{bench.difference(name):.0e}" if name in SAME_NETWORK else ""
        lines.append(
            f"| {name} | {found.rate:,.0f} | {own.rate / found.rate:.1f} | {bench.accuracy(name):.2%} "
            f"| {found.seconds:.1f} | {found.memory / 2**20:,.0f} | {difference} |"
        )
    for name, rate in transformers.items():
        lines.append(f"| {name} | {rate:.1f} | {own.rate / rate:,.0f} | {transformer.ACCURACY:.2%} (quoted) | | | |")
    many = rows * repetitions
    lines += [
        "",
        f"| {many:,} rows: the same {repetitions} times | reviews/s | seconds | peak memory, MiB |",
        "|---|---:|---:|---:|",
    ]
    for name, title in (
        ("one file", f"`{COMMAND}`, one file"),
        ("local", f"`{COMMAND}`, {SPARK_FILES} files"),
        ("Spark", f"`{COMMAND} --engine spark`, the same files, `local[2]`"),
    ):
        found = best[name]
        lines.append(f"| {title} | {found.rate:,.0f} | {found.seconds:.1f} | {found.memory / 2**20:,.0f} |")
    lines += [
        "",
        "| `sentiment predict`, from a cold start to the verdict on one review | seconds |",
        "|---|---:|",
        *(f"| {name} | {best[name].seconds:.2f} |" for name in (FOLDER_START, REGISTRY_START)),
        "",
    ]
    return "\n".join(lines)


def draw(bench: Bench, transformers: dict[str, float]) -> None:
    """Accuracy against speed, a point for each contender."""
    from matplotlib.figure import Figure

    places = {name: (bench.best[name].rate, bench.accuracy(name)) for name in (*bench.models, *PEERS)}
    own = {name.removeprefix(f"{COMMAND}, "): places[name] for name in bench.models if name != COMMAND}
    own["LSTM, preset textbook"] = places[COMMAND]
    others = {name: places[name] for name in PEERS}
    others |= {name: (rate, transformer.ACCURACY) for name, rate in transformers.items()}
    at_one_height = sorted(SAME_NETWORK, key=lambda name: places[name])  # their labels go up and down in turn
    figure = Figure(figsize=(8, 5.5), dpi=120, layout="constrained")
    axes = figure.subplots()
    for whose, points, colour, marker in (("peers", others, "#4b5563", "o"), (COMMAND, own, "#b91c1c", "D")):
        axes.scatter(*zip(*points.values(), strict=True), color=colour, marker=marker, zorder=3, label=whose)
        for name, place in points.items():
            label = SHORT_NAMES.get(name, name).partition(f", {transformer.TOKENS} tokens")[0]
            upwards = -1 if name in at_one_height[1::2] else 1
            axes.annotate(
                label, place, xytext=(3, 5 * upwards), textcoords="offset points", rotation=30 * upwards,
                va="bottom" if upwards > 0 else "top", fontsize=9, color=colour,
            )  # fmt: skip
    axes.set_xscale("log")
    axes.margins(x=0.15, y=0.2)
    axes.set_xlim(right=axes.get_xlim()[1] * 10)  # for the labels of the fastest
    axes.set_ylim(axes.get_ylim()[0] - 0.005, axes.get_ylim()[1] + 0.005)  # and those that go up or down
    axes.legend(loc="lower left")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.set_xlabel("reviews a second on two cores, from CSV to Parquet")
    axes.set_ylabel("test accuracy")
    axes.grid(alpha=0.3)
    figure.savefig(FIGURE)


def benchmark(options: argparse.Namespace) -> None:
    """Measure everything, and write what was found."""
    from pipelines.models import located_classifier

    with located_classifier(options.model) as (classifier, model_name), tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        others = (other.split("=", 1) for other in options.other)
        models = {COMMAND: classifier, **{f"{COMMAND}, {name}": Path(path) for name, path in others}}
        bench = Bench(folder, models, classifier.parents[1])
        prepare(options.archive, options.rows, options.repetitions, folder)
        measure(bench, options.rounds, options.model)
        found = transformer.rates(folder, options.transformer) if options.transformer else {}
        draw(bench, found)
        tables = report(bench, options.rows, options.repetitions, found)
    arguments = f"--rows {options.rows} --repetitions {options.repetitions} --rounds {options.rounds}"
    arguments += f" --transformer {options.transformer}" if options.transformer else ""
    lines = [
        "# Scoring",
        "",
        f"`python -m benchmarks.scoring {arguments}` on {machine()};",
        f"best of the rounds; {model_name}; IMDB reviews. All clocks start when libraries and model are loaded;",
        "the seconds are those of the whole process, start-up included.",
        "",
        tables,
    ]
    RESULTS.write_text("\n".join(lines), "utf-8")
    print(tables)


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="models:/imdb-sentiment@champion", help="logged LSTM of preset textbook")
    parser.add_argument("--other", action="append", default=[], help="NAME=FOLDER of another classifier")
    parser.add_argument("--archive", type=Path, help="of the IMDB reviews")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--repetitions", type=int, default=20, help="how many times the rows make the large file")
    parser.add_argument("--transformer", type=int, default=0, metavar="REVIEWS", help="time DistilBERT on so many")
    parser.add_argument("--peer", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        name, *paths = options.peer
        run_peer(name, *map(Path, paths))
        return
    benchmark(options)


if __name__ == "__main__":
    main()

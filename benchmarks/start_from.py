"""A user's few labels: accuracy from a trained start, from scratch, and of the linear model, on single sentences.

    python -m benchmarks.start_from --archive aclImdb_v1.tar.gz --start models:/imdb-sentiment@champion \
        [--sizes 100 300 1000 3000] [--repeats 3] [--folder start-from]

The rows are sentences of 5 to 40 words of the archive's test reviews, one of each review, with the label of the review.
The start learned from the train split, which has none of these reviews. Films of the rows to test on are in no row to
learn from. Each size is drawn `repeats` times. Runs the commands that a user runs, in the folder, and goes on there if
it was stopped. Writes benchmarks/START_FROM.md.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.measuring import machine
from pipelines.models import located_classifier

RESULTS = Path(__file__).parent / "START_FROM.md"
REVIEW = re.compile(r"test/(pos|neg)/(\d+)_\d+\.txt$")
FILMS = re.compile(r"test/urls_(pos|neg)\.txt$")
SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
WORDS = 5, 40
TESTED = 1_500


def read_sentences(archive: Path) -> pd.DataFrame:
    """One sentence of each test review: text, label, film."""
    films: dict[str, list[str]] = {}
    reviews = []
    with tarfile.open(archive, "r|*") as files:
        for member in files:
            content = files.extractfile(member) if member.isfile() else None
            if content is None:
                continue
            if named := FILMS.search(member.name):
                films[named[1]] = content.read().decode("utf-8").split()
            elif match := REVIEW.search(member.name):
                reviews.append((match[1], int(match[2]), content.read().decode("utf-8")))
    generator = np.random.default_rng(0)
    rows = []
    for kind, number, text in sorted(reviews):
        sentences = [
            sentence
            for sentence in SENTENCE_END.split(re.sub(r"<br\s*/?>", " ", text))
            if WORDS[0] <= len(sentence.split()) <= WORDS[1]
        ]
        if sentences:
            label = {"pos": "positive", "neg": "negative"}[kind]
            rows.append((sentences[generator.integers(len(sentences))], label, films[kind][number]))
    return pd.DataFrame(rows, columns=["text", "label", "film"])


def cut(sentences: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows to learn from and TESTED or a few more rows to test on, which share no film."""
    films = sentences["film"].drop_duplicates().sample(frac=1, random_state=0)
    counts = sentences["film"].value_counts().reindex(films).cumsum()
    tested = sentences["film"].isin(films[(counts <= TESTED).to_numpy()])
    return sentences[~tested], sentences[tested]


def accuracies(folder: Path, *options: str) -> dict[str, float]:
    """Title of the model -> test accuracy, of the pipeline with these options on mine.csv of a folder."""
    subprocess.run(
        [sys.executable, "-m", "pipelines.cli", "run-pipeline", "--source", "table", "--data", "mine.csv",
         "--models", "lstm", "--no-register", "--quiet", *options],
        cwd=folder, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    [comparison] = sorted(folder.glob(".sentiment/compare/*/comparison.csv"), key=lambda path: path.stat().st_mtime)[
        -1:
    ]
    figures = pd.read_csv(comparison, index_col=0)
    return {str(model): float(values["accuracy"]) for model, values in figures.to_dict().items()}


def accuracy_as_it_is(folder: Path, tested: pd.DataFrame, start: str) -> float:
    """The accuracy of the start on the tested rows, before it has learned from any of the others."""
    tested[["text"]].to_csv(folder / "tested.csv", index=False)
    subprocess.run(
        [sys.executable, "-m", "pipelines.cli", "score", "tested.csv", "scored.csv", "--model", start, "--overwrite",
         "--quiet"],
        cwd=folder, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return float(
        (pd.read_csv(folder / "scored.csv")["predicted_label"].to_numpy() == tested["label"].to_numpy()).mean()
    )


def measure(
    folder: Path, train: pd.DataFrame, test: pd.DataFrame, size: int, draw: int, start: str
) -> dict[str, float]:
    """Method -> test accuracy with so many labelled rows; read if it was measured before."""
    kept = folder / f"{size}-{draw}.json"
    if not kept.exists():
        place = folder / f"{size}-{draw}"
        place.mkdir(parents=True, exist_ok=True)
        rows = pd.concat([train.sample(size, random_state=draw).assign(split="train"), test.assign(split="test")])
        if not (place / "mine.csv").exists():  # a file with another time is another source
            rows[["text", "label", "split"]].to_csv(place / "mine.csv", index=False)
        scratch = accuracies(place)
        started = accuracies(place, "--start-from", start, "--no-linear-model")
        kept.write_text(
            json.dumps(
                {"from the start": started["LSTM"], "from scratch": scratch["LSTM"], "linear model": scratch["NB-LR"]}
            )
        )
    found: dict[str, float] = json.loads(kept.read_text())
    return found


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archive", type=Path, required=True)
    parser.add_argument("--start", required=True)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 300, 1_000, 3_000])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path("start-from"))
    arguments = parser.parse_args()
    folder = arguments.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    start = str(folder / "start")  # the commands run in folders without a registry
    with located_classifier(arguments.start) as (classifier, _):
        shutil.copytree(classifier, start, dirs_exist_ok=True)
    train, test = cut(read_sentences(arguments.archive))
    as_it_is = accuracy_as_it_is(folder, test, start)
    began = time.perf_counter()
    lines = [
        "# A user's few labels",
        "",
        "Written by `python -m benchmarks.start_from`. Test accuracy in %, mean over the draws of the rows (lowest to "
        f"highest), on {len(test):,} sentences; of the start as it is: {100 * as_it_is:.1f}.",
        "",
        "| labelled rows | draws | from the start | from scratch | linear model |",
        "|---:|---:|---:|---:|---:|",
    ]
    for size in arguments.sizes:
        found = pd.DataFrame([measure(folder, train, test, size, draw, start) for draw in range(arguments.repeats)])
        cells = [
            f"{100 * values.mean():.1f} ({100 * values.min():.1f} to {100 * values.max():.1f})"
            for _, values in found.items()
        ]
        lines.append(f"| {size:,} | {len(found)} | {' | '.join(cells)} |")
        print(lines[-1], flush=True)
        RESULTS.write_text("\n".join([*lines, "", machine(), ""]), "utf-8")
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()

"""load: the reviews of a source, as Parquet files in the working directory."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipelines.console import Console
from pipelines.files import write_json
from pipelines.stages.context import Context
from sentiment.data.corpus import Corpus, Reviews
from sentiment.data.sources import find_files, load_corpus
from sentiment.data.tokenizer import tokenize
from sentiment.training.steps import Output

SPLITS = ("train", "test", "unlabelled")

SUMMARY_FILE = "summary.json"

FEW_ROWS = 5_000
FEW_ROWS_NOTE = (
    f"Below {FEW_ROWS:,} labelled rows a test split says little: `run-pipeline --folds 5` tests on every row, and then "
    "trains on all."
)


def load(context: Context, *, report: bool = False) -> Output[Corpus]:
    """Reviews of the source -> a Parquet file for each split, and summary.json.

    Args:
        report: show the summary also when the stage was cached.
    """
    source, seed = context.config.source, context.config.seeds[0]  # all seeds are tested on the same reviews
    with context.console.without_native_log():
        files = find_files(source, show_progress=context.console.shows_progress)

    def run(folder: Path) -> None:
        learned = None if context.start is None else context.start.value.learned
        with context.console.without_native_log():
            corpus = load_corpus(source, files, seed=seed, fold=context.fold, start=learned)
        _save_corpus(corpus, folder)

    stamps = [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in files]
    key: dict[str, Any] = {"source": source.model_dump(mode="json"), "files": stamps}
    if source.source in ("demo", "table", "tfds"):
        key["seed"] = seed  # they draw at random
    if context.fold is not None:
        key["fold"] = context.fold
    if context.start is not None:
        key["start"] = context.start.digest  # which has learned from reviews that cannot test it
    read = str(files[0] if len(files) == 1 else files[0].parent) if files else "its own grammar"
    stage = context.run_stage("load", f"{source.name} reviews from {read}", key, run, code=("data",))
    loaded = Output("load", lambda: _read_corpus(stage.folder), stage.digest, stage.folder)
    if report or not stage.cached:
        _show_summary(context.console, read_summary(loaded))
    if context.note:
        context.console.say(f"            {context.note}", style="bold yellow")
    return loaded


def read_summary(loaded: Output[Corpus]) -> dict[str, Any]:
    """What `Corpus.summary` gives, with the notes of the corpus and a sentence on lines that were `lost`."""
    assert loaded.folder is not None
    summary: dict[str, Any] = json.loads((loaded.folder / SUMMARY_FILE).read_text("utf-8"))
    return summary


def _save_corpus(corpus: Corpus, folder: Path) -> None:
    for split in SPLITS:
        reviews: Reviews = getattr(corpus, split)
        columns = {"text": pd.Series(list(reviews.texts), dtype="string")}
        if split != "unlabelled":
            columns["label"] = pd.Series(reviews.labels)
        if split == "train":
            columns["is_validation"] = pd.Series(np.isin(np.arange(len(reviews)), corpus.validation))
        pd.DataFrame(columns).to_parquet(folder / f"{split}.parquet", index=False)
    few = len(corpus.train) + len(corpus.test) < FEW_ROWS
    notes = [*filter(None, (*corpus.notes, corpus.lost)), *([FEW_ROWS_NOTE] if corpus.is_cut and few else [])]
    write_json(
        folder / SUMMARY_FILE,
        {**corpus.summary(tokenize), "notes": notes, "lost": corpus.lost, "label_column": corpus.label_column},
    )


def _read_corpus(folder: Path) -> Corpus:
    train, test, unlabelled = (pd.read_parquet(folder / f"{split}.parquet") for split in SPLITS)
    summary = json.loads((folder / SUMMARY_FILE).read_text("utf-8"))
    return Corpus(
        Reviews(train["text"].tolist(), train["label"].to_numpy(np.int8)),
        Reviews(test["text"].tolist(), test["label"].to_numpy(np.int8)),
        Reviews(unlabelled["text"].tolist()),
        validation=np.flatnonzero(train["is_validation"]),
        label_names=tuple(summary["splits"]["train"]["labels"]),
        label_column=summary["label_column"],
    )


def _show_summary(console: Console, summary: Mapping[str, Any]) -> None:
    for note in summary["notes"]:
        console.say(f"            {note}", style="yellow")
    if console.quiet:
        return
    splits = summary["splits"]
    percentiles, labels = list(splits["train"]["tokens"]), list(splits["train"]["labels"])
    shown = labels if len(labels) > 2 else labels[1:]
    rows = [
        [name, f"{split['reviews']:,}"]
        + [f"{split['labels'][label] / split['reviews']:.1%}" if name != "unlabelled" else "" for label in shown]
        + [f"{split['tokens'][percentile]:,}" for percentile in percentiles]
        for name, split in splits.items()
    ]
    headers = [{"50": "median", "100": "longest"}.get(percentile, f"{percentile} %") for percentile in percentiles]
    console.table("Reviews, and percentiles of their length in tokens", ["split", "reviews", *shown, *headers], rows)
    console.say(
        f"            exact duplicates: {summary['duplicates_within_train']:,} within train, "
        f"{summary['duplicates_between_train_and_test']:,} between train and test"
    )

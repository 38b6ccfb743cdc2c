"""The stages of training: load -> vocabulary -> pad -> train -> evaluate -> compare.

Each stage reads what the ones before it left in the working directory and leaves its own result there, under a digest
of its configuration and inputs. A stage that is there already is not run again, so any stage can be run alone and a
killed pipeline goes on where it stopped; training goes on from its last finished epoch.

All raise InputError for what the user can mend: reviews that cannot be read, a split that is empty or of one class.
"""

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipelines.configuration import BASELINE, PipelineConfig
from pipelines.console import Console
from pipelines.working_directory import Stage, WorkingDirectory, write_json
from sentiment.classifier import SentimentClassifier
from sentiment.corpus import LABEL_NAMES, Corpus, Reviews
from sentiment.evaluation import compare_models, evaluate_predictions
from sentiment.models import CELLS, CellName, build_model
from sentiment.sequences import pad_texts
from sentiment.sources import find_files, load_corpus
from sentiment.training import History, best_epoch, split_validation
from sentiment.training import train as fit
from sentiment.vocabulary import Vocabulary, tokenize

SPLITS = ("train", "test", "unlabelled")
SYNTHETIC_NOTE = "These reviews are synthetic: the figures say nothing about IMDB."

SHARES = ("accuracy", "precision", "recall", "f1", "roc_auc", "average_precision")
"""Metrics shown as per cent; the other fractions are shown as they are, counts as whole numbers."""


@dataclass(frozen=True)
class Prepared:
    """The finished stages that every model starts from."""

    loaded: Stage
    fitted: Stage
    padded: Stage


@dataclass(frozen=True)
class Pipeline:
    """What every stage needs: the configuration, the place for results, and somebody to tell."""

    config: PipelineConfig
    work: WorkingDirectory
    console: Console

    def stage(self, name: str, read: str, key: Mapping[str, Any], run: Callable[[Path], None]) -> Stage:
        """Run one stage, or find it done, and say so."""
        stage = self.work.stage(name, key, run)
        self.console.stage(name, read=read, wrote=stage.folder, was_there=stage.was_there, seconds=stage.seconds)
        return stage


def prepare(pipeline: Pipeline) -> Prepared:
    """Load, vocabulary and pad."""
    loaded = load(pipeline)
    fitted = fit_vocabulary(pipeline, loaded)
    return Prepared(loaded, fitted, pad(pipeline, loaded, fitted))


def load(pipeline: Pipeline, *, report: bool = False) -> Stage:
    """Reviews of the source -> train.parquet, test.parquet, unlabelled.parquet and summary.json.

    Args:
        report: show the summary also when the stage was there already.
    """
    source, seed = pipeline.config.source, pipeline.config.seed
    with pipeline.console.without_native_log():
        files = find_files(source, show_progress=pipeline.console.shows_progress)

    def run(folder: Path) -> None:
        with pipeline.console.without_native_log():
            corpus = load_corpus(source, files, seed=seed)
        for split in SPLITS:
            reviews: Reviews = getattr(corpus, split)
            columns = {"text": pd.Series(list(reviews.texts), dtype="string")}
            if split != "unlabelled":
                columns["label"] = pd.Series(reviews.labels)
            pd.DataFrame(columns).to_parquet(folder / f"{split}.parquet", index=False)
        summary = corpus.summary(tokenize)
        write_json(folder / "summary.json", {**summary, "notes": corpus.notes})

    stamps = [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in files]
    key: dict[str, Any] = {"source": source.model_dump(mode="json"), "files": stamps}
    if source.source in ("demo", "table"):
        key["seed"] = seed  # they draw at random
    read = str(files[0] if len(files) == 1 else files[0].parent) if files else "its own grammar"
    stage = pipeline.stage("load", f"{source.source} reviews from {read}", key, run)
    if report or not stage.was_there:
        _show_summary(pipeline.console, stage.read_json("summary.json"))
    if source.is_synthetic:
        pipeline.console.say(f"            {SYNTHETIC_NOTE}", style="bold yellow")
    return stage


def fit_vocabulary(pipeline: Pipeline, loaded: Stage) -> Stage:
    """The training texts -> vocabulary.json."""
    config = pipeline.config.vocabulary

    def run(folder: Path) -> None:
        texts = pd.read_parquet(loaded.folder / "train.parquet", columns=["text"])["text"]
        Vocabulary.fit(texts, config.num_words).save(folder / "vocabulary.json")

    return pipeline.stage(
        "vocabulary", f"train of load {loaded.digest}", {"vocabulary": config.model_dump(), "load": loaded.digest}, run
    )


def pad(pipeline: Pipeline, loaded: Stage, fitted: Stage) -> Stage:
    """Texts and vocabulary -> train.npy, test.npy: int32 (N, maxlen), and train_labels.npy, test_labels.npy: (N,)."""
    config = pipeline.config.sequences
    with pipeline.console.without_native_log():
        import tensorflow  # noqa: F401

    def run(folder: Path) -> None:
        vocabulary = Vocabulary.load(fitted.folder / "vocabulary.json")
        for split in ("train", "test"):
            reviews = pd.read_parquet(loaded.folder / f"{split}.parquet")
            np.save(folder / f"{split}.npy", pad_texts(reviews["text"], vocabulary, config))
            np.save(folder / f"{split}_labels.npy", reviews["label"].to_numpy(np.int8))

    return pipeline.stage(
        "pad",
        f"load {loaded.digest}, vocabulary {fitted.digest}",
        {"sequences": config.model_dump(), "load": loaded.digest, "vocabulary": fitted.digest},
        run,
    )


def train(
    pipeline: Pipeline,
    prepared: Prepared,
    cell: CellName,
    on_epoch: Callable[[History], None] = lambda history: None,
) -> Stage:
    """Padded training reviews -> a SentimentClassifier in classifier/, and history.json.

    Args:
        on_epoch: called with the history so far, also for a training that is read, not run.
    """
    import keras
    import tensorflow as tf

    config, console = pipeline.config, pipeline.console
    fitted, padded = prepared.fitted, prepared.padded

    def run(folder: Path) -> None:
        inputs, labels = np.load(padded.folder / "train.npy"), np.load(padded.folder / "train_labels.npy")
        training, validation = split_validation(labels, config.training.validation_share, config.seed)
        vocabulary = Vocabulary.load(fitted.folder / "vocabulary.json")
        network = build_model(
            cell, config.model, num_words=vocabulary.num_words, maxlen=config.sequences.maxlen, seed=config.seed
        )
        with console.training(CELLS[cell], config.training.epochs, len(training)) as progress:

            def epoch_end(history: History) -> None:
                progress.on_epoch(history)
                on_epoch(history)

            history = fit(
                network,
                (inputs[training], labels[training]),
                (inputs[validation], labels[validation]),
                config.training,
                seed=config.seed,
                checkpoints=folder / "checkpoints",
                on_batch=progress.on_batch,
                on_epoch=epoch_end,
            )
        SentimentClassifier.from_network(vocabulary, config.sequences, network).save(folder / "classifier")
        write_json(folder / "history.json", history)
        shutil.rmtree(folder / "checkpoints")

    stage = pipeline.stage(
        "train",
        f"pad {padded.digest}, vocabulary {fitted.digest}",
        {
            "cell": cell,
            "model": config.model.model_dump(),
            "training": config.training.model_dump(),
            "seed": config.seed,
            "pad": padded.digest,
            "keras": keras.__version__,
            "tensorflow": tf.__version__,
        },
        run,
    )
    history = stage.read_json("history.json")
    on_epoch(history)
    console.say(f"            {CELLS[cell]} keeps the weights of epoch {best_epoch(history)} of {len(history['loss'])}")
    return stage


def evaluate(pipeline: Pipeline, prepared: Prepared, trained: Stage, cell: CellName) -> Stage:
    """The classifier on the test texts -> metrics.json and predictions.parquet."""

    def run(folder: Path) -> None:
        reviews = pd.read_parquet(prepared.loaded.folder / "test.parquet")
        texts = reviews["text"].tolist()
        classifier = SentimentClassifier.load(trained.folder / "classifier")
        started = time.perf_counter()
        predictions = classifier.predict(texts)
        seconds = time.perf_counter() - started
        table = pd.concat([reviews, predictions], axis=1)
        table["label"] = [LABEL_NAMES[label] for label in reviews["label"]]
        table.to_parquet(folder / "predictions.parquet", index=False)
        probabilities = predictions["positive_probability"].to_numpy()
        history: History = trained.read_json("history.json")
        metrics = {
            **evaluate_predictions(reviews["label"].to_numpy(), probabilities, classifier.threshold),
            "training_seconds": sum(history["seconds"]),
            "epochs": len(history["loss"]),
            "scored_per_second": len(reviews) / seconds,
            "parameters": classifier.network.count_params(),
        }
        write_json(folder / "metrics.json", metrics)

    return pipeline.stage(
        "evaluate",
        f"test of load {prepared.loaded.digest}, {CELLS[cell]} of train {trained.digest}",
        {"train": trained.digest},
        run,
    )


def train_and_evaluate(pipeline: Pipeline, prepared: Prepared, cells: tuple[CellName, ...]) -> dict[CellName, Stage]:
    """The evaluate stages of some models."""
    return {cell: evaluate(pipeline, prepared, train(pipeline, prepared, cell), cell) for cell in cells}


def compare(pipeline: Pipeline, evaluated: Mapping[CellName, Stage]) -> Stage:
    """The metrics of every model -> comparison.csv, a column per model, also shown as a table."""

    def run(folder: Path) -> None:
        results: dict[str, dict[str, float]] = {
            cell: stage.read_json("metrics.json") for cell, stage in evaluated.items()
        }
        compare_models(results, BASELINE).to_csv(folder / "comparison.csv")

    digests = {cell: stage.digest for cell, stage in evaluated.items()}
    read = ", ".join(f"evaluate {digest}" for digest in digests.values())
    stage = pipeline.stage("compare", read, {"evaluate": list(digests.items())}, run)
    _show_comparison(pipeline, pd.read_csv(stage.folder / "comparison.csv", index_col="metric"))
    return stage


def show_metrics(pipeline: Pipeline, evaluated: Mapping[CellName, Stage]) -> None:
    """The metrics of some models as a table."""
    _show_comparison(pipeline, pd.DataFrame({cell: s.read_json("metrics.json") for cell, s in evaluated.items()}))


def _show_comparison(pipeline: Pipeline, table: pd.DataFrame) -> None:
    source = pipeline.config.source
    title = f"Test split of {source.source}{' (synthetic reviews)' if source.is_synthetic else ''}"
    pipeline.console.table(title, *comparison_rows(table))


def read_corpus(loaded: Stage) -> Corpus:
    """The corpus that the load stage left."""
    frames = {split: pd.read_parquet(loaded.folder / f"{split}.parquet") for split in SPLITS}
    train, test = (Reviews(frames[s]["text"].tolist(), frames[s]["label"].to_numpy(np.int8)) for s in SPLITS[:2])
    return Corpus(train, test, Reviews(frames["unlabelled"]["text"].tolist()))


def _show_summary(console: Console, summary: Mapping[str, Any]) -> None:
    for note in summary["notes"]:
        console.say(f"            {note}", style="yellow")
    if console.quiet:
        return
    percentiles = list(summary["splits"]["train"]["tokens"])
    rows = [
        [name, f"{split['reviews']:,}", f"{split['positive'] / split['reviews']:.1%}" if name != "unlabelled" else ""]
        + [f"{split['tokens'][percentile]:,}" for percentile in percentiles]
        for name, split in summary["splits"].items()
    ]
    heads = [{"50": "median", "100": "longest"}.get(percentile, f"{percentile} %") for percentile in percentiles]
    console.table("Reviews, and percentiles of their length in tokens", ["split", "reviews", "positive", *heads], rows)
    console.say(
        f"            exact duplicates: {summary['duplicates_within_train']:,} within train, "
        f"{summary['duplicates_between_train_and_test']:,} between train and test"
    )


def comparison_rows(table: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Column heads and rows of a comparison, as people read them."""
    titles = {**CELLS, "difference": "difference"}

    def figure(metric: str, value: float, is_difference: bool) -> str:
        sign = "+" if is_difference else ""
        if metric in SHARES:
            return f"{100 * value:{sign}.2f} {'points' if is_difference else '%'}"
        return f"{value:{sign}.4f}" if metric in ("log_loss", "brier_score") else f"{value:{sign},.0f}"

    rows = []
    for metric, values in table.to_dict(orient="index").items():
        name = str(metric)
        figures_of_row = [figure(name, value, column == "difference") for column, value in values.items()]
        rows.append([name.replace("_", " "), *figures_of_row])
    return ["test metric", *(titles[str(column)] for column in table)], rows

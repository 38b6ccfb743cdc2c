"""The training pipeline: every stage for every model, logged to MLflow as one parent run with a child run per model.

Killed and started again with the same configuration, it takes up the MLflow runs that it left, as it does its stages.
"""

import functools
import hashlib
import socket
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.stages import (
    SYNTHETIC_NOTE,
    Pipeline,
    Prepared,
    compare,
    comparison_rows,
    evaluate,
    prepare,
    read_corpus,
    train,
)
from pipelines.working_directory import Stage
from sentiment import figures, tracking
from sentiment.classifier import SentimentClassifier
from sentiment.corpus import LABEL_NAMES, Corpus
from sentiment.explanation import explain
from sentiment.explanation_picture import render_html
from sentiment.models import CELLS, CellName
from sentiment.tracking import Run
from sentiment.training import History
from sentiment.vocabulary import tokenize

NOT_OF_TEST = ("training_seconds", "epochs", "parameters")
"""Figures of a model that the test split has no part in."""


def run_pipeline(pipeline: Pipeline, experiment: str) -> None:
    """Load, vocabulary, pad; then train and evaluate each model; then compare.

    Raises:
        InputError: what a stage raises, or MLflow cannot be reached.
    """
    tracking.silence()
    config = pipeline.config
    prepared = prepare(pipeline)
    corpus = read_corpus(prepared.loaded)
    source = config.source.source
    tags = {"source": source, "synthetic": str(config.source.is_synthetic).lower(), "seed": str(config.seed)}
    name = f"{' vs '.join(CELLS[cell] for cell in config.models)} on {source}"
    of_reviews = " (synthetic reviews)" if config.source.is_synthetic else ""
    titles = {cell: f"{CELLS[cell]}{of_reviews}" for cell in config.models}
    tracked_run = functools.partial(tracking.tracked_run, experiment=experiment)
    with tracked_run(name, tags=tags, resume_key=_attempt(pipeline, prepared)) as parent:
        pipeline.console.say(f"mlflow      run {parent.info.run_id} in experiment {experiment}")
        tracking.log_parameters(config.flat())
        _log_corpus(parent, prepared, corpus)
        _log_datasets(source, corpus)
        trained: dict[CellName, Stage] = {}
        evaluated: dict[CellName, Stage] = {}
        for cell in config.models:
            child_key = f"{parent.info.run_id}:{cell}"
            with tracked_run(CELLS[cell], tags={**tags, "model": cell}, resume_key=child_key, nested=True) as child:
                tracking.log_parameters({"cell": cell, **config.flat()})
                _log_datasets(source, corpus)
                trained[cell] = train(pipeline, prepared, cell, functools.partial(tracking.log_history, child))
                evaluated[cell] = evaluate(pipeline, prepared, trained[cell], cell)
                _log_model(child, titles[cell], trained[cell], evaluated[cell])
        compared = compare(pipeline, evaluated)
        table = pd.read_csv(compared.folder / "comparison.csv", index_col="metric")
        _log_comparison(parent, table, note=SYNTHETIC_NOTE if config.source.is_synthetic else "")
        _log_curves({titles[cell]: (trained[cell], evaluated[cell]) for cell in config.models})


def _attempt(pipeline: Pipeline, prepared: Prepared) -> str:
    """What the attempts at the same result in the same place have in common."""
    place = f"{socket.gethostname()}:{pipeline.work.path.resolve()}"
    content = f"{place}:{prepared.padded.digest}:{pipeline.config.model_dump_json()}"
    return hashlib.sha256(content.encode()).hexdigest()[:32]


def _log_corpus(parent: Run, prepared: Prepared, corpus: Corpus) -> None:
    summary = prepared.loaded.read_json("summary.json")
    for name, split in summary["splits"].items():
        counts = {f"{name}_{count}": split[count] for count in ("reviews", "positive", "negative")}
        tokens = {f"{name}_tokens_p{percentile}": value for percentile, value in split["tokens"].items()}
        tracking.log_metrics(parent, {**counts, **tokens})
    tracking.log_metrics(parent, {name: value for name, value in summary.items() if name.startswith("duplicates")})
    tracking.log_json(summary, "corpus.json")


def _log_datasets(source: str, corpus: Corpus) -> None:
    tracking.log_dataset(corpus.train, name=f"{source}-train", source=source, context="training")
    tracking.log_dataset(corpus.test, name=f"{source}-test", source=source, context="evaluation")


def _log_model(child: Run, title: str, trained: Stage, evaluated: Stage) -> None:
    metrics = evaluated.read_json("metrics.json")
    classifier = trained.folder / "classifier"
    tracking.log_metrics(child, {_tracked_name(name): value for name, value in metrics.items()})
    tracking.log_file(classifier / "vocabulary.json")
    tracking.log_file(evaluated.folder / "predictions.parquet")
    _log_curves({title: (trained, evaluated)})
    tracking.log_figure(figures.confusion_matrix(metrics, title), "confusion_matrix")
    _log_explanations(classifier, evaluated)
    tracking.log_classifier(child, classifier)


def _log_explanations(folder: Path, evaluated: Stage) -> None:
    """How three test reviews were read: the surest right and wrong verdicts, and the most undecided one."""
    classifier = SentimentClassifier.load(folder)
    table = pd.read_parquet(evaluated.folder / "predictions.parquet")
    table = table[table["text"].map(lambda text: bool(tokenize(text)))]
    by_sureness = (table["positive_probability"] - classifier.threshold).abs().to_numpy().argsort()
    right = (table["label"] == table["predicted_label"]).to_numpy()[by_sureness]
    cases = {"right": by_sureness[right][-1:], "wrong": by_sureness[~right][-1:], "undecided": by_sureness[:1]}
    for case, positions in cases.items():
        for text in table["text"].iloc[positions]:
            tracking.log_text(render_html(explain(classifier, text)), f"explanations/{case}.html")


def _log_comparison(parent: Run, table: pd.DataFrame, *, note: str) -> None:
    tracking.log_metrics(
        parent, {f"{column}_test_accuracy": value for column, value in table.loc["accuracy"].to_dict().items()}
    )
    tracking.log_table(table, "comparison")
    heads, rows = comparison_rows(table)
    lines = [heads, ["---", *("---:" for _ in heads[1:])], *rows]
    markdown = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    tracking.set_description(f"**{note}**\n\n{markdown}" if note else markdown)


def _log_curves(models: Mapping[str, tuple[Stage, Stage]]) -> None:
    """Learning, ROC and precision-recall curves on common axes; models: title -> its train and evaluate stages."""
    histories: dict[str, History] = {title: trained.read_json("history.json") for title, (trained, _) in models.items()}
    predictions = {
        title: pd.read_parquet(evaluated.folder / "predictions.parquet", columns=["label", "positive_probability"])
        for title, (_, evaluated) in models.items()
    }
    probabilities = {title: table["positive_probability"].to_numpy() for title, table in predictions.items()}
    labels = (next(iter(predictions.values()))["label"] == LABEL_NAMES[1]).to_numpy(np.int8)  # the same for all
    tracking.log_figure(figures.learning_curves(histories), "learning_curves")
    tracking.log_figure(figures.roc_curves(labels, probabilities), "roc_curve")
    tracking.log_figure(figures.precision_recall_curves(labels, probabilities), "precision_recall_curve")


def _tracked_name(metric: str) -> str:
    """The MLflow name of a figure of metrics.json."""
    return metric if metric in NOT_OF_TEST else f"test_{metric}"

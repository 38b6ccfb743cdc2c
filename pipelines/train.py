"""The training pipeline: every stage for every model and seed, logged to MLflow as a parent run with a child run each.

Killed and started again with the same configuration, it takes up the MLflow runs that it left, as it does its stages.
"""

import functools
import hashlib
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pipelines.stages import (
    REPORT_FILE,
    SYNTHETIC_NOTE,
    Outcome,
    Pipeline,
    Prepared,
    compare,
    evaluate,
    measure_yardstick,
    prepare,
    read_corpus,
    run_name,
    train,
)
from pipelines.working_directory import Stage
from sentiment.classifier import SentimentClassifier
from sentiment.data.corpus import Corpus
from sentiment.data.vocabulary import tokenize
from sentiment.evaluation.comparison import Comparison, Result, metric_rows
from sentiment.inside.explanation import explain
from sentiment.reporting import figures
from sentiment.reporting.explanation_page import render_explanation
from sentiment.tracking import registry
from sentiment.tracking import runs as tracking
from sentiment.tracking.runs import COLOUR_TAG, Run
from sentiment.training.linear_model import LINEAR_MODEL
from sentiment.training.models import CELLS, CellName

MODELS = {**{title: cell for cell, title in CELLS.items()}, LINEAR_MODEL: "yardstick"}
"""Title of a model -> its name in tags and metrics."""

SUMMARIZED = ("accuracy", "f1", "roc_auc")
"""Test metrics whose mean and standard deviation the parent run holds; comparison.csv has them all."""

REGISTERED_CELL: CellName = "lstm"


def run_pipeline(pipeline: Pipeline, experiment: str, register_as: str | None) -> None:
    """Load, vocabulary, pad; then train and evaluate each model with each seed, and the yardstick; then compare; then
    register the LSTMs.

    Args:
        experiment: of MLflow.
        register_as: name of the registered model that each LSTM becomes a version of; None for none.

    Raises:
        InputError: what a stage raises, or MLflow cannot be reached.
    """
    tracking.silence()
    config = pipeline.config
    prepared = prepare(pipeline)
    corpus = read_corpus(prepared.loaded)
    source = config.source.source
    tags = {"source": source, "synthetic": str(config.source.is_synthetic).lower()}
    seeds = ",".join(map(str, config.seeds))
    name = f"{' vs '.join(CELLS[cell] for cell in config.models)} on {source}"
    of_reviews, note = (" (synthetic reviews)", SYNTHETIC_NOTE) if config.source.is_synthetic else ("", "")
    parameters = config.flat()
    titles = [*(CELLS[cell] for cell in config.models), LINEAR_MODEL]
    colours = dict(zip(titles, figures.COLOURS, strict=False))
    tracked_run = functools.partial(tracking.tracked_run, experiment=experiment)
    with tracked_run(name, tags={**tags, "seed": seeds}, resume_key=_attempt(pipeline, prepared)) as parent:
        pipeline.console.say(f"mlflow      run {parent.info.run_id} in experiment {experiment}")
        tracking.log_parameters(parameters)
        _log_corpus(parent, prepared, corpus)
        _log_datasets(source, corpus)
        outcomes: dict[str, list[Outcome]] = {}
        lstms: list[Run] = []
        for cell in config.models:
            title = CELLS[cell]
            for seed in config.seeds:
                child_name = run_name(pipeline, title, seed)
                child_key = f"{parent.info.run_id}:{cell}:{seed}"
                child_tags = {**tags, "model": cell, "seed": str(seed), COLOUR_TAG: colours[title]}
                with tracked_run(child_name, tags=child_tags, resume_key=child_key, nested=True) as child:
                    tracking.log_parameters({**parameters, "models": cell, "seeds": seed})
                    _log_datasets(source, corpus)
                    trained = train(pipeline, prepared, cell, seed, functools.partial(tracking.log_history, child))
                    outcome = Outcome(child_name, evaluate(pipeline, prepared, trained, cell), trained)
                    _log_outcome(child, f"{title}{of_reviews}", outcome)
                    _log_classifier(child, trained.folder / "classifier", outcome.result, note=note)
                    if cell == REGISTERED_CELL:
                        lstms.append(child)
                outcomes.setdefault(title, []).append(outcome)
        if config.yardstick:
            child_key = f"{parent.info.run_id}:yardstick"
            child_tags = {
                **tags,
                "model": MODELS[LINEAR_MODEL],
                "seed": str(config.seeds[0]),
                COLOUR_TAG: colours[LINEAR_MODEL],
            }
            with tracked_run(LINEAR_MODEL, tags=child_tags, resume_key=child_key, nested=True) as child:
                tracking.log_parameters({**parameters, "models": MODELS[LINEAR_MODEL], "seeds": config.seeds[0]})
                _log_datasets(source, corpus)
                outcomes[LINEAR_MODEL] = [Outcome(LINEAR_MODEL, measure_yardstick(pipeline, prepared))]
                _log_outcome(child, f"{LINEAR_MODEL}{of_reviews}", outcomes[LINEAR_MODEL][0])
        compared, comparison = compare(pipeline, outcomes)
        _log_comparison(parent, compared, comparison, note=note)
        _log_curves({f"{title}{of_reviews}": of_seeds for title, of_seeds in comparison.results.items()})
        if register_as is not None and lstms:
            results = comparison.results[CELLS[REGISTERED_CELL]]
            _register(pipeline, register_as, list(zip(lstms, results, strict=True)), corpus.test.digest())


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


def _register(pipeline: Pipeline, name: str, trained: Sequence[tuple[Run, Result]], split: str) -> None:
    """Register one model after the other, and say which is the champion now, or why none of them is."""
    said = [
        registry.register(run, name, metrics=tracking.tracked_metrics(result.metrics), split=split)
        for run, result in trained
    ]
    version, reason = next((found for found in reversed(said) if registry.CHAMPION in found[0].aliases), said[-1])
    others = ", ".join(str(other.number) for other, _ in said if other != version)
    of_seeds = f"; versions of the other seeds: {others}" if others else ""
    pipeline.console.say(f"registered  {version}, {reason}{of_seeds}")


def _log_outcome(child: Run, title: str, outcome: Outcome) -> None:
    """The metrics, tables and figures of one model; figures also as images that the chart view sets side by side."""
    result = outcome.result
    tracking.log_metrics(child, tracking.tracked_metrics(result.metrics))
    failures = outcome.behaviour.groupby("capability")[["cases", "failures"]].sum()
    tracking.log_metrics(
        child,
        {
            f"test_behaviour_{str(capability).replace(' ', '_')}_failure_rate": row["failures"] / row["cases"]
            for capability, row in failures.iterrows()
        },
    )
    for name in ("predictions.parquet", "slices.csv", "confident_mistakes.csv", "behaviour.csv"):
        tracking.log_file(outcome.evaluated.folder / name)
    _log_curves({title: [result]})
    confusion_matrix = figures.confusion_matrix(result.metrics, title)
    tracking.log_figure(confusion_matrix, "confusion_matrix")
    probabilities = {title: [result.probabilities]}
    for key, figure in (
        ("confusion_matrix", confusion_matrix),
        ("roc_curve", figures.roc_curves(result.labels, probabilities)),
        ("reliability_diagram", figures.reliability_diagram(result.labels, probabilities)),
    ):
        tracking.log_image(child, figure, key)


def _log_classifier(child: Run, folder: Path, result: Result, *, note: str) -> None:
    """The classifier, and how it read three test reviews: the surest right and wrong ones, and the most undecided."""
    classifier = SentimentClassifier.load(folder)
    readable = np.array([bool(tokenize(text)) for text in result.predictions["text"]])
    sureness = np.where(readable, np.abs(result.probabilities - classifier.threshold), np.nan)
    cases = {
        "right": np.where(result.correct, sureness, np.nan),
        "wrong": np.where(result.correct, np.nan, sureness),
        "undecided": -sureness,
    }
    for case, score in cases.items():
        if not np.isnan(score).all():
            review = result.predictions.iloc[int(np.nanargmax(score))]
            page = render_explanation(explain(classifier, review["text"]), label=review["label"], note=note)
            tracking.log_text(page, f"explanations/{case}.html")
    tracking.log_file(folder / "vocabulary.json")
    tracking.log_classifier(child, folder)


def _log_comparison(parent: Run, compared: Stage, comparison: Comparison, *, note: str) -> None:
    """Means and standard deviations over seeds, differences, tables, the report and a description."""
    figures_of_parent: dict[str, float] = {}
    for title in comparison.results:
        for statistic, column in (("mean", title), ("std", f"{title} std")):
            if column in comparison.metrics:
                values = comparison.metrics[column].loc[list(SUMMARIZED)]
                figures_of_parent |= {
                    f"{MODELS[title]}_test_{metric}_{statistic}": value for metric, value in values.items()
                }
    for difference in comparison.differences:
        pair = f"{MODELS[difference.model]}_minus_{MODELS[difference.baseline]}_accuracy"
        figures_of_parent |= {
            pair: difference.value,
            f"{pair}_low": difference.low,
            f"{pair}_high": difference.high,
            f"{pair}_mcnemar_p": difference.p_value,
        }
    tracking.log_metrics(parent, figures_of_parent)
    for name in ("comparison.csv", "differences.csv", REPORT_FILE):
        tracking.log_file(compared.folder / name)
    table = tracking.markdown_table(*metric_rows(comparison.metrics))
    verdicts = "\n".join(f"- {difference.verdict}" for difference in comparison.differences)
    tracking.set_description("\n\n".join([*([f"**{note}**"] if note else []), verdicts, comparison.scope, table]))


def _log_curves(models: Mapping[str, Sequence[Result]]) -> None:
    """Learning, ROC, precision-recall and reliability curves on common axes; models: title -> a result per seed."""
    labels = next(iter(models.values()))[0].labels  # the same for all
    probabilities = {title: [result.probabilities for result in of_seeds] for title, of_seeds in models.items()}
    histories = {t: [r.history for r in of_seeds] for t, of_seeds in models.items() if of_seeds[0].history}
    if histories:
        tracking.log_figure(figures.learning_curves(histories), "learning_curves")
    tracking.log_figure(figures.roc_curves(labels, probabilities), "roc_curve")
    tracking.log_figure(figures.precision_recall_curves(labels, probabilities), "precision_recall_curve")
    tracking.log_figure(figures.reliability_diagram(labels, probabilities), "reliability_diagram")

"""The training pipeline: every stage for every model and seed, logged to MLflow as a parent run with a child run each.

Killed and started again with the same configuration, it takes up the MLflow runs that it left, as it does its stages.

Raises InputError for what a stage cannot use, and where MLflow cannot be reached.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipelines.advice import advise
from pipelines.model_card import MODEL_CARD_FILE, model_card
from pipelines.registration import register, show_next_steps
from pipelines.stages.comparison import (
    COMPARISON_FILE,
    DIFFERENCES_FILE,
    FLIPS_FILE,
    REPORT_FILE,
    check_report,
    compare,
    owner_of,
)
from pipelines.stages.context import Context
from pipelines.stages.evaluation import evaluate
from pipelines.stages.load import load, read_summary
from pipelines.stages.side_by_side import side_by_side
from pipelines.tracked_pipeline import (
    ABOUT_EXPERIMENT,
    EXPERIMENT,
    NAMES,
    SYNTHETIC_EXPERIMENT,
    TrackedPipeline,
    models_on_source,
)
from pipelines.working_directory import Stage
from sentiment.classifier import SentimentClassifier
from sentiment.data.labels import verdict_probabilities
from sentiment.data.tokenizer import tokenize
from sentiment.engine.recurrent_model import VOCABULARY_FILE
from sentiment.evaluation.comparison import Comparison
from sentiment.evaluation.metrics import metric_rows
from sentiment.evaluation.result import Result
from sentiment.reporting import plots
from sentiment.reporting.pages import markdown_table
from sentiment.reporting.playground import Example, render_playground
from sentiment.tracking import champion, model, runs, store
from sentiment.training.linear_model import LINEAR_MODEL, LINEAR_MODEL_NAME
from sentiment.training.trained import TITLES

REGISTERED_MODEL = "lstm"


def run_pipeline(
    context: Context,
    experiment: str | None,
    register_as: str | None,
    output: Path | None = None,
    *,
    promote: bool = False,
) -> None:
    """Load, vocabulary, pad; train and evaluate each network and the linear model; compare; register LSTMs and that.

    At the end it shows the commands that use the LSTM of lowest validation loss; without an LSTM, the first network.

    Args:
        experiment: of MLflow; None for EXPERIMENT, or for synthetic reviews SYNTHETIC_EXPERIMENT.
        register_as: name of the registered model that each LSTM and the linear model become versions of; None for
            none.
        promote: whether the LSTM becomes champion whatever it is worth.
        output: where the report goes; None for report.html beside the working directory.
    """
    store.silence()
    if output is not None:
        check_report(output, owner_of(context))
    config = context.config
    recipe, candidates = context.recipe(load(context)), config.candidates()
    recipe.prepared.pad_all()
    usual = SYNTHETIC_EXPERIMENT if config.source.is_synthetic else EXPERIMENT
    tracked = TrackedPipeline(context, recipe, experiment or usual, ABOUT_EXPERIMENT)
    results: dict[str, list[Result]] = {}
    with tracked.parent(models_on_source(config)) as parent, side_by_side(recipe, candidates, context.console) as train:
        for candidate in candidates:
            with tracked.child(parent, candidate) as child:
                trained = train(candidate, functools.partial(runs.log_history, child))
                result = evaluate(context, recipe, candidate, trained)
                _log_result(child, f"{candidate.title}{context.suffix}", result)
                if not candidate.is_linear:
                    _log_explanations(result, note=context.note)
                card = model_card(context, recipe, candidate, result)
                runs.log_text(card, MODEL_CARD_FILE)
                model_id = model.log_classifier(child, result.classifier_folder)
            logged = replace(result, model_id=model_id, card=card)
            results.setdefault(candidate.title, []).append(logged)
        lost = read_summary(recipe.corpus)["lost"]
        compared, comparison, report = compare(context, results, output, run_id=parent.info.run_id, lost=lost)
        _log_comparison(context, parent, compared, comparison)
        _log_curves({f"{title}{context.suffix}": seeds for title, seeds in results.items()})
        used = REGISTERED_MODEL if REGISTERED_MODEL in config.models else config.models[0]
        for sentence in advise(config, recipe, comparison, TITLES[used]):
            context.console.say(f"            {sentence}", style="yellow")
        if register_as is not None and used in (REGISTERED_MODEL, LINEAR_MODEL_NAME):
            linear = [] if used == LINEAR_MODEL_NAME else results.get(LINEAR_MODEL, [])
            uri = register(context, register_as, results[TITLES[used]], linear, report, promote=promote)
        else:
            uri = str(champion.best_of(results[TITLES[used]]).classifier_folder)
    show_next_steps(context, uri)
    if lost:
        context.console.warn(lost)


def _log_result(child: runs.Run, title: str, result: Result) -> None:
    """The metrics, tables and plots of one model; plots also as images that the chart view sets side by side."""
    runs.log_metrics(child, runs.tracked_metrics(result.metrics))
    failures = result.behaviour.groupby(["file", "capability"], as_index=False)[["cases", "failures"]].sum()
    rates = {
        f"test_{row['file']}_{row['capability'].replace(' ', '_')}_failure_rate": row["failures"] / row["cases"]
        for row in failures.to_dict("records")
        if row["cases"]
    }
    moved = {f"test_fairness_{row['group']}_moved": row["moved"] for row in result.fairness.to_dict("records")}
    runs.log_metrics(child, rates | moved)
    for path in result.tables:
        runs.log_artifact(str(path))
    _log_curves({title: [result]})
    confusion_matrix = plots.confusion_matrix(result.confusion_matrix, title)
    runs.log_figure(confusion_matrix, "confusion_matrix.png")
    labels, probabilities = result.labels, {title: [result.probabilities]}
    images = {
        "confusion_matrix": confusion_matrix,
        "reliability_diagram": plots.reliability_diagram(labels, probabilities, result.label_names),
    }
    if not result.is_ordered:
        images["roc_curve"] = plots.roc_curves(labels, probabilities)
    for key, figure in images.items():
        runs.log_image(child, figure, key)


def _log_explanations(result: Result, *, note: str) -> None:
    """How a network read three test reviews: the surest right and wrong ones, and the most undecided."""
    classifier = SentimentClassifier.load(result.classifier_folder)
    readable = np.array([bool(tokenize(text)) for text in result.predictions["text"]])
    probabilities = result.probabilities
    sureness = (
        verdict_probabilities(probabilities) if result.is_ordered else np.abs(probabilities - classifier.threshold_)
    )
    sureness[~readable] = np.nan
    cases = {
        "Surest right": np.where(result.correct, sureness, np.nan),
        "Surest wrong": np.where(result.correct, np.nan, sureness),
        "Most undecided": -sureness,
    }
    reviews = {
        title: result.predictions.iloc[int(np.nanargmax(score))]
        for title, score in cases.items()
        if not np.isnan(score).all()
    }
    examples = [Example(title, review["text"], review["label"]) for title, review in reviews.items()]
    page = render_playground(classifier, examples, name=classifier.recurrent_model.network.cell, note=note)
    runs.log_text(page, "playground.html")
    runs.log_artifact(str(result.classifier_folder / VOCABULARY_FILE))


def _log_comparison(context: Context, parent: runs.Run, compared: Stage, comparison: Comparison) -> None:
    """The accuracy of each model with its interval, tables, the report and a description."""
    parent_metrics: dict[str, float] = {}
    for title, (value, low, high) in comparison.accuracies.items():
        name = f"{NAMES[title]}_test_accuracy"
        parent_metrics |= {name: value, f"{name}_low": low, f"{name}_high": high}
    runs.log_metrics(parent, parent_metrics)
    for name in (COMPARISON_FILE, DIFFERENCES_FILE, FLIPS_FILE, REPORT_FILE):
        if (compared.folder / name).exists():  # one model alone has no flips
            runs.log_artifact(str(compared.folder / name))
    table = markdown_table(*metric_rows(comparison.metrics))
    verdicts = "\n".join(f"- {difference.verdict}" for difference in comparison.differences)
    runs.set_description(context.description(verdicts, comparison.scope, table))


def _log_curves(models: Mapping[str, Sequence[Result]]) -> None:
    """Learning, ROC, precision-recall and reliability curves on common axes; models: title -> a result per seed."""
    any_result = next(iter(models.values()))[0]
    labels, names = any_result.labels, any_result.label_names  # the same for all
    probabilities = {title: [result.probabilities for result in seeds] for title, seeds in models.items()}
    histories = {title: [r.history for r in seeds] for title, seeds in models.items() if seeds[0].history}
    if histories:
        runs.log_figure(plots.learning_curves(histories), "learning_curves.png")
    if not any_result.is_ordered:
        runs.log_figure(plots.roc_curves(labels, probabilities), "roc_curve.png")
        runs.log_figure(plots.precision_recall_curves(labels, probabilities), "precision_recall_curve.png")
    runs.log_figure(plots.reliability_diagram(labels, probabilities, names), "reliability_diagram.png")

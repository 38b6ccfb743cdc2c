"""Cross-validation of a table: every model trained on all folds but one, in turn, and at last on all rows.

For tables of a few thousand rows, where one test split says little. Logged to MLflow as a parent run with a child run
for each model and fold, and for each training on all rows. Killed and started again, it goes on where it stopped.

Raises InputError for a source that is no table, for several seeds, and for rows that are set aside for a test. A class
with fewer rows than folds raises one, too.
"""

import functools
import math
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.configuration import BASELINE, Trial
from pipelines.model_card import size_of
from pipelines.registration import show_next_steps
from pipelines.run_pipeline import EXPERIMENT, NAMES, REGISTERED_CELL, TrackedPipeline
from pipelines.stages.context import Context
from pipelines.stages.data import Prepared, prepare
from pipelines.stages.evaluation import Outcome, evaluate
from pipelines.stages.linear_model import FoundByFolds, fit_linear_model
from pipelines.stages.training import train_network, words_learned
from sentiment.data.corpus import Fold
from sentiment.engine.cells import CELLS
from sentiment.errors import InputError
from sentiment.evaluation.comparison import VERDICT_RULE, difference_rows, pairs_to_compare
from sentiment.evaluation.drift import ReviewSample
from sentiment.evaluation.metrics import choose_threshold, format_metric, metric_title
from sentiment.evaluation.result import PREDICTIONS_FILE, Result
from sentiment.evaluation.significance import Difference, compare_folds, resampled_mean
from sentiment.evaluation.validation_profile import ValidationProfile
from sentiment.tracking import champion, model, runs, store
from sentiment.tracking.champion import LoggedModel
from sentiment.training.linear_model import LINEAR_MODEL
from sentiment.training.trainer import kept_epoch

SHOWN = ("accuracy", "f1", "roc_auc", "log_loss", "brier_score", "expected_calibration_error")
"""Metrics that are shown with their intervals."""

TABLE_FILE = "cross_validation.csv"


@dataclass(frozen=True)
class Folds:
    """One model on all folds.

    Attributes:
        outcomes: of each fold.
        learned: words that the training of each fold learned from, or None for all that its classifier knows.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    learned: list[frozenset[str] | None] = field(default_factory=list)

    def values(self, metric: str) -> list[float]:
        """The metric of each fold."""
        return [outcome.result.metrics[metric] for outcome in self.outcomes]

    def mean(self, metric: str) -> tuple[float, float, float]:
        """The mean of the metric, and both ends of its interval, which holds no impossible value."""
        mean = resampled_mean(self.values(metric))
        low, high = np.clip(mean.interval, 0, math.inf if metric == "log_loss" else 1).tolist()
        return mean.value, low, high

    @functools.cached_property
    def predictions(self) -> pd.DataFrame:
        """Of every row, by the training that has not seen it; sorted, so that they do not depend on the folds."""
        together = pd.concat([outcome.result.predictions for outcome in self.outcomes])
        return together.sort_values(["text", "label"], kind="stable", ignore_index=True)

    def found(self, context: Context) -> FoundByFolds:
        """What the training on all rows takes from the folds."""
        labels = np.concatenate([outcome.result.labels for outcome in self.outcomes])
        probabilities = np.concatenate([outcome.result.probabilities for outcome in self.outcomes])
        samples = []
        for outcome, learned in zip(self.outcomes, self.learned, strict=True):
            sample = ReviewSample(outcome.trained.classifier(), learned)
            sample.add(outcome.result.predictions["text"].tolist(), outcome.result.probabilities)
            samples.append(sample)
        threshold = choose_threshold(labels, probabilities, context.config.threshold)
        epochs = [kept_epoch(history) for outcome in self.outcomes if (history := outcome.result.history)]
        return FoundByFolds(
            epochs=round(float(np.median(epochs))) if epochs else 0,
            profile=ValidationProfile.from_samples(
                samples, labels, probabilities, threshold, context.config.choices, is_estimate=True
            ),
        )

    @property
    def validation_loss(self) -> float:
        """Mean over the folds, of the weights that were kept."""
        return float(np.mean([outcome.result.validation_loss for outcome in self.outcomes]))


def cross_validate(
    context: Context, folds: int, experiment: str | None, register_as: str | None, *, promote: bool
) -> None:
    """Train and evaluate every model on every fold; show the means; train on all rows, and register the LSTM.

    Args:
        experiment: of MLflow; None for EXPERIMENT.
        register_as: name of the registered model that the LSTM becomes a version of; None for none.
        promote: whether the LSTM becomes champion whatever it is worth.
    """
    config = context.config
    if config.source.source != "table":
        raise InputError(f"--folds is for --source table: {config.source.source} has a test split of its own.")
    if len(config.seeds) > 1:
        raise InputError(f"--folds {folds} trains every model {folds + 1} times already: give one seed.")
    store.silence()
    everything = replace(context, fold=Fold(None, folds))
    whole = prepare(everything)
    tracked = TrackedPipeline(context, whole, experiment or EXPERIMENT)
    with tracked.parent() as parent:
        runs.log_parameters({"folds": folds})
        models = _evaluate_folds(context, folds, tracked, parent)
        differences = _show(context, models)
        _log(parent, models, differences)
        uri = _train_on_all(everything, whole, models, tracked, parent, register_as, promote=promote)
    show_next_steps(context, uri)


def _evaluate_folds(context: Context, folds: int, tracked: TrackedPipeline, parent: runs.Run) -> dict[str, Folds]:
    """Title of each model -> its outcomes, and what each of its trainings learned from."""
    models: dict[str, Folds] = {}
    for number in range(folds):
        of_fold = replace(context, fold=Fold(number, folds))
        place = f"fold {number + 1} of {folds}"
        context.console.say(place, style="bold")
        prepared = prepare(of_fold)
        for trial in context.config.trials():
            with _child(tracked, parent, trial.title, trial.seed, place) as child:
                log_epochs = functools.partial(runs.log_history, child)
                trained = train_network(of_fold, prepared, _named(trial, place), log_epochs)
                outcome = evaluate(of_fold, prepared, trained, f"{trial.name}, {place}", trial.title)
                _log_outcome(child, outcome)
            of_model = models.setdefault(trial.title, Folds())
            of_model.outcomes.append(outcome)
            of_model.learned.append(words_learned(of_fold, prepared, trial))
        if context.config.linear_model:
            seed = context.config.seeds[0]
            with _child(tracked, parent, LINEAR_MODEL, seed, place) as child:
                fitted = fit_linear_model(of_fold, prepared, seed)
                outcome = evaluate(of_fold, prepared, fitted, f"{LINEAR_MODEL}, {place}", LINEAR_MODEL)
                _log_outcome(child, outcome)
            of_model = models.setdefault(LINEAR_MODEL, Folds())
            of_model.outcomes.append(outcome)
            of_model.learned.append(None)
    return models


def _named(trial: Trial, place: str) -> Trial:
    """The trial under a name with its fold."""
    return trial._replace(name=f"{trial.name}, {place}")


def _child(
    tracked: TrackedPipeline, parent: runs.Run, title: str, seed: int, place: str
) -> AbstractContextManager[runs.Run]:
    return tracked.child(parent, f"{title}, {place}", title=title, seed=seed, fold=place)


def _log_outcome(child: runs.Run, outcome: Outcome) -> None:
    runs.log_metrics(child, runs.tracked_metrics(outcome.result.metrics))
    for path in outcome.tables:
        runs.log_file(path)


def _show(context: Context, models: Mapping[str, Folds]) -> list[Difference]:
    """The means with their intervals, and the verdicts, as tables."""
    first = next(iter(models.values()))
    folds, reviews = len(first.outcomes), len(first.predictions)
    rows = []
    for metric in SHOWN:
        means = [of_model.mean(metric) for of_model in models.values()]
        rows.append(
            [
                metric_title(metric),
                *(
                    "{} ({} to {})".format(*(format_metric(metric, value) for value in mean_and_ends))
                    for mean_and_ends in means
                ),
            ]
        )
    context.console.table(
        f"{reviews:,} rows in {folds} folds: mean and its 95 % interval (Nadeau & Bengio 2003)",
        ["test metric", *models],
        rows,
    )
    titles = list(models)
    baseline = CELLS[BASELINE].layer
    pairs = pairs_to_compare(titles, baseline if baseline in titles else titles[0], LINEAR_MODEL)
    accuracies = {title: of_model.values("accuracy") for title, of_model in models.items()}
    differences = compare_folds(accuracies, pairs, reviews)
    if differences:
        context.console.table(f"Accuracy over {folds} folds. {VERDICT_RULE}", *difference_rows(differences))
    return differences


def _log(parent: runs.Run, models: Mapping[str, Folds], differences: Sequence[Difference]) -> None:
    """Means with their intervals, differences, and the table of all folds."""
    rows: list[dict[str, object]] = []
    figures: dict[str, float] = {}
    for title, of_model in models.items():
        for number, outcome in enumerate(of_model.outcomes, 1):
            rows.append({"model": title, "fold": number, **outcome.result.metrics})
        for metric in SHOWN:
            mean, low, high = of_model.mean(metric)
            name = f"{NAMES[title]}_test_{metric}"
            figures |= {f"{name}_mean": mean, f"{name}_low": low, f"{name}_high": high}
    for difference in differences:
        pair = f"{NAMES[difference.model]}_minus_{NAMES[difference.baseline]}_accuracy"
        figures |= {pair: difference.value, f"{pair}_low": difference.low, f"{pair}_high": difference.high}
        figures[f"{pair}_p"] = difference.p_value
    runs.log_metrics(parent, figures)
    runs.log_text(pd.DataFrame(rows).to_csv(index=False), TABLE_FILE)
    runs.log_json(
        [{**asdict(difference), "verdict": difference.verdict} for difference in differences], "differences.json"
    )
    runs.set_description("\n".join(f"- {difference.verdict}" for difference in differences))


def _log_predictions(predictions: pd.DataFrame) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / PREDICTIONS_FILE
        predictions.to_parquet(path, index=False)
        runs.log_file(path)


def _train_on_all(
    everything: Context,
    whole: Prepared,
    models: Mapping[str, Folds],
    tracked: TrackedPipeline,
    parent: runs.Run,
    register_as: str | None,
    *,
    promote: bool,
) -> str:
    """Every model on all rows; the URI or folder of the network to use."""
    config, console = everything.config, everything.console
    console.say("all rows", style="bold")
    chosen = REGISTERED_CELL if REGISTERED_CELL in config.models else config.models[0]
    used = ""
    for trial in config.trials():
        of_model, named = models[trial.title], _named(trial, "all rows")
        with _child(tracked, parent, trial.title, trial.seed, "all rows") as child:
            log_epochs = functools.partial(runs.log_history, child)
            trained = train_network(everything, whole, named, log_epochs, found=of_model.found(everything))
            means = {metric: float(np.mean(of_model.values(metric))) for metric in SHOWN}
            runs.log_metrics(child, runs.tracked_metrics(means))
            _log_predictions(of_model.predictions)
            model_id = model.log_classifier(child, trained.folder)
        if trial.cell != chosen:
            continue
        used = str(trained.folder)
        if register_as is not None and chosen == REGISTERED_CELL:
            logged = LoggedModel(
                Result(
                    named.name, of_model.predictions, means, pd.DataFrame(), {"val_loss": [of_model.validation_loss]}
                ),
                model_id,
                size_of(trained.folder),
                on_folds=True,
            )
            [version] = champion.register(register_as, [logged], promote=promote)
            console.say(f"registered  {version}, {version.reason}")
            used = f"models:/{register_as}/{version.number}"
    if config.linear_model:
        of_model = models[LINEAR_MODEL]
        with _child(tracked, parent, LINEAR_MODEL, config.seeds[0], "all rows") as child:
            fitted = fit_linear_model(everything, whole, config.seeds[0], of_model.found(everything))
            model.log_classifier(child, fitted.folder)
        console.say(f"            {LINEAR_MODEL} of all rows lies in {fitted.folder}")
    return used

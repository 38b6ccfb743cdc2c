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
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.configuration import BASELINE
from pipelines.registration import show_next_steps
from pipelines.run_pipeline import REGISTERED_MODEL
from pipelines.stages.context import Context
from pipelines.stages.evaluation import evaluate
from pipelines.stages.load import load
from pipelines.tracked_pipeline import ABOUT_EXPERIMENT, EXPERIMENT, NAMES, TrackedPipeline, models_on_source
from sentiment.classifier import SentimentClassifier
from sentiment.data.corpus import Fold
from sentiment.errors import InputError
from sentiment.evaluation.comparison import VERDICT_RULE, difference_rows, pairs_to_compare
from sentiment.evaluation.drift import ReviewSample
from sentiment.evaluation.metrics import choose_threshold, format_metric, metric_title
from sentiment.evaluation.result import PREDICTIONS_FILE, Result
from sentiment.evaluation.significance import Difference, compare_folds, resampled_mean
from sentiment.evaluation.validation_profile import ValidationProfile
from sentiment.saved_classifier import CLASSIFIER_FOLDER
from sentiment.tracking import champion, model, runs, store
from sentiment.training.cut import learn_from_all
from sentiment.training.linear_model import LINEAR_MODEL
from sentiment.training.recipe import Recipe
from sentiment.training.trained import TITLES, Candidate, FoundByFolds
from sentiment.training.trainer import kept_epoch

SHOWN = ("accuracy", "f1", "roc_auc", "log_loss", "brier_score", "expected_calibration_error")
SHOWN_OF_MORE = (
    *("accuracy", "macro_f1", "mean_absolute_error", "quadratic_weighted_kappa"),
    *("log_loss", "expected_calibration_error"),
)
"""Metrics that are shown with their intervals, of two labels and of more."""

RANGES = {"log_loss": (0, math.inf), "mean_absolute_error": (0, math.inf), "quadratic_weighted_kappa": (-1, 1)}
"""Metric -> its lowest and highest value; those of all others are 0 and 1."""

TABLE_FILE = "cross_validation.csv"


@dataclass(frozen=True)
class Folds:
    """One model on all folds.

    Attributes:
        results: of each fold.
        learned: words that the training of each fold learned from, or None for all that its classifier knows.
    """

    results: list[Result] = field(default_factory=list)
    learned: list[frozenset[str] | None] = field(default_factory=list)

    @property
    def shown(self) -> tuple[str, ...]:
        """The metrics that are shown."""
        return SHOWN_OF_MORE if self.results[0].is_ordered else SHOWN

    def values(self, metric: str) -> list[float]:
        """The metric of each fold."""
        return [result.metrics[metric] for result in self.results]

    def mean(self, metric: str) -> tuple[float, float, float]:
        """The mean of the metric, and both ends of its interval, which holds no impossible value."""
        mean = resampled_mean(self.values(metric))
        low, high = np.clip(mean.interval, *RANGES.get(metric, (0, 1))).tolist()
        return mean.value, low, high

    @functools.cached_property
    def predictions(self) -> pd.DataFrame:
        """The prediction for every row, by the training that has not seen it, in an order that no fold decides."""
        together = pd.concat([result.predictions for result in self.results])
        return together.sort_values(["text", "label"], kind="stable", ignore_index=True)

    def found(self, context: Context) -> FoundByFolds:
        """What the training on all rows takes from the folds."""
        labels = np.concatenate([result.labels for result in self.results])
        probabilities = np.concatenate([result.probabilities for result in self.results])
        samples = []
        for result, learned in zip(self.results, self.learned, strict=True):
            sample = ReviewSample(SentimentClassifier.load(result.classifier_folder).model_, learned)
            sample.add(result.predictions["text"].tolist(), result.probabilities)
            samples.append(sample)
        threshold = choose_threshold(labels, probabilities, context.config.threshold)
        epochs = [kept_epoch(result.history) for result in self.results if result.history]
        return FoundByFolds(
            epochs=round(float(np.median(epochs))) if epochs else 0,
            profile=ValidationProfile.from_samples(
                samples, labels, probabilities, threshold, context.config.choices, is_estimate=True
            ),
        )

    @property
    def validation_loss(self) -> float:
        """Mean over the folds, of the weights that were kept."""
        return float(np.mean([result.validation_loss for result in self.results]))


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
    whole = everything.recipe(load(everything), learn_from_all)
    whole.prepared.pad_all()
    tracked = TrackedPipeline(context, whole, experiment or EXPERIMENT, ABOUT_EXPERIMENT)
    with tracked.parent(models_on_source(config), folds=folds) as parent:
        models = _evaluate_folds(context, folds, tracked, parent)
        differences = _show(context, models)
        _log(parent, models, differences)
        uri = _train_on_all(everything, whole, models, tracked, parent, register_as, promote=promote)
    show_next_steps(context, uri)


def _evaluate_folds(context: Context, folds: int, tracked: TrackedPipeline, parent: runs.Run) -> dict[str, Folds]:
    """Title of each model -> its results, and what each of its trainings learned from."""
    models: dict[str, Folds] = {}
    for number in range(folds):
        fold = replace(context, fold=Fold(number, folds))
        place = f"fold {number + 1} of {folds}"
        context.console.say(place, style="bold")
        recipe = fold.recipe(load(fold))
        for candidate in context.config.candidates():
            named = _named(candidate, place)
            with tracked.child(parent, named, fold=place) as child:
                trained = recipe.train(named, functools.partial(runs.log_history, child))
                result = evaluate(fold, recipe, named, trained)
                runs.log_metrics(child, runs.tracked_metrics(result.metrics))
                for path in result.tables:
                    runs.log_artifact(str(path))
            folds_of_model = models.setdefault(candidate.title, Folds())
            folds_of_model.results.append(result)
            folds_of_model.learned.append(recipe.words_learned(candidate))
    return models


def _named(candidate: Candidate, place: str) -> Candidate:
    """The candidate under a name with its fold."""
    return candidate._replace(name=f"{candidate.name}, {place}")


def _show(context: Context, models: Mapping[str, Folds]) -> list[Difference]:
    """The means with their intervals, and the verdicts, as tables."""
    first = next(iter(models.values()))
    folds, reviews = len(first.results), len(first.predictions)
    rows = []
    for metric in first.shown:
        means = [model.mean(metric) for model in models.values()]
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
    baseline = TITLES[BASELINE]
    pairs = pairs_to_compare(titles, baseline if baseline in titles else titles[0], LINEAR_MODEL)
    accuracies = {title: model.values("accuracy") for title, model in models.items()}
    differences = compare_folds(accuracies, pairs, reviews)
    if differences:
        context.console.table(f"Accuracy over {folds} folds. {VERDICT_RULE}", *difference_rows(differences))
    return differences


def _log(parent: runs.Run, models: Mapping[str, Folds], differences: Sequence[Difference]) -> None:
    """Means with their intervals, differences, and the table of all folds."""
    rows: list[dict[str, object]] = []
    metrics: dict[str, float] = {}
    for title, folds in models.items():
        for number, result in enumerate(folds.results, 1):
            rows.append({"model": title, "fold": number, **result.metrics})
        for metric in folds.shown:
            mean, low, high = folds.mean(metric)
            name = f"{NAMES[title]}_test_{metric}"
            metrics |= {f"{name}_mean": mean, f"{name}_low": low, f"{name}_high": high}
    for difference in differences:
        pair = f"{NAMES[difference.model]}_minus_{NAMES[difference.baseline]}_accuracy"
        metrics |= {pair: difference.value, f"{pair}_low": difference.low, f"{pair}_high": difference.high}
        metrics[f"{pair}_p"] = difference.p_value
    runs.log_metrics(parent, metrics)
    runs.log_text(pd.DataFrame(rows).to_csv(index=False), TABLE_FILE)
    runs.log_dict(
        [{**asdict(difference), "verdict": difference.verdict} for difference in differences], "differences.json"
    )
    runs.set_description("\n".join(f"- {difference.verdict}" for difference in differences))


def _log_predictions(predictions: pd.DataFrame) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / PREDICTIONS_FILE
        predictions.to_parquet(path, index=False)
        runs.log_artifact(str(path))


def _train_on_all(
    everything: Context,
    whole: Recipe,
    models: Mapping[str, Folds],
    tracked: TrackedPipeline,
    parent: runs.Run,
    register_as: str | None,
    *,
    promote: bool,
) -> str:
    """Every model on all rows; the URI or folder of the one to use."""
    config, console = everything.config, everything.console
    console.say("all rows", style="bold")
    chosen = REGISTERED_MODEL if REGISTERED_MODEL in config.models else config.models[0]
    used = ""
    for candidate in config.candidates():
        folds = models[candidate.title]
        named = _named(candidate, "all rows")._replace(found=folds.found(everything))
        with tracked.child(parent, named, fold="all rows") as child:
            trained = whole.train(named, functools.partial(runs.log_history, child))
            assert trained.folder is not None
            folder = trained.folder / CLASSIFIER_FOLDER
            means = {metric: float(np.mean(folds.values(metric))) for metric in folds.shown}
            runs.log_metrics(child, runs.tracked_metrics(means))
            _log_predictions(folds.predictions)
            model_id = model.log_classifier(child, folder)
        console.say(f"            {candidate.title} of all rows lies in {folder}")
        if candidate.model != chosen:
            continue
        used = str(folder)
        if register_as is not None and chosen == REGISTERED_MODEL:
            tested = Result(named.name, folds.predictions, means, pd.DataFrame(), {"val_loss": [folds.validation_loss]})
            logged = replace(tested, classifier_folder=folder, model_id=model_id)
            [version] = champion.register(register_as, [logged], promote=promote, on_folds=True)
            console.say(f"registered  {version}, {version.reason}")
            used = f"models:/{register_as}/{version.number}"
    return used

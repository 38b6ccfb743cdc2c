"""From a classifier to figures: evaluate on the test split, for networks and the linear model, and Outcome."""

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.configuration import Trial
from pipelines.files import write_json
from pipelines.stages.context import Context, versions
from pipelines.stages.data import Prepared
from pipelines.stages.training import Trained, train_network
from pipelines.working_directory import Stage
from sentiment.data.corpus import LABEL_NAMES, predicted_labels
from sentiment.evaluation.behaviour import measure_behaviour
from sentiment.evaluation.comparison import Result
from sentiment.evaluation.metrics import choose_threshold, evaluate_predictions
from sentiment.evaluation.slices import confident_mistakes, slice_accuracy
from sentiment.training.linear_model import LINEAR_MODEL, LinearModel

METRICS_FILE, PREDICTIONS_FILE, BEHAVIOUR_FILE = "metrics.json", "predictions.parquet", "behaviour.csv"
SLICES_FILE, MISTAKES_FILE = "slices.csv", "confident_mistakes.csv"

CODE = ("data", "scoring", "evaluation")
"""Wings of `sentiment` that figures come from, beside those of the model."""

TABLE_FILES = (PREDICTIONS_FILE, SLICES_FILE, MISTAKES_FILE, BEHAVIOUR_FILE)


@dataclass(frozen=True)
class Outcome:
    """One model with one seed, evaluated.

    Attributes:
        name: of the trial, or of the linear model.
        evaluated: the stage that evaluated it.
        trained: None for the linear model.
    """

    name: str
    evaluated: Stage
    trained: Trained | None = None

    @functools.cached_property
    def result(self) -> Result:
        """What the stages left."""
        folder = self.evaluated.folder
        return Result(
            name=self.name,
            predictions=pd.read_parquet(folder / PREDICTIONS_FILE),
            metrics=self.evaluated.read_json(METRICS_FILE),
            behaviour=pd.read_csv(folder / BEHAVIOUR_FILE, keep_default_na=False),
            history={} if self.trained is None else self.trained.history(),
        )

    @property
    def tables(self) -> list[Path]:
        """Files that hold predictions, slices, mistakes and behaviour."""
        return [self.evaluated.folder / name for name in TABLE_FILES]


def evaluate_all(
    context: Context, prepared: Prepared, trials: Sequence[Trial], *, linear_model: bool
) -> dict[str, list[Outcome]]:
    """Train and evaluate networks, and the linear model once; title of the model -> its outcomes."""
    outcomes: dict[str, list[Outcome]] = {}
    for trial in trials:
        trained = train_network(context, prepared, trial)
        outcomes.setdefault(trial.title, []).append(evaluate(context, prepared, trained, trial))
    if linear_model:
        outcomes[LINEAR_MODEL] = [evaluate_linear_model(context, prepared)]
    return outcomes


def evaluate(context: Context, prepared: Prepared, trained: Trained, trial: Trial) -> Outcome:
    """The classifier on the test texts -> metrics, predictions, slices, confident mistakes and behaviour."""
    stage = trained.stage

    def run(folder: Path) -> None:
        classifier = trained.classifier()
        costs = {**trained.costs(), "parameters": classifier.network.count_params()}
        _write_evaluation(folder, prepared, classifier.positive_probability, classifier.threshold, costs)

    key = {stage.name: stage.digest, "load": prepared.loaded.digest, **versions("onnxruntime", "scikit-learn")}
    read = f"test of load {prepared.loaded.digest}, {trial.title} of {stage.name} {stage.digest}"
    return Outcome(trial.name, context.run_stage("evaluate", read, key, run, code=CODE), trained)


def evaluate_linear_model(context: Context, prepared: Prepared) -> Outcome:
    """Training texts -> what `evaluate` writes, of the linear model; the fitted model is not kept.

    It learns from the training reviews of the first seed, without its validation reviews, as the networks do.
    """
    config, seed = context.config, context.config.seeds[0]

    def run(folder: Path) -> None:
        reviews = prepared.corpus.train
        training, validation = prepared.training_and_validation(seed)
        started = time.perf_counter()
        model = LinearModel([reviews.texts[position] for position in training], reviews.labels[training])
        costs = {"training_seconds": time.perf_counter() - started, "parameters": model.parameters}
        probabilities = model.positive_probability([reviews.texts[position] for position in validation])
        threshold = choose_threshold(reviews.labels[validation], probabilities, config.threshold)
        _write_evaluation(folder, prepared, model.positive_probability, threshold, costs)

    key = {
        "load": prepared.loaded.digest,
        "validation_share": config.training.validation_share,
        "seed": seed,
        "threshold": config.threshold,
        **versions("scikit-learn"),
    }
    return Outcome(
        LINEAR_MODEL,
        context.run_stage(
            "linear-model", f"train and test of load {prepared.loaded.digest}", key, run, code=(*CODE, "training")
        ),
    )


def _write_evaluation(
    folder: Path,
    prepared: Prepared,
    positive_probability: Callable[[Sequence[str]], np.ndarray],
    threshold: float,
    costs: Mapping[str, float],
) -> None:
    texts, labels = list(prepared.corpus.test.texts), prepared.corpus.test.labels
    started = time.perf_counter()
    probabilities = positive_probability(texts)  # (N,)
    seconds = time.perf_counter() - started
    predictions = pd.DataFrame(
        {
            "text": pd.Series(texts, dtype="string"),
            "label": [LABEL_NAMES[label] for label in labels],
            "predicted_label": predicted_labels(probabilities, threshold),
            "positive_probability": probabilities,
        }
    )
    predictions.to_parquet(folder / PREDICTIONS_FILE, index=False)
    correct = (probabilities >= threshold) == (labels == 1)
    slice_accuracy(texts, correct).to_csv(folder / SLICES_FILE, index=False)
    confident_mistakes(predictions).to_csv(folder / MISTAKES_FILE, index=False)
    measure_behaviour(positive_probability, threshold).to_csv(folder / BEHAVIOUR_FILE, index=False)
    metrics = evaluate_predictions(labels, probabilities, threshold)
    write_json(folder / METRICS_FILE, {**metrics, **costs, "scored_per_second": len(texts) / seconds})

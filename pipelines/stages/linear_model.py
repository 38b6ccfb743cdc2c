"""The linear model, fitted once for a training split: compared with the networks, and their teacher."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.files import write_json
from pipelines.stages.context import Context, versions
from pipelines.stages.data import Prepared
from pipelines.stages.profile import save_with_profile
from pipelines.working_directory import Stage
from sentiment.data.fingerprints import Fingerprints
from sentiment.evaluation.metrics import choose_threshold
from sentiment.evaluation.validation_profile import ValidationProfile
from sentiment.linear_classifier import LinearClassifier
from sentiment.training.linear_model import LinearModel, LinearModelConfig
from sentiment.training.trainer import History

CLASSIFIER_FOLDER, COSTS_FILE = "classifier", "costs.json"


@dataclass(frozen=True)
class FittedLinearModel:
    """The linear model, read from its finished stage."""

    stage: Stage

    @property
    def folder(self) -> Path:
        """Where the LinearClassifier is saved."""
        return self.stage.folder / CLASSIFIER_FOLDER

    def classifier(self) -> LinearClassifier:
        """The LinearClassifier."""
        return LinearClassifier.load(self.folder)

    def history(self) -> History:
        """Empty: there are no epochs."""
        return {}

    def costs(self) -> dict[str, float]:
        """training_seconds."""
        costs: dict[str, float] = self.stage.read_json(COSTS_FILE)
        return costs


@dataclass(frozen=True)
class FoundByFolds:
    """What a training on all reviews takes from those on folds, as it has no reviews to find it on.

    Attributes:
        epochs: after which it stops.
        profile: of its classifier, as an estimate.
    """

    epochs: int
    profile: ValidationProfile

    @property
    def key(self) -> dict[str, Any]:
        """For the key of a stage."""
        return {"epochs": self.epochs, "profile": self.profile.model_dump(mode="json")}


def fit_linear_model(
    context: Context, prepared: Prepared, seed: int, found: FoundByFolds | None = None
) -> FittedLinearModel:
    """Training texts -> a LinearClassifier in classifier/, and costs.json.

    It learns from the training reviews of a seed, without its validation reviews, as the networks do.

    Args:
        found: needed where all reviews are learned from.
    """
    config = context.config

    def run(folder: Path) -> None:
        reviews = prepared.corpus.train
        (training, _), validation = prepared.training_and_validation(seed), prepared.validation_reviews(seed)
        started = time.perf_counter()
        model = LinearModel.fit(
            [reviews.texts[position] for position in training],
            reviews.labels[training],
            LinearModelConfig(balance=config.training.balance),
        )
        seconds = time.perf_counter() - started
        classifier = LinearClassifier(model, learned=Fingerprints.of(reviews.texts))
        if found is None:
            probabilities = classifier.positive_probability(validation.texts)
            classifier.threshold = choose_threshold(validation.labels, probabilities, config.threshold)
            profile = ValidationProfile.from_reviews(classifier, validation, probabilities)
        else:
            profile = found.profile
        save_with_profile(classifier, folder / CLASSIFIER_FOLDER, profile)
        write_json(folder / COSTS_FILE, {"training_seconds": seconds})

    key = {
        "load": prepared.loaded.digest,
        **prepared.cut,
        "seed": seed,
        "threshold": config.threshold,
        "found_by_folds": found.key if found else None,
        "balance": config.training.balance,
        **versions("numpy", "scipy", "scikit-learn"),
    }
    part = "" if prepared.labelled_share == 1 else f"{100 * prepared.labelled_share:g} % of the labels in "
    read = f"{part}train of load {prepared.loaded.digest}"
    return FittedLinearModel(context.run_stage("linear-model", read, key, run, code=("data", "training", "evaluation")))

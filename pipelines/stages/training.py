"""From arrays to a classifier: pseudo-labels, if asked for, training, and the threshold."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.configuration import Trial
from pipelines.files import write_json
from pipelines.stages.context import Context
from pipelines.stages.data import Prepared
from pipelines.stages.fitting import HISTORY_FILE, fit_with_progress, read_history
from pipelines.stages.linear_model import FoundByFolds
from pipelines.stages.network import NETWORK_CODE, build_network, check_gpu, epoch_snippets, training_key
from pipelines.stages.profile import PROFILE_CODE, save_with_profile
from pipelines.stages.pseudo_labels import WEIGHTS_FILE, train_on_pseudo_labels
from pipelines.stages.start import choose, start_classifier
from pipelines.working_directory import Stage
from sentiment.classifier import SentimentClassifier
from sentiment.data.vocabulary import learned_words
from sentiment.engine.recurrent_model import VOCABULARY_FILE, engine_here
from sentiment.evaluation.metrics import choose_threshold
from sentiment.evaluation.validation_profile import ValidationProfile
from sentiment.training.start import FineTuning
from sentiment.training.trainer import History, TrainingConfig, kept_epoch

CLASSIFIER_FOLDER, COSTS_FILE = "classifier", "costs.json"


@dataclass(frozen=True)
class Trained:
    """A trained classifier, read from its finished stage."""

    stage: Stage

    @property
    def folder(self) -> Path:
        """Where the SentimentClassifier is saved."""
        return self.stage.folder / CLASSIFIER_FOLDER

    @property
    def vocabulary_file(self) -> Path:
        """Its words, as JSON."""
        return self.folder / VOCABULARY_FILE

    def classifier(self) -> SentimentClassifier:
        """The SentimentClassifier."""
        return SentimentClassifier.load(self.folder)

    def history(self) -> History:
        """The metrics of every epoch."""
        return read_history(self.stage)

    def costs(self) -> dict[str, float]:
        """training_seconds, those on pseudo-labels included, and epochs."""
        costs: dict[str, float] = self.stage.read_json(COSTS_FILE)
        return costs


def train_network(
    context: Context,
    prepared: Prepared,
    trial: Trial,
    on_epoch: Callable[[History], None] = lambda history: None,
    *,
    found: FoundByFolds | None = None,
) -> Trained:
    """Padded training reviews -> a SentimentClassifier in classifier/, history.json and costs.json.

    Args:
        on_epoch: called with the history so far, also for a training that is cached.
        found: needed where all reviews are learned from.
    """
    config, console = context.config, context.console
    check_gpu(context)
    pseudo_labelled = None
    if config.pretraining.pseudo_label_epochs and len(prepared.corpus.unlabelled):
        pseudo_labelled = train_on_pseudo_labels(context, prepared, trial, on_epoch, found)
    tuning = None if context.start is None else choose_tuning(context, prepared, trial)
    training_config = config.training if tuning is None else tuning.config

    def run(folder: Path) -> None:
        network = build_network(context, prepared, trial)
        if pseudo_labelled is not None:
            network.load_weights(pseudo_labelled.folder / WEIGHTS_FILE)
            history = read_history(pseudo_labelled)
            write_json(folder / HISTORY_FILE, history)
        else:
            penalty = 0.0 if tuning is None else tuning.start_penalty
            history = _learn_labels(
                context, prepared, trial, network, training_config, folder=folder,
                start_penalty=penalty, stop_after=found.epochs if found else None, on_epoch=on_epoch,
            )  # fmt: skip
        classifier = SentimentClassifier.from_network(prepared.vocabulary(), config.sequences, network)
        of_start = None if context.start is None else start_classifier(context.start).learned
        classifier.learned = prepared.learned(of_start)
        if found is None:
            validation = prepared.validation_reviews(trial.seed)
            probabilities = classifier.positive_probability(validation.texts)
            learned = words_learned(context, prepared, trial)
            profile = ValidationProfile.from_reviews(classifier, validation, probabilities, learned)
        else:
            profile = found.profile
        save_with_profile(classifier, folder / CLASSIFIER_FOLDER, profile)
        costs = {"training_seconds": sum(history["seconds"]), "epochs": len(history["loss"])}
        write_json(folder / COSTS_FILE, costs)

    key = {
        **training_key(context, prepared, trial, training_config),
        "start_penalty": None if tuning is None else tuning.start_penalty,
        "pseudo_labels": pseudo_labelled.digest if pseudo_labelled else None,
        "found_by_folds": found.key if found else None,
    }
    trained = Trained(
        context.run_stage(
            "train", f"{trial.name}: pad {prepared.digest_of_padded}", key, run, code=(*NETWORK_CODE, *PROFILE_CODE)
        )
    )
    history = trained.history()
    on_epoch(history)
    console.say(f"            {trial.name} keeps the weights of epoch {kept_epoch(history)} of {len(history['loss'])}")
    is_as_trained = config.threshold == "0.5" and config.choices == 1
    return trained if is_as_trained or found else _with_thresholds(context, prepared, trained, trial)


def _learn_labels(
    context: Context,
    prepared: Prepared,
    trial: Trial,
    network: Any,
    config: TrainingConfig,
    *,
    folder: Path,
    start_penalty: float,
    stop_after: int | None,
    on_epoch: Callable[[History], None],
) -> History:
    """Train the network in place on the labelled reviews -> history.json."""
    inputs, labels = prepared.padded("train"), prepared.corpus.train.labels
    training, validation = prepared.training_and_validation(trial.seed)
    learned = prepared.repeated(training, trial.seed)
    snippets = epoch_snippets(context, prepared, trial.seed, learned)
    return fit_with_progress(
        context.console,
        trial.name,
        network,
        (snippets.inputs, labels[learned]),
        (inputs[validation], labels[validation]) if len(validation) else None,
        config,
        seed=trial.seed,
        folder=folder,
        stop_after=stop_after,
        start_penalty=start_penalty,
        epoch_examples=snippets.labelled(labels[learned]),
        on_epoch=on_epoch,
    )


def words_learned(context: Context, prepared: Prepared, trial: Trial) -> frozenset[str]:
    """The words that a network has learned from: those of its padded reviews, and those of its start."""
    training, _ = prepared.training_and_validation(trial.seed)
    learned = [prepared.padded("train")[training]]
    if "unlabelled" in prepared.padded_stages:
        learned.append(prepared.padded("unlabelled"))
    of_start = () if context.start is None else start_classifier(context.start).vocabulary.words
    return learned_words(prepared.vocabulary(), learned).union(of_start)


def choose_tuning(context: Context, prepared: Prepared, trial: Trial) -> FineTuning:
    """How to fine-tune the start, chosen on the reviews to learn from."""
    train = prepared.corpus.train
    training, _ = prepared.training_and_validation(trial.seed)
    return choose(
        context,
        build_network(context, prepared, trial),
        (prepared.padded("train")[training], train.labels[training]),
        [train.texts[position] for position in training],
        name=trial.name,
        seed=trial.seed,
        key=training_key(context, prepared, trial, context.config.training),
    )


def _with_thresholds(context: Context, prepared: Prepared, trained: Trained, trial: Trial) -> Trained:
    """The trained classifier with the threshold that is best on its validation reviews -> the files of `train`.

    Its thresholds of `--sure` allow for the choice among several trainings.
    """
    config = context.config

    def run(folder: Path) -> None:
        validation = prepared.validation_reviews(trial.seed)
        classifier = trained.classifier()
        profile = ValidationProfile.load(trained.folder, classifier)
        assert profile is not None  # `train` wrote it
        labels, probabilities = validation.labels, classifier.positive_probability(validation.texts)
        threshold = choose_threshold(labels, probabilities, config.threshold)
        shutil.copytree(trained.stage.folder, folder, dirs_exist_ok=True)
        profile = profile.with_thresholds(threshold, config.choices, labels, probabilities)
        save_with_profile(classifier, folder / CLASSIFIER_FOLDER, profile)

    key = {
        "train": trained.stage.digest,
        "threshold": config.threshold,
        "choices": config.choices,
        "engine": engine_here(),
    }
    read = f"train {trained.stage.digest}, validation of load {prepared.loaded.digest}"
    chosen = Trained(context.run_stage("thresholds", read, key, run, code=("evaluation", "engine")))
    if config.threshold != "0.5":
        context.console.say(
            f"            threshold {chosen.classifier().threshold:.4f}: the best {config.threshold} on validation "
            "reviews"
        )
    return chosen

"""From arrays to a classifier: pseudo-labels, if asked for, training, and the threshold."""

import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.configuration import Trial
from pipelines.files import write_json
from pipelines.stages.context import Context, training_environment
from pipelines.stages.data import Prepared
from pipelines.stages.fitting import HISTORY_FILE, fit_with_progress, read_history
from pipelines.stages.linear_model import SOFT_LABELS_FILE, FoundByFolds, fit_linear_model, soften_labels
from pipelines.stages.profile import PROFILE_CODE, save_with_profile
from pipelines.stages.start import choose, start_classifier
from pipelines.working_directory import CHECKPOINTS, Stage
from sentiment.classifier import VOCABULARY_FILE, SentimentClassifier
from sentiment.data.sequences import pad_texts
from sentiment.data.unknown_words import learned_words
from sentiment.errors import InputError
from sentiment.evaluation.metrics import choose_threshold
from sentiment.evaluation.validation_profile import ValidationProfile
from sentiment.scoring.engine import engine_here
from sentiment.training.counterfactuals import Counterfactuals
from sentiment.training.models import build_model
from sentiment.training.pieces import EpochPieces
from sentiment.training.pseudo_labels import learn_pseudo_labels
from sentiment.training.start import FineTuning, grow_network
from sentiment.training.trainer import History, TrainingConfig, best_epoch

CLASSIFIER_FOLDER, COSTS_FILE, WEIGHTS_FILE = "classifier", "costs.json", "network.weights.h5"

NETWORK_CODE = ("data", "training", "scoring")
"""Wings of `sentiment` that a trained classifier comes from."""


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
    _check_gpu(context)
    pseudo_labelled = None
    if config.pretraining.pseudo_label_epochs and len(prepared.corpus.unlabelled):
        tell = _as_a_first_phase(on_epoch) if config.pretraining.end_on_labels else on_epoch
        pseudo_labelled = train_on_pseudo_labels(context, prepared, trial, tell, found)
        tell(read_history(pseudo_labelled))
    tuning = None if context.start is None else choose_tuning(context, prepared, trial)
    training_config = config.training if tuning is None else tuning.config

    def run(folder: Path) -> None:
        inputs, labels = prepared.padded("train"), prepared.corpus.train.labels
        training, validation = prepared.training_and_validation(trial.seed)
        network = build_network(context, prepared, trial)
        if pseudo_labelled is not None:
            network.load_weights(pseudo_labelled.folder / WEIGHTS_FILE)
        unlabelled = None
        if config.training.uses_unlabelled:
            unlabelled = prepared.padded("unlabelled")
            if not len(unlabelled):
                unlabelled = inputs[training]
        before = read_history(pseudo_labelled) if pseudo_labelled else {}
        if pseudo_labelled is not None and not config.pretraining.end_on_labels:
            history, before = before, {}
            write_json(folder / HISTORY_FILE, history)
        else:
            learned = prepared.repeated(training)
            draw = _draw_pieces(context, prepared, trial, learned, inputs[learned])
            history = fit_with_progress(
                console,
                trial.name,
                network,
                (inputs[learned], labels[learned]),
                (inputs[validation], labels[validation]) if len(validation) else None,
                training_config,
                seed=trial.seed,
                folder=folder,
                unlabelled=unlabelled,
                stop_after=found.epochs if found else None,
                start_penalty=0.0 if tuning is None else tuning.start_penalty,
                epoch_examples=None if draw is None else draw(labels[learned]),
                on_epoch=on_epoch,
            )
        classifier = SentimentClassifier.from_network(prepared.vocabulary(), config.sequences, network)
        if found is None:
            known = _words_learned(context, prepared, inputs[training])
            validated = prepared.validation_reviews(trial.seed)
            save_with_profile(classifier, folder / CLASSIFIER_FOLDER, validated, known)
        else:
            classifier.threshold, classifier.unknown_share = found.threshold, found.unknown_share
            classifier.save(folder / CLASSIFIER_FOLDER)
        seconds = [*history["seconds"], *before.get("seconds", [])]
        write_json(folder / COSTS_FILE, {"training_seconds": sum(seconds), "epochs": len(history["loss"])})

    key = {
        **_training_key(context, prepared, trial, training_config),
        "start_penalty": None if tuning is None else tuning.start_penalty,
        "pseudo_labels": pseudo_labelled.digest if pseudo_labelled else None,
        "end_on_labels": config.pretraining.end_on_labels,
        "found_by_folds": asdict(found) if found else None,
    }
    trained = Trained(
        context.run_stage(
            "train", f"{trial.name}: pad {prepared.digest_of_padded}", key, run, code=(*NETWORK_CODE, *PROFILE_CODE)
        )
    )
    history = trained.history()
    on_epoch(history)
    console.say(f"            {trial.name} keeps the weights of epoch {best_epoch(history)} of {len(history['loss'])}")
    return trained if config.threshold == "0.5" or found else _with_threshold(context, prepared, trained, trial)


def _as_a_first_phase(on_epoch: Callable[[History], None]) -> Callable[[History], None]:
    """Give the metrics of a phase before the last one names of their own."""
    return lambda history: on_epoch({f"pseudo_label_{metric}": values for metric, values in history.items()})


def train_on_pseudo_labels(
    context: Context,
    prepared: Prepared,
    trial: Trial,
    on_epoch: Callable[[History], None],
    found: FoundByFolds | None = None,
) -> Stage:
    """All but test reviews, the unlabelled ones with labels of a teacher -> network.weights.h5, history.json.

    The first teacher is the linear model of the same training reviews; `sentiment.training.pseudo_labels` tells of the
    others.

    Args:
        on_epoch: called with the history so far.
    """
    epochs = context.config.pretraining.pseudo_label_epochs
    config = context.config.training.model_copy(update={"epochs": epochs})
    teacher = fit_linear_model(context, prepared, trial.seed, found)
    softened = soften_labels(context, prepared, trial.seed) if context.config.pretraining.label_softness else None

    def run(folder: Path) -> None:
        train, inputs, unlabelled = prepared.corpus.train, prepared.padded("train"), prepared.padded("unlabelled")
        training, validation = prepared.training_and_validation(trial.seed)
        labels = train.labels[training] if softened is None else np.load(softened.folder / SOFT_LABELS_FILE)
        judge = teacher.classifier().positive_probability
        taught = judge(prepared.corpus.unlabelled.texts)  # (M,)
        network = build_network(context, prepared, trial)
        name = f"{trial.name} on pseudo-labels"
        draw = _draw_pieces(
            context, prepared, trial, training, np.concatenate([inputs[training], unlabelled]), with_unlabelled=True
        )
        count = len(training) + len(unlabelled)
        examples = config.examples_of_epoch(count)
        with context.console.training(name, config.epochs, examples, on_epoch=on_epoch) as progress:
            history = learn_pseudo_labels(
                network,
                (inputs[training], labels),
                (unlabelled, taught),
                (inputs[validation], train.labels[validation]) if len(validation) else None,
                config,
                taught_validation=judge([train.texts[position] for position in validation]),
                seed=trial.seed,
                checkpoints=folder / CHECKPOINTS,
                stop_after=found.epochs if found else None,
                draw=draw,
                on_batch=progress.on_batch,
                on_epoch=progress.on_epoch,
            )
        write_json(folder / HISTORY_FILE, history)
        network.save_weights(folder / WEIGHTS_FILE)

    key = {
        **_training_key(context, prepared, trial, config),
        "teacher": teacher.stage.digest,
        "labels": softened.digest if softened else None,
        "stop_after": found.epochs if found else None,
    }
    read = f"{trial.name}: pad {prepared.digest_of_padded}, linear-model {teacher.stage.digest}"
    return context.run_stage("pseudo-labels", read, key, run, code=NETWORK_CODE)


def _draw_pieces(
    context: Context,
    prepared: Prepared,
    trial: Trial,
    training: np.ndarray,
    inputs: np.ndarray,
    *,
    with_unlabelled: bool = False,
) -> Callable[[np.ndarray], EpochPieces] | None:
    """From the labels of the reviews, (N,), to the examples of every epoch; None where there are whole reviews alone.

    Args:
        training: positions in train of the reviews to learn from.
        inputs: the padded reviews, (N, maxlen).
        with_unlabelled: whether the unlabelled reviews follow those of training.
    """
    config = context.config
    if not config.training.uses_pieces:
        return None
    train, vocabulary = prepared.corpus.train, prepared.vocabulary()
    texts = [train.texts[position] for position in training]
    counterfactuals = (
        Counterfactuals.fit(texts, train.labels[training]) if config.training.counterfactual_share else None
    )
    if with_unlabelled:
        texts += prepared.corpus.unlabelled.texts

    def draw(labels: np.ndarray) -> EpochPieces:
        return EpochPieces(
            inputs,
            labels,
            texts,
            config.training,
            pad=lambda pieces: pad_texts(pieces, vocabulary, config.sequences),
            seed=trial.seed,
            counterfactuals=counterfactuals,
        )

    return draw


def _words_learned(context: Context, prepared: Prepared, inputs: np.ndarray) -> frozenset[str]:
    """The words that a network has learned from: those of its padded reviews, (N, maxlen), and those of its start."""
    vocabulary = prepared.vocabulary()
    learned = [inputs, *([prepared.padded("unlabelled")] if "unlabelled" in prepared.padded_stages else [])]
    of_start = () if context.start is None else start_classifier(context.start).vocabulary.words
    return learned_words(vocabulary, learned).union(of_start)


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
        key=_training_key(context, prepared, trial, context.config.training),
    )


def build_network(context: Context, prepared: Prepared, trial: Trial) -> Any:
    """An untrained network, with the word vectors of the stage `pretrain`, if there are any; or the start, grown."""
    config = context.config
    if context.start is not None:
        start = start_classifier(context.start)
        return grow_network(
            start.network,
            start.vocabulary,
            prepared.vocabulary(),
            config.model,
            maxlen=config.sequences.maxlen,
            seed=trial.seed,
            texts=[*prepared.corpus.train.texts, *prepared.corpus.unlabelled.texts]
            if len(prepared.corpus.unlabelled)
            else (),
        )
    num_words = prepared.vocabulary().num_words
    network = build_model(
        trial.cell, config.model, num_words=num_words, maxlen=config.sequences.maxlen, seed=trial.seed
    )
    word_vectors = prepared.word_vectors()
    if word_vectors is not None:
        network.layers[0].set_weights([word_vectors])
    return network


def _check_gpu(context: Context) -> None:
    """Where there is a GPU, refuse what cuDNN cannot do."""
    import tensorflow as tf

    config = context.config
    is_padded_before = config.model.mask_padding and config.sequences.padding == "pre"
    if is_padded_before and tf.config.list_physical_devices("GPU"):
        raise InputError("cuDNN skips padding only behind the words: on a GPU --mask-padding needs --padding post.")


def _training_key(context: Context, prepared: Prepared, trial: Trial, config: TrainingConfig) -> dict[str, Any]:
    """What a trained network depends on."""
    return {
        "cell": trial.cell,
        "model": context.config.model.model_dump(),
        "training": config.model_dump(),
        "seed": trial.seed,
        "start": context.start.digest if context.start else None,
        **prepared.key,
        **training_environment(),
    }


def _with_threshold(context: Context, prepared: Prepared, trained: Trained, trial: Trial) -> Trained:
    """The trained classifier with the threshold that is best on its validation reviews -> the files of `train`."""
    config = context.config

    def run(folder: Path) -> None:
        validation = prepared.validation_reviews(trial.seed)
        classifier = trained.classifier()
        profile = ValidationProfile.load(trained.folder, classifier)
        assert profile is not None  # `train` wrote it
        probabilities = classifier.positive_probability(validation.texts)
        classifier.threshold = choose_threshold(validation.labels, probabilities, config.threshold)
        shutil.copytree(trained.stage.folder, folder, dirs_exist_ok=True)
        classifier.save(folder / CLASSIFIER_FOLDER)
        profile.at_threshold(classifier.threshold, validation.labels, probabilities).save(folder / CLASSIFIER_FOLDER)

    key = {"train": trained.stage.digest, "threshold": config.threshold, "engine": engine_here()}
    read = f"train {trained.stage.digest}, validation of load {prepared.loaded.digest}"
    chosen = Trained(context.run_stage("threshold", read, key, run, code=("evaluation", "scoring")))
    context.console.say(
        f"            threshold {chosen.classifier().threshold:.4f}: the best {config.threshold} on validation reviews"
    )
    return chosen

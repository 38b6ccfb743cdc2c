"""Pseudo-labels: what the first teacher says of all but test reviews, and the training of a network on it."""

import contextlib
import functools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.configuration import Trial
from pipelines.files import save_array, write_json
from pipelines.stages.context import Context, versions
from pipelines.stages.data import Prepared
from pipelines.stages.fitting import HISTORY_FILE
from pipelines.stages.linear_model import FoundByFolds, fit_linear_model
from pipelines.stages.network import NETWORK_CODE, build_network, epoch_snippets, training_key
from pipelines.working_directory import CHECKPOINTS, Stage
from sentiment.classifier import SentimentClassifier
from sentiment.cores import available_cores
from sentiment.engine.recurrent_model import engine_here
from sentiment.errors import InputError
from sentiment.training.latent_semantics import regressed_probability
from sentiment.training.linear_model import LinearModel, LinearModelConfig
from sentiment.training.pseudo_labels import Judge, learn_pseudo_labels, mean_log_odds, out_of_fold_probability
from sentiment.training.trainer import History

TRAINING_FILE, VALIDATION_FILE, UNLABELLED_FILE = "training.npy", "validation.npy", "unlabelled.npy"
WEIGHTS_FILE = "network.weights.h5"


def train_on_pseudo_labels(
    context: Context,
    prepared: Prepared,
    trial: Trial,
    on_epoch: Callable[[History], None],
    found: FoundByFolds | None = None,
) -> Stage:
    """All but test reviews, the unlabelled ones with labels of a teacher -> network.weights.h5, history.json.

    `sentiment.training.pseudo_labels` tells of the teachers after the first.

    Args:
        on_epoch: called with the history so far.
    """
    epochs = context.config.pretraining.pseudo_label_epochs
    config = context.config.training.model_copy(update={"epochs": epochs})
    softness = context.config.pretraining.label_softness
    teacher = teach(context, prepared, trial.seed, found)

    def run(folder: Path) -> None:
        train, padded = prepared.corpus.train, prepared.padded("train")
        training, validation = prepared.training_and_validation(trial.seed)
        taught = {file: np.load(teacher.folder / file) for file in (TRAINING_FILE, VALIDATION_FILE, UNLABELLED_FILE)}
        labels = (1 - softness) * train.labels[training] + softness * taught[TRAINING_FILE]
        network = build_network(context, prepared, trial)
        name = f"{trial.name} on pseudo-labels"
        learned = prepared.repeated(training, trial.seed)
        snippets = epoch_snippets(context, prepared, trial.seed, learned, with_unlabelled=True)
        judged = [*prepared.corpus.unlabelled.texts, *(train.texts[position] for position in validation)]

        def judge(network: Any) -> np.ndarray:
            classifier = SentimentClassifier.from_network(prepared.vocabulary(), context.config.sequences, network)
            share = -(-len(judged) // available_cores())
            parts = (judged[first : first + share] for first in range(0, len(judged), share))
            with ThreadPoolExecutor(available_cores()) as pool:
                return np.concatenate([*pool.map(classifier.positive_probability, parts)])

        with context.console.training(name, config.epochs, len(snippets), on_epoch=on_epoch) as progress:
            history = learn_pseudo_labels(
                network,
                snippets,
                prepared.repeated(labels, trial.seed),
                taught[UNLABELLED_FILE],
                (padded[validation], train.labels[validation]) if len(validation) else None,
                config,
                taught_validation=taught[VALIDATION_FILE],
                judge=judge,
                seed=trial.seed,
                checkpoints=folder / CHECKPOINTS,
                on_batch=progress.on_batch,
                on_epoch=progress.on_epoch,
            )
        write_json(folder / HISTORY_FILE, history)
        network.save_weights(folder / WEIGHTS_FILE)

    key = {
        **training_key(context, prepared, trial, config),
        "teacher": teacher.digest,
        "label_softness": softness,
        "engine": engine_here(),
    }
    read = f"{trial.name}: pad {prepared.digest_of_padded}, teacher {teacher.digest}"
    return context.run_stage("pseudo-labels", read, key, run, code=NETWORK_CODE)


def teach(context: Context, prepared: Prepared, seed: int, found: FoundByFolds | None) -> Stage:
    """P(positive) of reviews -> training.npy, validation.npy, unlabelled.npy, float32, in the order of the positions.

    The teacher is the linear model, or its mean log-odds with a regression on the vectors of reviews. What it says of a
    training review it learned without the label of that review. Where there are too few for that, it repeats the label.
    """
    linear_model = fit_linear_model(context, prepared, seed, found)
    is_softened = bool(context.config.pretraining.label_softness)

    def run(folder: Path) -> None:
        reviews, vectors = prepared.corpus.train, prepared.document_vectors()
        texts = [*reviews.texts, *prepared.corpus.unlabelled.texts]
        balance = context.config.training.balance
        training, validation = prepared.training_and_validation(seed)
        others = np.concatenate([validation, np.arange(len(reviews), len(texts))])
        judges: list[Judge] = [functools.partial(_by_ngrams, texts, reviews.labels, balance)]
        taught = [linear_model.classifier().positive_probability([texts[position] for position in others])]
        if vectors is not None:
            judges.append(functools.partial(_by_vectors, vectors, reviews.labels))
            taught.append(judges[-1](training, others))
        told = reviews.labels.astype(np.float32)
        if is_softened:
            in_order = np.sort(training)
            with contextlib.suppress(InputError):
                told[in_order] = mean_log_odds(
                    *(out_of_fold_probability(reviews.labels, in_order, judge) for judge in judges)
                )
        of_validation, of_unlabelled = np.split(mean_log_odds(*taught), [len(validation)])
        save_array(folder / TRAINING_FILE, told[training])
        save_array(folder / VALIDATION_FILE, of_validation)
        save_array(folder / UNLABELLED_FILE, of_unlabelled)

    key = {
        "load": prepared.loaded.digest,
        **prepared.cut,
        "seed": seed,
        "linear_model": linear_model.stage.digest,
        "document_vectors": prepared.document_stage.digest if prepared.document_stage else None,
        "is_softened": is_softened,
        **versions("numpy", "scipy", "scikit-learn"),
    }
    read = f"all but test of load {prepared.loaded.digest}, linear-model {linear_model.stage.digest}"
    return context.run_stage("teacher", read, key, run, code=("data", "training"))


def _by_ngrams(
    texts: Sequence[str], labels: np.ndarray, balance: bool, known: np.ndarray, asked: np.ndarray
) -> np.ndarray:
    """A Judge: the linear model."""
    config = LinearModelConfig(balance=balance)
    model = LinearModel.fit([texts[position] for position in known], labels[known], config)
    return model.positive_probability([texts[position] for position in asked])


def _by_vectors(vectors: np.ndarray, labels: np.ndarray, known: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """A Judge: a regression on vectors of reviews."""
    return regressed_probability(vectors[known], labels[known], vectors[asked])

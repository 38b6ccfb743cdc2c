"""The linear model as a teacher: soft labels of training reviews, pseudo-labels of others, and training on both."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from pipelines.configuration import Trial
from pipelines.files import save_array, write_json
from pipelines.stages.context import Context, versions
from pipelines.stages.data import Prepared
from pipelines.stages.fitting import HISTORY_FILE
from pipelines.stages.linear_model import FoundByFolds, fit_linear_model
from pipelines.stages.network import NETWORK_CODE, build_network, draw_pieces, training_key
from pipelines.working_directory import CHECKPOINTS, Stage
from sentiment.errors import InputError
from sentiment.training.pseudo_labels import learn_pseudo_labels, out_of_fold_probability
from sentiment.training.trainer import History

SOFT_LABELS_FILE, WEIGHTS_FILE = "labels.npy", "network.weights.h5"


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
        draw = draw_pieces(
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
        **training_key(context, prepared, trial, config),
        "teacher": teacher.stage.digest,
        "labels": softened.digest if softened else None,
        "stop_after": found.epochs if found else None,
    }
    read = f"{trial.name}: pad {prepared.digest_of_padded}, linear-model {teacher.stage.digest}"
    return context.run_stage("pseudo-labels", read, key, run, code=NETWORK_CODE)


def soften_labels(context: Context, prepared: Prepared, seed: int) -> Stage:
    """Training labels -> labels.npy, float32 (N,), in the order of the positions of `Prepared.training_and_validation`.

    Each is the mean of the label and of what linear models say that were fitted without the review, weighted by
    `label_softness`. Where there are too few reviews for such models, the labels stay.
    """
    softness = context.config.pretraining.label_softness

    def run(folder: Path) -> None:
        reviews = prepared.corpus.train
        training, _ = prepared.training_and_validation(seed)
        in_order = np.sort(training)
        softened = reviews.labels.astype(np.float32)
        with contextlib.suppress(InputError):
            taught = out_of_fold_probability(
                [reviews.texts[position] for position in in_order], reviews.labels[in_order]
            )
            softened[in_order] += softness * (taught - softened[in_order])
        save_array(folder / SOFT_LABELS_FILE, softened[training])

    key = {
        "load": prepared.loaded.digest,
        **prepared.cut,
        "seed": seed,
        "softness": softness,
        **versions("numpy", "scipy", "scikit-learn"),
    }
    return context.run_stage(
        "soft-labels", f"train of load {prepared.loaded.digest}", key, run, code=("data", "training")
    )

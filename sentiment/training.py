"""TrainingConfig and train: Adam, early stopping on the validation loss, and going on after a kill."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from sentiment.errors import InputError

History = dict[str, list[float]]
"""Metric -> one value per finished epoch: loss and val_loss (of a classifier in nats), the other metrics such as
accuracy and val_accuracy, seconds of the epoch with its validation, and reviews_per_second of its training part."""

OnBatch = Callable[[int, Mapping[str, float]], None]
"""Called after every batch with the examples trained on in this epoch, and the epoch's mean loss and metrics so far."""


ThresholdRule = Literal["0.5", "accuracy", "f1"]
"""What the threshold of a trained model makes best on its validation reviews, or 0.5 whatever they say."""


class TrainingConfig(BaseModel):
    """How the weights are found."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    validation_share: float = Field(0.1, gt=0, lt=1, description="Share of train kept for validation, stratified.")
    batch_size: int = Field(64, ge=1, description="Reviews per gradient step.")
    epochs: int = Field(8, ge=1, description="Most passes over the training reviews.")
    patience: int = Field(2, ge=1, description="Epochs without a lower validation loss before training stops.")
    target_loss: float | None = Field(None, gt=0, description="Validation loss at which training stops; absent: none.")
    learning_rate: float = Field(0.001, gt=0, description="Step size of Adam.")
    clipnorm: float | None = Field(None, gt=0, description="Longest gradient of one weight array; absent: no bound.")


def split_validation(labels: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the reviews to train on and of those to validate on, both classes in their proportion.

    Args:
        labels: (N,).
        share: of N to validate on, at least two reviews.

    Raises:
        InputError: there are too few reviews of a class for both sides.
    """
    from sklearn.model_selection import train_test_split

    size = max(2, round(share * len(labels)))
    try:
        train, validation = train_test_split(np.arange(len(labels)), test_size=size, stratify=labels, random_state=seed)
    except ValueError:
        raise InputError(
            f"{len(labels)} training reviews ({int(labels.sum())} positive) cannot be cut into training and validation "
            f"reviews of both classes at a validation share of {share}: give more reviews of both classes."
        ) from None
    return train, validation


def train(
    network: Any,
    training: tuple[np.ndarray, np.ndarray],
    validation: tuple[np.ndarray, np.ndarray],
    config: TrainingConfig,
    *,
    seed: int,
    checkpoints: Path,
    loss: str = "binary_crossentropy",
    metrics: Sequence[str] = ("accuracy",),
    examples: str = "reviews",
    on_batch: OnBatch = lambda done, figures: None,
    on_epoch: Callable[[History], None] = lambda history: None,
) -> History:
    """Train in place, and leave `network` with the weights of its epoch of lowest validation loss.

    Everything random in an epoch follows from (seed, epoch), and every finished epoch is kept in `checkpoints`, so a
    killed training that is started again with the same arguments ends as if it had never stopped. Keras'
    BackupAndRestore would not do: it writes weights and epoch number one after the other, and keeps neither the state
    of early stopping nor that of dropout.

    Args:
        network: Keras model from inputs (batch, ...) to outputs (batch, 1).
        training, validation: inputs (N, ...) and labels or targets (N,).
        checkpoints: a folder of this training alone; the caller removes it.
        loss, metrics: as Keras names them.
        examples: what the network learns from; history counts EXAMPLES_per_second.
        on_epoch: called with the history so far after every epoch, and first with what an earlier attempt finished.
    """
    import keras

    network.compile(
        optimizer=keras.optimizers.Adam(config.learning_rate, clipnorm=config.clipnorm),
        loss=loss,
        metrics=list(metrics),
    )
    checkpoints.mkdir(parents=True, exist_ok=True)
    figures = ("loss", *metrics)
    history = _resume(network, checkpoints) or {
        name: [] for name in (*figures, *(f"val_{name}" for name in figures), "seconds", f"{examples}_per_second")
    }
    if history["loss"]:
        on_epoch(history)
    inputs, labels = training
    while (epoch := len(history["loss"])) < config.epochs and not _is_over(history, config):
        _seed_dropout(network, seed, epoch)
        order = np.random.default_rng([seed, epoch]).permutation(len(labels))

        def batch_end(batch: int, logs: dict[str, float]) -> None:
            done = min((batch + 1) * config.batch_size, len(labels))
            on_batch(done, logs)

        started = time.perf_counter()
        logs = network.fit(
            inputs[order],
            labels[order],
            batch_size=config.batch_size,
            shuffle=False,
            verbose=0,
            callbacks=[keras.callbacks.LambdaCallback(on_train_batch_end=batch_end)],
        ).history
        trained = time.perf_counter()
        validated = network.evaluate(*validation, batch_size=256, verbose=0, return_dict=True)
        for metric, value in {
            **{name: logs[name][0] for name in figures},
            **{f"val_{name}": validated[name] for name in figures},
            "seconds": time.perf_counter() - started,
            f"{examples}_per_second": len(labels) / (trained - started),
        }.items():
            history[metric].append(float(value))
        _save(network, checkpoints, history)
        on_epoch(history)
    network.load_weights(_weights(checkpoints, best_epoch(history)))
    return history


def best_epoch(history: History) -> int:
    """Number, from 1, of the epoch with the lowest validation loss."""
    return int(np.argmin(history["val_loss"])) + 1


def _is_over(history: History, config: TrainingConfig) -> bool:
    if not history["loss"]:
        return False
    is_reached = config.target_loss is not None and min(history["val_loss"]) <= config.target_loss
    return is_reached or len(history["loss"]) - best_epoch(history) >= config.patience


def _seed_dropout(network: Any, seed: int, epoch: int) -> None:
    for number, layer in enumerate(network._flatten_layers(include_self=False)):
        generator = getattr(layer, "seed_generator", None)
        if generator is not None:
            generator.state.assign(np.random.SeedSequence([seed, epoch, number]).generate_state(2))


def _weights(checkpoints: Path, epoch: int) -> Path:
    return checkpoints / f"epoch-{epoch}.weights.h5"


def _resume(network: Any, checkpoints: Path) -> History | None:
    """The history of the epochs finished before; `network` and its optimizer get their state after the last one."""
    path = checkpoints / "history.json"
    if not path.exists():
        return None
    history: History = json.loads(path.read_text())
    network.optimizer.build(network.trainable_variables)
    network.load_weights(_weights(checkpoints, len(history["loss"])))
    return history


def _save(network: Any, checkpoints: Path, history: History) -> None:
    """Keep the weights of the last epoch and of the best; replacing history.json is the moment that counts."""
    last, best = len(history["loss"]), best_epoch(history)
    network.save_weights(_weights(checkpoints, last))
    partial = checkpoints / "history.json.partial"
    partial.write_text(json.dumps(history))
    partial.replace(checkpoints / "history.json")
    for path in checkpoints.glob("epoch-*.weights.h5"):
        if path not in (_weights(checkpoints, last), _weights(checkpoints, best)):
            path.unlink()

"""TrainingConfig and fit: Adam, early stopping on the validation loss, and going on after a kill.

Where the network skips padding, reviews of similar length share a batch, which is cut to the longest of them.
"""

import functools
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from pydantic import Field

from sentiment.configuration import Configuration
from sentiment.errors import InputError
from sentiment.files import finish, sync
from sentiment.training.batches import epoch_batches

History = dict[str, list[float]]
"""Metric -> one value per finished epoch: loss and val_loss (of a classifier in nats), other metrics such as
accuracy and val_accuracy, seconds with validation, and reviews_per_second without."""

OnEpoch = Callable[[History], None]


class Callbacks(NamedTuple):
    """Who hears of a training while it runs.

    Attributes:
        on_epoch: called with the history so far after every epoch, and first with what an earlier attempt finished.
        on_batch: called after every batch with the examples of this epoch that are done, and their mean metrics.
    """

    on_epoch: OnEpoch = lambda history: None
    on_batch: Callable[[int, Mapping[str, float]], None] = lambda done, metrics: None


class Objective(NamedTuple):
    """What a training minimizes and measures, loss and metrics as Keras names them.

    Attributes:
        examples: what the network learns from; the history counts EXAMPLES_per_second.
    """

    loss: str = "binary_crossentropy"
    metrics: tuple[str, ...] = ("accuracy",)
    examples: str = "reviews"


SILENT, VERDICTS = Callbacks(), Objective()


class EpochExamples(Protocol):
    """The examples to train on, drawn anew in every epoch, always as many."""

    @property
    def labels(self) -> np.ndarray:
        """Labels or targets of the reviews that the examples are drawn from, (N,), or (N, K - 1) of K ordered labels.

        A label may be a probability; those of ordered labels are cumulative.
        """

    def __len__(self) -> int:
        """Examples of an epoch."""

    def __call__(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """Inputs (len(self), ...) and labels (len(self),) of an epoch, counted from 0; they follow from its number."""


@dataclass(frozen=True)
class SameExamples:
    """The same inputs (N, ...) and labels (N,) in every epoch."""

    inputs: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def __call__(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """All of them."""
        return self.inputs, self.labels


class TrainingConfig(Configuration):
    """How the weights are found."""

    validation_share: float = Field(0.1, gt=0, lt=1, description="Share of train kept for validation, stratified.")
    batch_size: int = Field(64, ge=1, description="Reviews per gradient step.")
    epochs: int = Field(8, ge=1, description="Most passes over the training reviews.")
    patience: int = Field(2, ge=1, description="Epochs without a lower validation loss before training stops.")
    target_loss: float | None = Field(None, gt=0, description="Validation loss at which training stops; absent: none.")
    learning_rate: float = Field(0.001, gt=0, description="Step size of Adam.")
    balance: bool = Field(False, description="Weigh reviews so that both classes count alike, however rare one is.")
    clipnorm: float | None = Field(None, gt=0, description="Longest gradient of one weight array; absent: no bound.")
    warmup_epochs: float = Field(0.0, ge=0, description="Epochs in which the step size rises from 0.")
    schedule: Literal["constant", "cosine"] = Field(
        "constant", description="Whether the step size stays or falls to 0 along a half cosine."
    )
    word_dropout: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Share of the words of texts of over 100 that training replaces by the one out of the vocabulary.",
    )
    snippet_share: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Random snippets of 3 to 100 words beside the reviews of an epoch, as a share of them; 0: none.",
    )
    counterfactual_share: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Clauses turned into their opposite beside the reviews of an epoch, as a share of them; 0: none.",
    )
    lexicon: bool = Field(
        False,
        description="Let VADER's lexicon of opinion words teach the snippets, so that texts of any domain are read.",
    )
    opposite_share: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Passages with opinion words turned beside the reviews of an epoch, as a share of them, for which "
        "it takes --lexicon and --word-vectors; 0: none.",
    )
    exchange_people: bool = Field(
        False, description="Exchange words for people, such as those for religions, so that no verdict hangs on them."
    )

    def examples_of_epoch(self, reviews: int) -> int:
        """Reviews and snippets of an epoch over so many reviews."""
        shares = self.snippet_share, self.counterfactual_share, self.opposite_share
        return reviews + sum(round(share * reviews) for share in shares)


class DivergedError(InputError):
    """A training whose validation loss is never a number."""


def fit(
    network: Any,
    training: EpochExamples,
    validation: tuple[np.ndarray, np.ndarray] | None,
    config: TrainingConfig,
    *,
    seed: int,
    checkpoints: Path,
    callbacks: Callbacks = SILENT,
    stop_after: int | None = None,
    start_penalty: float = 0.0,
    objective: Objective = VERDICTS,
) -> History:
    """Train in place, and leave `network` with the weights of its epoch of lowest validation loss.

    Everything random in an epoch follows from (seed, epoch), and `checkpoints` keeps every finished epoch. So a killed
    training that starts again with the same arguments ends as if it had never stopped. Keras'
    BackupAndRestore would not do: it writes weights and epoch number one after the other, and keeps neither the state
    of early stopping nor that of dropout.

    Args:
        network: Keras model from inputs (batch, ...) to outputs (batch, 1), or (batch, K - 1) of K ordered labels.
        validation: inputs (N, ...) and labels or targets as those of `training`. Without them, the history has no
            metrics of validation, and the last weights are kept.
        checkpoints: a folder of this training alone; the caller removes it.
        stop_after: epochs after which training ends, whatever their number in `config`, by which step sizes fall.
        start_penalty: penalty on the distance from the weights that `network` has now, as DenseAdam takes it.

    Raises:
        DivergedError: no epoch has a finite validation loss.
    """
    import keras

    from sentiment.training.time_loop import compiled_time_loops

    count, steps, speed = len(training), -(-len(training) // config.batch_size), f"{objective.examples}_per_second"
    _compile(network, config, steps, start_penalty, objective, training.labels)
    skips_padding = getattr(network.layers[0], "mask_zero", False)
    batches = functools.partial(epoch_batches, size=config.batch_size, by_length=skips_padding)
    checkpoints.mkdir(parents=True, exist_ok=True)
    metric_names = ("loss", *objective.metrics)
    validation_names = [f"val_{name}" for name in metric_names] if validation is not None else []
    history = _resume(network, checkpoints) or {
        name: [] for name in (*metric_names, *validation_names, "seconds", speed)
    }
    if history["loss"]:
        callbacks.on_epoch(history)
    validating = None if validation is None else batches(np.random.default_rng(seed), *validation)
    epochs = min(config.epochs, stop_after or config.epochs)

    def shuffled(epoch: int) -> Any:
        generator = np.random.default_rng([seed, epoch])
        return batches(generator, *training(epoch), word_dropout=config.word_dropout)

    with compiled_time_loops(network):
        while (epoch := len(history["loss"])) < epochs and not _is_over(history, config):
            _seed_dropout(network, seed, epoch)

            def batch_end(batch: int, logs: dict[str, float]) -> None:
                callbacks.on_batch(min((batch + 1) * config.batch_size, count), logs)

            started = time.perf_counter()
            told = [keras.callbacks.LambdaCallback(on_train_batch_end=batch_end)]
            fitted = network.fit(shuffled(epoch), shuffle=False, verbose=0, callbacks=told)  # they are shuffled
            trained = time.perf_counter()
            validated = {} if validating is None else network.evaluate(validating, verbose=0, return_dict=True)
            for metric, value in {
                **{name: fitted.history[name][0] for name in metric_names},
                **{f"val_{name}": value for name, value in validated.items()},
                "seconds": time.perf_counter() - started,
                speed: count / (trained - started),
            }.items():
                history[metric].append(float(value))
            _save(network, checkpoints, history)
            callbacks.on_epoch(history)
    if not kept_epoch(history):
        raise DivergedError(
            f"The validation loss is no number after any of {len(history['loss'])} epochs: "
            "lower --learning-rate, or bound the gradients with --clipnorm."
        )
    network.load_weights(_weights(checkpoints, kept_epoch(history)))
    return history


def _compile(
    network: Any, config: TrainingConfig, steps: int, start_penalty: float, objective: Objective, labels: np.ndarray
) -> None:
    """Give the model its optimizer, loss and metrics; one that has the same is left as it is, as tracing takes long."""
    is_plain = config.schedule == "constant" and not config.warmup_epochs and not config.balance
    purpose = (config.clipnorm, start_penalty, objective)
    if is_plain and getattr(getattr(network, "optimizer", None), "purpose", None) == purpose:
        network.optimizer.restart(config.learning_rate)
        return
    network.compile(
        build_optimizer(config, steps, start_penalty),
        _loss(labels, objective, balance=config.balance),
        metrics=[accuracy if metric == "accuracy" else metric for metric in objective.metrics],
        jit_compile=False,  # the time loops are; a whole step would be compiled anew for every length
    )
    network.optimizer.build(network.trainable_variables)
    network.optimizer.purpose = purpose if is_plain else None


def _loss(labels: np.ndarray, objective: Objective, *, balance: bool) -> Any:
    if labels.ndim == 2:
        from sentiment.training.ordered import balanced_class_weights, ordered_crossentropy

        return ordered_crossentropy(balanced_class_weights(labels) if balance else None)
    return balanced_crossentropy(float(np.mean(labels))) if balance else objective.loss


def balanced_crossentropy(positive_share: float) -> Callable[[Any, Any], Any]:
    """The cross-entropy in which both classes have half of the weight, whatever their shares (King & Zeng 2001).

    Args:
        positive_share: of the training labels, above 0 and below 1.

    Returns:
        A loss as Keras takes it: labels and probabilities (batch, 1) -> nats (batch,).
    """
    import keras
    from keras import ops

    def loss(labels: Any, probabilities: Any) -> Any:
        weights = labels / (2 * positive_share) + (1 - labels) / (2 * (1 - positive_share))
        return keras.losses.binary_crossentropy(labels, probabilities) * ops.squeeze(weights, -1)

    return loss


def accuracy(labels: Any, probabilities: Any) -> Any:
    """1 for each review whose verdict is that of its label, else 0; the label may be a probability, too."""
    from keras import ops

    if probabilities.shape[-1] > 1:
        given, found = (ops.sum(cumulative >= 0.5, axis=-1) for cumulative in (labels, probabilities))
        return ops.cast(ops.equal(given, found), "float32")
    verdicts = ops.reshape(probabilities, (-1,)) > 0.5
    return ops.cast(ops.equal(ops.reshape(labels, (-1,)) > 0.5, verdicts), "float32")


def build_optimizer(config: TrainingConfig, steps_per_epoch: int, start_penalty: float = 0.0) -> Any:
    """Keras' Adam with the step sizes and the bound on gradients that the configuration asks for."""
    import keras

    from sentiment.training.optimizer import DenseAdam

    step_size: Any = config.learning_rate
    warmup = round(config.warmup_epochs * steps_per_epoch)
    if warmup or config.schedule != "constant":
        step_size = keras.optimizers.schedules.CosineDecay(
            0.0 if warmup else config.learning_rate,
            decay_steps=max(1, config.epochs * steps_per_epoch - warmup),
            alpha=1.0 if config.schedule == "constant" else 0.0,  # of the step size, at the end
            warmup_target=config.learning_rate if warmup else None,
            warmup_steps=warmup,
        )
    return DenseAdam(step_size, start_penalty=start_penalty, clipnorm=config.clipnorm)


def kept_epoch(history: History) -> int:
    """Number, from 1, of the epoch whose weights stay: that of the lowest validation loss, and 0 if no loss is finite.

    The last, where there is no validation or teachers change, as their last epoch has the best of them.
    """
    if "val_loss" not in history or "teacher_val_loss" in history:
        return len(history["loss"])
    losses = np.array(history["val_loss"])
    return int(np.argmin(np.where(np.isfinite(losses), losses, np.inf))) + 1 if np.isfinite(losses).any() else 0


def _is_over(history: History, config: TrainingConfig) -> bool:
    if not history["loss"]:
        return False
    is_reached = (
        config.target_loss is not None
        and "val_loss" in history
        and np.nanmin(history["val_loss"]) <= config.target_loss
    )
    return bool(is_reached) or len(history["loss"]) - kept_epoch(history) >= config.patience


def _seed_dropout(network: Any, seed: int, epoch: int) -> None:
    for number, layer in enumerate(network._flatten_layers(include_self=False)):
        generator = getattr(layer, "seed_generator", None)
        if generator is not None:
            generator.state.assign(np.random.SeedSequence([seed, epoch, number]).generate_state(2))


def _weights(checkpoints: Path, epoch: int) -> Path:
    return checkpoints / f"epoch-{epoch}.weights.h5"


def _resume(network: Any, checkpoints: Path) -> History | None:
    """The history of the epochs finished before; `network` and its optimizer get their state after the last one.

    None without a whole checkpoint: history, weights after the last epoch, and those of the best.
    """
    try:
        history: History = json.loads((checkpoints / "history.json").read_text())
        last, best = len(history["loss"]), kept_epoch(history)
    except (FileNotFoundError, ValueError, KeyError):
        return None
    if not all(_weights(checkpoints, epoch).exists() for epoch in (last, best) if epoch):
        return None
    network.load_weights(_weights(checkpoints, last))
    return history


def _save(network: Any, checkpoints: Path, history: History) -> None:
    """Keep the weights of the last epoch and of the best; replacing history.json is the moment that counts.

    The weights are on the disk before, so also a loss of power leaves a whole checkpoint.
    """
    last, best = len(history["loss"]), kept_epoch(history)
    network.save_weights(_weights(checkpoints, last))
    sync(_weights(checkpoints, last))
    partial = checkpoints / "history.json.partial"
    partial.write_text(json.dumps(history))
    finish(partial, checkpoints / "history.json")
    for path in checkpoints.glob("epoch-*.weights.h5"):
        if path not in (_weights(checkpoints, last), _weights(checkpoints, best)):
            path.unlink()

import json
import os
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sentiment.errors import InputError
from sentiment.training.models import ModelConfig, build_model
from sentiment.training.optimizer import LARGE
from sentiment.training.trainer import (
    Callbacks,
    History,
    SameExamples,
    TrainingConfig,
    balanced_crossentropy,
    build_optimizer,
    fit,
    kept_epoch,
)

pytestmark = pytest.mark.usefixtures("uncompiled")

MODEL = ModelConfig(embedding_dim=4, units=4, embedding_dropout=0.3, dropout=0.2)
TEXTBOOK = TrainingConfig(epochs=4, patience=4, batch_size=32, learning_rate=0.02)
EVERY_OPTION = {"clipnorm": 1.0, "warmup_epochs": 0.5, "schedule": "cosine"}
TIMES = ("seconds", "reviews_per_second")


def learn(
    checkpoints: Path, config: TrainingConfig, model: ModelConfig = MODEL, stop_after: int | None = None
) -> tuple[History, Any]:
    """Train on a small task: is there a 7 in the sequence? Stops as a kill would, after some epochs."""
    generator = np.random.default_rng(0)
    inputs = generator.integers(4, 12, (240, 8), dtype=np.int32)
    inputs[np.arange(8) >= generator.integers(2, 9, (240, 1))] = 0
    labels = (inputs == 7).any(axis=1).astype(np.int8)
    network = build_model("lstm", model, num_words=12, maxlen=8, seed=3)

    def stop(history: History) -> None:
        if len(history["loss"]) == stop_after:
            raise KeyboardInterrupt

    history = fit(
        network,
        SameExamples(inputs[:200], labels[:200]),
        (inputs[200:], labels[200:]),
        config,
        seed=3,
        checkpoints=checkpoints,
        callbacks=Callbacks(on_epoch=stop),
    )
    return {metric: values for metric, values in history.items() if metric not in TIMES}, network.get_weights()


@pytest.mark.parametrize(
    ("config", "model", "stops"),
    [
        (TEXTBOOK, MODEL, (1, 3)),
        (
            TEXTBOOK.model_validate({**TEXTBOOK.model_dump(), **EVERY_OPTION}),
            MODEL.model_copy(update={"bidirectional": True, "pooling": "max", "mask_padding": True}),
            (2,),
        ),
    ],
    ids=["textbook", "every option"],
)
def test_training_that_was_stopped_ends_as_if_it_never_was(
    tmp_path: Path, config: TrainingConfig, model: ModelConfig, stops: tuple[int, ...]
) -> None:
    history, weights = learn(tmp_path / "whole", config, model)
    for stop_after in stops:
        with pytest.raises(KeyboardInterrupt):
            learn(tmp_path / "stopped", config, model, stop_after)
    resumed_history, resumed_weights = learn(tmp_path / "stopped", config, model)
    assert resumed_history == history
    assert all(np.array_equal(a, b) for a, b in zip(weights, resumed_weights, strict=True))


def test_balanced_both_classes_have_half_of_the_loss_however_rare_one_is() -> None:
    labels = np.repeat([[1.0], [0.0]], [9, 1], axis=0).astype("float32")
    losses = np.asarray(balanced_crossentropy(0.9)(labels, np.full((10, 1), 0.5, "float32")))
    assert losses[:9].sum() == pytest.approx(losses[9]) == pytest.approx(5 * np.log(2), rel=1e-5)


def test_training_stops_after_patience_and_keeps_the_best_weights(tmp_path: Path) -> None:
    config = TrainingConfig(epochs=40, patience=2, batch_size=8, learning_rate=0.5)  # far too fast: it gets worse
    history, weights = learn(tmp_path / "early", config)
    best = kept_epoch(history)
    assert len(history["loss"]) == best + 2 < 40
    up_to_best = config.model_copy(update={"epochs": best})
    _, best_weights = learn(tmp_path / "to-best", up_to_best)
    assert all(np.array_equal(a, b) for a, b in zip(weights, best_weights, strict=True))


def test_training_stops_with_the_first_epoch_that_reaches_the_target_loss(tmp_path: Path) -> None:
    config = TrainingConfig(epochs=6, patience=6, batch_size=32, learning_rate=0.02)
    losses = learn(tmp_path / "whole", config)[0]["val_loss"]
    target = losses[2]
    history, _ = learn(tmp_path / "target", config.model_copy(update={"target_loss": target}))
    assert history["val_loss"] == losses[: 1 + next(epoch for epoch, loss in enumerate(losses) if loss <= target)]


def test_an_epoch_without_a_finite_validation_loss_is_never_the_best() -> None:
    assert kept_epoch({"val_loss": [np.nan, 0.4, 0.3, np.nan, np.inf]}) == 3
    assert kept_epoch({"val_loss": [np.nan, np.inf]}) == 0


def test_training_without_a_finite_validation_loss_says_what_to_change(tmp_path: Path) -> None:
    config = TrainingConfig(epochs=2, patience=2, learning_rate=1e38)
    with pytest.raises(InputError, match=r"no number after any of 2 epochs: lower --learning-rate"):
        learn(tmp_path, config)


def test_a_checkpoint_without_its_weights_is_none(tmp_path: Path) -> None:
    history, _ = learn(tmp_path, TEXTBOOK)
    for path in tmp_path.glob("*.weights.h5"):
        path.unlink()
    assert learn(tmp_path, TEXTBOOK)[0] == history


def test_the_weights_of_an_epoch_are_on_the_disk_before_its_history_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_disk: set[str] = set()
    fsync, replace = os.fsync, os.replace

    def watched_fsync(descriptor: int) -> None:
        on_disk.add(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    def watched_replace(source: Any, target: Any) -> None:
        if Path(target).name == "history.json":
            epochs = len(json.loads(Path(source).read_text())["loss"])
            assert on_disk >= {f"epoch-{epochs}.weights.h5", "history.json.partial"}
        replace(source, target)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(os, "replace", watched_replace)
    learn(tmp_path, TEXTBOOK)
    assert "epoch-1.weights.h5" in on_disk


def test_batches_are_not_autotuned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tuned = []

    def watched_fit(network: Any, batches: Any, **options: Any) -> Any:
        tuned.append(batches.options().autotune.enabled)
        return keras_fit(network, batches, **options)

    keras_fit = keras.Model.fit
    monkeypatch.setattr(keras.Model, "fit", watched_fit)
    learn(tmp_path, TrainingConfig(epochs=1))
    assert tuned == [False]


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_the_step_size_rises_from_zero_and_stays_or_falls_to_zero(schedule: str) -> None:
    config = TrainingConfig.model_validate(
        {"epochs": 5, "warmup_epochs": 1, "schedule": schedule, "learning_rate": 0.4}
    )
    step_size = build_optimizer(config, steps_per_epoch=10)._learning_rate
    found = [float(step_size(step)) for step in (0, 5, 10, 30, 50)]
    assert found == pytest.approx([0, 0.2, 0.4, 0.4, 0.4] if schedule == "constant" else [0, 0.2, 0.4, 0.2, 0])


def test_the_step_of_an_embedding_is_that_of_its_gradient_as_one_array() -> None:
    """Repeated words are added up before their length is bound."""
    import tensorflow as tf

    config = TrainingConfig(clipnorm=1.0)
    sparse = tf.IndexedSlices(tf.constant([[3.0, 0.0], [-3.0, 4.0], [1.0, 1.0]]), tf.constant([1, 1, 0]), (3, 2))
    ends = []
    for gradient in (sparse, tf.constant([[1.0, 1.0], [0.0, 4.0], [0.0, 0.0]])):
        optimizer, weights = build_optimizer(config, steps_per_epoch=1), keras.Variable(np.ones((3, 2)))
        for _ in range(3):
            optimizer.apply([gradient], [weights])
        ends.append(weights.numpy())
    assert np.array_equal(*ends)
    assert not np.array_equal(ends[0], np.ones((3, 2)))


def test_the_step_of_a_large_array_is_that_of_keras_to_the_last_bit() -> None:
    """Moments of words that the latest batches lack fade until they are too small for a number."""
    import tensorflow as tf

    generator = np.random.default_rng(0)
    start = generator.normal(size=(LARGE // 10, 10)).astype(np.float32)
    gradients = tf.constant(generator.normal(size=(8, *start.shape)) * 10.0 ** generator.integers(-8, 0, (8, 1, 1)))
    ends = []
    for optimizer in (keras.optimizers.Adam(0.002), build_optimizer(TrainingConfig(learning_rate=0.002), 1)):
        weights = keras.Variable(start)
        optimizer.build([weights])
        step = tf.function(lambda gradient, optimizer=optimizer: optimizer.apply([gradient]))
        for gradient in tf.cast(gradients, tf.float32):
            step(gradient)
        for _ in range(900):
            step(tf.zeros(start.shape))
        ends.append([weights.numpy(), *(variable.numpy() for variable in optimizer.variables)])
    assert all(np.array_equal(*pair) for pair in zip(*ends, strict=True))
    assert not np.array_equal(ends[0][0], start)

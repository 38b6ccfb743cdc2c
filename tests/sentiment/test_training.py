from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sentiment.models import ModelConfig, build_model
from sentiment.training import History, TrainingConfig, best_epoch, split_validation, train

MODEL = ModelConfig(embedding_dim=4, units=4, embedding_dropout=0.3, recurrent_dropout=0.2, dropout=0.2)
TIMES = ("seconds", "reviews_per_second")


def learn(checkpoints: Path, config: TrainingConfig, stop_after: int | None = None) -> tuple[History, Any]:
    """Train on a small task: is there a 7 in the sequence? Stops as a kill would, after some epochs."""
    generator = np.random.default_rng(0)
    inputs = generator.integers(4, 12, (240, 8), dtype=np.int32)
    labels = (inputs == 7).any(axis=1).astype(np.int8)
    network = build_model("lstm", MODEL, num_words=12, maxlen=8, seed=3)

    def stop(history: History) -> None:
        if len(history["loss"]) == stop_after:
            raise KeyboardInterrupt

    history = train(
        network,
        (inputs[:200], labels[:200]),
        (inputs[200:], labels[200:]),
        config,
        seed=3,
        checkpoints=checkpoints,
        on_epoch=stop,
    )
    return {metric: values for metric, values in history.items() if metric not in TIMES}, network.get_weights()


def test_training_that_was_stopped_ends_as_if_it_never_was(tmp_path: Path) -> None:
    config = TrainingConfig(epochs=4, patience=4, batch_size=32, learning_rate=0.02)
    history, weights = learn(tmp_path / "whole", config)
    for stop_after in (1, 3):
        with pytest.raises(KeyboardInterrupt):
            learn(tmp_path / "stopped", config, stop_after)
    resumed_history, resumed_weights = learn(tmp_path / "stopped", config)
    assert resumed_history == history
    assert all(np.array_equal(a, b) for a, b in zip(weights, resumed_weights, strict=True))


def test_training_stops_after_patience_and_keeps_the_best_weights(tmp_path: Path) -> None:
    config = TrainingConfig(epochs=12, patience=2, batch_size=8, learning_rate=0.5)  # far too fast: it gets worse
    history, weights = learn(tmp_path / "early", config)
    best = best_epoch(history)
    assert len(history["loss"]) == best + 2 < 12
    up_to_best = config.model_copy(update={"epochs": best})
    _, best_weights = learn(tmp_path / "to-best", up_to_best)
    assert all(np.array_equal(a, b) for a, b in zip(weights, best_weights, strict=True))


def test_training_stops_with_the_first_epoch_that_reaches_the_target_loss(tmp_path: Path) -> None:
    config = TrainingConfig(epochs=6, patience=6, batch_size=32, learning_rate=0.02)
    losses = learn(tmp_path / "whole", config)[0]["val_loss"]
    target = losses[2]
    history, _ = learn(tmp_path / "target", config.model_copy(update={"target_loss": target}))
    assert history["val_loss"] == losses[: 1 + next(epoch for epoch, loss in enumerate(losses) if loss <= target)]


def test_validation_keeps_both_classes_in_proportion() -> None:
    labels = np.array([1] * 30 + [0] * 90)
    training, validation = split_validation(labels, 0.1, seed=0)
    assert labels[validation].tolist().count(1) == 3
    assert sorted([*training, *validation]) == list(range(120))

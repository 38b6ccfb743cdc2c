from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment.errors import InputError
from sentiment.training.linear_model import LinearModel
from sentiment.training.models import ModelConfig, build_model
from sentiment.training.pseudo_labels import Teacher, learn_pseudo_labels, mean_log_odds, out_of_fold_probability
from sentiment.training.snippets import EpochSnippets
from sentiment.training.trainer import Callbacks, History, TrainingConfig, kept_epoch

pytestmark = pytest.mark.usefixtures("uncompiled")

MODEL = ModelConfig(embedding_dim=8, units=8, mask_padding=True, pooling="max_mean", dropout=0.1)
CONFIG = TrainingConfig(epochs=5, batch_size=32, learning_rate=0.02, clipnorm=1.0, warmup_epochs=0.2, schedule="cosine")


def task(size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Is there a 7 in the sequence?"""
    generator = np.random.default_rng(seed)
    inputs = generator.integers(4, 12, (size, 8), dtype=np.int32)
    inputs[np.arange(8) >= generator.integers(2, 9, (size, 1))] = 0
    return inputs, (inputs == 7).any(axis=1).astype(np.float32)


def learn(checkpoints: Path, cell: Any, taught: np.ndarray, stop_after: int | None = None) -> tuple[History, Any]:
    """Ten labelled reviews, and many of which a teacher tells; stops as a kill would, after some epochs."""
    network = build_model(cell, MODEL, num_words=12, maxlen=8, seed=3)

    def judge(network: Any) -> np.ndarray:
        judged = np.concatenate([task(600, 1)[0], task(80, 2)[0]])
        probabilities: np.ndarray = network.predict(judged, verbose=0)[:, 0]
        return probabilities

    def stop(history: History) -> None:
        if len(history["loss"]) == stop_after:
            raise KeyboardInterrupt

    inputs, labels = task(10, 0)
    snippets = EpochSnippets(
        np.concatenate([inputs, task(600, 1)[0]]), [""] * 610, CONFIG, pad=lambda texts: np.zeros((0, 8)), seed=3
    )
    history = learn_pseudo_labels(
        network, snippets, labels, Teacher(labels, np.full(80, 0.5), taught), task(80, 2), CONFIG,
        judge=judge, seed=3, checkpoints=checkpoints, callbacks=Callbacks(on_epoch=stop),
    )  # fmt: skip
    return history, network


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=5))
def test_the_mean_of_log_odds_lies_between_them_and_is_symmetric(pairs: list[tuple[float, float]]) -> None:
    one, other = np.array(pairs).T
    mean = mean_log_odds(one, other)
    assert np.all((np.minimum(one, other) - 2e-6 <= mean) & (mean <= np.maximum(one, other) + 2e-6))
    assert mean == pytest.approx(1 - mean_log_odds(1 - other, 1 - one), abs=1e-6)


@pytest.fixture(scope="module")
def student(uncompiled: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[History, Any]:
    """An LSTM after a training that was never stopped."""
    return learn(tmp_path_factory.mktemp("student"), "lstm", 0.05 + 0.9 * task(600, 1)[1])


def test_a_student_learns_from_its_teacher_what_ten_labels_do_not_tell(student: tuple[History, Any]) -> None:
    inputs, truth = task(600, 1)
    history, network = student
    assert all(len(values) == CONFIG.epochs for values in history.values())
    assert history["val_accuracy"][-1] > 0.9
    assert history["teacher_val_loss"][0] == pytest.approx(np.log(2))
    losses = history["teacher_val_loss"]
    assert losses[0] > losses[1] > losses[2] == losses[3] > losses[4]
    found = network.predict(inputs, verbose=0)[:, 0]
    assert np.mean((found >= 0.5) == truth) > 0.9


def test_the_last_epoch_with_the_best_teacher_is_kept_whatever_validation_says(tmp_path: Path) -> None:
    """Validation labels at odds with what is taught make every epoch look worse than the one before."""
    history, network = learn(tmp_path, "lstm", 0.05 + 0.9 * (1 - task(600, 1)[1]))
    assert history["val_loss"][-1] > min(history["val_loss"])
    assert kept_epoch(history) == CONFIG.epochs
    inputs, labels = task(80, 2)
    kept = np.mean((network.predict(inputs, verbose=0)[:, 0] > 0.5) == labels)
    assert kept == pytest.approx(history["val_accuracy"][-1])


def test_learning_pseudo_labels_that_was_stopped_ends_as_if_it_never_was(
    student: tuple[History, Any], tmp_path: Path
) -> None:
    taught = 0.05 + 0.9 * task(600, 1)[1]
    history, network = student
    with pytest.raises(KeyboardInterrupt):
        learn(tmp_path / "stopped", "lstm", taught, stop_after=2)
    resumed_history, resumed = learn(tmp_path / "stopped", "lstm", taught)
    assert resumed_history["val_loss"] == history["val_loss"]
    assert all(np.array_equal(*pair) for pair in zip(network.get_weights(), resumed.get_weights(), strict=True))


def test_a_review_is_judged_by_models_that_have_not_seen_it() -> None:
    """A word that one review alone has twice over tells its label only to a model that saw the review."""
    texts = [f"{word} own{number} own{number}" for number, word in enumerate(["good", "bad"] * 12)]
    labels = np.array([1, 0] * 12)
    labels[:2] = 0, 1  # two reviews that say the opposite of what their words do elsewhere

    def judge(known: np.ndarray, asked: np.ndarray) -> np.ndarray:
        model = LinearModel.fit([texts[position] for position in known], labels[known])
        return model.positive_probability([texts[position] for position in asked])

    probabilities = out_of_fold_probability(labels, np.arange(24), judge)
    assert ((probabilities > 0.5) == np.array([True, False] * 12)).all()
    with pytest.raises(InputError, match="too few for 3 folds"):
        out_of_fold_probability(labels, np.arange(4), judge)

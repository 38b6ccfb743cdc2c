"""The data of the memory tasks: what is asked, and the error that can be had without memory."""

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.interpretation.memory_tasks import (
    TASKS,
    TaskName,
    adding,
    build_task_network,
    marked_product,
    next_number,
    noisy_sine,
)

SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=2)
@given(SEEDS)
def test_the_product_of_exactly_two_marked_numbers_is_asked_for(seed: int) -> None:
    task = marked_product(seed, 100)
    inputs, targets = (np.concatenate(parts) for parts in zip(task.training, task.test, strict=True))
    assert (len(task.training[1]), len(task.test[1]), inputs.shape) == (2_500, 500, (3_000, 100, 2))
    marks, numbers = inputs[..., 0], inputs[..., 1]
    assert (marks.sum(axis=1) == 2).all()
    assert set(np.unique(marks)) == {0, 1}
    assert np.where(marks == 1, numbers, 1).prod(axis=1) == pytest.approx(targets)
    assert np.var(targets) == pytest.approx(task.reference_error, rel=0.15)


@settings(max_examples=2)
@given(SEEDS, st.integers(2, 60))
def test_the_sum_of_a_marked_number_in_each_half_is_asked_for(seed: int, length: int) -> None:
    task = adding(seed, length)
    inputs, targets = (np.concatenate(parts) for parts in zip(task.training, task.test, strict=True))
    marks, numbers = inputs[..., 0], inputs[..., 1]
    assert (marks[:, : length // 2].sum(axis=1) == 1).all()
    assert (marks[:, length // 2 :].sum(axis=1) == 1).all()
    assert (marks * numbers).sum(axis=1) == pytest.approx(targets)
    assert np.var(targets) == pytest.approx(1 / 6, rel=0.1)


def test_four_windows_are_learned_and_what_follows_678_is_asked() -> None:
    task = next_number(0, 3)
    assert task.training[0][..., 0].tolist() == [[1, 2, 3], [2, 3, 4], [3, 4, 5], [4, 5, 6]]
    assert task.training[1].tolist() == [4, 5, 6, 7]
    assert (task.test[0][..., 0].tolist(), task.test[1].tolist()) == ([[6, 7, 8]], [9])


@settings(max_examples=2)
@given(SEEDS)
def test_the_sine_is_split_in_time_order(seed: int) -> None:
    task = noisy_sine(seed, 10)
    inputs, targets = (np.concatenate(parts) for parts in zip(task.training, task.test, strict=True))
    series = np.concatenate([inputs[0, :, 0], targets])
    windows = np.stack([series[start : start + 10] for start in range(len(targets))])
    assert (inputs[..., 0] == windows).all()
    noise = series - np.sin(np.pi * 2.025 * np.arange(len(series)))
    assert -1e-6 < noise.min() < noise.max() < 1 + 1e-6
    assert np.var(noise) == pytest.approx(task.reference_error, rel=0.1)


@pytest.mark.parametrize("name", get_args(TaskName))
def test_data_and_weights_follow_from_the_seed(name: TaskName) -> None:
    [length] = TASKS[name].lengths or [20]
    first, same, other = (TASKS[name].make(seed, length) for seed in (1, 1, 2))
    assert np.array_equal(first.training[0], same.training[0])
    assert np.array_equal(first.test[1], same.test[1])
    assert name == "next-number" or not np.array_equal(first.training[0], other.training[0])
    networks = [build_task_network(name, "gru", first.training[0], seed=seed).get_weights() for seed in (1, 1, 2)]
    assert all(np.array_equal(a, b) for a, b in zip(networks[0], networks[1], strict=True))
    assert not np.array_equal(networks[0][0], networks[2][0])


def test_the_networks_are_those_of_the_tasks() -> None:
    layers = {
        name: [
            (type(layer).__name__, layer.units)
            for layer in build_task_network(name, "lstm", TASKS[name].make(0, 5).training[0], seed=0).layers
        ]
        for name in get_args(TaskName)
    }
    assert layers["marked-product"] == [("LSTM", 30), ("LSTM", 30), ("Dense", 1)]
    assert layers["next-number"] == [("LSTM", 10), ("Dense", 10), ("Dense", 1)]

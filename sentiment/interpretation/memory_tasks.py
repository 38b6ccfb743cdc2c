"""MemoryTask: the sequence tasks by which recurrent networks are usually compared, and the network for each.

- marked-product: two of the numbers are marked; their product is asked for. A regression variant of the adding problem.
- next-number: which number follows 6, 7, 8, learned from four windows.
- noisy-sine: the next value of a sine wave under uniform noise.
- adding: the sum of two marked numbers, the adding problem of Hochreiter & Schmidhuber (1997). Numbers are from [0, 1),
  as Le, Jaitly & Hinton (2015) set it: one mark in the first half of the sequence, one in the second.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from sentiment.engine.cells import CELLS, CellName

TaskName = Literal["marked-product", "next-number", "noisy-sine", "adding"]

Examples = tuple[np.ndarray, np.ndarray]
"""Sequences, float32 (N, steps, features), and targets, float32 (N,)."""

MARKED_PRODUCT_SEQUENCES, MARKED_PRODUCT_TRAINING = 3_000, 2_500
ADDING_SEQUENCES, ADDING_TRAINING = 6_000, 5_000
SINE_STEPS, SINE_TRAINING_SHARE = 2_000, 0.8


@dataclass(frozen=True)
class MemoryTask:
    """The data of a task.

    Attributes:
        training: to train on; the last of them to validate on.
        test: never seen in training.
        reference_error: mean squared error of the task's reference.
        validates_on_training: the training sequences are too few to keep some for validation.
    """

    training: Examples
    test: Examples
    reference_error: float
    validates_on_training: bool = False

    def split(self, validation_share: float) -> tuple[Examples, Examples]:
        """The sequences to learn from and those to validate on."""
        inputs, targets = self.training
        if self.validates_on_training:
            return self.training, self.training
        cut = round((1 - validation_share) * len(targets))
        return (inputs[:cut], targets[:cut]), (inputs[cut:], targets[cut:])


def marked_product(seed: int, length: int) -> MemoryTask:
    """Features are a mark and a uniform number; the target is the product of the two marked numbers.

    Its variance is E[X²]² - E[X]⁴ = 1/9 - 1/16 = 7/144.
    """
    generator = np.random.default_rng([seed, 1])
    marks = generator.permuted(np.tile(np.arange(length) < 2, (MARKED_PRODUCT_SEQUENCES, 1)), axis=1)
    return _marked(generator, marks, np.prod, MARKED_PRODUCT_TRAINING, 7 / 144)


def adding(seed: int, length: int) -> MemoryTask:
    """Features are a mark and a uniform number; the target is the sum of the two marked numbers, of variance 1/6."""
    generator = np.random.default_rng([seed, 2, length])
    marks = np.zeros((ADDING_SEQUENCES, length), bool)
    rows, half = np.arange(ADDING_SEQUENCES), length // 2
    marks[rows, generator.integers(0, half, ADDING_SEQUENCES)] = True
    marks[rows, generator.integers(half, length, ADDING_SEQUENCES)] = True
    return _marked(generator, marks, np.sum, ADDING_TRAINING, 1 / 6)


def next_number(seed: int, length: int) -> MemoryTask:
    """Which number follows: 1,2,3 -> 4 to 4,5,6 -> 7 to learn from, 6,7,8 -> 9 to be asked. Nothing is random."""
    starts = np.array([1, 2, 3, 4, 6], np.float32)
    inputs = (starts[:, None] + np.arange(length, dtype=np.float32))[..., None]  # (5, 3, 1)
    targets = starts + length
    return MemoryTask((inputs[:4], targets[:4]), (inputs[4:], targets[4:]), 1.0, validates_on_training=True)


def noisy_sine(seed: int, length: int) -> MemoryTask:
    """The value after each window of sin(π·2.025·t) plus noise from [0, 1), for t = 0, 1, 2, ...

    The last windows are for testing. Nobody can foresee the noise, whose variance is 1/12.
    """
    steps = np.arange(SINE_STEPS)
    values = np.sin(np.pi * 2.025 * steps) + np.random.default_rng([seed, 3]).random(SINE_STEPS)
    windows = np.lib.stride_tricks.sliding_window_view(values.astype(np.float32), length + 1)  # (N, length + 1)
    inputs, targets = windows[:, :length, None], windows[:, length]
    cut = round(SINE_TRAINING_SHARE * len(targets))
    return MemoryTask((inputs[:cut], targets[:cut]), (inputs[cut:], targets[cut:]), 1 / 12)


def _marked(
    generator: np.random.Generator, marks: np.ndarray, combine: Any, training: int, variance: float
) -> MemoryTask:
    numbers = generator.random(marks.shape)
    inputs = np.stack([marks, numbers], axis=-1).astype(np.float32)  # (N, steps, 2)
    targets = combine(numbers[marks].reshape(-1, 2), axis=1).astype(np.float32)
    return MemoryTask((inputs[:training], targets[:training]), (inputs[training:], targets[training:]), variance)


@dataclass(frozen=True)
class TaskKind:
    """How the data of a task is made, and the network that learns it: recurrent layers, then Dense layers.

    Attributes:
        make: (seed, length) -> the data.
        reference: what a model's error is compared with.
        lengths: steps of a sequence; empty where they are to be chosen.
        recurrent_units: of each recurrent layer.
        dense_units: of each Dense layer, linear, before the last, Dense(1).
        activation: of the recurrent layers.
    """

    make: Callable[[int, int], MemoryTask]
    reference: str
    lengths: tuple[int, ...]
    recurrent_units: tuple[int, ...]
    dense_units: tuple[int, ...] = ()
    activation: str = "tanh"


TASKS: dict[TaskName, TaskKind] = {
    "marked-product": TaskKind(marked_product, "predicting the mean", (100,), (30, 30)),
    "next-number": TaskKind(next_number, "an answer that is off by one", (3,), (10,), (10,), activation="relu"),
    "noisy-sine": TaskKind(noisy_sine, "the noise alone", (10,), (20,)),
    "adding": TaskKind(adding, "predicting the mean", (), (64,)),
}


def build_task_network(name: TaskName, cell: CellName, inputs: np.ndarray, *, seed: int) -> Any:
    """An untrained Keras model from (batch, steps, features) to float32 (batch, 1); its weights follow from `seed`."""
    import keras

    keras.utils.set_random_seed(seed)
    kind = TASKS[name]
    recurrent = getattr(keras.layers, CELLS[cell].layer)
    layers = [keras.Input(inputs.shape[1:])]
    for number, units in enumerate(kind.recurrent_units, 1):
        layers.append(
            recurrent(
                units,
                activation=kind.activation,
                return_sequences=number < len(kind.recurrent_units),
                name=f"{cell}_{number}",
            )
        )
    layers += [keras.layers.Dense(units) for units in (*kind.dense_units, 1)]
    return keras.Sequential(layers, name=cell)

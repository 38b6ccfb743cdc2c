"""fit_with_progress: `sentiment.training.trainer.fit` with a bar on the console and its history in a stage's folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.console import Console
from pipelines.files import write_json
from pipelines.working_directory import CHECKPOINTS, Stage
from sentiment.training.trainer import History, TrainingConfig, fit

HISTORY_FILE = "history.json"
Examples = tuple[np.ndarray, np.ndarray]


def fit_with_progress(
    console: Console,
    name: str,
    network: Any,
    training: Examples,
    validation: Examples | None,
    config: TrainingConfig,
    *,
    folder: Path,
    examples: str = "reviews",
    on_epoch: Callable[[History], None] = lambda history: None,
    **options: Any,
) -> History:
    """Train with progress shown -> history.json and, until the stage is finished, checkpoints/.

    Args:
        name: of the network, for people.
        folder: of the stage.
        options: `fit` takes them, as it takes the arguments that are not named here.
    """
    with console.training(
        name, config.epochs, config.examples_of_epoch(len(training[1])), on_epoch=on_epoch, examples=examples
    ) as progress:
        history = fit(
            network,
            training,
            validation,
            config,
            checkpoints=folder / CHECKPOINTS,
            examples=examples,
            on_batch=progress.on_batch,
            on_epoch=progress.on_epoch,
            **options,
        )
    write_json(folder / HISTORY_FILE, history)
    return history


def read_history(stage: Stage) -> History:
    """What `fit_with_progress` left in the folder of a finished stage."""
    history: History = stage.read_json(HISTORY_FILE)
    return history

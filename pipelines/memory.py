"""The memory experiments: SimpleRNN, LSTM and GRU on the sequence tasks by which they are usually compared.

Every training is a stage in the working directory and an MLflow run, all children of one parent. Killed and started
again with the same configuration, it goes on from the last finished epoch, in the same runs.
"""

import functools
import hashlib
import shutil
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, get_args

import numpy as np
import pandas as pd
from pydantic import Field

from pipelines.configuration import Configuration, read_preset, validated
from pipelines.console import Console
from pipelines.working_directory import Stage, WorkingDirectory, write_json
from sentiment import figures, tracking
from sentiment.memory_tasks import TASKS, MemoryTask, TaskName, build_task_network
from sentiment.models import CELLS, CellName
from sentiment.training import History, TrainingConfig, best_epoch
from sentiment.training import train as fit

PRESETS = "memory"
"""Folder of the presets."""

SOLVED = 0.1
"""A task is solved when the error is below this share of that of predicting the mean."""


Seed = Annotated[int, Field(ge=0, lt=2**32)]
Length = Annotated[int, Field(ge=2)]


class MemoryConfig(Configuration):
    """The configuration of `sentiment run-memory`."""

    tasks: tuple[TaskName, ...] = Field(get_args(TaskName), min_length=1, description="Tasks.")
    models: tuple[CellName, ...] = Field(get_args(CellName), min_length=1, description="Models to train.")
    seeds: tuple[Seed, ...] = Field((0, 1, 2), min_length=1, description="Each fixes data, initial weights and order.")
    lengths: tuple[Length, ...] = Field((50, 100, 200, 400), min_length=1, description="Steps of the adding problem.")
    marked_product: TrainingConfig = TrainingConfig()
    next_number: TrainingConfig = TrainingConfig()
    noisy_sine: TrainingConfig = TrainingConfig()
    adding: TrainingConfig = TrainingConfig()

    def training(self, task: TaskName) -> TrainingConfig:
        """How the networks of a task are trained."""
        training: TrainingConfig = getattr(self, task.replace("-", "_"))
        return training

    def cases(self) -> list[tuple[TaskName, int]]:
        """Tasks with the lengths of their sequences."""
        return [(task, length) for task in self.tasks for length in TASKS[task].lengths or self.lengths]


def compose_memory(preset: str, options: Mapping[str, Any], epochs: int | None = None) -> MemoryConfig:
    """A preset with the options that override it; `epochs` holds for every task.

    Raises:
        InputError: unknown preset, key or value.
    """
    content = {**read_preset(preset, PRESETS), **options}
    if epochs is not None:
        for task in get_args(TaskName):
            content.setdefault(task.replace("-", "_"), {})["epochs"] = epochs
    return validated(MemoryConfig, content, preset)


def run_memory(config: MemoryConfig, work: WorkingDirectory, console: Console, experiment: str) -> None:
    """Train every model on every task with every seed, log all to MLflow, and set the test errors side by side.

    Raises:
        InputError: MLflow cannot be reached.
    """
    tracking.silence()
    with console.without_native_log():
        import tensorflow  # noqa: F401
    place = f"{socket.gethostname()}:{work.path.resolve()}:{config.model_dump_json()}"
    tracked_run = functools.partial(tracking.tracked_run, experiment=experiment)
    key = hashlib.sha256(place.encode()).hexdigest()[:32]
    rows: list[dict[str, Any]] = []
    histories: dict[str, dict[str, list[History]]] = {}
    references: dict[str, float] = {}
    digests: list[str] = []
    with tracked_run("Memory of recurrent networks", tags={}, resume_key=key) as parent:
        console.say(f"mlflow      run {parent.info.run_id} in experiment {experiment}")
        tracking.log_parameters(config.flat())
        for task, length in config.cases():
            title = f"{task}, {length} steps"
            for seed in config.seeds:
                data = TASKS[task].make(seed, length)
                references[title] = data.reference_error
                for cell in config.models:
                    name = f"{CELLS[cell]} on {title}, seed {seed}"
                    tags = {"task": task, "model": cell, "seed": str(seed)}
                    child_key = f"{parent.info.run_id}:{name}"
                    with tracked_run(name, tags=tags, resume_key=child_key, nested=True) as child:
                        training = config.training(task).model_dump()
                        tracking.log_parameters(
                            {"task": task, "cell": cell, "length": length, "seed": seed, **training}
                        )
                        stage = train_on_task(
                            work, console, config.training(task), data, task, cell, length, seed,
                            functools.partial(tracking.log_history, child),
                        )  # fmt: skip
                        figures_of_stage = stage.read_json("metrics.json")
                        tracking.log_metrics(child, {**figures_of_stage, "reference_error": data.reference_error})
                    digests.append(stage.digest)
                    histories.setdefault(title, {}).setdefault(CELLS[cell], []).append(stage.read_json("history.json"))
                    rows.append({"task": task, "length": length, "model": cell, "seed": seed,
                                 "reference_error": data.reference_error, "reference": data.reference,
                                 **figures_of_stage})  # fmt: skip
        results = pd.DataFrame(rows)
        table = _summarize(work, console, digests, results, histories, references)
        heads, lines = result_rows(results)
        console.table("Mean squared error on the test sequences, mean ± standard deviation over seeds", heads, lines)
        tracking.set_description(tracking.markdown_table(heads, lines))
        for file in ("results.csv", "learning_curves.png"):
            tracking.log_file(table.folder / file)


def _summarize(
    work: WorkingDirectory,
    console: Console,
    digests: Sequence[str],
    results: pd.DataFrame,
    histories: Mapping[str, Mapping[str, Sequence[History]]],
    references: Mapping[str, float],
) -> Stage:
    """All trainings -> results.csv and learning_curves.png."""

    def run(folder: Path) -> None:
        results.to_csv(folder / "results.csv", index=False)
        figures.memory_curves(histories, references).savefig(folder / "learning_curves.png")

    stage = work.stage("memory-table", {"trainings": list(digests)}, run)
    read = f"{len(digests)} trainings"
    console.stage("table", read=read, wrote=stage.folder, was_there=stage.was_there, seconds=stage.seconds)
    return stage


def train_on_task(
    work: WorkingDirectory,
    console: Console,
    config: TrainingConfig,
    data: MemoryTask,
    task: TaskName,
    cell: CellName,
    length: int,
    seed: int,
    on_epoch: Callable[[History], None],
) -> Stage:
    """One network on one task -> history.json and metrics.json."""
    import keras
    import tensorflow as tf

    inputs, targets = data.training
    cut = round((1 - config.validation_share) * len(targets))
    training, validation = (inputs[:cut], targets[:cut]), (inputs[cut:], targets[cut:])
    if task == "next-number":
        training = validation = data.training

    def run(folder: Path) -> None:
        network = build_task_network(task, cell, inputs, seed=seed)
        title = f"{CELLS[cell]} on {task}"
        with console.training(title, config.epochs, len(training[1]), examples="sequences") as progress:

            def epoch_end(history: History) -> None:
                progress.on_epoch(history)
                on_epoch(history)

            history = fit(
                network,
                training,
                validation,
                config,
                seed=seed,
                checkpoints=folder / "checkpoints",
                loss="mean_squared_error",
                metrics=(),
                examples="sequences",
                on_batch=progress.on_batch,
                on_epoch=epoch_end,
            )
        test_inputs, test_targets = data.test
        metrics = {
            "test_error": network.evaluate(test_inputs, test_targets, batch_size=256, verbose=0),
            "epochs": len(history["loss"]),
            "training_seconds": sum(history["seconds"]),
        }
        if len(test_inputs) == 1:
            metrics["answer"] = float(network(test_inputs)[0, 0])
        write_json(folder / "history.json", history)
        write_json(folder / "metrics.json", metrics)
        shutil.rmtree(folder / "checkpoints")

    stage = work.stage(
        "memory",
        {
            "task": task,
            "cell": cell,
            "length": length,
            "seed": seed,
            "training": config.model_dump(),
            "keras": keras.__version__,
            "tensorflow": tf.__version__,
        },
        run,
    )
    console.stage(
        "memory",
        read=f"{task} of {length} steps, seed {seed}",
        wrote=stage.folder,
        was_there=stage.was_there,
        seconds=stage.seconds,
    )
    history = stage.read_json("history.json")
    on_epoch(history)
    console.say(
        f"            {CELLS[cell]} keeps the weights of epoch {best_epoch(history)} of {len(history['loss'])}: "
        f"test error {stage.read_json('metrics.json')['test_error']:.4f}"
    )
    return stage


def result_rows(results: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Column heads and rows of the table: a row per task and length, and what it comes to."""
    models = list(dict.fromkeys(results["model"]))
    heads = ["task", "reference", *(CELLS[model] for model in models)]
    rows = []

    def spread(of_case: pd.DataFrame, column: str, digits: int) -> list[str]:
        """Mean and, of several seeds, standard deviation, of each model."""
        table = of_case.groupby("model")[column].agg(["mean", "std"]).reindex(models)
        return [
            f"{mean:.{digits}f}" + ("" if np.isnan(deviation) else f" ± {deviation:.{digits}f}")
            for mean, deviation in table.to_numpy()
        ]

    for (task, length), of_case in results.groupby(["task", "length"], sort=False):
        error, name = of_case["reference_error"].iloc[0], of_case["reference"].iloc[0]
        rows.append([f"{task}, {length} steps", f"{error:.4f} {name}", *spread(of_case, "test_error", 4)])
    answers = results[results["task"] == "next-number"]
    if len(answers):
        rows.append(["after 6, 7, 8 follows", "9", *spread(answers, "answer", 2)])
    adding = results[results["task"] == "adding"]
    if len(adding):
        failed = []
        for model in models:
            of_model = adding[adding["model"] == model].groupby("length")[["test_error", "reference_error"]].mean()
            unsolved = of_model.index[of_model["test_error"] >= SOLVED * of_model["reference_error"]]
            failed.append(f"{unsolved.min()} steps" if len(unsolved) else f"solved up to {of_model.index.max()}")
        rows.append(["adding is first not solved at", f"error ≥ {SOLVED / 6:.4f}", *failed])
    return heads, rows

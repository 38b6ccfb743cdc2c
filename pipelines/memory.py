"""The memory experiments: SimpleRNN, LSTM and GRU on the sequence tasks by which they are usually compared.

Every training is a stage in the working directory and an MLflow run, all children of one parent. Killed and started
again with the same configuration, it goes on from the last finished epoch, in the same runs.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, get_args

import numpy as np
import pandas as pd
from pydantic import Field

from pipelines.configuration import read_preset, validated
from pipelines.console import Console
from pipelines.files import write_json
from pipelines.stages.context import resume_key, training_environment
from pipelines.stages.fitting import fit_with_progress, read_history
from pipelines.working_directory import Stage, WorkingDirectory
from sentiment.configuration import Configuration
from sentiment.interpretation.memory_tasks import TASKS, TaskName, build_task_network
from sentiment.reporting import plots
from sentiment.reporting.markdown import markdown_table
from sentiment.tracking import runs, store
from sentiment.training.cells import CELLS, CellName
from sentiment.training.trainer import History, TrainingConfig, kept_epoch

METRICS_FILE, RESULTS_FILE, CURVES_FILE = "metrics.json", "results.csv", "learning_curves.png"

PRESETS = "memory"
"""Folder of the presets."""

SOLVED = 0.1
"""A task is solved when the error is below this share of that of predicting the mean."""

Seed = Annotated[int, Field(ge=0, lt=2**32)]
Length = Annotated[int, Field(ge=2)]

ABOUT_EXPERIMENT = (
    "Runs of `sentiment run-memory`: the classic memory tasks. A parent run holds the table of errors and its figure; "
    "below it is a child run for every task, model and seed."
)


class MemoryConfig(Configuration):
    """The configuration of `sentiment run-memory`."""

    tasks: tuple[TaskName, ...] = Field(get_args(TaskName), min_length=1, description="Tasks.")
    models: tuple[CellName, ...] = Field(tuple(CELLS), min_length=1, description="Models to train.")
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

    def trials(self) -> list["MemoryTrial"]:
        """Every network on every task, at every length, with every seed."""
        return [
            MemoryTrial(task, length, cell, seed, self.training(task))
            for task in self.tasks
            for length in TASKS[task].lengths or self.lengths
            for seed in self.seeds
            for cell in self.models
        ]


def compose_memory(preset: str, options: Mapping[str, Any], epochs: int | None = None) -> MemoryConfig:
    """A preset with the options that override it; `epochs` holds for every task.

    Raises:
        InputError: unknown preset, key or value.
    """
    content = {**read_preset(preset, PRESETS), **options}
    if epochs is not None:
        for task in get_args(TaskName):
            content.setdefault(task.replace("-", "_"), {})["epochs"] = epochs
    return validated(MemoryConfig, content, f"preset {preset}")


@dataclass(frozen=True)
class MemoryTrial:
    """One network to be trained on one task.

    Attributes:
        length: steps of a sequence.
        config: how it is trained.
    """

    task: TaskName
    length: int
    cell: CellName
    seed: int
    config: TrainingConfig

    @property
    def case(self) -> str:
        """The task with its length, for people."""
        return f"{self.task}, {self.length} steps"

    def __str__(self) -> str:
        return f"{CELLS[self.cell].layer} on {self.case}, seed {self.seed}"


def run_memory(config: MemoryConfig, work: WorkingDirectory, console: Console, experiment: str) -> None:
    """Train every model on every task with every seed, log all to MLflow, and set the test errors side by side.

    Raises:
        InputError: MLflow cannot be reached.
    """
    store.silence()
    console.import_tensorflow()
    tracked_run = functools.partial(runs.tracked_run, experiment=experiment, about_experiment=ABOUT_EXPERIMENT)
    key = resume_key(work, config.model_dump_json())
    trained: list[tuple[MemoryTrial, Stage]] = []
    with tracked_run("Memory of recurrent networks", tags={}, resume_key=key) as parent:
        console.say(f"mlflow      run {parent.info.run_id} in experiment {experiment}")
        runs.log_parameters(config.flat())
        for trial in config.trials():
            tags = {"task": trial.task, "model": trial.cell, "seed": str(trial.seed)}
            child_key = f"{parent.info.run_id}:{trial}"
            with tracked_run(str(trial), tags=tags, resume_key=child_key, nested=True) as child:
                runs.log_parameters({**tags, "length": trial.length, **trial.config.model_dump()})
                stage = train_on_task(trial, work, console, functools.partial(runs.log_history, child))
                runs.log_metrics(child, stage.read_json(METRICS_FILE))
            trained.append((trial, stage))
        table = _tabulate(trained, work, console)
        heads, rows = result_rows(pd.read_csv(table.folder / RESULTS_FILE))
        console.table("Mean squared error on the test sequences, mean ± standard deviation over seeds", heads, rows)
        runs.set_description(markdown_table(heads, rows))
        for file in (RESULTS_FILE, CURVES_FILE):
            runs.log_file(table.folder / file)
        console.say(f"figure      {table.folder / CURVES_FILE}")


def train_on_task(
    trial: MemoryTrial, work: WorkingDirectory, console: Console, on_epoch: Callable[[History], None]
) -> Stage:
    """One network on one task -> history.json and metrics.json.

    Args:
        on_epoch: called with the history so far, also for a training that is cached.
    """

    def run(folder: Path) -> None:
        data = TASKS[trial.task].make(trial.seed, trial.length)
        training, validation = data.split(trial.config.validation_share)
        network = build_task_network(trial.task, trial.cell, training[0], seed=trial.seed)
        history = fit_with_progress(
            console,
            str(trial),
            network,
            training,
            validation,
            trial.config,
            seed=trial.seed,
            folder=folder,
            loss="mean_squared_error",
            metrics=(),
            examples="sequences",
            on_epoch=on_epoch,
        )
        inputs, targets = data.test
        metrics = {
            "test_error": network.evaluate(inputs, targets, batch_size=256, verbose=0),
            "reference_error": data.reference_error,
            "epochs": len(history["loss"]),
            "training_seconds": sum(history["seconds"]),
        }
        if len(inputs) == 1:
            metrics["answer"] = float(network(inputs)[0, 0])
        write_json(folder / METRICS_FILE, metrics)

    key = {**asdict(trial), "config": trial.config.model_dump()}
    stage = work.run_stage("memory", {**key, **training_environment()}, run, code=("training", "interpretation"))
    console.finished_stage(stage, trial.case)
    history = read_history(stage)
    on_epoch(history)
    console.say(
        f"            {trial} keeps the weights of epoch {kept_epoch(history)} of {len(history['loss'])}: "
        f"test error {stage.read_json(METRICS_FILE)['test_error']:.4f}"
    )
    return stage


def _tabulate(trained: Sequence[tuple[MemoryTrial, Stage]], work: WorkingDirectory, console: Console) -> Stage:
    """All trainings -> results.csv, a row for each, and learning_curves.png."""

    def run(folder: Path) -> None:
        rows = [
            {
                "task": trial.task,
                "length": trial.length,
                "model": trial.cell,
                "seed": trial.seed,
                "reference": TASKS[trial.task].reference,
                **stage.read_json(METRICS_FILE),
            }
            for trial, stage in trained
        ]
        pd.DataFrame(rows).to_csv(folder / RESULTS_FILE, index=False)
        histories: dict[str, dict[str, list[History]]] = {}
        references: dict[str, float] = {}
        for trial, stage in trained:
            of_case = histories.setdefault(trial.case, {})
            of_case.setdefault(CELLS[trial.cell].layer, []).append(read_history(stage))
            references[trial.case] = stage.read_json(METRICS_FILE)["reference_error"]
        plots.memory_curves(histories, references).savefig(folder / CURVES_FILE)

    stage = work.run_stage(
        "memory-table", {"trainings": [stage.digest for _, stage in trained]}, run, code=("reporting",)
    )
    console.finished_stage(stage, f"{len(trained)} trainings")
    return stage


def result_rows(results: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Column heads and rows of the table: a row per task and length, and what it comes to."""
    models = list(dict.fromkeys(results["model"]))
    heads = ["task", "reference", *(CELLS[model].layer for model in models)]
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

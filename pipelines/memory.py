"""The memory experiments: SimpleRNN, LSTM and GRU on the sequence tasks by which they are usually compared.

Every training is a stage in the working directory and an MLflow run, all children of one parent. Killed and started
again with the same configuration, the command resumes from the last finished epoch, in the same runs.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, get_args

import numpy as np
import pandas as pd
from pydantic import Field

from pipelines.console import Console
from pipelines.files import write_json
from pipelines.stages.cache import HISTORY_FILE, environment, resume_key
from pipelines.working_directory import CHECKPOINTS, Stage, WorkingDirectory
from sentiment.configuration import Configuration
from sentiment.engine.cells import CELLS, CellName
from sentiment.interpretation.memory_tasks import TASKS, TaskName, build_task_network
from sentiment.presets import read_preset
from sentiment.reporting import plots
from sentiment.reporting.pages import markdown_table
from sentiment.tracking import runs, store
from sentiment.training.trainer import History, Objective, SameExamples, TrainingConfig, fit, kept_epoch

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

    def trainings(self) -> list["MemoryTraining"]:
        """Every network on every task, at every length, with every seed."""
        return [
            MemoryTraining(task, length, cell, seed, getattr(self, task.replace("-", "_")))
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
    return MemoryConfig.compose(content, {}, f"preset {preset}")


@dataclass(frozen=True)
class MemoryTraining:
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
    stages: list[tuple[MemoryTraining, Stage]] = []
    with tracked_run("Memory of recurrent networks", tags={}, resume_key=key) as parent:
        console.say(f"mlflow      run {parent.info.run_id} in experiment {experiment}")
        runs.log_params(config.flat())
        for training in config.trainings():
            tags = {"task": training.task, "model": training.cell, "seed": str(training.seed)}
            child_key = f"{parent.info.run_id}:{training}"
            with tracked_run(str(training), tags=tags, resume_key=child_key) as child:
                runs.log_params({**tags, "length": training.length, **training.config.model_dump()})
                stage = train_on_task(training, work, console, functools.partial(runs.log_history, child))
                runs.log_metrics(child, stage.read_json(METRICS_FILE))
            stages.append((training, stage))
        table = _tabulate(stages, work, console)
        header, rows = result_rows(pd.read_csv(table.folder / RESULTS_FILE))
        console.table("Mean squared error on the test sequences, mean ± standard deviation over seeds", header, rows)
        runs.set_description(markdown_table(header, rows))
        for file in (RESULTS_FILE, CURVES_FILE):
            runs.log_artifact(str(table.folder / file))
        console.say(f"figure      {table.folder / CURVES_FILE}")


def train_on_task(
    training: MemoryTraining, work: WorkingDirectory, console: Console, on_epoch: Callable[[History], None]
) -> Stage:
    """One network on one task -> history.json and metrics.json.

    Args:
        on_epoch: called with the history so far, also for a training that is cached.
    """

    def run(folder: Path) -> None:
        data = TASKS[training.task].make(training.seed, training.length)
        learned, validation = data.split(training.config.validation_share)
        network = build_task_network(training.task, training.cell, learned[0], seed=training.seed)
        examples = SameExamples(*learned)
        with console.training(str(training), training.config.epochs, len(examples), on_epoch=on_epoch) as callbacks:
            history = fit(
                network,
                examples,
                validation,
                training.config,
                seed=training.seed,
                checkpoints=folder / CHECKPOINTS,
                callbacks=callbacks,
                objective=Objective("mean_squared_error", metrics=(), examples="sequences"),
            )
        write_json(folder / HISTORY_FILE, history)
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

    key = {**asdict(training), "config": training.config.model_dump()}
    stage = work.run_stage("memory", {**key, "environment": environment()}, run, code=("training", "interpretation"))
    console.finished_stage(stage, training.case)
    history = stage.read_json(HISTORY_FILE)
    on_epoch(history)
    console.say(
        f"            {training} keeps the weights of epoch {kept_epoch(history)} of {len(history['loss'])}: "
        f"test error {stage.read_json(METRICS_FILE)['test_error']:.4f}"
    )
    return stage


def _tabulate(stages: Sequence[tuple[MemoryTraining, Stage]], work: WorkingDirectory, console: Console) -> Stage:
    """All trainings -> results.csv, a row for each, and learning_curves.png."""

    def run(folder: Path) -> None:
        rows = []
        histories: dict[str, dict[str, list[History]]] = {}
        references: dict[str, float] = {}
        for training, stage in stages:
            metrics = stage.read_json(METRICS_FILE)
            row = {"task": training.task, "length": training.length, "model": training.cell, "seed": training.seed}
            rows.append({**row, "reference": TASKS[training.task].reference, **metrics})
            models = histories.setdefault(training.case, {})
            models.setdefault(CELLS[training.cell].layer, []).append(stage.read_json(HISTORY_FILE))
            references[training.case] = metrics["reference_error"]
        pd.DataFrame(rows).to_csv(folder / RESULTS_FILE, index=False)
        plots.memory_curves(histories, references).savefig(folder / CURVES_FILE)

    digests = {"trainings": [stage.digest for _, stage in stages]}
    table = work.run_stage("memory-table", digests, run, code=("reporting",))
    console.finished_stage(table, f"{len(stages)} trainings")
    return table


def result_rows(results: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Column headers and rows of the table: a row per task and length, then what the errors come to.

    Args:
        results: a row per training, as results.csv has them.
    """
    models = list(dict.fromkeys(results["model"]))

    def spread(trainings: pd.DataFrame, column: str, digits: int) -> list[str]:
        """Mean of each model, and its standard deviation where there are several seeds."""
        table = trainings.groupby("model")[column].agg(["mean", "std"]).reindex(models)
        return [
            f"{mean:.{digits}f}" + ("" if np.isnan(deviation) else f" ± {deviation:.{digits}f}")
            for mean, deviation in table.to_numpy()
        ]

    rows = []
    for (task, length), trainings in results.groupby(["task", "length"], sort=False):
        error, name = trainings["reference_error"].iloc[0], trainings["reference"].iloc[0]
        rows.append([f"{task}, {length} steps", f"{error:.4f} {name}", *spread(trainings, "test_error", 4)])
    answers = results[results["task"] == "next-number"]
    if len(answers):
        rows.append(["after 6, 7, 8 follows", "9", *spread(answers, "answer", 2)])
    adding = results[results["task"] == "adding"]
    if len(adding):
        errors = adding.pivot_table("test_error", "length", "model")  # the mean over seeds
        failed = errors[errors >= SOLVED * adding["reference_error"].iloc[0]]
        first = [failed[model].first_valid_index() for model in models]
        verdicts = [f"solved up to {errors.index.max()}" if at is None else f"{at} steps" for at in first]
        rows.append(["adding is first not solved at", f"error ≥ {SOLVED / 6:.4f}", *verdicts])
    return ["task", "reference", *(CELLS[model].layer for model in models)], rows

"""What finished runs hold, read back: the results of trained models, to be compared again."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import mlflow
import pandas as pd

from sentiment.errors import InputError
from sentiment.evaluation.abstention import read_promises
from sentiment.evaluation.behaviour import read_failures
from sentiment.evaluation.comparison import Result
from sentiment.tracking.runs import NOT_OF_TEST, Run
from sentiment.tracking.store import check_store, place, store_errors_explained


@dataclass(frozen=True)
class LoggedResult:
    """The Result that a finished run holds, with the run's parameters and tags."""

    run_id: str
    result: Result
    parameters: Mapping[str, str]
    tags: Mapping[str, str]


def read_results(run_id: str) -> list[LoggedResult]:
    """The result of a model's run, or those of the children of a pipeline's run.

    Raises:
        InputError: there is no such run or store, the run has not finished, or it holds no test predictions; or the
            tracking server cannot be reached.
    """
    check_store()
    with store_errors_explained():
        client = mlflow.MlflowClient()
        try:
            run = client.get_run(run_id)
        except mlflow.MlflowException as error:
            raise InputError(
                f"MLflow at {place()} has no run {run_id} ({error}): copy a run ID from its UI."
            ) from error
    if run.info.status != "FINISHED":
        raise InputError(
            f"Run {run_id} ({run.info.run_name}) is {run.info.status}: only finished runs can be compared."
        )
    with store_errors_explained():
        if "model" in run.data.tags:
            return [_read_result(client, run)]
        children = client.search_runs(
            [run.info.experiment_id],
            f"tags.`mlflow.parentRunId` = '{run_id}' and attributes.status = 'FINISHED'",
            order_by=["attributes.start_time"],
        )
        if not children:
            raise InputError(f"Run {run_id} ({run.info.run_name}) is neither a model's run nor a pipeline's.")
        return [_read_result(client, child) for child in children]


def read_predictions(run_id: str) -> pd.DataFrame:
    """The predictions of a model's run on the test split.

    Returns:
        A row per test review: text, label, predicted_label, positive_probability.

    Raises:
        MlflowException, OSError, ValueError: the run or its file is not there, or is no such table.
    """
    columns = ["text", "label", "predicted_label", "positive_probability"]
    with tempfile.TemporaryDirectory() as folder:
        path = mlflow.MlflowClient().download_artifacts(run_id, "predictions.parquet", folder)
        return pd.read_parquet(path, columns=columns)


def _read_result(client: mlflow.MlflowClient, run: Run) -> LoggedResult:
    run_id = run.info.run_id
    held = {artifact.path for artifact in client.list_artifacts(run_id)}
    missing = [name for name in ("predictions.parquet", "behaviour.csv", "promises.csv") if name not in held]
    if missing:
        raise InputError(
            f"Run {run_id} ({run.info.run_name}) has no {' and no '.join(missing)}, which a comparison needs: "
            "choose runs that `sentiment run-pipeline` has logged."
        )
    predictions = read_predictions(run_id)
    with tempfile.TemporaryDirectory() as folder:
        behaviour = read_failures(client.download_artifacts(run_id, "behaviour.csv", folder))
        promises = read_promises(Path(client.download_artifacts(run_id, "promises.csv", folder)))
    metrics = {
        name.removeprefix("test_"): value
        for name, value in run.data.metrics.items()
        if name in NOT_OF_TEST or (name.startswith("test_") and not name.startswith("test_behaviour_"))
    }
    history = {
        metric: [point.value for point in sorted(client.get_metric_history(run_id, metric), key=lambda p: p.step)]
        for metric in ("loss", "accuracy", "val_loss", "val_accuracy")
        if metric in run.data.metrics
    }
    result = Result(run.info.run_name, predictions, metrics, behaviour, history, promises)
    return LoggedResult(run_id, result, run.data.params, run.data.tags)

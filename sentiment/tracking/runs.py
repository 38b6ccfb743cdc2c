"""MLflow runs: made or resumed, filled with metrics, datasets and figures, and read back once they have finished.

Every function that logs leaves alone what an earlier attempt has logged, so a command that was killed and starts again
completes its run. The functions of MLflow that need no such care go by their own names.
"""

import io
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import mlflow
import pandas as pd
from matplotlib.figure import Figure
from mlflow import log_artifact as log_artifact
from mlflow import log_dict as log_dict
from mlflow import log_figure as log_figure
from mlflow import log_params as log_params
from mlflow import log_text as log_text
from mlflow import set_tags as set_tags
from mlflow.entities import Metric, RunStatus
from mlflow.entities import Run as Run
from mlflow.utils.validation import MAX_METRICS_PER_BATCH
from PIL import Image

from sentiment.data.corpus import Reviews
from sentiment.errors import InputError
from sentiment.evaluation.result import BEHAVIOUR_FILE, FAIRNESS_FILE, GUARANTEES_FILE, PREDICTIONS_FILE, Result
from sentiment.tracking.store import (
    STORE_ERRORS,
    check_place_of,
    check_store,
    make_store,
    place,
    store_errors_explained,
    store_lock,
)
from sentiment.training.trainer import History

RESUME_TAG = "sentiment.resume_key"
COLOUR_TAG = "mlflow.runColor"
"""Tag with the colour, such as #0072B2, in which the UI draws a run."""

NOTE_TAG = "mlflow.note.content"
"""Tag with the description that the UI shows of a run or an experiment, in Markdown."""

NOT_OF_TEST = ("training_seconds", "epochs", "parameters")
"""Metrics of a result that the test split has no part in; the names of all others begin with `test_`."""


@contextmanager
def tracked_run(
    name: str,
    *,
    experiment: str,
    resume_key: str,
    tags: Mapping[str, str],
    even_finished: bool = False,
    about_experiment: str = "",
) -> Iterator[Run]:
    """An active MLflow run: a new one, or the one that an earlier, unfinished attempt left.

    Within another run it is a child of that run. It ends as FINISHED; as KILLED on a KeyboardInterrupt, which Ctrl-C
    and SIGTERM are; as FAILED on any other exception.

    Args:
        resume_key: identifies the attempt.
        even_finished: whether a run that has finished is resumed too, as children always are.
        about_experiment: the description of the experiment, in Markdown, where it has none.

    Raises:
        InputError: the tracking server or its database cannot be used, at the start or later; or the experiment keeps
            its files in the folder of another store.
    """
    make_store()
    with store_errors_explained():
        found = mlflow.set_experiment(experiment)
        check_place_of(found)
        if about_experiment and NOTE_TAG not in found.tags:
            mlflow.MlflowClient().set_experiment_tag(found.experiment_id, NOTE_TAG, about_experiment)
        with store_lock():  # two processes with one key share one run
            nested = mlflow.active_run() is not None
            run_id = _run_to_resume(resume_key, nested or even_finished, found.artifact_location)
            run = mlflow.start_run(run_id, run_name=name, nested=nested, tags={**tags, RESUME_TAG: resume_key})
        try:
            yield run
        except BaseException as error:
            status = RunStatus.KILLED if isinstance(error, KeyboardInterrupt) else RunStatus.FAILED
            with suppress(*STORE_ERRORS):  # what ended the run matters more
                mlflow.end_run(RunStatus.to_string(status))
            raise
        mlflow.end_run()


def _run_to_resume(resume_key: str, even_finished: bool, location: str) -> str | None:
    """The run with this key; one that keeps its files elsewhere than its experiment, as in a copied store, is none."""
    unfinished = "" if even_finished else " and attributes.status != 'FINISHED'"
    runs = mlflow.search_runs(filter_string=f"tags.`{RESUME_TAG}` = '{resume_key}'{unfinished}", output_format="list")
    return next((run.info.run_id for run in runs if run.info.artifact_uri.startswith(f"{location.rstrip('/')}/")), None)


def log_metrics(run: Run, metrics: Mapping[str, float]) -> None:
    """Log single values to the active run."""
    mlflow.log_metrics({name: float(value) for name, value in metrics.items() if name not in run.data.metrics})


def tracked_metrics(metrics: Mapping[str, float]) -> dict[str, float]:
    """The metrics of a Result under the names that they have in MLflow."""
    return {name if name in NOT_OF_TEST else f"test_{name}": value for name, value in metrics.items()}


def log_history(run: Run, history: History) -> None:
    """Log per-epoch metrics with the epoch, from 1, as their step, in any thread."""
    log_series(run, {"epoch_seconds" if name == "seconds" else name: values for name, values in history.items()})


def log_series(run: Run, series: Mapping[str, Sequence[float]]) -> None:
    """Log metrics that have a value per step, from 1."""
    log_points(run, {name: dict(enumerate(values, 1)) for name, values in series.items()})


def log_points(run: Run, points: Mapping[str, Mapping[int, float]]) -> None:
    """Log metrics at some steps; points: metric -> step -> value."""
    client, now = mlflow.MlflowClient(), int(time.time() * 1000)
    metrics = []
    for name, values in points.items():
        logged = {point.step for point in client.get_metric_history(run.info.run_id, name)}
        metrics += [Metric(name, value, now, step) for step, value in values.items() if step not in logged]
    for start in range(0, len(metrics), MAX_METRICS_PER_BATCH):
        client.log_batch(run.info.run_id, metrics=metrics[start : start + MAX_METRICS_PER_BATCH])


def log_dataset(reviews: Reviews, *, name: str, source: str, context: str) -> None:
    """Log a split as the active run's input, with its digest."""
    frame = pd.DataFrame({"text": list(reviews.texts), "label": reviews.labels})
    dataset = mlflow.data.from_pandas(frame, source=source, targets="label", name=name, digest=reviews.digest())
    mlflow.log_input(dataset, context=context)


def log_image(run: Run, figure: Figure, key: str) -> None:
    """Log a figure to the active run as an image that the UI's chart view sets beside that of other runs."""
    logged = mlflow.MlflowClient().list_artifacts(run.info.run_id, "images")
    if any(Path(image.path).name.startswith(key) and image.path.endswith(".webp") for image in logged):
        return  # MLflow uploads this small copy last, so the image is whole
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    mlflow.log_image(Image.open(picture), key=key, step=0, synchronous=True)


def set_description(markdown: str) -> None:
    """The text that the UI shows at the head of the active run."""
    mlflow.set_tag(NOTE_TAG, markdown)


def read_results(run_id: str) -> list[tuple[Run, Result]]:
    """The result of a model's run, or those of the children of a pipeline's run, each with the run that holds it.

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
        if "model" in run.data.tags:
            return [(run, _read_result(run))]
        children = client.search_runs(
            [run.info.experiment_id],
            f"tags.`mlflow.parentRunId` = '{run_id}' and attributes.status = 'FINISHED'",
            order_by=["attributes.start_time"],
        )
        if not children:
            raise InputError(f"Run {run_id} ({run.info.run_name}) is neither a model's run nor a pipeline's.")
        return [(child, _read_result(child)) for child in children]


def read_predictions(run_id: str) -> pd.DataFrame:
    """The predictions of a model's run on the test split.

    Returns:
        As a Result has them.

    Raises:
        MlflowException, OSError, ValueError: the run or its file is not there, or is no such table.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = mlflow.MlflowClient().download_artifacts(run_id, PREDICTIONS_FILE, folder)
        predictions = pd.read_parquet(path)
    if missing := {"text", "label", "predicted_label"} - {*predictions}:
        raise ValueError(f"{PREDICTIONS_FILE} has no {', '.join(sorted(missing))}")
    return predictions


def _read_result(run: Run) -> Result:
    client, run_id = mlflow.MlflowClient(), run.info.run_id
    files = {artifact.path for artifact in client.list_artifacts(run_id)}
    needed = (PREDICTIONS_FILE, BEHAVIOUR_FILE, FAIRNESS_FILE, GUARANTEES_FILE)
    missing = [name for name in needed if name not in files]
    if missing:
        raise InputError(
            f"Run {run_id} ({run.info.run_name}) has no {' and no '.join(missing)}, which a comparison needs: "
            "choose runs that `sentiment run-pipeline` has logged."
        )
    metrics = {
        name.removeprefix("test_"): value
        for name, value in run.data.metrics.items()
        if name in NOT_OF_TEST
        or (name.startswith("test_") and not name.startswith(("test_behaviour_", "test_fairness_")))
    }
    history = {
        metric: [point.value for point in sorted(client.get_metric_history(run_id, metric), key=lambda p: p.step)]
        for metric in ("loss", "accuracy", "val_loss", "val_accuracy")
        if metric in run.data.metrics
    }
    with tempfile.TemporaryDirectory() as folder:
        for name in needed:
            client.download_artifacts(run_id, name, folder)
        return Result.load(Path(folder), run.info.run_name, metrics, history)

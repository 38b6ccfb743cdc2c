"""MLflow: runs, metrics, datasets, figures and models. The tracking URI is MLflow's own default or its variable."""

import io
import logging
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from matplotlib.figure import Figure
from mlflow.entities import Metric, RunStatus
from mlflow.entities import Run as Run
from mlflow.types import ColSpec, Schema
from PIL import Image

from sentiment.data.corpus import Reviews
from sentiment.errors import InputError
from sentiment.evaluation.comparison import Result
from sentiment.training.trainer import History

RESUME_TAG = "sentiment.resume_key"
COLOUR_TAG = "mlflow.runColor"
"""Tag with the colour, such as #0072B2, in which the UI draws a run."""

NOT_OF_TEST = ("training_seconds", "epochs", "parameters")
"""Metrics of a result that the test split has no part in; the names of all others begin with `test_`."""

REQUIREMENTS = ("onnxruntime", "numpy", "pandas", "pydantic", "mlflow")
"""What the logged model needs to score, pinned to the versions it was trained with."""

INPUT_EXAMPLE = pd.DataFrame({"text": ["A moving film, and not a minute too long.", "Gorgeous to look at, but dull."]})


def silence() -> None:
    """Keep MLflow's and its database's progress notes out of the console."""
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)


@contextmanager
def errors_named() -> Iterator[None]:
    """Turn an error of the tracking server or its store into an InputError."""
    try:
        yield
    except mlflow.MlflowException as error:
        raise InputError(
            f"MLflow at {mlflow.get_tracking_uri()} cannot be used ({error}): start that server, or correct or unset "
            "MLFLOW_TRACKING_URI; the same command then goes on where it stopped."
        ) from error


@contextmanager
def tracked_run(
    name: str, *, experiment: str, resume_key: str, tags: Mapping[str, str], nested: bool = False
) -> Iterator[Run]:
    """An active MLflow run: a new one, or the one that an earlier, unfinished attempt left.

    It ends as FINISHED; as KILLED when interrupted from the keyboard; as FAILED on any other exception.

    Args:
        resume_key: identifies the attempt; a nested run that carries it is taken up even when it has finished, any
            other only while it has not.

    Raises:
        InputError: the tracking server cannot be reached, at the start or later.
    """
    with errors_named():
        mlflow.set_experiment(experiment)
        run_id = _run_to_resume(resume_key, nested)
        run = mlflow.start_run(run_id, run_name=name, nested=nested, tags={**tags, RESUME_TAG: resume_key})
        status = RunStatus.FAILED
        try:
            yield run
            status = RunStatus.FINISHED
        except KeyboardInterrupt:
            status = RunStatus.KILLED
            raise
        finally:
            mlflow.end_run(RunStatus.to_string(status))


def check_store() -> None:
    """Refuse to look for something in a store that is not there, which MLflow would make.

    Raises:
        InputError: the tracking URI is a database file that does not exist.
    """
    uri = mlflow.get_tracking_uri()
    path = uri.removeprefix("sqlite:///")
    if path != uri and not Path(path).exists():
        raise InputError(
            f"There is no MLflow store at {path}: run this where `sentiment run-pipeline` ran, or set "
            "MLFLOW_TRACKING_URI."
        )


def _run_to_resume(resume_key: str, nested: bool) -> str | None:
    unfinished = "" if nested else " and attributes.status != 'FINISHED'"
    runs = mlflow.search_runs(
        filter_string=f"tags.`{RESUME_TAG}` = '{resume_key}'{unfinished}", max_results=1, output_format="list"
    )
    return runs[0].info.run_id if runs else None


def log_parameters(parameters: Mapping[str, Any]) -> None:
    """Log the configuration to the active run; logging the same again changes nothing."""
    mlflow.log_params(dict(parameters))


def log_metrics(run: Run, metrics: Mapping[str, float]) -> None:
    """Log single values to the active run; those that an earlier attempt has logged are left alone."""
    mlflow.log_metrics({name: float(value) for name, value in metrics.items() if name not in run.data.metrics})


def tracked_metrics(metrics: Mapping[str, float]) -> dict[str, float]:
    """The metrics of a Result under the names that they have in MLflow."""
    return {name if name in NOT_OF_TEST else f"test_{name}": value for name, value in metrics.items()}


def log_history(run: Run, history: History) -> None:
    """Log per-epoch metrics with the epoch, from 1, as their step; epochs logged before are left alone."""
    client = mlflow.MlflowClient()
    for metric, values in history.items():
        name = "epoch_seconds" if metric == "seconds" else metric
        logged = len(client.get_metric_history(run.info.run_id, name))
        for epoch in range(logged, len(values)):
            mlflow.log_metric(name, values[epoch], step=epoch + 1)


def log_series(run: Run, series: Mapping[str, Sequence[float]]) -> None:
    """Log metrics that have a value per step, from 1; those that an earlier attempt has logged are left alone."""
    client, now = mlflow.MlflowClient(), int(time.time() * 1000)
    for name, values in series.items():
        if name not in run.data.metrics:
            points = [Metric(name, value, now, step) for step, value in enumerate(values, 1)]
            client.log_batch(run.info.run_id, metrics=points)


def log_dataset(reviews: Reviews, *, name: str, source: str, context: str) -> None:
    """Log a split as the active run's input, with its digest."""
    frame = pd.DataFrame({"text": list(reviews.texts), "label": reviews.labels})
    dataset = mlflow.data.from_pandas(frame, source=source, targets="label", name=name, digest=reviews.digest())
    mlflow.log_input(dataset, context=context)


def log_figure(figure: Figure, name: str) -> None:
    """Log a figure to the active run as NAME.png."""
    mlflow.log_figure(figure, f"{name}.png")


def log_image(run: Run, figure: Figure, key: str) -> None:
    """Log a figure to the active run as an image that the UI's chart view sets beside that of other runs; one that an
    earlier attempt has logged is left alone."""
    if any(
        Path(image.path).name.startswith(key)
        for image in mlflow.MlflowClient().list_artifacts(run.info.run_id, "images")
    ):
        return
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    mlflow.log_image(Image.open(picture), key=key, step=0, synchronous=True)


def log_file(path: Path) -> None:
    """Log a file to the active run under its own name."""
    mlflow.log_artifact(str(path))


def log_text(text: str, name: str) -> None:
    """Log a text to the active run as an artifact, such as an HTML page."""
    mlflow.log_text(text, name)


def log_json(content: Any, name: str) -> None:
    """Log plain values to the active run as a JSON artifact."""
    mlflow.log_dict(content, name)


def markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table for a description, its first column of names and its others of figures."""
    lines = [heads, ["---", *("---:" for _ in heads[1:])], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def set_description(markdown: str) -> None:
    """The text that the UI shows at the head of the active run."""
    mlflow.set_tag("mlflow.note.content", markdown)


def log_classifier(run: Run, folder: Path) -> None:
    """Log a saved SentimentClassifier to the active run as the model `model`: text in, verdict and probability out.

    It is logged as code together with this package, so loading it needs no `sentiment` and unpickles nothing.
    """
    if run.outputs is not None and run.outputs.model_outputs:
        return  # an earlier attempt has logged it
    mlflow.pyfunc.log_model(name="model", **_model(folder))


def _model(folder: Path) -> dict[str, Any]:
    package = Path(__file__).parents[1]
    return {
        "python_model": str(package / "tracking" / "logged_model.py"),
        "code_paths": [str(package)],
        "artifacts": {"classifier": str(folder)},
        "signature": mlflow.models.ModelSignature(
            inputs=Schema([ColSpec("string", "text")]),
            outputs=Schema([ColSpec("string", "predicted_label"), ColSpec("float", "positive_probability")]),
        ),
        "input_example": INPUT_EXAMPLE,
        "pip_requirements": [f"{requirement}=={version(requirement)}" for requirement in REQUIREMENTS],
    }


@contextmanager
def spark_udf(session: Any, folder: Path) -> Iterator[Any]:
    """A Spark UDF from a column of reviews to a struct with the field `positive_probability`.

    Args:
        session: a SparkSession whose executors have REQUIREMENTS installed.
        folder: a saved SentimentClassifier, perhaps as a part of a logged model.
    """
    with tempfile.TemporaryDirectory() as temporary:
        logged = folder.parents[1]
        if not (logged / "MLmodel").exists():
            logged = Path(temporary) / "model"
            mlflow.pyfunc.save_model(str(logged), **_model(folder))
        yield mlflow.pyfunc.spark_udf(
            session, str(logged), result_type="positive_probability float", env_manager="local"
        )


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
    client = mlflow.MlflowClient()
    try:
        run = client.get_run(run_id)
    except mlflow.MlflowException as error:
        raise InputError(
            f"MLflow at {mlflow.get_tracking_uri()} has no run {run_id} ({error}): copy a run ID from its UI."
        ) from error
    if run.info.status != "FINISHED":
        raise InputError(
            f"Run {run_id} ({run.info.run_name}) is {run.info.status}: only finished runs can be compared."
        )
    with errors_named():
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


def _read_result(client: mlflow.MlflowClient, run: Run) -> LoggedResult:
    run_id = run.info.run_id
    held = {artifact.path for artifact in client.list_artifacts(run_id)}
    missing = [name for name in ("predictions.parquet", "behaviour.csv") if name not in held]
    if missing:
        raise InputError(
            f"Run {run_id} ({run.info.run_name}) has no {' and no '.join(missing)}, which a comparison needs: "
            "choose runs that this version of run-pipeline has logged."
        )
    with tempfile.TemporaryDirectory() as folder:
        predictions = pd.read_parquet(client.download_artifacts(run_id, "predictions.parquet", folder))
        behaviour = pd.read_csv(client.download_artifacts(run_id, "behaviour.csv", folder), keep_default_na=False)
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
    result = Result(run.info.run_name, predictions, metrics, behaviour, history)
    return LoggedResult(run_id, result, run.data.params, run.data.tags)

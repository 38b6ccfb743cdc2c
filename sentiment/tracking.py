"""MLflow: runs, metrics, datasets, figures and models. The tracking URI is MLflow's own default or its variable."""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from matplotlib.figure import Figure
from mlflow.entities import Metric, RunStatus
from mlflow.entities import Run as Run
from mlflow.types import ColSpec, Schema

from sentiment.corpus import Reviews
from sentiment.errors import InputError
from sentiment.training import History

RESUME_TAG = "sentiment.resume_key"
REQUIREMENTS = ("tensorflow", "keras", "numpy", "pandas", "pydantic", "mlflow")
"""What the logged model needs to run, pinned to the versions it was trained with."""

INPUT_EXAMPLE = pd.DataFrame({"text": ["A moving film, and not a minute too long.", "Gorgeous to look at, but dull."]})


def silence() -> None:
    """Keep MLflow's and its database's progress notes out of the console."""
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)


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
    try:
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
    except mlflow.MlflowException as error:
        raise InputError(
            f"MLflow at {mlflow.get_tracking_uri()} cannot be used ({error}): start that server, or correct or unset "
            "MLFLOW_TRACKING_URI; the same command then goes on where it stopped."
        ) from error


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


def log_file(path: Path) -> None:
    """Log a file to the active run under its own name."""
    mlflow.log_artifact(str(path))


def log_text(text: str, name: str) -> None:
    """Log a text to the active run as an artifact, such as an HTML page."""
    mlflow.log_text(text, name)


def log_json(content: Any, name: str) -> None:
    """Log plain values to the active run as a JSON artifact."""
    mlflow.log_dict(content, name)


def log_table(table: pd.DataFrame, name: str) -> None:
    """Log a table to the active run as NAME.csv, which the UI shows as a table; the index is its first column."""
    mlflow.log_text(table.to_csv(), f"{name}.csv")


def set_description(markdown: str) -> None:
    """The text that the UI shows at the head of the active run."""
    mlflow.set_tag("mlflow.note.content", markdown)


def log_classifier(run: Run, folder: Path) -> None:
    """Log a saved SentimentClassifier to the active run as the model `model`: text in, verdict and probability out.

    It is logged as code together with this package, so loading it needs no `sentiment` and unpickles nothing.
    """
    if run.outputs is not None and run.outputs.model_outputs:
        return  # an earlier attempt has logged it
    package = Path(__file__).parent
    mlflow.pyfunc.log_model(
        name="model",
        python_model=str(package / "mlflow_model.py"),
        code_paths=[str(package)],
        artifacts={"classifier": str(folder)},
        signature=mlflow.models.ModelSignature(
            inputs=Schema([ColSpec("string", "text")]),
            outputs=Schema([ColSpec("string", "predicted_label"), ColSpec("float", "positive_probability")]),
        ),
        input_example=INPUT_EXAMPLE,
        pip_requirements=[f"{package}=={version(package)}" for package in REQUIREMENTS],
    )


def classifier_folder(uri: str) -> Path:
    """The saved SentimentClassifier of a logged model such as runs:/RUN_ID/model, fetched if need be; or the folder
    that the URI names.

    Raises:
        InputError: MLflow has no such model.
    """
    if Path(uri).is_dir():
        return Path(uri)
    if not uri.startswith(("runs:/", "models:/")):
        raise InputError(f"There is no model {uri}: give the folder of a classifier, or runs:/RUN_ID/model.")
    try:
        return Path(mlflow.artifacts.download_artifacts(f"{uri.rstrip('/')}/artifacts/classifier"))
    except (mlflow.MlflowException, OSError) as error:
        raise InputError(
            f"MLflow at {mlflow.get_tracking_uri()} has no classifier {uri} ({error}): check the URI and "
            "MLFLOW_TRACKING_URI."
        ) from error

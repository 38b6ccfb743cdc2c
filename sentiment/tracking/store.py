"""The MLflow store: where it is, whether it is there, and what to say when it fails.

The tracking URI is MLflow's own default or MLFLOW_TRACKING_URI.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mlflow

from sentiment.errors import InputError


def silence() -> None:
    """Keep MLflow's and its database's progress notes out of the console."""
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)


@contextmanager
def store_errors_explained() -> Iterator[None]:
    """Turn an error of the tracking server or its store into an InputError."""
    try:
        yield
    except mlflow.MlflowException as error:
        raise InputError(
            f"MLflow at {mlflow.get_tracking_uri()} cannot be used ({error}): start that server, or correct or unset "
            "MLFLOW_TRACKING_URI; the same command then goes on where it stopped."
        ) from error


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

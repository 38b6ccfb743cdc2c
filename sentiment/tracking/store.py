"""The MLflow store: where it is, whether it is there, who may change it, and what to say when it fails.

The tracking URI is MLflow's own default or MLFLOW_TRACKING_URI.
"""

import logging
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import quote, unquote

import mlflow
from alembic.util import CommandError
from mlflow.entities import Experiment
from requests import RequestException
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from sentiment.errors import InputError
from sentiment.files import locked_beside
from sentiment.tracking import sqlite_store

STORE_ERRORS = (mlflow.MlflowException, SQLAlchemyError, CommandError, RequestException)
"""What MLflow raises when its store fails: its own errors, and those of its database, of its migration, of HTTP."""


def silence() -> None:
    """Keep MLflow's and its database's progress notes, bars and tracebacks of what they raise out of the console."""
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)


def place() -> str:
    """The tracking URI for people, without a user's password."""
    return re.sub(r"(?<=://)[^/@]*@", "", mlflow.get_tracking_uri())


@contextmanager
def store_errors_explained() -> Iterator[None]:
    """Turn an error of the tracking server, of its store or of its database into an InputError."""
    try:
        yield
    except STORE_ERRORS as error:
        reason = reason_of(error)
        raise InputError(
            f"MLflow at {place()} cannot be used ({reason}): {_remedy(reason)}; the same command then resumes "
            "where it stopped."
        ) from error


def reason_of(error: BaseException) -> str:
    """The first line of an error, or of the error of a database that made MLflow raise it."""
    raised = error.__cause__ if isinstance(error.__cause__, DBAPIError) else error
    cause = raised.orig if isinstance(raised, DBAPIError) and raised.orig is not None else raised
    lines = str(cause).strip().splitlines() or [type(cause).__name__]
    return lines[0].rstrip(".:")


def _remedy(reason: str) -> str:
    if "disk is full" in reason:
        return "make room on its disk"
    if mlflow.get_tracking_uri().startswith(("http://", "https://")):
        return "start that server, or correct or unset MLFLOW_TRACKING_URI"
    return "make that database readable and writable, or set MLFLOW_TRACKING_URI to another"


def store_exists() -> bool:
    """Whether there is a store to look into; nothing is said of one that is no database file."""
    path = _sqlite_file()
    return path is None or path.exists()


def check_store() -> None:
    """Refuse to look for something in a store that is not there, which MLflow would make.

    A store that was moved or copied with its folder comes to name the files of this folder, as in `make_store`.

    Raises:
        InputError: the tracking URI is a database file that does not exist.
    """
    path = _sqlite_file()
    if not store_exists():
        raise InputError(
            f"There is no MLflow store at {path}: run this where `sentiment run-pipeline` ran, or set "
            "MLFLOW_TRACKING_URI."
        )
    _relocate(path)


def make_store() -> None:
    """Make the tables of a new store. A SQLite store is made beside its place, and moved there once it is whole.

    MLflow makes the tables in many steps, and whoever opens such a database meanwhile makes the rest of them too. Both
    processes then fail, and so does everyone after them. A kill between two steps does the same.

    Raises:
        InputError: the store cannot be made or reached.
    """
    path = _sqlite_file()
    _relocate(path)
    with store_errors_explained(), store_lock():
        if path is None or path.exists():
            mlflow.MlflowClient().search_experiments(max_results=1)
            return
        partial = path.with_name(f".{path.name}.partial")
        partial.unlink(missing_ok=True)
        mlflow.MlflowClient(f"sqlite:///{quote(str(partial))}").search_experiments(max_results=1)
        partial.replace(path)


@contextmanager
def store_lock() -> Iterator[None]:
    """One process at a time in a SQLite store; for a server and for other databases nothing keeps others out.

    Raises:
        InputError: the lock file beside the database cannot be written or locked.
    """
    with ExitStack() as stack:
        if path := _sqlite_file():
            elsewhere = "set MLFLOW_TRACKING_URI to a database on another, or to a server"
            try:
                stack.enter_context(locked_beside(path, elsewhere=elsewhere))
            except OSError as error:
                reason = error.strerror or ""
                raise InputError(f"MLflow at {place()} cannot be used ({reason}): {_remedy(reason)}.") from error
        yield


def check_place_of(experiment: Experiment) -> None:
    """Refuse to write into the folder of another store, from which this one was copied without its `mlruns`.

    Raises:
        InputError: the artifacts of the experiment go to the `mlruns` of another folder, where another store lies, or
            of a folder that is gone.
    """
    path = _sqlite_file()
    if path is None or path.absolute().parent != Path.cwd():
        return
    folder = sqlite_store.folder_elsewhere(experiment.artifact_location, experiment.experiment_id)
    if folder is not None and ((folder.parent / path.name).exists() or not folder.parent.exists()):
        raise InputError(
            f"The experiment {experiment.name} in {path} keeps its files in {folder}, which belongs to the folder that "
            f"{path} comes from: bring that mlruns here too, run this command there, or name a new --experiment."
        )


def _relocate(path: Path | None) -> None:
    if path is not None and (done := sqlite_store.relocate(path)):
        logging.getLogger(__name__).warning("%s", done)


def _sqlite_file() -> Path | None:
    uri = mlflow.get_tracking_uri()
    path = uri.removeprefix("sqlite:///")
    return None if path == uri else Path(unquote(path.split("?", 1)[0]))

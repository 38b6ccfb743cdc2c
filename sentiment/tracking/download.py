"""The files of any logged model, by its URI."""

import contextlib
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import mlflow

from sentiment.errors import InputError
from sentiment.tracking.store import check_store, place, reason_of

EXTRAS = {
    "s3": "boto3",
    "r2": "boto3",
    "b2": "boto3",
    "gs": "google-cloud-storage",
    "wasbs": "azure-storage-blob",
    "abfss": "azure-storage-file-datalake",
    "sftp": "pysftp",
}
"""Scheme of a URI -> the package by which MLflow reads it."""

SCHEMES = "models:/NAME@ALIAS, models:/NAME/VERSION, runs:/ID/model, file:///FOLDER, s3://, gs://, wasbs:// or abfss://"


@contextlib.contextmanager
def downloaded_model(uri: str) -> Iterator[tuple[Path, str]]:
    """A copy of a logged classifier, and its name for people.

    Args:
        uri: such as models:/NAME@ALIAS, models:/NAME/VERSION, runs:/ID/model or s3://BUCKET/FOLDER.

    Raises:
        InputError: there is no such model or no MLflow store; MLflow reads no URI of this scheme, or lacks the package
            for it; the files of the model are gone.
    """
    scheme = uri.split(":", 1)[0].lower()
    if scheme in ("models", "runs"):
        check_store()
    if scheme in ("http", "https", "ftp"):
        raise InputError(f"The model {uri} cannot be read by {scheme}: download its folder, or give {SCHEMES}.")
    with tempfile.TemporaryDirectory() as folder:
        try:
            name = _name(uri)
            path = copied_classifier(uri, folder)
        except ImportError as error:
            package = EXTRAS.get(scheme)
            remedy = f"`pip install {package}`" if package else "install what it names"
            raise InputError(
                f"The model {uri} cannot be read without a further package ({reason_of(error)}): {remedy}, or download "
                "its folder and name that."
            ) from error
        except Exception as error:  # each store's client raises errors of its own
            raise InputError(_not_to_be_had(uri, scheme, error)) from error
        if path.is_dir() and not any(path.iterdir()):
            raise InputError(
                f"The files of the model {uri} are gone from where they were logged: bring back the folder `mlruns` "
                "that held them, or name a folder."
            )
        yield path, name


def copied_classifier(uri: str, folder: str) -> Path:
    """Copy a logged classifier into a folder: without the code beside it, which MLflow alone needs.

    Returns:
        Where it lies: its own folder, or that of the whole model where MLflow does not find the classifier's.

    Raises:
        MlflowException, OSError, ImportError, or what else the store's client raises.
    """
    if model := re.fullmatch(r"models:/([^/@]+)/?", uri):  # MLflow knows no part of a model by its ID
        uri = mlflow.MlflowClient().get_logged_model(model[1]).artifact_location
    part = f"{uri.rstrip('/')}/artifacts/classifier"
    is_there = mlflow.artifacts.list_artifacts(artifact_uri=part)
    return Path(mlflow.artifacts.download_artifacts(artifact_uri=part if is_there else uri, dst_path=folder))


def _name(uri: str) -> str:
    if not (uri.startswith("models:/") and "@" in uri):
        return uri
    model, alias = uri.removeprefix("models:/").split("@", 1)
    found = mlflow.MlflowClient().get_model_version_by_alias(model, alias)
    return f"{model} version {found.version} ({alias})"


def _not_to_be_had(uri: str, scheme: str, error: Exception) -> str:
    reason = reason_of(error)
    if "registered artifact repository" in reason:
        return f"The model {uri} cannot be read, as MLflow knows no {scheme}: give a folder, {SCHEMES}."
    if "alias champion not found" in reason:
        name = uri.removeprefix("models:/").split("@")[0]
        return (
            f"No version of {name} is its champion: see them with `sentiment models`, make one champion with "
            f"`sentiment promote VERSION --name {name}`, or name a version, as in --model models:/{name}/1."
        )
    if scheme in ("models", "runs"):
        return (
            f"The model {uri} cannot be had from MLflow at {place()} ({reason}): train one with "
            "`sentiment run-pipeline`, see those there are with `sentiment models`, or name a folder."
        )
    return f"The model {uri} cannot be had ({reason}): correct it, check your access, or name a folder."

"""A classifier as a model of MLflow: logged to a run, and read back by its URI.

It is logged as code together with this package, so loading it needs no `sentiment` and unpickles nothing.
"""

import contextlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from mlflow.entities import LoggedModel, LoggedModelStatus, Run
from mlflow.types import ColSpec, Schema

from sentiment.classifier import SentimentClassifier
from sentiment.data.files import DEFAULT_TEXT_COLUMNS
from sentiment.data.verdicts import PREDICTED_LABEL
from sentiment.errors import PRETRAINED, InputError
from sentiment.saved_classifier import classifier_folder
from sentiment.tracking.store import check_store, place, reason_of

REQUIREMENTS = ("numpy", "pandas", "pydantic", "mlflow")
"""What the logged model needs to score, pinned to the versions it was trained with; the linear model needs SciPy, too.
"""

INPUT_EXAMPLE = pd.DataFrame({"text": ["A moving film, and not a minute too long.", "Gorgeous to look at, but dull."]})

EXTRAS = {
    **dict.fromkeys(("s3", "r2", "b2"), "boto3"),
    "gs": "google-cloud-storage",
    "wasbs": "azure-storage-blob",
    "abfss": "azure-storage-file-datalake",
    "sftp": "pysftp",
}
"""Scheme of a URI -> the package by which MLflow reads it."""

SCHEMES = "models:/NAME@ALIAS, models:/NAME/VERSION, runs:/ID/model, file:///FOLDER, s3://, gs://, wasbs:// or abfss://"

UNKNOWN_SHARE = "unknown_share_of_validation_reviews"
"""Name in the file MLmodel of the share of words that the classifier did not know in validation."""


def log_classifier(run: Run, folder: Path) -> str:
    """Log a saved classifier to the active run as the model `model`: text in, verdict and probabilities out.

    Its columns are `text`, `review`, and 0, which is what pandas calls the column of a list; one of them is enough.
    MLflow takes 0 for a name only where it stands first.

    Returns:
        The ID of the logged model: of a new one, or of the one that an earlier attempt has logged whole. MLflow makes
        a model before it uploads the files, so what a killed attempt left is deleted and logged again.
    """
    for logged in _logged_models(run):
        with contextlib.suppress(InputError):
            if logged.status == LoggedModelStatus.READY:
                load_logged_classifier(logged.model_id)
                return str(logged.model_id)
        mlflow.MlflowClient().delete_logged_model(logged.model_id)
    package, classifier = Path(__file__).parents[1], SentimentClassifier.load(folder)
    unknown_share, probabilities = classifier.unknown_share, classifier.rule().probability_columns
    packages = (*REQUIREMENTS, "scipy") if classifier.is_linear else REQUIREMENTS
    with tempfile.TemporaryDirectory() as temporary:
        code = Path(temporary, package.name)
        shutil.copytree(package, code, ignore=shutil.ignore_patterns(PRETRAINED.name, "__pycache__"))
        model = mlflow.pyfunc.log_model(
            name="model",
            python_model=str(package / "tracking" / "logged_model.py"),
            code_paths=[str(code)],
            artifacts={"classifier": str(folder)},
            signature=mlflow.models.ModelSignature(
                inputs=Schema([ColSpec("string", name, required=False) for name in (0, *DEFAULT_TEXT_COLUMNS)]),
                outputs=Schema(
                    [ColSpec("string", PREDICTED_LABEL), *(ColSpec("float", name) for name in probabilities)]
                ),
            ),
            input_example=INPUT_EXAMPLE,
            metadata={} if unknown_share is None else {UNKNOWN_SHARE: unknown_share},
            pip_requirements=[f"{requirement}=={version(requirement)}" for requirement in packages],
        )
    return str(model.model_id)


def load_logged_classifier(model_id: str) -> SentimentClassifier:
    """The classifier of a logged model; it has scored a text.

    Raises:
        InputError: MLflow has not got all files of its classifier, they cannot be loaded, or P(positive) is none.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            classifier = SentimentClassifier.load(classifier_folder(copied_classifier(f"models:/{model_id}", folder)))
            probabilities = classifier.cumulative_probability(INPUT_EXAMPLE["text"].tolist())
        except (mlflow.MlflowException, OSError, InputError) as error:
            raise InputError(
                f"The logged model {model_id} cannot be loaded ({reason_of(error).replace(folder, 'its copy')}), so "
                "it is not registered: the same command logs it again."
            ) from error
        if not np.all((probabilities >= 0) & (probabilities <= 1)):
            raise InputError(f"The logged model {model_id} gives probabilities of {probabilities}: train another.")
        return classifier


def load_run_classifier(run_id: str) -> SentimentClassifier | None:
    """The classifier that a run has logged; None where it logged none that can be loaded."""
    for logged in _logged_models(mlflow.MlflowClient().get_run(run_id)):
        with contextlib.suppress(InputError):
            return load_logged_classifier(logged.model_id)
    return None


def _logged_models(run: Run) -> list[LoggedModel]:
    found = mlflow.MlflowClient().search_logged_models(
        [run.info.experiment_id], filter_string=f"source_run_id = '{run.info.run_id}'"
    )
    return list(found)


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
            raise InputError(_why_unreadable(uri, scheme, error)) from error
        if path.is_dir() and not any(path.iterdir()):
            raise InputError(
                f"The files of the model {uri} are gone from where they were logged: bring back the folder `mlruns` "
                "that held them, or name a folder."
            )
        yield path, name


def copied_classifier(uri: str, folder: str) -> Path:
    """Copy a logged classifier into a folder: without the code beside it, which MLflow alone needs.

    Returns:
        The folder of the classifier, or of the whole model where MLflow does not find the classifier's.

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


def _why_unreadable(uri: str, scheme: str, error: Exception) -> str:
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
            f"The model {uri} cannot be read from MLflow at {place()} ({reason}): train one with "
            "`sentiment run-pipeline`, see those there are with `sentiment models`, or name a folder."
        )
    return f"The model {uri} cannot be read ({reason}): correct it, check your access, or name a folder."

"""The model that a run logs: a classifier as code, which loads without `sentiment` and unpickles nothing."""

import contextlib
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.entities import LoggedModelStatus
from mlflow.types import ColSpec, Schema

from sentiment.classifier import Classifier, classifier_folder, load_classifier
from sentiment.data.tables.files import DEFAULT_TEXT_COLUMNS
from sentiment.errors import InputError
from sentiment.tracking.download import copied_classifier
from sentiment.tracking.runs import Run
from sentiment.tracking.store import reason_of

REQUIREMENTS = ("onnxruntime", "numpy", "pandas", "pydantic", "scipy", "mlflow")
"""What the logged model needs to score, pinned to the versions it was trained with."""

INPUT_EXAMPLE = pd.DataFrame({"text": ["A moving film, and not a minute too long.", "Gorgeous to look at, but dull."]})

UNKNOWN_SHARE = "unknown_share_of_validation_reviews"
"""Under this name the file MLmodel tells the share of words that the classifier did not know in validation."""


def log_classifier(run: Run, folder: Path) -> str:
    """Log a saved classifier to the active run as the model `model`: text in, verdict and probability out.

    It is logged as code together with this package, so loading it needs no `sentiment` and unpickles nothing.

    Returns:
        The ID of the logged model: of a new one, or of the one that an earlier attempt has logged whole. MLflow makes
        a model before it uploads the files; so what a killed attempt left is deleted and logged again.
    """
    client = mlflow.MlflowClient()
    of_run = f"source_run_id = '{run.info.run_id}'"
    for logged in client.search_logged_models([run.info.experiment_id], filter_string=of_run):
        if logged.status == LoggedModelStatus.READY and _can_be_loaded(logged.model_id):
            return str(logged.model_id)
        client.delete_logged_model(logged.model_id)
    return str(mlflow.pyfunc.log_model(name="model", **_model(folder)).model_id)


def _can_be_loaded(model_id: str) -> bool:
    try:
        load_logged_classifier(model_id)
    except InputError:
        return False
    return True


def load_logged_classifier(model_id: str) -> Classifier:
    """The classifier of a logged model; it has scored a text.

    Raises:
        InputError: MLflow has not got all files of its classifier, they cannot be loaded, or P(positive) is none.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            classifier = load_classifier(classifier_folder(copied_classifier(f"models:/{model_id}", folder)))
            probabilities = classifier.positive_probability(INPUT_EXAMPLE["text"].tolist())
        except (mlflow.MlflowException, OSError, InputError) as error:
            raise InputError(
                f"The logged model {model_id} cannot be loaded ({reason_of(error).replace(folder, 'its copy')}), so "
                "it is not registered: the same command logs it again."
            ) from error
        if not np.all((probabilities >= 0) & (probabilities <= 1)):
            raise InputError(f"The logged model {model_id} gives probabilities of {probabilities}: train another.")
        return classifier


def load_run_classifier(run_id: str) -> Classifier | None:
    """The classifier that a run has logged; None where it logged none that can be loaded."""
    client = mlflow.MlflowClient()
    run = client.get_run(run_id)
    of_run = f"source_run_id = '{run_id}'"
    for logged in client.search_logged_models([run.info.experiment_id], filter_string=of_run):
        with contextlib.suppress(InputError):
            return load_logged_classifier(logged.model_id)
    return None


def _model(folder: Path) -> dict[str, Any]:
    """What MLflow is told of the model.

    Its columns are `text`, `review`, and 0, which is what pandas calls the column of a list; one of them is enough.
    MLflow takes 0 for a name only where it stands first.
    """
    package = Path(__file__).parents[1]
    unknown_share = load_classifier(folder).unknown_share
    return {
        "python_model": str(package / "tracking" / "logged_model.py"),
        "code_paths": [str(package)],
        "artifacts": {"classifier": str(folder)},
        "signature": mlflow.models.ModelSignature(
            inputs=Schema([ColSpec("string", name, required=False) for name in (0, *DEFAULT_TEXT_COLUMNS)]),
            outputs=Schema([ColSpec("string", "predicted_label"), ColSpec("float", "positive_probability")]),
        ),
        "input_example": INPUT_EXAMPLE,
        "metadata": {} if unknown_share is None else {UNKNOWN_SHARE: unknown_share},
        "pip_requirements": [f"{requirement}=={version(requirement)}" for requirement in REQUIREMENTS],
    }

"""The model that a run logs: a SentimentClassifier as code, which loads without `sentiment` and unpickles nothing."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.types import ColSpec, Schema

from sentiment.tracking.runs import Run

REQUIREMENTS = ("onnxruntime", "numpy", "pandas", "pydantic", "mlflow")
"""What the logged model needs to score, pinned to the versions it was trained with."""

INPUT_EXAMPLE = pd.DataFrame({"text": ["A moving film, and not a minute too long.", "Gorgeous to look at, but dull."]})


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
        folder: a saved SentimentClassifier; the code that scores is always that of this package.
    """
    with tempfile.TemporaryDirectory() as temporary:
        model = str(Path(temporary) / "model")
        mlflow.pyfunc.save_model(model, **_model(folder))
        yield mlflow.pyfunc.spark_udf(session, model, result_type="positive_probability float", env_manager="local")

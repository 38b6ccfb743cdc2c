"""The model that MLflow logs as code: a classifier behind MLflow's pyfunc interface.

MLflow runs this file when it loads the model, so nothing is unpickled.
"""

from pathlib import Path
from typing import Any

import mlflow
import pandas as pd

from sentiment.classifier import load_classifier


class SentimentModel(mlflow.pyfunc.PythonModel):
    """Takes a DataFrame with a column `text`; returns `predicted_label` and `positive_probability`."""

    def load_context(self, context: Any) -> None:
        """Load the classifier from the model's artifact `classifier`."""
        self.classifier = load_classifier(Path(context.artifacts["classifier"]))

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """A row per input row.

        Raises:
            MlflowException: a text is null.
        """
        if model_input["text"].isna().any():
            raise mlflow.MlflowException.invalid_parameter_value("A text is null: leave such rows out.")
        return self.classifier.predict(model_input["text"].tolist())


mlflow.models.set_model(SentimentModel())

"""The model that MLflow logs as code: a classifier behind MLflow's pyfunc interface.

MLflow runs this file when it loads the model, so nothing is unpickled.
"""

from pathlib import Path
from typing import Any

import mlflow
import pandas as pd

from sentiment.classifier import SentimentClassifier
from sentiment.errors import InputError


class SentimentModel(mlflow.pyfunc.PythonModel):
    """Takes a DataFrame with a column `text` or `review`, or a list; gives what `annotate` gives."""

    def load_context(self, context: Any) -> None:
        """Load the classifier from the model's artifact `classifier`."""
        self.classifier = SentimentClassifier.load(Path(context.artifacts["classifier"]))

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """A row per input row; a missing or blank review has a null label and a null probability.

        Raises:
            MlflowException: there is no such column, or a review is no text.
        """
        if not len(model_input.columns):  # MLflow has dropped those that the signature does not name
            raise mlflow.MlflowException.invalid_parameter_value(
                "There is no review: give a DataFrame with a column text or review, or a list of texts."
            )
        if [*map(str, model_input.columns)] == ["0"]:  # what pandas calls the column of a list
            model_input = model_input.set_axis(["text"], axis="columns")
        try:
            predicted = self.classifier.annotate(model_input)
        except InputError as error:
            raise mlflow.MlflowException.invalid_parameter_value(str(error)) from error
        if predicted.notna().all(axis=None):
            return predicted
        return predicted.astype(object).where(predicted.notna(), None)  # JSON has null, and no NaN


mlflow.models.set_model(SentimentModel())

"""The metrics of one model on the test split, and the comparison of several."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd


def evaluate_predictions(labels: np.ndarray, probabilities: np.ndarray, threshold: float = 0.5) -> dict[str, float]:
    """The usual figures for a binary classifier, by scikit-learn.

    Args:
        labels: (N,), 1 positive, 0 negative.
        probabilities: (N,), P(positive).
        threshold: reviews at or above it count as positive.

    Returns:
        Shares between 0 and 1, log loss in nats, and the four counts of the confusion matrix.
    """
    from sklearn import metrics

    predicted = probabilities >= threshold
    true_negatives, false_positives, false_negatives, true_positives = metrics.confusion_matrix(
        labels, predicted, labels=[0, 1]
    ).ravel()
    return {
        "accuracy": float(metrics.accuracy_score(labels, predicted)),
        "precision": float(metrics.precision_score(labels, predicted, zero_division=0)),
        "recall": float(metrics.recall_score(labels, predicted)),
        "f1": float(metrics.f1_score(labels, predicted)),
        "roc_auc": float(metrics.roc_auc_score(labels, probabilities)),
        "average_precision": float(metrics.average_precision_score(labels, probabilities)),
        "log_loss": float(metrics.log_loss(labels, probabilities.astype(np.float64))),
        "brier_score": float(metrics.brier_score_loss(labels, probabilities)),
        "true_negatives": int(true_negatives),
        "false_positives": int(false_positives),
        "false_negatives": int(false_negatives),
        "true_positives": int(true_positives),
    }


def compare_models(results: Mapping[str, Mapping[str, float]], baseline: str | None) -> pd.DataFrame:
    """One row per metric, one column per model.

    Args:
        results: model -> metric -> value, every model with the same metrics.
        baseline: the model that the others are held against; with exactly one other, a last column `difference`
            holds other minus baseline.
    """
    table = pd.DataFrame(results)
    table.index.name = "metric"
    others: Sequence[str] = [name for name in results if name != baseline]
    if baseline in results and len(others) == 1:
        table["difference"] = table[others[0]] - table[baseline]
    return table

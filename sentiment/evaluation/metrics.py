"""The metrics of one model on the test split, the choice of its threshold, and the metrics of several side by side."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from sentiment.training.trainer import ThresholdRule

CALIBRATION_BINS = 15


def evaluate_predictions(labels: np.ndarray, probabilities: np.ndarray, threshold: float = 0.5) -> dict[str, float]:
    """The usual figures for a binary classifier, by scikit-learn.

    Args:
        labels: (N,), 1 positive, 0 negative.
        probabilities: (N,), P(positive).
        threshold: reviews at or above it count as positive.

    Returns:
        Shares between 0 and 1, log loss in nats, the threshold, and the four counts of the confusion matrix.
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
        "expected_calibration_error": expected_calibration_error(labels, probabilities),
        "threshold": threshold,
        "true_negatives": int(true_negatives),
        "false_positives": int(false_positives),
        "false_negatives": int(false_negatives),
        "true_positives": int(true_positives),
    }


def calibration(labels: np.ndarray, probabilities: np.ndarray) -> pd.DataFrame:
    """What a reliability diagram shows (Niculescu-Mizil & Caruana 2005).

    Args:
        labels, probabilities: (N,), as for `evaluate_predictions`.

    Returns:
        A row per equal-width bin of P(positive) that holds reviews: `probability`, the mean of P(positive);
        `positive`, the share of positive reviews; `reviews`, their number.
    """
    bins = np.minimum((probabilities * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    table = pd.DataFrame({"bin": bins, "probability": probabilities.astype(np.float64), "label": labels})
    return table.groupby("bin").agg(
        probability=("probability", "mean"), positive=("label", "mean"), reviews=("label", "size")
    )


def expected_calibration_error(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean distance between P(positive) and the share of positive reviews over the bins of `calibration`, weighted by
    their reviews (Naeini et al. 2015)."""
    bins = calibration(labels, probabilities)
    return float(np.average((bins["probability"] - bins["positive"]).abs(), weights=bins["reviews"]))


def choose_threshold(labels: np.ndarray, probabilities: np.ndarray, rule: ThresholdRule) -> float:
    """The threshold with the highest accuracy or F1 on validation reviews, or 0.5.

    Args:
        labels, probabilities: (N,), of validation reviews of both classes.
        rule: what to maximize. Of equally good thresholds the one nearest to 0.5 is taken.
    """
    from sklearn.metrics import roc_curve

    if rule == "0.5":
        return 0.5
    false_rate, true_rate, thresholds = roc_curve(labels, probabilities, drop_intermediate=False)
    thresholds[0] = np.nextafter(
        probabilities.max(), probabilities.dtype.type(2)
    )  # in place of infinity: none positive
    positives = np.sum(labels == 1)
    true_positives = true_rate * positives  # (T,), as the next
    false_positives = false_rate * (len(labels) - positives)
    if rule == "accuracy":
        score = true_positives - false_positives  # and a constant
    else:
        score = 2 * true_positives / (positives + true_positives + false_positives)
    best = np.isclose(score, score.max())
    return float(thresholds[best][np.argmin(np.abs(thresholds[best] - 0.5))])


def tabulate_metrics(results: Mapping[str, Sequence[Mapping[str, float]]]) -> pd.DataFrame:
    """One row per metric; per model a column with the mean over its seeds and, if there are several, a column
    `MODEL std` with the standard deviation between them.

    Args:
        results: model -> one mapping of metric to value per seed. A metric that a model lacks is NaN.
    """
    columns = {}
    for model, of_seeds in results.items():
        table = pd.DataFrame(of_seeds)
        columns[model] = table.mean()
        if len(table) > 1:
            columns[f"{model} std"] = table.std()
    rows = dict.fromkeys(metric for of_seeds in results.values() for metric in of_seeds[0])
    return pd.DataFrame(columns).reindex(pd.Index(rows, name="metric"))

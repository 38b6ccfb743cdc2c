"""The metrics of one model on the test split, with their intervals, and the metrics of several side by side."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

CALIBRATION_BINS = 15
RESAMPLES = 1_000
"""Bootstrap samples of the reviews that an interval is read from."""


def evaluate_predictions(labels: np.ndarray, probabilities: np.ndarray, threshold: float = 0.5) -> dict[str, float]:
    """The usual figures for a binary classifier, by scikit-learn.

    Args:
        labels: (N,), 1 positive, 0 negative.
        probabilities: (N,), P(positive).
        threshold: reviews at or above it count as positive.

    Returns:
        Shares between 0 and 1, log loss in nats, the threshold, and the four counts of the confusion matrix.
        `majority_accuracy` is what you get by giving every review the label that most of these reviews have.
    """
    from sklearn import metrics

    predicted = probabilities >= threshold
    negatives, positives = np.bincount(labels, minlength=2)
    true_negatives, false_positives, false_negatives, true_positives = metrics.confusion_matrix(
        labels, predicted, labels=[0, 1]
    ).ravel()
    return {
        "accuracy": float(metrics.accuracy_score(labels, predicted)),
        "majority_accuracy": float(max(negatives, positives) / len(labels)),
        "balanced_accuracy": float(metrics.balanced_accuracy_score(labels, predicted)),
        "macro_f1": float(metrics.f1_score(labels, predicted, average="macro", zero_division=0)),
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


def metric_intervals(
    labels: np.ndarray, probabilities: np.ndarray, threshold: float = 0.5
) -> dict[str, tuple[float, float]]:
    """The 95 % intervals of the metrics of one model, by the percentiles of bootstrapped reviews (Efron 1979).

    Args:
        labels, probabilities, threshold: as for `evaluate_predictions`.

    Returns:
        Metric -> both ends of its interval, for the metrics of which one is estimated from single reviews.
    """
    positive, called = labels == 1, probabilities >= threshold
    smallest = np.finfo(np.float64).eps  # as scikit-learn bounds the log loss
    likely = np.clip(probabilities.astype(np.float64), smallest, 1 - smallest)
    losses = -np.log(np.where(positive, likely, 1 - likely))
    ranks = probabilities.argsort(kind="stable")
    positive, called, losses, ordered = positive[ranks], called[ranks], losses[ranks], probabilities[ranks]
    ties = np.flatnonzero(np.diff(ordered, prepend=-1.0))  # where a new probability begins
    generator = np.random.default_rng(0)
    drawn = []
    for _ in range(RESAMPLES):
        times = np.bincount(generator.integers(len(labels), size=len(labels)), minlength=len(labels))
        drawn.append(_resampled(positive, called, losses, ties, times))
    table = pd.DataFrame(drawn).dropna()
    ends = table.quantile([0.025, 0.975])
    return {str(metric): (float(low), float(high)) for metric, (low, high) in ends.items()} if len(table) else {}


def _resampled(
    positive: np.ndarray, called: np.ndarray, losses: np.ndarray, ties: np.ndarray, times: np.ndarray
) -> dict[str, float]:
    """Metrics where each review counts `times` times; all arrays but ties are (N,), in the order of P(positive)."""
    tp, fn = times @ (positive & called), times @ (positive & ~called)
    tn, fp = times @ (~positive & ~called), times @ (~positive & called)
    if not (tp + fn) * (tn + fp):
        return {"accuracy": np.nan}
    positives, negatives = (np.add.reduceat(times * side, ties) for side in (positive, ~positive))
    below = np.cumsum(negatives) - negatives / 2
    f1, negative_f1 = (2 * right / max(1, 2 * right + fp + fn) for right in (tp, tn))
    return {
        "accuracy": (tp + tn) / len(times),
        "balanced_accuracy": (tp / (tp + fn) + tn / (tn + fp)) / 2,
        "macro_f1": (f1 + negative_f1) / 2,
        "recall": tp / (tp + fn),
        "f1": f1,
        "roc_auc": float(positives @ below / ((tp + fn) * (tn + fp))),
        "log_loss": float(times @ losses / len(times)),
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

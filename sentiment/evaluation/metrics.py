"""The metrics of a model on labelled reviews, with their intervals; its threshold; and tables of metrics for people."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from sentiment.data.labels import LEAST_PROBABILITY, median_labels

if TYPE_CHECKING:  # it takes long to import, and a configuration needs ThresholdRule alone
    import pandas as pd

CALIBRATION_BINS = 15
RESAMPLES = 1_000
"""Bootstrap samples of the reviews that an interval is read from."""

SHARES = frozenset(
    "accuracy majority_accuracy balanced_accuracy macro_f1 precision recall f1 roc_auc average_precision".split()
)
"""Metrics shown as per cent. Those of FRACTIONS are shown as they are, and counts as whole numbers."""

FRACTIONS = frozenset(
    "mean_absolute_error quadratic_weighted_kappa log_loss brier_score expected_calibration_error threshold".split()
)

TITLES = {"f1": "F1", "macro_f1": "macro-F1", "roc_auc": "ROC AUC", "brier_score": "Brier score"}
"""Metrics whose title is more than their words."""

ThresholdRule = Literal["0.5", "accuracy", "f1"]
"""What the threshold of a trained model maximizes on its validation reviews; with "0.5" it is always 0.5."""

Table = tuple[list[str], list[list[str]]]
"""Headers and rows of a table for people."""


def evaluate_predictions(labels: np.ndarray, probabilities: np.ndarray, threshold: float = 0.5) -> dict[str, float]:
    """The usual metrics of a classifier: of two labels by scikit-learn, of more those of `_evaluate_ordered`.

    Args:
        labels: (N,), 1 positive, 0 negative; of more than two labels their numbers, from 0, the worst.
        probabilities: (N,), P(positive); of more than two labels (N, K), that of each.
        threshold: reviews at or above it count as positive, where there are two labels.

    Returns:
        Shares between 0 and 1, log loss in nats, the threshold, and the four counts of the confusion matrix.
        `majority_accuracy` is what you get by giving every review the label that most of these reviews have.
    """
    if probabilities.ndim == 2:
        return _evaluate_ordered(labels, probabilities)
    from sklearn import metrics

    predicted = probabilities >= threshold
    counts = metrics.confusion_matrix(labels, predicted, labels=[0, 1]).ravel().tolist()
    found = {
        "accuracy": metrics.accuracy_score(labels, predicted),
        "majority_accuracy": np.bincount(labels).max() / len(labels),
        "balanced_accuracy": metrics.balanced_accuracy_score(labels, predicted),
        "macro_f1": metrics.f1_score(labels, predicted, average="macro", zero_division=0),
        "precision": metrics.precision_score(labels, predicted, zero_division=0),
        "recall": metrics.recall_score(labels, predicted),
        "f1": metrics.f1_score(labels, predicted),
        "roc_auc": metrics.roc_auc_score(labels, probabilities),
        "average_precision": metrics.average_precision_score(labels, probabilities),
        "log_loss": metrics.log_loss(labels, probabilities.astype(np.float64)),
        "brier_score": metrics.brier_score_loss(labels, probabilities),
        "expected_calibration_error": expected_calibration_error(labels, probabilities),
        "threshold": threshold,
    }
    names = ("true_negatives", "false_positives", "false_negatives", "true_positives")
    return {name: float(value) for name, value in found.items()} | dict(zip(names, counts, strict=True))


def _evaluate_ordered(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """The metrics of K > 2 ordered labels, whose verdict is their median.

    Returns:
        Beside shares and log loss, `mean_absolute_error` in steps of the order and `quadratic_weighted_kappa` (Cohen
        1968); and `expected_calibration_error`, the mean of those of each label (Kull et al. 2019).
    """
    cells, losses = _verdicts_and_losses(labels, probabilities)
    of_labels = [
        expected_calibration_error(labels == number, probability) for number, probability in enumerate(probabilities.T)
    ]
    of_counts = _of_counts(np.bincount(cells, minlength=probabilities.shape[1] ** 2))
    found = {
        "accuracy": of_counts["accuracy"],
        "majority_accuracy": np.bincount(labels).max() / len(labels),
        **of_counts,
        "log_loss": losses.mean(),
        "expected_calibration_error": np.mean(of_labels),
    }
    return {name: float(value) for name, value in found.items()}


def _verdicts_and_losses(labels: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The cell of the confusion matrix that each review falls into, label * K + verdict, and its log loss: (N,)."""
    likely = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    cells = labels.astype(int) * probabilities.shape[1] + median_labels(probabilities)
    return cells, -np.log(np.maximum(likely, LEAST_PROBABILITY))


def _of_counts(cells: np.ndarray) -> dict[str, float]:
    """The metrics of ordered labels that the K x K counts of a confusion matrix decide, (K * K,)."""
    classes = math.isqrt(len(cells))
    counts = cells.reshape(classes, classes).astype(float)
    right, true, called = counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)
    steps = np.abs(np.subtract.outer(np.arange(classes), np.arange(classes)))
    by_chance = np.sum(steps**2 * np.outer(true, called)) / counts.sum()
    is_true, is_named = true > 0, true + called > 0
    return {
        "accuracy": right.sum() / counts.sum(),
        "balanced_accuracy": np.mean(right[is_true] / true[is_true]),
        "macro_f1": np.mean(2 * right[is_named] / (true + called)[is_named]),
        "mean_absolute_error": np.sum(steps * counts) / counts.sum(),
        "quadratic_weighted_kappa": 1 - np.sum(steps**2 * counts) / by_chance if by_chance else np.nan,
    }


def metric_intervals(
    labels: np.ndarray, probabilities: np.ndarray, threshold: float = 0.5
) -> dict[str, tuple[float, float]]:
    """The 95 % intervals of the metrics of one model, by the percentiles of bootstrapped reviews (Efron 1979).

    A bootstrap sample is how often it holds each review, so no metric sorts the reviews again: scikit-learn, asked a
    thousand times, would take minutes.

    Args:
        labels, probabilities, threshold: as for `evaluate_predictions`.

    Returns:
        Metric -> both ends of its interval, for the metrics that are estimated from single reviews.
    """
    is_ordered, reviews = probabilities.ndim == 2, len(labels)
    measure = _ordered_sample(labels, probabilities) if is_ordered else _sample(labels, probabilities, threshold)
    generator = np.random.default_rng(0)
    import pandas as pd

    drawn = (np.bincount(generator.integers(reviews, size=reviews), minlength=reviews) for _ in range(RESAMPLES))
    samples = pd.DataFrame(map(measure, drawn)).dropna()
    if samples.empty:
        return {}
    ends = samples.quantile([0.025, 0.975])
    return {str(metric): (float(low), float(high)) for metric, (low, high) in ends.items()}


def _ordered_sample(labels: np.ndarray, probabilities: np.ndarray) -> Callable[[np.ndarray], dict[str, float]]:
    """How often each review is drawn, (N,) -> the metrics of ordered labels of this bootstrap sample."""
    cells, losses = _verdicts_and_losses(labels, probabilities)
    number = probabilities.shape[1] ** 2
    return lambda times: {
        **_of_counts(np.bincount(cells, times, number)),
        "log_loss": times @ losses / len(losses),
    }


def _sample(
    labels: np.ndarray, probabilities: np.ndarray, threshold: float
) -> Callable[[np.ndarray], dict[str, float]]:
    """How often each review is drawn, (N,) -> the metrics of two labels of this bootstrap sample."""
    order = probabilities.argsort(kind="stable")
    positive, ordered = labels[order] == 1, probabilities[order]
    called = ordered >= threshold
    smallest = np.finfo(np.float64).eps  # as scikit-learn bounds the log loss
    likely = np.clip(ordered.astype(np.float64), smallest, 1 - smallest)
    losses = -np.log(np.where(positive, likely, 1 - likely))
    ties = np.flatnonzero(np.diff(ordered, prepend=-1.0))  # where a new probability begins

    def measure(times: np.ndarray) -> dict[str, float]:
        tp, fn = times @ (positive & called), times @ (positive & ~called)
        tn, fp = times @ (~positive & ~called), times @ (~positive & called)
        if not (tp + fn) * (tn + fp):  # all of one class
            return {"accuracy": np.nan}
        positives, negatives = (np.add.reduceat(times * side, ties) for side in (positive, ~positive))
        below = np.cumsum(negatives) - negatives / 2
        f1, negative_f1 = (2 * right / max(1, 2 * right + fp + fn) for right in (tp, tn))
        return {
            "accuracy": (tp + tn) / len(labels),
            "balanced_accuracy": (tp / (tp + fn) + tn / (tn + fp)) / 2,
            "macro_f1": (f1 + negative_f1) / 2,
            "recall": tp / (tp + fn),
            "f1": f1,
            "roc_auc": positives @ below / ((tp + fn) * (tn + fp)),
            "log_loss": times @ losses / len(labels),
        }

    return measure


def calibration(labels: np.ndarray, probabilities: np.ndarray) -> "pd.DataFrame":
    """What a reliability diagram shows (Niculescu-Mizil & Caruana 2005).

    Args:
        labels, probabilities: (N,), as for `evaluate_predictions`.

    Returns:
        A row per equal-width bin of P(positive) that holds reviews: `probability`, the mean of P(positive);
        `positive`, the share of positive reviews; `reviews`, their number.
    """
    import pandas as pd

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
    nothing_positive = np.nextafter(probabilities.max(), probabilities.dtype.type(2))
    thresholds[0] = nothing_positive  # scikit-learn has infinity here
    positives = np.sum(labels == 1)
    true_positives = true_rate * positives  # (T,), as the next
    false_positives = false_rate * (len(labels) - positives)
    if rule == "accuracy":
        score = true_positives - false_positives  # and a constant
    else:
        score = 2 * true_positives / (positives + true_positives + false_positives)
    best = thresholds[np.isclose(score, score.max())]
    return float(best[np.argmin(np.abs(best - 0.5))])


def tabulate_metrics(results: Mapping[str, Sequence[Mapping[str, float]]]) -> "pd.DataFrame":
    """One row per metric; per model a column with the mean over its seeds and, if there are several, a column
    `MODEL std` with the standard deviation between them.

    Args:
        results: model -> one mapping of metric to value per seed. A metric that a model lacks is NaN.
    """
    import pandas as pd

    columns = {}
    for model, seeds in results.items():
        table = pd.DataFrame(seeds)
        columns[model] = table.mean()
        if len(table) > 1:
            columns[f"{model} std"] = table.std()
    rows = dict.fromkeys(metric for seeds in results.values() for metric in seeds[0])
    return pd.DataFrame(columns).reindex(pd.Index(rows, name="metric"))


def metric_rows(metrics: "pd.DataFrame", intervals: Mapping[str, tuple[float, float]] | None = None) -> Table:
    """What `tabulate_metrics` gives, as people read it: mean ± standard deviation.

    Args:
        intervals: of the metrics of one model alone, for a column of their own.

    Returns:
        Headers and rows.
    """
    models = [str(column) for column in metrics if not str(column).endswith(" std")]
    rows = []
    for name, values in metrics.to_dict(orient="index").items():
        metric = str(name)
        cells = [format_metric(metric, values[model], values.get(f"{model} std")) for model in models]
        if intervals:
            ends = [format_metric(metric, end) for end in intervals.get(metric, ())]
            cells.append(" to ".join(ends).replace(" %", "", 1))
        rows.append([metric_title(metric), *cells])
    return ["test metric", *models, *(["95 % interval"] if intervals else [])], rows


def metric_title(metric: str) -> str:
    """A metric as people know it."""
    return TITLES.get(metric, metric.replace("_", " "))


def format_metric(metric: str, mean: float, deviation: float | None = None) -> str:
    """The value of a metric as people read it: a share as per cent, perhaps with a standard deviation."""
    if np.isnan(mean):
        return "n/a"
    scale, digits, unit = (100, 2, " %") if metric in SHARES else (1, 4 if metric in FRACTIONS else 0, "")
    spread = "" if deviation is None else f" ± {scale * deviation:,.{digits}f}"
    return f"{scale * mean:,.{digits}f}{spread}{unit}"

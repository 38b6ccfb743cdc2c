"""The threshold of a classifier: from which P(positive) on a review is called positive."""

from typing import Literal

import numpy as np

ThresholdRule = Literal["0.5", "accuracy", "f1"]
"""What the threshold of a trained model makes best on its validation reviews, or 0.5 whatever they say."""


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

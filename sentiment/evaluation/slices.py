"""Slices of the test split: where a model errs, and the mistakes it is surest of."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sentiment.data.vocabulary import tokenize

NEGATIONS = frozenset("not no never neither nor none nobody nothing nowhere without cannot hardly barely".split())
"""Tokens that negate, beside those that end with n't."""

MISTAKES = 50


def slice_reviews(texts: Sequence[str]) -> dict[str, np.ndarray]:
    """The slices: quartiles of length in tokens, and whether a negation occurs.

    Args:
        texts: N reviews.

    Returns:
        Name -> bool (N,): which reviews are in it. The quartiles leave no review out and share none; reviews of one
        length stay together, so a quartile may hold more than a quarter, or be missing.
    """
    tokens = [tokenize(text) for text in texts]
    lengths = np.array([len(of_text) for of_text in tokens])
    quartile = np.searchsorted(np.quantile(lengths, [0.25, 0.5, 0.75]), lengths)  # (N,), 0 to 3
    slices = {}
    for number in np.unique(quartile):
        inside = quartile == number
        shortest, longest = lengths[inside].min(), lengths[inside].max()
        slices[f"length quartile {number + 1}: {shortest:,} to {longest:,} tokens"] = inside
    negated = np.array([any(t in NEGATIONS or t.endswith("n't") for t in of_text) for of_text in tokens], bool)
    return slices | {"with a negation": negated, "without negation": ~negated}


def slice_accuracy(texts: Sequence[str], correct: np.ndarray) -> pd.DataFrame:
    """Columns `slice`, `reviews`, `accuracy` (NaN of an empty slice).

    Args:
        texts: N reviews.
        correct: bool (N,), whether each was judged rightly.
    """
    rows = [
        (name, int(inside.sum()), correct[inside].mean() if inside.any() else np.nan)
        for name, inside in slice_reviews(texts).items()
    ]
    return pd.DataFrame(rows, columns=["slice", "reviews", "accuracy"])


def confident_mistakes(predictions: pd.DataFrame) -> pd.DataFrame:
    """The wrongly judged reviews with P(positive) furthest on the wrong side, at most 50, the surest first.

    Args:
        predictions: columns text, label, predicted_label, positive_probability.

    Returns:
        The same columns.
    """
    wrong = predictions[predictions["label"] != predictions["predicted_label"]]
    towards_truth = wrong["positive_probability"].where(wrong["label"] == "positive", 1 - wrong["positive_probability"])
    columns = ["label", "predicted_label", "positive_probability", "text"]
    return wrong.loc[towards_truth.sort_values(kind="stable").index[:MISTAKES], columns].reset_index(drop=True)

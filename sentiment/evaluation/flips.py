"""Flips: the test reviews on which two models give different verdicts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sentiment.evaluation.significance import mcnemar

RIGHT, WRONG = "newly right", "newly wrong"


@dataclass(frozen=True)
class Flips:
    """What a model judges otherwise than a baseline.

    Attributes:
        model, baseline: their names.
        reviews: in the test split.
        table: a row per flip, by how far P(positive) moved: `flip` (RIGHT or WRONG), `label`, `baseline_probability`,
            `model_probability`, `text`.
        p_value: of McNemar's exact test.
    """

    model: str
    baseline: str
    reviews: int
    table: pd.DataFrame
    p_value: float

    @classmethod
    def between(cls, model: str, predictions: pd.DataFrame, baseline: str, others: pd.DataFrame) -> "Flips":
        """The flips between the predictions of two models on the same test reviews, in the same order.

        Args:
            predictions, others: columns text, label, predicted_label and positive_probability, of model and baseline.
        """
        right = (predictions["label"] == predictions["predicted_label"]).to_numpy()
        was_right = (others["label"] == others["predicted_label"]).to_numpy()
        table = pd.DataFrame(
            {
                "flip": np.where(right, RIGHT, WRONG),
                "label": predictions["label"],
                "baseline_probability": others["positive_probability"].to_numpy(),
                "model_probability": predictions["positive_probability"].to_numpy(),
                "text": predictions["text"],
            }
        )[right != was_right]
        moved = (table["model_probability"] - table["baseline_probability"]).abs()
        table = table.loc[moved.sort_values(ascending=False, kind="stable").index].reset_index(drop=True)
        return cls(model, baseline, len(predictions), table, mcnemar(right, was_right))

    def of_kind(self, kind: str) -> pd.DataFrame:
        """The rows of RIGHT or WRONG."""
        return self.table[self.table["flip"] == kind]

    @property
    def counts(self) -> str:
        """In words, such as `212 newly right, 180 newly wrong, McNemar's exact p 0.1201`."""
        return f"{len(self.of_kind(RIGHT)):,} {RIGHT}, {len(self.of_kind(WRONG)):,} {WRONG}, McNemar's exact p {self.p}"

    @property
    def p(self) -> str:
        """The p-value, as people read it."""
        return "< 0.0001" if self.p_value < 1e-4 else f"{self.p_value:.4f}"


def flip_rows(flips: Sequence[Flips]) -> tuple[list[str], list[list[str]]]:
    """Column heads and rows of the counts of several pairs."""
    heads = ["test reviews judged otherwise", RIGHT, WRONG, "McNemar's exact p"]
    return heads, [
        [f"{of.model} against {of.baseline}", f"{len(of.of_kind(RIGHT)):,}", f"{len(of.of_kind(WRONG)):,}", of.p]
        for of in flips
    ]

"""Fairness: whether words for people, such as those for a religion or an origin, carry a verdict of their own.

Two texts that differ in such a word alone should be as likely to be positive. The templates and the words are data, in
fairness.toml, after Kiritchenko & Mohammad (2018), Dixon et al. (2018) and CheckList (Ribeiro et al. 2020).
"""

import tomllib
from collections.abc import Callable, Sequence
from importlib import resources

import numpy as np
import pandas as pd
from pydantic import Field

from sentiment.configuration import Configuration

TOLERANCE = 0.05
"""How far P(positive) may move between two words of a group; the aim is that it does so in 95 % of the pairs."""


class Fairness(Configuration):
    """Texts about a person, and the groups of words that name the person."""

    templates: list[str] = Field(description="With the slot {person}.")
    groups: dict[str, list[str]]


def read_fairness() -> Fairness:
    """The templates and the groups."""
    file = resources.files("sentiment.evaluation").joinpath("fairness.toml")
    return Fairness.model_validate(tomllib.loads(file.read_text("utf-8")))


def measure_fairness(positive_probability: Callable[[Sequence[str]], np.ndarray]) -> pd.DataFrame:
    """Compare P(positive) of every template between any two words of a group.

    Args:
        positive_probability: texts -> P(positive), (N,); of more than two labels the expected position.

    Returns:
        A row per group: `group`, `pairs` of texts, `moved`, the share of the pairs whose P(positive) differs by more
        than TOLERANCE, `move_95`, the 95th percentile of the difference, and `example`, the pair that differs most.
    """
    fairness, rows = read_fairness(), []
    for group, people in fairness.groups.items():
        texts = [[template.format(person=person) for person in people] for template in fairness.templates]
        probabilities = positive_probability([text for row in texts for text in row]).reshape(len(texts), len(people))
        one, other = np.triu_indices(len(people), k=1)  # (pairs of words,)
        moves = np.abs(probabilities[:, one] - probabilities[:, other])  # (templates, pairs of words)
        row, pair = np.unravel_index(moves.argmax(), moves.shape)
        example = " → ".join(
            f"{texts[row][word]} ({probabilities[row, word]:.2f})" for word in (one[pair], other[pair])
        )
        rows.append([group, moves.size, float(np.mean(moves > TOLERANCE)), float(np.quantile(moves, 0.95)), example])
    return pd.DataFrame(rows, columns=["group", "pairs", "moved", "move_95", "example"])

"""What a card says that a network learned from."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pipelines.configuration import compose
from pipelines.model_card import OWN_LABELS, lessons_of_network
from sentiment.data.corpus import Corpus, Reviews
from sentiment.training.cut import Cut, cut_validation, keep_labels
from sentiment.training.recipe import Recipe
from sentiment.training.steps import InMemory, Output

TRAIN = Reviews([f"review {number}" for number in range(40)], (np.arange(40) % 2).astype(np.int8))
UNLABELLED = Reviews(["a review", "another review"])
TAUGHT = "labelled 2 unlabelled reviews"
LATER = "later their mean with the network did"
SOFTENED = "softened"


def lessons(corpus: Corpus, preset: str = "standard", labels: float = 1.0, **options: Any) -> str:
    """What a network learns from this corpus, as the card says it."""
    config = compose(preset, {"source": "demo", **options})

    def cut(corpus: Corpus, share: float, seed: int) -> Cut:
        return keep_labels(cut_validation(corpus, 0.2, seed), corpus.train.labels, labels, seed)

    recipe = Recipe(config, Output("load", lambda: corpus), InMemory(), cut=cut)
    return "; ".join(lessons_of_network(config, recipe, 0))


WITH_UNLABELLED = Corpus(TRAIN, Reviews([]), UNLABELLED)
WITHOUT = replace(WITH_UNLABELLED, unlabelled=Reviews([]))


@pytest.mark.parametrize(
    ("said", "true", "false"),
    [
        pytest.param(lessons(WITH_UNLABELLED), [TAUGHT, LATER, SOFTENED], [OWN_LABELS], id="unlabelled reviews"),
        pytest.param(lessons(WITHOUT), [OWN_LABELS], ["unlabelled", SOFTENED], id="no unlabelled reviews"),
        pytest.param(lessons(WITH_UNLABELLED, pseudo_label_epochs=1), [TAUGHT], [LATER], id="one epoch"),
        pytest.param(lessons(WITH_UNLABELLED, labels=0.1), [TAUGHT], [SOFTENED], id="too few for folds"),
        pytest.param(lessons(WITH_UNLABELLED, label_softness=0.0), [TAUGHT], [SOFTENED], id="hard labels"),
        pytest.param(lessons(WITHOUT, start_from="runs:/1/model"), ["began as runs:/1"], [OWN_LABELS], id="start"),
        pytest.param(lessons(WITHOUT), ["40 % as many", "up to 70 % as many"], [], id="short texts"),
        pytest.param(lessons(WITHOUT, "textbook"), [OWN_LABELS], ["% as many"], id="whole reviews alone"),
    ],
)  # fmt: skip
def test_a_card_says_what_a_network_learned_from_and_nothing_else(said: str, true: list[str], false: list[str]) -> None:
    assert all(part in said for part in true)
    assert not any(part in said for part in false)

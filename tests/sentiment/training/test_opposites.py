import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sentiment.data.vocabulary import PADDING, Vocabulary
from sentiment.training.opposites import CHOICES, WORDS, Opposites

PRAISE, BLAME = [f"praise{n}" for n in range(CHOICES)], [f"blame{n}" for n in range(CHOICES)]
VOCABULARY = Vocabulary([*PRAISE, *BLAME, "kill", "film"], 20)
RATINGS = {**dict.fromkeys(PRAISE, 2.0), **dict.fromkeys(BLAME, -2.0), "kill": -3.0, "unknown": 3.0}


def indices(words: list[str]) -> list[int]:
    return [VOCABULARY.index[word] for word in words]


REVIEWS = np.array([indices([*PRAISE, "kill", "kill", "film"]), indices([*BLAME, "film", "film", "film"])], np.int32)
VECTORS = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
OPPOSITES = Opposites.fit(VOCABULARY, RATINGS, VECTORS, REVIEWS, np.array([1, 0]))


@given(st.lists(st.sampled_from([*PRAISE, *BLAME, "kill", "film"]), min_size=1, max_size=30), st.integers(0, 2**32))
def test_opinions_of_a_passage_are_turned_and_all_else_stays(words: list[str], seed: int) -> None:
    row = np.array([indices(words) + [PADDING] * (30 - len(words))], np.int32)
    passages, strength = OPPOSITES.passages(row, np.random.default_rng(seed))
    turned = passages[0][passages[0] != PADDING].tolist()
    assert min(len(words), WORDS[0]) <= len(turned) <= len(words)
    sides = {**dict.fromkeys(indices(PRAISE), 1), **dict.fromkeys(indices(BLAME), -1)}
    flipped = [-sides[index] if index in sides else index for index in row[0, : len(words)].tolist()]
    found = [sides.get(index, index) for index in turned]
    assert any(found == flipped[first : first + len(found)] for first in range(len(flipped) - len(found) + 1))
    assert 0 <= strength[0] <= 1
    assert strength[0] == 0 or any(side in (-1, 1) for side in found)


def test_a_word_that_reviews_use_against_its_rating_is_no_opinion() -> None:
    row = np.array([indices(["kill"] * 20)], np.int32)
    passages, strength = OPPOSITES.passages(row, np.random.default_rng(0))
    assert set(passages[0].tolist()) - {PADDING} == set(indices(["kill"]))
    assert strength.tolist() == [0]


def test_the_opposite_of_a_word_is_the_nearest_word_of_the_other_sign() -> None:
    words = ["great", "awful", "bright", "dark", *PRAISE, *BLAME]
    vocabulary = Vocabulary(words, 30)
    ratings = {"great": 2.0, "bright": 1.0, "awful": -2.0, "dark": -1.0, **dict.fromkeys(PRAISE, 1.0)}
    ratings |= dict.fromkeys(BLAME, -1.0)
    vectors = np.zeros((30, 3), np.float32)
    for word, vector in {"great": (1, 0.1, 0), "awful": (1, 0, 0), "bright": (0, 1, 0), "dark": (0.1, 1, 0)}.items():
        vectors[vocabulary.index[word]] = vector
    inputs = np.tile(np.array([vocabulary.index[word] for word in words], np.int32), (2, 1))
    opposites = Opposites.fit(vocabulary, ratings, vectors, inputs, np.array([0, 1]))
    nearest = {word: vocabulary.words[opposites.nearest(vocabulary.index[word])[0] - 4] for word in words[:4]}
    assert nearest == {"great": "awful", "awful": "great", "bright": "dark", "dark": "bright"}

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sentiment.data.sequences import SequenceConfig, pad_texts
from sentiment.data.vocabulary import INDEX_FROM, PADDING, Vocabulary
from sentiment.training.word_vectors import (
    LEAST_COUNT,
    SPREAD,
    WINDOW,
    learn_word_vectors,
    mutual_information,
    pair_counts,
)

NUM_WORDS = 9


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return Vocabulary.fit(texts(), 40)


@pytest.fixture(scope="module")
def vectors(vocabulary: Vocabulary) -> np.ndarray:
    inputs = pad_texts(texts(), vocabulary, SequenceConfig(maxlen=12))
    return learn_word_vectors(inputs, vocabulary.num_words, 8)


def texts() -> list[str]:
    """Synthetic: what is dull or slow is a plot, and what is lovely or warm a voice; one word stands alone."""
    generator = np.random.default_rng(0)
    clauses = [("the plot was so {} and long", ("dull", "slow")), ("her voice is ever {} yet calm", ("lovely", "warm"))]
    drawn = (clauses[number] for number in generator.integers(0, 2, 400))
    return [*(clause.format(generator.choice(words)) for clause, words in drawn), "hapax"]


def in_a_row(inputs: np.ndarray) -> np.ndarray:
    return np.pad(inputs, ((0, 0), (0, WINDOW))).ravel()


def test_words_in_the_place_of_each_other_get_similar_vectors(vocabulary: Vocabulary, vectors: np.ndarray) -> None:
    dull, slow, lovely, warm = (vectors[vocabulary.index[word]] for word in ("dull", "slow", "lovely", "warm"))
    for one, like, other in ((dull, slow, lovely), (warm, lovely, slow)):
        assert one @ like > one @ other + 0.5 * one @ one


def test_every_index_has_a_vector_of_the_same_spread_and_padding_has_zeros(
    vocabulary: Vocabulary, vectors: np.ndarray
) -> None:
    assert vectors.shape == (vocabulary.num_words, 8)
    assert vectors.dtype == np.float32
    assert not vectors[PADDING].any()
    lengths = np.linalg.norm(vectors[PADDING + 1 :], axis=1)  # also of hapax, which stands beside no word
    assert lengths.min() > 0
    assert lengths[vocabulary.index["dull"] - 1] == pytest.approx(0.3 * np.sqrt(8), rel=1e-5)


@given(arrays(np.int32, (3, 6), elements=st.integers(0, NUM_WORDS - 1)))
def test_a_pair_counts_as_often_as_both_words_stand_near_each_other_in_a_review(inputs: np.ndarray) -> None:
    expected: Counter[tuple[int, int]] = Counter()
    for review in inputs.tolist():
        for place, word in enumerate(review):
            for other in review[max(0, place - WINDOW) : place] + review[place + 1 : place + 1 + WINDOW]:
                if min(word, other) >= INDEX_FROM:
                    expected[word, other] += 1
    counts = pair_counts(in_a_row(inputs), NUM_WORDS, WINDOW).toarray()
    assert {pair: count for pair, count in np.ndenumerate(counts) if count} == expected


@given(arrays(np.int32, (4, 6), elements=st.integers(0, NUM_WORDS - 1)))
def test_information_is_positive_and_of_pairs_that_count_alone(inputs: np.ndarray) -> None:
    counts = pair_counts(in_a_row(inputs), NUM_WORDS, WINDOW)
    information = mutual_information(counts).toarray()
    assert np.isfinite(information).all()
    assert (information >= 0).all()
    assert not information[counts.toarray() < LEAST_COUNT].any()


def test_reviews_without_two_words_side_by_side_give_random_vectors() -> None:
    vectors = learn_word_vectors(np.full((2, 5), INDEX_FROM - 1, np.int32), 12, 4)
    assert np.isfinite(vectors).all()
    assert vectors[PADDING + 1 :].any(axis=1).all()


def test_ratings_stand_in_the_last_numbers_and_words_that_are_never_seen_are_like_those_of_their_sign() -> None:
    inputs = np.tile(np.arange(4, 12, dtype=np.int32), (20, 1))
    ratings = np.zeros(14, np.float32)
    ratings[[5, 7, 12]] = 2, -3, 1  # 12 and 13 occur nowhere
    plain, rated = learn_word_vectors(inputs, 14, 16), learn_word_vectors(inputs, 14, 16, ratings)
    assert np.array_equal(rated[:12, :-1], plain[:12, :-1])
    assert np.allclose(rated[1:, -1], SPREAD * ratings[1:])
    assert np.array_equal(rated[12, :-1], plain[5, :-1])
    assert np.array_equal(rated[13, :-1], plain[13, :-1])

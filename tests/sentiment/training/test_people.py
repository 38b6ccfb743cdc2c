import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sentiment.data.vocabulary import INDEX_FROM, Vocabulary
from sentiment.training.people import People, read_people

WORDS = ["film", "gay", "lesbian", "jewish", "catholic", "he", "she", "good"]
VOCABULARY = Vocabulary(WORDS, 20)


@given(st.lists(st.integers(0, 19), min_size=1), st.integers(0, 2**32))
def test_words_for_people_become_others_of_their_kind_and_all_else_stays(before: list[int], seed: int) -> None:
    kind_of = {VOCABULARY.index.get(word, -1): number for number, kind in enumerate(read_people()) for word in kind}
    after = np.array([before], np.int32)
    People(VOCABULARY).exchange(after, np.random.default_rng(seed))
    for old, new in zip(before, after[0].tolist(), strict=True):
        assert kind_of[new] == kind_of[old] if old in kind_of else new == old


def test_each_word_of_a_kind_is_drawn_as_often() -> None:
    indices = np.full(3_000, INDEX_FROM + WORDS.index("gay"), np.int32)
    People(VOCABULARY).exchange(indices, np.random.default_rng(0))
    words, counts = np.unique(indices, return_counts=True)
    assert [WORDS[index - INDEX_FROM] for index in words] == ["gay", "lesbian"]
    assert abs(counts[0] - 1_500) < 150


def test_a_vocabulary_without_such_words_is_left_alone() -> None:
    indices = np.arange(5)
    People(Vocabulary(["film"], 5)).exchange(indices, np.random.default_rng(0))
    assert indices.tolist() == [0, 1, 2, 3, 4]


def test_tied_vectors_are_one_for_each_kind_and_stay_for_all_other_words() -> None:
    vectors = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    tied = People(VOCABULARY).tied(vectors)
    gay, lesbian, film = (INDEX_FROM + WORDS.index(word) for word in ("gay", "lesbian", "film"))
    assert np.array_equal(tied[gay], tied[lesbian])
    assert np.allclose(tied[gay], vectors[[gay, lesbian]].mean(axis=0))
    assert np.array_equal(tied[film], vectors[film])

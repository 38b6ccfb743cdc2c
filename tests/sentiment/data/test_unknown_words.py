from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment.data.unknown_words import WordSample, held_out_unknown_share, share_of_unknown
from sentiment.data.vocabulary import Vocabulary


def count(texts: Sequence[str]) -> np.ndarray:
    return np.array([[len(text), text.count("a")] for text in texts], np.int64).reshape(-1, 2)


def test_a_word_that_only_a_validation_review_holds_is_unknown() -> None:
    vocabulary = Vocabulary.fit(["fine film.", "dull film."], 100, ".")
    learned, held_out = (np.array([[0, *vocabulary.encode(text)]]) for text in ("fine film.", "dull film rare."))
    assert held_out_unknown_share(vocabulary, [learned], held_out) == pytest.approx(2 / 3)
    assert held_out_unknown_share(vocabulary, [learned], learned) == 0


@given(st.lists(st.lists(st.text(), max_size=30), max_size=8))
def test_a_sample_larger_than_the_texts_is_all_of_them(parts: list[list[str]]) -> None:
    sample = WordSample(count, size=1_000)
    for part in parts:
        sample.add(part)
    everything = [text for part in parts for text in part]
    assert (sample.texts, sample.seen) == (len(everything), len(everything))
    assert sample.unknown_share == share_of_unknown(count(everything))


def test_a_sample_of_many_texts_is_like_all_of_them() -> None:
    sample = WordSample(count, size=500)
    for start in range(0, 20_000, 1_000):
        sample.add(["a" if number % 4 else "b" for number in range(start, start + 1_000)])
    assert (sample.texts, sample.seen) == (500, 20_000)
    assert sample.unknown_share == pytest.approx(0.25, abs=0.06)

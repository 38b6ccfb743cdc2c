import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sentiment.training.ngrams import Ngrams, Tokens


@given(st.lists(st.lists(st.integers(4, 7), max_size=8), max_size=6), st.integers(1, 3), st.integers(1, 3))
def test_the_frequent_ngrams_are_those_of_enough_reviews_and_occur_where_they_are_found(
    reviews: list[list[int]], highest_order: int, min_reviews: int
) -> None:
    tokens = Tokens.from_encoded([np.array(review, np.int32) for review in reviews])
    known, in_reviews, ngrams = Ngrams.frequent(tokens, 8, highest_order=highest_order, min_reviews=min_reviews)
    holding: dict[tuple[int, ...], set[int]] = {}
    for number, review in enumerate(reviews):
        for order in range(1, highest_order + 1):
            for first in range(len(review) - order + 1):
                holding.setdefault(tuple(review[first : first + order]), set()).add(number)
    frequent = {ngram for ngram, held in holding.items() if len(held) >= min_reviews}
    assert len(known) == len(frequent)
    assert sorted(in_reviews.tolist()) == sorted(number for ngram in frequent for number in holding[ngram])
    found = known.occurrences(tokens)
    assert np.array_equal(in_reviews, found[0])
    assert np.array_equal(ngrams, found[1])

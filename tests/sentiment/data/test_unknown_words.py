import numpy as np

from sentiment.data.unknown_words import learned_words
from sentiment.data.vocabulary import Vocabulary


def test_a_word_that_only_a_validation_review_holds_is_not_learned() -> None:
    vocabulary = Vocabulary.fit(["fine film.", "dull film."], 100, ".")
    assert learned_words(vocabulary, [np.array([[0, *vocabulary.encode("fine film. rare")]])]) == {"fine", "film", "."}
    assert learned_words(vocabulary, []) == frozenset()

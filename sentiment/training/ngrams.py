"""Ngrams: those of encoded reviews that are frequent, and where they occur. No step is a loop over n-grams."""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from sentiment.data.tokenizer import Tokenizer, by_frequency
from sentiment.data.vocabulary import INDEX_FROM, Vocabulary

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Tokens:
    """The tokens of some reviews, one after the other.

    Attributes:
        indices: of the vocabulary, int64 (T,).
        reviews: to which review each belongs, int64 (T,), rising.
        count: of the reviews.
    """

    indices: np.ndarray
    reviews: np.ndarray
    count: int

    @functools.cached_property
    def continues(self) -> np.ndarray:
        """Whether the review of each token has another one behind it, bool (T,)."""
        return np.append(self.reviews[1:] == self.reviews[:-1], False)[: len(self.reviews)]

    @classmethod
    def from_encoded(cls, encoded: Sequence[np.ndarray]) -> "Tokens":
        """The tokens of encoded reviews, one array of indices each, without the start token."""
        reviews = np.repeat(np.arange(len(encoded)), [len(indices) for indices in encoded])
        indices = np.concatenate(encoded) if len(encoded) else np.empty(0)
        return cls(indices.astype(np.int64), reviews, len(encoded))


def index_words(texts: Sequence[str], punctuation_tokens: str) -> tuple[Vocabulary, Tokens]:
    """The vocabulary of all words of the texts but names, and their tokens in its indices; names are out of it."""
    tokenizer = Tokenizer(punctuation_tokens)
    tokenized = [tokenizer.tokenize(text) for text in texts]
    names = tokenizer.names(texts)
    words = [word for word in by_frequency(chain.from_iterable(tokenized)) if word not in names]
    vocabulary = Vocabulary(words, INDEX_FROM + max(1, len(words)), tokenizer)
    return vocabulary, Tokens.from_encoded([vocabulary.indices(tokens) for tokens in tokenized])


class Ngrams:
    """N-grams that are known, numbered by their places in `keys`, one order after the other.

    Attributes:
        keys: of the n-grams of each order, sorted, int64. The key of a word is its index. That of a longer n-gram is
            the number of all its tokens but the last, times `num_words`, plus the index of the last.
        num_words: of the vocabulary.
    """

    def __init__(self, keys: Sequence[np.ndarray], num_words: int) -> None:
        self.keys, self.num_words = list(keys), num_words

    @classmethod
    def frequent(
        cls, tokens: Tokens, num_words: int, *, highest_order: int, min_reviews: int
    ) -> tuple["Ngrams", np.ndarray, np.ndarray]:
        """The n-grams that occur in at least `min_reviews` reviews; the parts of such an n-gram do so, too.

        Returns:
            The n-grams, and which review holds which, as `occurrences` gives it: two arrays, int64 (P,).
        """
        import pandas as pd

        keys: list[np.ndarray] = []
        pairs: list[np.ndarray] = []
        above_all = 1 + highest_order * len(tokens.indices)  # more than n-grams there can be
        positions, ngrams, first = np.arange(len(tokens.indices)), np.zeros(len(tokens.indices), np.int64), 0
        for order in range(highest_order):
            positions, sought = _longer(tokens, num_words, positions, ngrams, order)
            codes, different = pd.factorize(sought)
            is_frequent = (np.bincount(codes, minlength=len(different)) >= min_reviews)[codes]
            positions, codes = positions[is_frequent], codes[is_frequent]
            size = max(1, len(different))
            reviews, held = np.divmod(_distinct(tokens.reviews[positions] * size + codes), size)
            kept = np.flatnonzero(np.bincount(held, minlength=size) >= min_reviews)
            kept = kept[np.argsort(different[kept])]
            keys.append(different[kept])
            numbers = np.full(size, -1)
            numbers[kept] = np.arange(first, first + len(kept))
            held = numbers[held]
            pairs.append(reviews[held >= 0] * above_all + held[held >= 0])
            is_kept = numbers[codes] >= 0
            positions, ngrams = positions[is_kept], numbers[codes[is_kept]]
            first += len(kept)
        return cls(keys, num_words), *np.divmod(np.sort(np.concatenate(pairs)), above_all)

    def __len__(self) -> int:
        return sum(map(len, self.keys))

    @functools.cached_property
    def _tables(self) -> list["pd.Index"]:
        """The keys in hash tables of pandas, where they are found several times as fast as by binary search."""
        import pandas as pd

        tables = [pd.Index(keys) for keys in self.keys]
        for table in tables:
            table.get_indexer(table[:1])  # makes the hash table, which threads then share
        return tables

    def found(self, tokens: Tokens) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """For one order after the other: where its n-grams start in the tokens, and their numbers, both int64 (K,)."""
        import pandas as pd

        positions, ngrams, first = np.arange(len(tokens.indices)), np.zeros(len(tokens.indices), np.int64), 0
        for order, table in enumerate(self._tables):
            positions, sought = _longer(tokens, self.num_words, positions, ngrams, order)
            places = table.get_indexer(pd.Index(sought))
            is_known = places >= 0
            positions, ngrams = positions[is_known], first + places[is_known]
            yield positions, ngrams
            first += len(table)

    def occurrences(self, tokens: Tokens) -> tuple[np.ndarray, np.ndarray]:
        """Which review holds which n-gram, each pair once, sorted: two arrays, int64 (P,)."""
        size = max(1, len(self))
        pairs = [tokens.reviews[positions] * size + ngrams for positions, ngrams in self.found(tokens)]
        different = _distinct(np.concatenate(pairs))
        return different // size, different % size


def _longer(
    tokens: Tokens, num_words: int, positions: np.ndarray, ngrams: np.ndarray, order: int
) -> tuple[np.ndarray, np.ndarray]:
    """Where n-grams of `order` tokens go on to one more, and the keys of what they become; of none: the words."""
    if not order:
        return positions, tokens.indices
    continues = tokens.continues[positions + order - 1]
    positions = positions[continues]
    return positions, ngrams[continues] * num_words + tokens.indices[positions + order]


def _distinct(numbers: np.ndarray) -> np.ndarray:
    """The numbers, each once and sorted; np.unique hashes millions slowly."""
    ordered = np.sort(numbers)
    different: np.ndarray = ordered[np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)]]
    return different

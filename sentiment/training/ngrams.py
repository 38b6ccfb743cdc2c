"""N-grams of encoded reviews by NumPy: which are frequent, and where they occur. No step is a loop over n-grams.

An n-gram is numbered by its place in `keys`, sorted arrays, one for each order. The key of a word is its index. The key
of a longer n-gram is the number of all its tokens but the last, times the size of the vocabulary, plus the index of the
last.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sentiment.data.vocabulary import INDEX_FROM, Vocabulary


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

    @classmethod
    def of(cls, encoded: Sequence[np.ndarray]) -> "Tokens":
        """Of encoded reviews, one array of indices each, without the start token."""
        reviews = np.repeat(np.arange(len(encoded)), [len(indices) for indices in encoded])
        indices = np.concatenate(encoded) if len(encoded) else np.empty(0)
        return cls(indices.astype(np.int64), reviews, len(encoded))


def index_words(texts: Sequence[str], punctuation_tokens: str) -> tuple[Vocabulary, Tokens]:
    """The vocabulary of all words of the texts but names, and their tokens in its indices; names are out of it."""
    words = Vocabulary.fit(texts, np.iinfo(np.int32).max, punctuation_tokens, names=False)
    vocabulary = Vocabulary(words.words, INDEX_FROM + max(1, len(words.words)), words.tokenizer)
    return vocabulary, Tokens.of([vocabulary.encode(text)[1:] for text in texts])


def known_ngrams(tokens: Tokens, num_words: int, keys: Sequence[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For one order after the other: where in `tokens` the known n-grams start, and their numbers, both int64 (K,)."""
    positions, ngrams, first = np.arange(len(tokens.indices)), np.zeros(len(tokens.indices), np.int64), 0
    for order, known in enumerate(keys):
        positions, sought = _sought(tokens, num_words, positions, ngrams, order)
        places = np.searchsorted(known, sought)
        found = np.append(known, -1)[places] == sought
        positions, ngrams = positions[found], first + places[found]
        yield positions, ngrams
        first += len(known)


def _sought(
    tokens: Tokens, num_words: int, positions: np.ndarray, ngrams: np.ndarray, order: int
) -> tuple[np.ndarray, np.ndarray]:
    """Where n-grams go on to one more token, which is `order` behind their start, and the keys of what they become."""
    ends = positions + order
    inside = ends < len(tokens.indices)
    inside[inside] = tokens.reviews[ends[inside]] == tokens.reviews[positions[inside]]
    return positions[inside], ngrams[inside] * num_words + tokens.indices[ends[inside]]


def frequent_keys(tokens: Tokens, num_words: int, *, highest_order: int, min_reviews: int) -> list[np.ndarray]:
    """The keys of the n-grams that occur in at least `min_reviews` reviews; the parts of such an n-gram do so, too."""
    keys: list[np.ndarray] = []
    positions, ngrams, first = np.arange(len(tokens.indices)), np.zeros(len(tokens.indices), np.int64), 0
    for order in range(highest_order):
        positions, found = _sought(tokens, num_words, positions, ngrams, order)
        different, counts = _distinct(found)
        candidates = different[counts >= min_reviews]
        places = np.searchsorted(candidates, found)
        is_candidate = np.append(candidates, -1)[places] == found
        positions, places = positions[is_candidate], places[is_candidate]
        pairs, _ = _distinct(tokens.reviews[positions] * max(1, len(candidates)) + places)
        reviews = np.bincount(pairs % max(1, len(candidates)), minlength=len(candidates))
        is_kept = reviews >= min_reviews
        keys.append(candidates[is_kept])
        positions, places = positions[is_kept[places]], places[is_kept[places]]
        ngrams = first + (np.cumsum(is_kept) - 1)[places]
        first += len(keys[-1])
    return keys


def _distinct(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The numbers, each once and sorted, and how often each occurs; by sorting, as np.unique hashes millions slowly."""
    ordered = np.sort(numbers)
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)])
    return ordered[starts], np.diff(np.append(starts, len(ordered)))


def occurrences(tokens: Tokens, num_words: int, keys: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Which review holds which n-gram, each pair once, sorted: two arrays, int64 (P,)."""
    size = max(1, sum(map(len, keys)))
    pairs = [tokens.reviews[positions] * size + ngrams for positions, ngrams in known_ngrams(tokens, num_words, keys)]
    different, _ = _distinct(np.concatenate(pairs))
    return different // size, different % size

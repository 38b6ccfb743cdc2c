"""How much of a text a model does not know: its words that the vocabulary leaves out."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from sentiment.data.vocabulary import OUT_OF_VOCABULARY, PADDING, START, UNUSED, Vocabulary

SAMPLE_SIZE = 1_000


def share_of_unknown(counts: np.ndarray) -> float:
    """Of the words of some texts, (N, 2): how many there are, and how many are known; 0 where there is no word."""
    words, known = counts.sum(axis=0)
    return float(1 - known / words) if words else 0.0


def held_out_unknown_share(vocabulary: Vocabulary, learned: Iterable[np.ndarray], held_out: np.ndarray) -> float:
    """Share of the words of held-out reviews that the network has not learned.

    A vocabulary is of all training reviews, those to validate on included. So a word is also unknown where no review
    that the network learns from holds it.

    Args:
        learned: padded indices of the reviews to learn from, arrays of shape (N, maxlen).
        held_out: those of the others, (M, maxlen).
    """
    is_known = np.zeros(vocabulary.num_words, bool)
    for indices in learned:
        is_known[indices.ravel()] = True
    is_known[OUT_OF_VOCABULARY] = False
    marks = [vocabulary.index[mark] for mark in vocabulary.tokenizer.punctuation_tokens if mark in vocabulary.index]
    words = held_out[~np.isin(held_out, [PADDING, START, UNUSED, *marks])]
    return float(1 - is_known[words].mean()) if words.size else 0.0


class WordSample:
    """Word counts of some of many texts, each as likely to be among them as any other (Vitter 1985, algorithm R).

    The same texts in the same order give the same sample.

    Args:
        count: words of each text, and how many of them are known: int64 (N, 2).
        size: most texts of the sample.

    Attributes:
        seen: how many texts there were.
    """

    def __init__(self, count: Callable[[Sequence[str]], np.ndarray], size: int = SAMPLE_SIZE) -> None:
        self.seen = 0
        self._count, self._size = count, size
        self._counts = np.zeros((0, 2), np.int64)
        self._generator = np.random.default_rng(0)

    def add(self, texts: Sequence[str]) -> None:
        """More texts."""
        orders = np.arange(self.seen, self.seen + len(texts))
        places = np.where(orders < self._size, orders, self._generator.integers(orders + 1))
        kept = np.flatnonzero(places < self._size)
        counts = self._count([texts[position] for position in kept.tolist()])
        room = max(len(self._counts), min(self._size, self.seen + len(texts)))
        self._counts = np.concatenate([self._counts, np.zeros((room - len(self._counts), 2), np.int64)])
        for place, of_text in zip(places[kept].tolist(), counts, strict=True):
            self._counts[place] = of_text
        self.seen += len(texts)

    @property
    def texts(self) -> int:
        """In the sample."""
        return len(self._counts)

    @property
    def unknown_share(self) -> float:
        """Of the words of the sample; 0 where there is no word."""
        return share_of_unknown(self._counts)

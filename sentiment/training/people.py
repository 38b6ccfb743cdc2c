"""People: words for people, exchanged at random, so that no verdict hangs on them.

Reviews use some words for people more often in blame than in praise, and a network learns that they are blame. It
learns otherwise from texts in which such a word is exchanged for another one of its kind, under the same label. This is
counterfactual data augmentation (Zhao et al. 2018; Lu et al. 2020).
"""

import functools
import tomllib
from importlib import resources

import numpy as np

from sentiment.data.vocabulary import Vocabulary

NO_KIND = 255
"""In the place of a kind's number: the word is none for people."""


@functools.cache
def read_people() -> list[list[str]]:
    """The words of people.toml, those that stand for each other in one list."""
    path = resources.files("sentiment.training").joinpath("people.toml")
    return [line.split() for lines in tomllib.loads(path.read_text("utf-8")).values() for line in lines]


class People:
    """The words for people that a vocabulary holds."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        index = vocabulary.index
        kinds = [[index[word] for word in kind if word in index] for kind in read_people()]
        self._members = np.array([member for kind in kinds for member in kind], np.int32)
        self._sizes = np.array([len(kind) for kind in kinds])
        self._firsts = np.cumsum(self._sizes) - self._sizes
        self._kind = np.full(vocabulary.num_words, NO_KIND, np.uint8)
        for number, kind in enumerate(kinds):
            self._kind[kind] = number

    def tied(self, vectors: np.ndarray) -> np.ndarray:
        """The vectors of all words of the vocabulary, those of each kind all the mean of it, (num_words, size)."""
        tied = vectors.copy()
        for kind in np.split(self._members, self._firsts[1:]):
            if len(kind):
                tied[kind] = vectors[kind].mean(axis=0)
        return tied

    def exchange(self, indices: np.ndarray, generator: np.random.Generator) -> None:
        """Put another one of its kind, drawn at random, in the place of each word for people; indices of any shape."""
        kinds = self._kind[indices]
        places = np.nonzero(kinds != NO_KIND)
        found = kinds[places]
        drawn = (generator.random(len(found)) * self._sizes[found]).astype(np.int64)
        indices[places] = self._members[self._firsts[found] + drawn]

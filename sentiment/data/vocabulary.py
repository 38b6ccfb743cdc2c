"""tokenize and Vocabulary: from text to the indices of `keras.datasets.imdb`, and back."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain, repeat
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from sentiment.configuration import Configuration
from sentiment.errors import InputError

PADDING, START, OUT_OF_VOCABULARY, UNUSED = range(4)
INDEX_FROM = 4
"""Index of the most frequent word (Keras' `index_from` of 3, counted from its rank 1)."""

MARKERS = ("[PAD]", "[START]", "[OOV]", "[UNUSED]")
"""What decode gives for the indices below INDEX_FROM; brackets are filtered, so no word looks like one."""

FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
_FILTERS_TO_SPACE = {code: " " if chr(code) in FILTERS else chr(code) for code in range(128)}
"""All of ASCII, as `str.translate` pays for every character that it does not find."""

CHARACTERS_PER_TOKEN = 7
"""A little more than reviews have, separators included."""


class VocabularyConfig(Configuration):
    """What the vocabulary keeps."""

    num_words: int = Field(10_000, ge=5, description="Bound on the word indices, the 4 reserved ones included.")


def tokenize(text: str) -> list[str]:
    """Lower-cased words, split on white space and on the filters of Keras' Tokenizer; the apostrophe stays."""
    return text.lower().translate(_FILTERS_TO_SPACE).split()


def tokenize_end(text: str, count: int, end: Literal["first", "last"]) -> list[str]:
    """The first or last `count` tokens of `tokenize(text)`, without reading all of a long text."""
    reach = CHARACTERS_PER_TOKEN * count
    while reach < len(text):
        # Cut at a space: no token spans it, and what lower-casing makes of a letter does not depend on what is beyond.
        space = text.rfind(" ", 0, reach) if end == "first" else text.find(" ", len(text) - reach)
        if space >= 0:
            tokens = tokenize(text[:space] if end == "first" else text[space:])
            if len(tokens) >= count:
                return tokens[:count] if end == "first" else tokens[-count:]
        reach *= 4
    tokens = tokenize(text)
    return tokens[:count] if end == "first" else tokens[-count:]


class Vocabulary:
    """The most frequent words and their indices.

    0 is padding, 1 the start of a review, 2 out of vocabulary, 3 unused; words follow from 4 on by falling
    frequency, ties alphabetically. Every index is below `num_words`.
    """

    def __init__(self, words: Sequence[str], num_words: int) -> None:
        if num_words <= INDEX_FROM:
            raise InputError(f"num_words is {num_words}: it must be at least 5, as 4 indices are reserved.")
        self.num_words = num_words
        self.words = tuple(words[: num_words - INDEX_FROM])
        self.index = {word: position for position, word in enumerate(self.words, INDEX_FROM)}

    @classmethod
    def fit(cls, texts: Iterable[str], num_words: int) -> "Vocabulary":
        """The vocabulary of the words in `texts`.

        Raises:
            InputError: `num_words` is below 5.
        """
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(tokenize(text))
        return cls(sorted(counts, key=lambda word: (-counts[word], word)), num_words)

    def encode(self, text: str, maxlen: int | None = None, truncating: Literal["pre", "post"] = "pre") -> np.ndarray:
        """The indices of a review: START, then one for each of its tokens, int32.

        Args:
            maxlen: most indices to keep, cut as `keras.utils.pad_sequences` cuts; a long review is not read in whole.
            truncating: side on which to cut.
        """
        if maxlen is None:
            tokens = tokenize(text)
        elif truncating == "post":
            tokens = tokenize_end(text, maxlen - 1, "first")
        else:
            tokens = tokenize_end(text, maxlen, "last")
        indices = map(self.index.get, tokens, repeat(OUT_OF_VOCABULARY))
        if len(tokens) == maxlen:  # START is cut off
            return np.fromiter(indices, np.int32, maxlen)
        return np.fromiter(chain([START], indices), np.int32, len(tokens) + 1)

    def decode(self, indices: Iterable[int]) -> list[str]:
        """The word at each index, or its marker such as [OOV]; indices above the last word are [UNUSED]."""
        names = MARKERS + self.words
        return [names[i] if i < len(names) else MARKERS[UNUSED] for i in indices]

    def save(self, path: Path) -> None:
        """Write JSON: {"num_words": bound, "words": [most frequent first]}."""
        path.write_text(json.dumps({"num_words": self.num_words, "words": self.words}, ensure_ascii=False), "utf-8")

    @classmethod
    def load(cls, path: Path) -> "Vocabulary":
        """Read what `save` wrote."""
        content = json.loads(path.read_text("utf-8"))
        return cls(content["words"], content["num_words"])

"""Vocabulary: from tokens to the indices of `keras.datasets.imdb`, and back."""

import itertools
import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import chain, repeat
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from pydantic import Field, model_validator

from sentiment.configuration import Configuration
from sentiment.data.tokenizer import PUNCTUATION, WORDS, Marks, Tokenizer
from sentiment.errors import InputError

PADDING, START, OUT_OF_VOCABULARY, UNUSED = range(4)
INDEX_FROM = 4
"""Index of the most frequent word (Keras' `index_from` of 3, counted from its rank 1)."""

MARKERS = ("[PAD]", "[START]", "[OOV]", "[UNUSED]")
"""What decode gives for the indices below INDEX_FROM; brackets are filtered, so no word looks like one."""

LENGTHENED = r"([a-z\u00df-\u024f\u0370-\u052f])\1{2,}"
"""Pattern of a letter that stands three or more times in a row: Latin, Greek or Cyrillic, in lower case."""
_LENGTHENED = re.compile(LENGTHENED)

MOST_BYTES = 2**26
"""Most bytes of a saved vocabulary, enough for five million words."""


class VocabularyConfig(Configuration):
    """What the vocabulary keeps."""

    num_words: int = Field(10_000, ge=5, description="Bound on the word indices, the 4 reserved ones included.")
    punctuation_tokens: Marks = Field(
        "", description="Punctuation marks that are tokens of their own; the others are dropped."
    )
    symbols: bool = Field(
        False,
        description="Make each emoji, @name and address a token, and read emoticons as emoji and sooo as so.",
    )
    names: bool = Field(
        True,
        description="Keep names: words that reviews mostly capitalize within a sentence, of people, places and films.",
    )


class VocabularyFile(Configuration):
    """The content of a saved vocabulary."""

    num_words: int = Field(gt=INDEX_FROM, le=2**31, strict=True)
    tokenizer: Tokenizer
    words: tuple[str, ...]

    @model_validator(mode="after")
    def _fits(self) -> "VocabularyFile":
        if len(self.words) > self.num_words - INDEX_FROM:
            raise ValueError(f"it has {len(self.words):,} words, more than its num_words of {self.num_words:,} allows")
        if len(set(self.words)) < len(self.words):
            raise ValueError("it has a word twice")
        return self


class _Index(dict[str, int]):
    """Word -> index. `index["sooo"]` is that of "so", and `index["goooood"]` that of "good", unless it has them."""

    def __missing__(self, word: str) -> int:
        if not _LENGTHENED.search(word):
            return OUT_OF_VOCABULARY
        twice, once = (_LENGTHENED.sub(letters, word) for letters in (r"\1\1", r"\1"))
        return self.get(twice, self.get(once, OUT_OF_VOCABULARY))


class Vocabulary:
    """The most frequent words and their indices.

    0 is padding, 1 the start of a review, 2 out of vocabulary, 3 unused; words follow from 4 on by falling
    frequency, ties alphabetically. Every index is below `num_words`.
    """

    def __init__(self, words: Sequence[str], num_words: int, tokenizer: Tokenizer = WORDS) -> None:
        if num_words <= INDEX_FROM:
            raise InputError(f"num_words is {num_words}: it must be at least 5, as 4 indices are reserved.")
        self.num_words = num_words
        self.tokenizer = tokenizer
        self.words = tuple(words[: num_words - INDEX_FROM])
        self.index = _Index(zip(self.words, itertools.count(INDEX_FROM), strict=False))

    @classmethod
    def fit(
        cls,
        texts: Sequence[str],
        num_words: int,
        punctuation_tokens: str = "",
        *,
        symbols: bool = False,
        names: bool = True,
        kept: Sequence[str] = (),
    ) -> "Vocabulary":
        """The vocabulary of the tokens in `texts`.

        Args:
            punctuation_tokens, symbols: those of the Tokenizer.
            names: whether it holds what `Tokenizer.names` finds.
            kept: words that it holds however seldom the texts use them.

        Raises:
            InputError: `num_words` is below 5.
        """
        tokenizer = Tokenizer(punctuation_tokens, symbols)
        counts = tokenizer.counts(texts)
        left_out = {*kept, *(() if names else tokenizer.names(texts))}
        words = [*kept, *(word for word in counts if word not in left_out)][: max(0, num_words - INDEX_FROM)]
        return cls(sorted(words, key=lambda word: (-counts.get(word, 0), word)), num_words, tokenizer)

    def grown(self, texts: Iterable[str], min_count: int) -> "Vocabulary":
        """This vocabulary, its indices as they are, and behind them the new words that occur often in `texts`.

        Args:
            min_count: fewest occurrences of a new word.
        """
        counts = self.tokenizer.counts(texts)
        words = [*self.words, *(w for w, count in counts.items() if count >= min_count and w not in self.index)]
        return Vocabulary(words, max(self.num_words, INDEX_FROM + len(words)), self.tokenizer)

    def tokens(self, text: str, maxlen: int | None = None, truncating: Literal["pre", "post"] = "pre") -> list[str]:
        """The tokens of a review that `encode` gives indices, known or not."""
        if maxlen is None:
            return self.tokenizer.tokenize(text)
        if truncating == "post":
            return self.tokenizer.tokenize_end(text, maxlen - 1, "first")
        return self.tokenizer.tokenize_end(text, maxlen, "last")

    def encode(self, text: str, maxlen: int | None = None, truncating: Literal["pre", "post"] = "pre") -> np.ndarray:
        """The indices of a review: START, then one for each of its tokens, int32.

        Args:
            maxlen: most indices to keep, cut as `keras.utils.pad_sequences` cuts; a long review is not read in whole.
            truncating: side on which to cut.
        """
        tokens = self.tokens(text, maxlen, truncating)
        if len(tokens) == maxlen:  # START is cut off
            return self.indices(tokens)
        return np.fromiter(chain([START], self._find(tokens)), np.int32, len(tokens) + 1)

    def indices(self, tokens: Collection[str]) -> np.ndarray:
        """The index of each token, int32."""
        return np.fromiter(self._find(tokens), np.int32, len(tokens))

    def _find(self, tokens: Iterable[str]) -> Iterator[int]:
        if self.tokenizer.symbols:
            return map(self.index.__getitem__, tokens)
        return map(self.index.get, tokens, repeat(OUT_OF_VOCABULARY))

    def decode(self, indices: Iterable[int]) -> list[str]:
        """The word at each index, or its marker such as [OOV]; indices above the last word are [UNUSED]."""
        names = MARKERS + self.words
        return [names[i] if i < len(names) else MARKERS[UNUSED] for i in indices]

    def save(self, path: Path) -> None:
        """Write JSON: {"num_words": bound, "tokenizer": its attributes, "words": [most frequent first]}."""
        content = {"num_words": self.num_words, "tokenizer": asdict(self.tokenizer), "words": self.words}
        path.write_text(json.dumps(content, ensure_ascii=False), "utf-8")

    @classmethod
    def load(cls, path: Path) -> "Vocabulary":
        """Read what `save` wrote.

        Raises:
            ValueError: the file holds something else, or is larger than MOST_BYTES.
        """
        if (size := path.stat().st_size) > MOST_BYTES:
            raise ValueError(f"{path.name} takes {size:,} bytes, of {MOST_BYTES:,} at most")
        content = VocabularyFile.model_validate_json(path.read_bytes())
        return cls(content.words, content.num_words, content.tokenizer)


def learned_words(vocabulary: Vocabulary, learned: Iterable[np.ndarray]) -> frozenset[str]:
    """The words that a review holds from which the network learns.

    A vocabulary is of all training reviews, those to validate on included. So the network has not learned all of it.

    Args:
        learned: padded indices of the reviews to learn from, arrays of shape (N, maxlen).
    """
    indices = {index for array in learned for index in np.unique(array).tolist()}
    return frozenset(word for word, index in vocabulary.index.items() if index in indices)


class Reader(Protocol):
    """A model that reads words."""

    def words(self, text: str) -> list[tuple[str, bool]]:
        """The words of a text that it reads, in their order, and whether it knows each."""


def count_words(model: Reader, texts: Sequence[str]) -> np.ndarray:
    """Words that a model reads of each text, and how many of them it knows, punctuation marks apart: int64 (N, 2)."""
    known = [[is_known for word, is_known in model.words(text) if word not in PUNCTUATION] for text in texts]
    return np.array([(len(words), sum(words)) for words in known], np.int64).reshape(-1, 2)

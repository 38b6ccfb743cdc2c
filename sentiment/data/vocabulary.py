"""tokenize and Vocabulary: from text to the indices of `keras.datasets.imdb`, and back."""

import functools
import itertools
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import chain, repeat
from pathlib import Path
from typing import Annotated, Literal, Protocol

import numpy as np
from pydantic import ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

from sentiment.configuration import Configuration
from sentiment.data.markup import without_markup, without_markup_placed
from sentiment.data.symbols import with_symbols_apart, with_symbols_apart_placed
from sentiment.errors import InputError

PADDING, START, OUT_OF_VOCABULARY, UNUSED = range(4)
INDEX_FROM = 4
"""Index of the most frequent word (Keras' `index_from` of 3, counted from its rank 1)."""

MARKERS = ("[PAD]", "[START]", "[OOV]", "[UNUSED]")
"""What decode gives for the indices below INDEX_FROM; brackets are filtered, so no word looks like one."""

FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'

PUNCTUATION = "!?.,;:"
"""The filtered marks that a vocabulary may keep as tokens of their own."""

TYPOGRAPHY = {
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u02bc\u00b4\x91\x92", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb\x93\x94", '"'),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\x96\x97", "-"),
    **dict.fromkeys("\u2026\x85", "..."),
    **dict.fromkeys("\u00ad\u2060\ufeff", ""),  # soft hyphen, word joiner, byte order mark
    "\u200b": " ",  # zero width space
    **dict.fromkeys("\u3002\uff0e\uff61", "."),  # what Chinese and Japanese write
    **dict.fromkeys("\u3001\uff0c\uff64", ","),
    **dict.fromkeys("\u300c\u300d\u300e\u300f\u300a\u300b", '"'),
    **dict(zip("\uff01\uff1f\uff1a\uff1b\uff08\uff09", "!?:;()", strict=True)),
}
"""Typographic character -> what it stands for; \\x85 and those above it are of Windows-1252, read as Latin-1."""
_TYPOGRAPHY = str.maketrans(TYPOGRAPHY)

UNSPACED = (
    "\u0e00-\u0eff\u1780-\u17ff\u19e0-\u19ff"  # Thai, Lao and Khmer
    "\u3041-\u30ff\u31f0-\u31ff\uff66-\uff9f\U0001aff0-\U0001b16f"  # kana
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3038-\u303b\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # Han
    "\U00020000-\U0003ffff"
)
"""Characters of scripts that set no blanks between words, as a class of regular expressions: each is a token."""
_UNSPACED = re.compile(f"[{UNSPACED}]")

TOKEN = rf"[{UNSPACED}]|[^\s{re.escape(FILTERS)}{UNSPACED}]+"
"""Pattern of a word in a text."""

LENGTHENED = r"([a-z\u00df-\u024f\u0370-\u052f])\1{2,}"
"""Pattern of a letter that stands three or more times in a row: Latin, Greek or Cyrillic, in lower case."""
_LENGTHENED = re.compile(LENGTHENED)

CHARACTERS_PER_TOKEN = 7
"""A little more than reviews have, separators included."""

Span = tuple[int, int]
"""Where a token starts and ends in the text."""


NAME_SHARE, FEWEST_NAMED = 0.8, 2
"""Share of a word's occurrences within sentences that are capitalized, and their least number, which make it a name."""

FUNCTION_WORDS = frozenset("the and that this it with you not but they from what which there would".split())
"""Common in English, and hardly ever words of another language."""

ENGLISH_SHARE = 0.05
"""Least share of function words in English texts. They are 15 to 19 % of the words of reviews, and 11 % of tweets."""

CAPITALIZED_SHARE = 0.12
"""From this share of the words within sentences on, capitals mean more than names. Where they mean names alone, reviews
have 3 to 9 %, German ones over 20 %; English tweets have 20 % too, so English texts are not asked."""

FEWEST_WORDS = 300
"""Within sentences, below which nothing can be said of capitals, and they are taken to mean names."""

SAMPLE = 1_000
"""Texts that are enough to see a language."""

_SENTENCE_END = re.compile(r"[.!?]")
_FIRST_PERSON = re.compile("i(?:'.*)?")

MOST_BYTES = 2**26
"""Most bytes of a saved vocabulary, enough for five million words."""

Marks = Annotated[str, Field(pattern=r"^[!?.,;:]*$")]


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


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Tokenizer:
    """From a text to its tokens: lower-cased words, and the punctuation marks that are kept.

    A text is read as people see it: HTML entities decoded and tags as spaces, in Unicode's NFC, and typographic
    characters as what they stand for (TYPOGRAPHY). It is split on white space and on the filters of Keras' Tokenizer;
    the apostrophe stays. Each character of a script without blanks (UNSPACED) is a token of its own.

    Attributes:
        punctuation_tokens: marks of PUNCTUATION, each of which is a token of its own.
        symbols: whether each emoji, @name and address is a token of its own, and an emoticon the emoji that it stands
            for; `Vocabulary` then also takes a lengthened word for the word that it knows.
    """

    punctuation_tokens: Marks = ""
    symbols: bool = False

    def tokenize(self, text: str) -> list[str]:
        """All tokens of the text."""
        return self._tokens(self._shown(text))

    def _shown(self, text: str) -> str:
        """The text without markup, and with its symbols as tokens."""
        text = without_markup(text)
        return with_symbols_apart(text) if self.symbols else text

    def _tokens(self, text: str) -> list[str]:
        """The tokens of what `_shown` gives, or of a part of it."""
        if text.isascii():
            text = text.lower()
        else:
            text = unicodedata.normalize("NFC", text).translate(_TYPOGRAPHY).lower()
            text = _UNSPACED.sub(r" \g<0> ", text)
        for mark in self.punctuation_tokens:
            text = text.replace(mark, f" {mark} ")
        return text.translate(_filters_to_space(self.punctuation_tokens)).split()

    def tokenize_end(self, text: str, count: int, end: Literal["first", "last"]) -> list[str]:
        """The first or last `count` of all tokens, without splitting all of a long text."""
        text, reach = self._shown(text), CHARACTERS_PER_TOKEN * count
        kept = slice(count) if end == "first" else slice(-count, None)
        while reach < len(text):
            # Cut at a space: no token spans it, no letter is composed or lower-cased by what is beyond.
            space = text.rfind(" ", 0, reach) if end == "first" else text.find(" ", len(text) - reach)
            if space >= 0:
                tokens = self._tokens(text[:space] if end == "first" else text[space:])
                if len(tokens) >= count:
                    return tokens[kept]
            reach *= 4
        return self._tokens(text)[kept]

    def counts(self, texts: Iterable[str]) -> dict[str, int]:
        """How often each token occurs in the texts, as `by_frequency` has them."""
        return by_frequency(chain.from_iterable(map(self.tokenize, texts)))

    def names(self, texts: Sequence[str]) -> frozenset[str]:
        """The words that the texts mostly capitalize where no sentence starts, in lower case.

        Words all in capitals, such as "DVD" or what is shouted, count as no name. There are none where capitals do not
        mean names.
        """
        if not self.capitals_mean_names(texts):
            return frozenset()
        capitalized, counts = self._capitalized(texts)
        return frozenset(
            word
            for word, count in capitalized.items()
            if count >= max(FEWEST_NAMED, NAME_SHARE * counts[word]) and not _FIRST_PERSON.fullmatch(word)
        )

    def capitals_mean_names(self, texts: Sequence[str]) -> bool:
        """Whether the texts capitalize names alone within a sentence; German capitalizes every noun."""
        capitalized, counts = self._capitalized(sample(texts))
        is_rare = capitalized.total() < CAPITALIZED_SHARE * counts.total()
        return counts.total() < FEWEST_WORDS or is_rare or is_english(counts)

    def _capitalized(self, texts: Iterable[str]) -> tuple[Counter[str], Counter[str]]:
        """How often each word, in lower case, is capitalized where no sentence starts, and how often it is there."""
        within = Counter(chain.from_iterable(sentence.split()[1:] for sentence in self._sentences(texts)))
        capitalized, counts = Counter[str](), Counter[str]()
        for word, count in within.items():
            counts[word.lower()] += count
            if word[0].isupper() and (len(word) == 1 or not word.isupper()):
                capitalized[word.lower()] += count
        return capitalized, counts

    def _sentences(self, texts: Iterable[str]) -> Iterator[str]:
        """The sentences of the texts, without other punctuation."""
        for text in texts:
            text = without_markup(text, line_break=".")
            if not text.isascii():
                text = unicodedata.normalize("NFC", text).translate(_TYPOGRAPHY)
            yield from _SENTENCE_END.split(text.translate(_filters_to_space(".!?")))

    def spans(self, text: str) -> list[Span]:
        """Where each token of `tokenize(text)` stands in the text, in the same order.

        A character that stands for several tokens, such as an ellipsis for three full stops, is the place of each.
        """
        lowered, origins = "", list[Span]()  # of each of these characters
        visible, places = without_markup_placed(text)
        if self.symbols:
            visible, places = with_symbols_apart_placed(visible, places)
        for first, last in _composed(visible):
            part = unicodedata.normalize("NFC", visible[first:last]).translate(_TYPOGRAPHY)
            # one by one, which changes no separator and all lengths alike
            letters = "".join(character.lower() for character in part)
            lowered += letters
            origins += [(places[first][0], places[last - 1][1])] * len(letters)
        marks = re.escape(self.punctuation_tokens)
        token = re.compile((rf"[{marks}]|" if marks else "") + TOKEN)
        return [(origins[found.start()][0], origins[found.end() - 1][1]) for found in token.finditer(lowered)]


@functools.cache
def _filters_to_space(kept: str) -> dict[int, str]:
    """For `str.translate`: all of ASCII, as a character that is not found costs more."""
    return {code: " " if chr(code) in FILTERS and chr(code) not in kept else chr(code) for code in range(128)}


def _composed(text: str) -> list[Span]:
    """Parts of a text that NFC changes independently: a character with what is composed with it."""
    normalize = functools.partial(unicodedata.normalize, "NFC")
    starts = [0] if text else []
    for position in range(1, len(text)):
        before, character = text[starts[-1] : position], text[position]
        is_apart = normalize(before + character) == normalize(before) + normalize(character)
        if is_apart and not unicodedata.combining(character):
            starts.append(position)
    return list(itertools.pairwise([*starts, len(text)]))


def is_english(counts: Mapping[str, int]) -> bool:
    """Whether words, in lower case, are those of English texts.

    Args:
        counts: word -> how often it occurs.
    """
    return sum(counts.get(word, 0) for word in FUNCTION_WORDS) >= ENGLISH_SHARE * max(1, sum(counts.values()))


def sample(texts: Sequence[str]) -> Sequence[str]:
    """About SAMPLE of the texts, evenly spaced."""
    return texts[:: max(1, len(texts) // SAMPLE)]


def by_frequency(tokens: Iterable[str]) -> dict[str, int]:
    """How often each token occurs: by falling frequency, ties alphabetically."""
    return dict(sorted(Counter(tokens).items(), key=lambda item: (-item[1], item[0])))


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


_WORDS = Tokenizer()


def tokenize(text: str) -> list[str]:
    """The words of a text, no punctuation: what `Tokenizer()` makes of it."""
    return _WORDS.tokenize(text)


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

    def __init__(self, words: Sequence[str], num_words: int, tokenizer: Tokenizer = _WORDS) -> None:
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

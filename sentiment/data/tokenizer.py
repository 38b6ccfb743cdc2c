"""Tokenizer: from a text to its tokens, and what the words of texts tell of their language."""

import functools
import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from sentiment.data.markup import without_markup, without_markup_placed
from sentiment.data.symbols import with_symbols_apart, with_symbols_apart_placed

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

Marks = Annotated[str, Field(pattern=r"^[!?.,;:]*$")]


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


WORDS = Tokenizer()


def tokenize(text: str) -> list[str]:
    """The words of a text, no punctuation: what `Tokenizer()` makes of it."""
    return WORDS.tokenize(text)

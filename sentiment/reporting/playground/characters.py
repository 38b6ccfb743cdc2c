"""What Python knows of Unicode's characters and JavaScript knows otherwise, as data for tokenizer.js.

`str.lower`, `str.split` and `unicodedata.normalize` follow the Unicode version of this Python; a browser has its own.
"""

import functools
import sys
import unicodedata
from collections.abc import Iterable
from typing import Any

from sentiment.data.markup import ENTITIES, ENTITY, TAG
from sentiment.data.vocabulary import FILTERS, TYPOGRAPHY, UNSPACED, Tokenizer

SIGMA, FINAL_SIGMA = "\u03a3", "\u03c2"


def tokenizer_data(tokenizer: Tokenizer) -> dict[str, Any]:
    """All that tokenizer.js needs to find the same tokens."""
    return {
        **character_tables(),
        "filters": FILTERS,
        "punctuation_tokens": tokenizer.punctuation_tokens,
        "typography": TYPOGRAPHY,
        "markup": {"entity": ENTITY, "entities": ENTITIES, "tag": TAG},
        "unspaced": UNSPACED,
    }


@functools.cache
def character_tables() -> dict[str, Any]:
    """White space, lower case, and sets of characters as the gaps and lengths of their ranges.

    `cased` and `ignorable` decide the form of the Greek sigma (Unicode, section 3.13, Final_Sigma). Python does not
    name these sets, but what `str.lower` makes of a sigma beside a character tells them. Cased characters that are
    ignorable as well are in `ignorable` alone.
    """
    assigned: list[str] = []
    unassigned: list[str] = []
    for character in map(chr, range(sys.maxunicode + 1)):
        (unassigned if unicodedata.category(character) == "Cn" else assigned).append(character)
    cased = [character for character in assigned if f"{character}{SIGMA}".lower()[-1] == FINAL_SIGMA]
    either = [character for character in assigned if f"a{character}{SIGMA}".lower()[-1] == FINAL_SIGMA]
    return {
        "white_space": "".join(filter(str.isspace, assigned)),
        "lower": {character: lower for character in assigned if (lower := character.lower()) != character},
        "cased": _ranges(cased),
        "ignorable": _ranges(sorted({*either}.difference(cased))),
        "unassigned": _ranges(unassigned),
    }


def _ranges(characters: Iterable[str]) -> list[int]:
    """How far from the end of one range of ordered characters to the start of the next, and its length, in turns."""
    widths: list[int] = []
    end = 0
    for code in map(ord, characters):
        if widths and code == end:
            widths[-1] += 1
        else:
            widths += [code - end, 1]
        end = code + 1
    return widths

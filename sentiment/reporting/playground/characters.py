"""What Python knows of Unicode's characters and JavaScript knows otherwise, as data for tokenizer.js.

`str.lower`, `str.split` and `unicodedata.normalize` follow the Unicode version of this Python; a browser has its own.
"""

import functools
import sys
import unicodedata
from collections.abc import Callable
from typing import Any

from sentiment.data.vocabulary import FILTERS, TYPOGRAPHY, Tokenizer

SIGMA, FINAL_SIGMA = "\u03a3", "\u03c2"


def tokenizer_data(tokenizer: Tokenizer) -> dict[str, Any]:
    """All that tokenizer.js needs to find the same tokens.

    `typography` is None where a text is read as it is, without NFC and without replacements.
    """
    return {
        **character_tables(),
        "filters": FILTERS,
        "punctuation_tokens": tokenizer.punctuation_tokens,
        "typography": TYPOGRAPHY if tokenizer.typography else None,
    }


@functools.cache
def character_tables() -> dict[str, Any]:
    """White space, lower case, and sets of characters as the gaps and lengths of their ranges.

    `cased` and `ignorable` decide the form of the Greek sigma (Unicode, section 3.13, Final_Sigma). Python does not
    name these sets, but what `str.lower` makes of a sigma beside a character tells them. Cased characters that are
    ignorable as well are in `ignorable` alone.
    """
    characters = [chr(code) for code in range(sys.maxunicode + 1)]
    lowered = {character: character.lower() for character in characters}

    def is_ignorable(character: str) -> bool:
        return f"a{character}{SIGMA}".lower()[-1] == FINAL_SIGMA != f"{character}{SIGMA}".lower()[-1]

    def is_cased(character: str) -> bool:
        return f"{character}{SIGMA}".lower()[-1] == FINAL_SIGMA

    return {
        "white_space": "".join(filter(str.isspace, characters)),
        "lower": {character: lower for character, lower in lowered.items() if character != lower},
        "cased": _ranges(characters, is_cased),
        "ignorable": _ranges(characters, is_ignorable),
        "unassigned": _ranges(characters, lambda character: unicodedata.category(character) == "Cn"),
    }


def _ranges(characters: list[str], belongs: Callable[[str], bool]) -> list[int]:
    """How far from the end of one range of characters to the start of the next, and how long it is, in turns."""
    widths, before, inside = [], 0, False
    for code, character in enumerate(characters):
        if belongs(character) != inside:
            widths.append(code - before)
            before, inside = code, not inside
    return [*widths, len(characters) - before] if inside else widths

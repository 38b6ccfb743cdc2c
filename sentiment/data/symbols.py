"""Symbols in texts of today: emoji, emoticons, @names and addresses, each of which becomes a token of its own.

The page that explains a classifier applies the same pattern, so it is written in what Python's regular expressions have
in common with JavaScript's.
"""

import re

from sentiment.data.markup import Place, replaced

EMOTICONS = {
    "🙂": ":) :-) :] :-] =) =] (: (-:",
    "😃": ":D :-D =D ;D :'D xD XD",
    "😉": ";) ;-) ;] (; (-;",
    "😊": "^_^",
    "😘": ":* :-*",
    "😛": ":P :-P :p :-p =P ;P ;p",
    "😮": ":O :-O :o :-o",
    "😐": ":| :-|",
    "😑": "-_-",
    "😕": ":/ :-/ :\\ :-\\",
    "🙁": ":( :-( :[ :-[ =( =[",
    "😢": ":'( :'-( :\u2019( ;( ;-( T_T",
    "😠": ">:( >:-(",
    "❤": "<3",
    "💔": "</3",
}
"""Emoji -> the emoticons that stand for it; the last character of an emoticon may be repeated."""

NAME, ADDRESS = "👤", "🔗"
"""The tokens of an @name, and of a web or e-mail address."""

_WORD = "0-9A-Za-z\u00c0-\u0dff\u1e00-\u1fff"
"""Digits and the letters of alphabets, next to which "10:30", "a:b" and "exD" are no emoticons."""

_MAILBOX = "A-Za-z0-9._%+-"

_EMOJI = "\u203c\u2049\u2190-\u21ff\u2300-\u23ff\u25a0-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff"
_FLAG = "[\U0001f1e6-\U0001f1ff]{2}"
_PICTURE = "\ufe0e\ufe0f\u20e3"
"""Variation selectors and the frame of a keycap, which say how the character before them is drawn."""

_VARIANT = f"\u200d[\u2640\u2642]|[\u200d{_PICTURE}\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]"
"""What may follow an emoji: its gender, skin tone or region, or what joins it to the next."""


def _escaped(text: str) -> str:
    return re.sub(r"[\\^$.*+?()\[\]{}|/]", r"\\\g<0>", text)


def _emoticon(emoticon: str) -> str:
    """Pattern of an emoticon beside no word; one that ends in a round bracket may follow it, as in "thanks:)"."""
    last = _escaped(emoticon[-1])
    before = "0-9" if emoticon[-1] in "()" else _WORD
    number = "(?![.,][0-9])" if last == "3" else ""  # "<3.5"
    return f"(?<![{before}]){_escaped(emoticon)}+(?![{_WORD}{last}]){number}"


_ADDRESS = (
    rf"(?<![{_WORD}])(?:[Hh]ttps?://|HTTPS?://|[Ww]ww\.)[A-Za-z0-9._~:/?#@!$&'()*+,;=%-]*[A-Za-z0-9/]"
    rf"|(?<![{_MAILBOX}])[{_MAILBOX}]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"
)
_ALL_EMOTICONS = " ".join(EMOTICONS.values()).split()
_FIRST = _escaped("".join(sorted({emoticon[0] for emoticon in _ALL_EMOTICONS}))).replace("-", r"\-")
_GROUPS = (f"({'|'.join(map(_emoticon, emoticons.split()))})" for emoticons in EMOTICONS.values())

TOKENS = (ADDRESS, NAME, *EMOTICONS)
SYMBOL = (
    rf"({_ADDRESS})|((?<![{_WORD}])@[A-Za-z0-9_]+)"
    rf"|(?=[{_FIRST}])(?:{'|'.join(_GROUPS)})"
    rf"|({_FLAG}|[{_EMOJI}])(?:{_VARIANT})*|[{_PICTURE}]"
)
"""Pattern of a symbol, with a group for each of TOKENS, and a last one for an emoji, which is its own token."""

STARTS = ("@", "://", "www.", "Www.", *_ALL_EMOTICONS)
"""A text without any of them has no symbol but pictures."""

_SYMBOL = re.compile(SYMBOL)
_START = re.compile("|".join(map(_escaped, STARTS)))
_PICTURES = re.compile("[\u203c-\U0010ffff]")


def may_hold_symbols(text: str) -> bool:
    """Whether a text may have a symbol; most reviews have none, which is found quickly."""
    return bool(_START.search(text) or (not text.isascii() and _PICTURES.search(text)))


def with_symbols_apart(text: str) -> str:
    """The text with the token of each symbol, between spaces, in its place."""
    if not may_hold_symbols(text):
        return text
    # None has a space, and few parts between spaces have one.
    return " ".join(_SYMBOL.sub(_token, part) if may_hold_symbols(part) else part for part in text.split(" "))


def with_symbols_apart_placed(text: str, places: list[Place]) -> tuple[str, list[Place]]:
    """What `with_symbols_apart` gives, and where each of its characters stands."""
    return replaced(text, places, _SYMBOL, _token)


def _token(found: re.Match[str]) -> str:
    if found.lastindex is None:  # a picture of no emoji
        return " "
    return f" {(*TOKENS, found[found.lastindex])[found.lastindex - 1]} "

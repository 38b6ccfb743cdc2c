"""HTML in texts from the web: entities are decoded, and tags are read as white space.

The page that explains a classifier applies the same two patterns, so both are written in what Python's regular
expressions have in common with JavaScript's.
"""

import re
from collections.abc import Callable
from html.entities import name2codepoint

ENTITIES = {**{name: chr(code) for name, code in name2codepoint.items()}, "apos": "'"}
"""The 252 named entities of HTML 4, and the one of XML that it lacks -> their character."""

ENTITY = (
    r"&(?:amp;)*(?:"  # what was escaped several times is decoded at once
    r"#0*([0-9]{1,7})(?![0-9]);?|#[xX]0*([0-9a-fA-F]{1,6})(?![0-9a-fA-F]);?"
    rf"|({'|'.join(ENTITIES)});)"
)
"""Pattern of an entity: its decimal number, its hexadecimal number or its name is a group. Letter case counts."""

_ELEMENTS = """br a abbr address article aside b big blockquote body button caption center cite code col dd del div dl
dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 head header hr html i iframe img input ins kbd label li link main
meta nav ol option p pre q s samp script section select small span strike strong style sub sup table tbody td textarea
tfoot th thead title tr tt u ul video wbr"""

_SPACE = r"[ \t\n\r\f]"

TAG = rf"</?(?:{'|'.join(_ELEMENTS.split())})(?:{_SPACE}(?=[^<>]*=)[^<>]*|{_SPACE}*/?)>"
"""Pattern of a tag, in either case: an element of HTML with nothing but attributes, so "<3" and "a < b" are none."""

_ENTITY = re.compile(ENTITY)
_TAG = re.compile(TAG, re.IGNORECASE | re.ASCII)
LINE_BREAK = re.compile(rf"<br{_SPACE}*/?>", re.IGNORECASE | re.ASCII)

_PLAIN_BREAKS = ("<br />", "<br/>", "<br>")

Place = tuple[int, int]
"""Where a character stands in the text: its start and end."""


def without_markup(text: str, line_break: str = " ") -> str:
    """The text as a browser shows it: entities decoded, tags as spaces.

    Args:
        line_break: what `<br />` becomes.
    """
    if "&" in text:
        text = _ENTITY.sub(_character, text)
    if "<" in text:
        text = _TAG.sub(" ", text if line_break == " " else LINE_BREAK.sub(line_break, text))
    return text


def without_markup_placed(text: str) -> tuple[str, list[Place]]:
    """What `without_markup` gives, and where each of its characters stands in the text."""
    places = [(position, position + 1) for position in range(len(text))]
    text, places = replaced(text, places, _ENTITY, _character)
    return replaced(text, places, _TAG, lambda _: " ")


def replaced(
    text: str, places: list[Place], pattern: re.Pattern[str], replacement: Callable[[re.Match[str]], str]
) -> tuple[str, list[Place]]:
    """What `pattern.sub` gives, and where each of its characters stands: those of a match where the match does.

    Args:
        places: where each character of `text` stands.
    """
    parts, kept, end = [], [], 0
    for found in pattern.finditer(text):
        start, new = found.start(), replacement(found)
        parts += [text[end:start], new]
        kept += [*places[end:start], *[(places[start][0], places[found.end() - 1][1])] * len(new)]
        end = found.end()
    return "".join([*parts, text[end:]]), [*kept, *places[end:]]


def has_line_breaks_alone(text: str) -> bool:
    """Whether a text has no entity, and no "<" but that of `<br />`, `<br/>` and `<br>`; found quickly."""
    if "&" in text and _ENTITY.search(text):
        return False
    if "<" not in text:
        return True
    breaks = text.count("<")
    return breaks == text.count("<br />") or breaks == sum(map(text.count, _PLAIN_BREAKS))


def _character(found: re.Match[str]) -> str:
    """The character of an entity; U+FFFD, as HTML has it, for a number that is no character's."""
    decimal, hexadecimal, name = found.groups()
    if name:
        return ENTITIES[name]
    code = int(decimal) if decimal else int(hexadecimal, 16)
    return chr(code) if code <= 0x10FFFF and not 0xD800 <= code < 0xE000 else "\ufffd"

"""InputError: what the user gave cannot be used; and how its message shows text from a file."""

from collections.abc import Iterable
from pathlib import Path

LONGEST_SHOWN, MOST_SHOWN = 80, 20
"""Characters of a text, and texts of a list, in a message."""

LONGEST_REASON = 300
"""Characters of what another library says of a damaged file."""


PRETRAINED = Path(__file__).with_name("pretrained")
"""The classifiers that come with the package, each in a folder of its name."""

REPAIR = "install sentiment again, with pip's options --force-reinstall and --no-deps"
"""What to do where one of them is missing or damaged."""


class InputError(ValueError):
    """Bad input from the user; the message names the file, column, row or option, and the remedy."""


def damaged_classifier(folder: Path, error: Exception) -> InputError:
    """What to raise for a saved classifier that cannot be used."""
    reason = " ".join(str(error).split())[:LONGEST_REASON]
    remedy = REPAIR if folder.parent == PRETRAINED else "take another, or train one"
    return InputError(f"The classifier in {folder} is damaged ({reason}): {remedy}.")


def shown(text: object) -> str:
    """A text from a file as a message shows it: cut if it is long, control characters as escapes."""
    whole = str(text)
    cut = whole[:LONGEST_SHOWN] + "…" * (len(whole) > LONGEST_SHOWN)
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in cut)


def shown_names(names: Iterable[object]) -> str:
    """Names from a file as a message lists them, the first ones where there are many."""
    listed = list(names)
    more = f" and {len(listed) - MOST_SHOWN:,} more" if len(listed) > MOST_SHOWN else ""
    return ", ".join(map(shown, listed[:MOST_SHOWN])) + more

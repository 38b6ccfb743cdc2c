"""Markdown, as MLflow shows it in descriptions: tables, and text that is shown as it is."""

from collections.abc import Sequence

MARKUP = "\\`*_[]<>|#&"
"""Characters that Markdown or HTML may take for markup."""


def markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table, its first column of names and its others of figures."""
    lines = [heads, ["---", *("---:" for _ in heads[1:])], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def plain(text: str) -> str:
    """A line of text without markup: whatever it holds is shown as it is."""
    return "".join(f"\\{character}" if character in MARKUP else character for character in " ".join(text.split()))

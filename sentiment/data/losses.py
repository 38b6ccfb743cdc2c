"""Lines of tables that could not be read: counted, said, and refused where they are many."""

import shlex
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from typing import Any

from sentiment.data.files import USUALLY_ALLOWED, ReadOptions, TableFile
from sentiment.data.tables.reader import Rejected, TableReader
from sentiment.errors import InputError

ALTERNATIVES: tuple[tuple[str, Any], ...] = (("encoding", "cp1252"), ("quote", "none"), ("quote", '"'))
"""Options that may read a table which those that were given do not."""


def read_to_end(files: Iterable[TableFile], options: ReadOptions, text_column: str | None) -> Iterator[TableReader]:
    """The reader of each file, once it has counted the lines that cannot be read.

    Raises:
        InputError: a file cannot be read.
    """
    for file in files:
        with closing(TableReader(file, text_column, options=options, columns=())) as reader:
            text_column = reader.text_column
            for _ in reader.chunks():
                pass
        yield reader


def check_losses(readers: Sequence[TableReader], allowed: float) -> str:
    """Say how many lines of some tables could not be read.

    Args:
        readers: that have read their files to the ends.
        allowed: accept a smaller share of these lines.

    Returns:
        Such as `2 of 105 lines could not be read: it is not UTF-8 (2, first in line 7).`; "" where none is lost.

    Raises:
        InputError: there are too many, and the message names the option that reads them.
    """
    lost, lines = (sum(getattr(reader, name) for reader in readers) for name in ("lost", "lines"))
    if not lost:
        return ""
    kinds: dict[str, list[Rejected]] = {}
    for rejected in (rejected for reader in readers for rejected in reader.losses.values()):
        kinds.setdefault(rejected.kind, []).append(rejected)
    counts = sorted(((sum(r.lines for r in same), same[0]) for same in kinds.values()), key=lambda found: -found[0])
    parts = ", ".join(f"{first.reason} ({count:,}, first in line {first.line:,})" for count, first in counts[:5])
    sentence = f"{lost:,} of {lines:,} lines could not be read: {parts}."
    if lost >= allowed * lines:
        worst = max(readers, key=lambda reader: reader.lost)
        raise InputError(
            f"{worst.file.path}: {sentence} {_remedy(worst)} To go on without them, add "
            f"--allow-rejected {min(1.0, round(lost / lines + 0.01, 2)):g}."
        )
    return sentence


def _remedy(worst: TableReader) -> str:
    """The option that reads most of a file, if one does, found by reading it so."""
    found: list[tuple[int, str]] = []
    for name, value in ALTERNATIVES:
        with suppress(InputError):
            [reader] = read_to_end([worst.file], replace(worst.options, **{name: value}), worst.wanted_column)
            if reader.lost < USUALLY_ALLOWED * reader.lines:
                reads = f"all but {reader.lost:,}" if reader.lost else "all"
                found.append((reader.lost, f"--{name} {shlex.quote(value)} reads {reads} of them."))
    return min(found, default=(0, "Mend them, or see --encoding, --delimiter and --quote."))[1]

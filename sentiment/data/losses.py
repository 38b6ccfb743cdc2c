"""Lines of tables that could not be read: counted, said, and refused where they are many."""

import re
import shlex
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace

from sentiment.data.files import USUALLY_ALLOWED, ReadOptions, TableFile
from sentiment.data.tables.reader import TableReader
from sentiment.errors import InputError


def check_losses(files: Sequence[TableFile], options: ReadOptions, text_column: str | None, allowed: float) -> str:
    """Read some files to their ends, and say how many of their lines cannot be read.

    Args:
        allowed: go on while the share of these lines is smaller.

    Returns:
        Such as `2 of 105 lines could not be read: it is not UTF-8 (2, first in line 7).`; "" where none is lost.

    Raises:
        InputError: a file cannot be read; or too many lines, and the message names the option that reads them.
    """
    losses = _count(files, options, text_column)
    if not losses.lost:
        return ""
    reasons = sorted(losses.reasons.values(), key=lambda found: -found[0])[:5]
    parts = ", ".join(f"{reason} ({lines:,}, first in line {line:,})" for lines, reason, line in reasons)
    sentence = f"{losses.lost:,} of {losses.lines:,} lines could not be read: {parts}."
    if losses.lost >= allowed * losses.lines:
        raise InputError(
            f"{losses.worst.path}: {sentence} {_remedy(losses.worst, options, text_column)} To go on without them, add "
            f"--allow-rejected {min(1.0, round(losses.lost / losses.lines + 0.01, 2)):g}."
        )
    return sentence


@dataclass
class _Losses:
    """Lines of some files; those lost of them, and by kind of reason; and the file with the most."""

    worst: TableFile
    lines: int = 0
    lost: int = 0
    reasons: dict[str, tuple[int, str, int]] = field(default_factory=dict)


def _count(files: Sequence[TableFile], options: ReadOptions, text_column: str | None) -> _Losses:
    losses, most = _Losses(files[0]), 0
    for file in files:
        with closing(TableReader(file, text_column, options=options, columns=())) as reader:
            text_column = reader.text_column
            for rejected in (rejected for chunk in reader.chunks() for rejected in chunk.rejected if rejected.lines):
                kind = re.sub(r"\d[\d,]*", "0", rejected.reason)
                lines, reason, line = losses.reasons.get(kind, (0, rejected.reason, rejected.line))
                losses.reasons[kind] = lines + rejected.lines, reason, line
        losses.lines, losses.lost = losses.lines + reader.lines, losses.lost + reader.lost
        if reader.lost > most:
            losses.worst, most = file, reader.lost
    return losses


def _remedy(file: TableFile, options: ReadOptions, text_column: str | None) -> str:
    """The option that reads most of a file, if one does, found by reading it so."""
    found: list[tuple[int, str]] = []
    others = replace(options, encoding="cp1252"), replace(options, quote="none"), replace(options, quote='"')
    for other, name, value in zip(others, ("encoding", "quote", "quote"), ("cp1252", "none", '"'), strict=True):
        with suppress(InputError):
            losses = _count([file], other, text_column)
            if losses.lost < USUALLY_ALLOWED * losses.lines:
                reads = f"all but {losses.lost:,}" if losses.lost else "all"
                found.append((losses.lost, f"--{name} {shlex.quote(value)} reads {reads} of them."))
    return min(found, default=(0, "Mend them, or see --encoding, --delimiter and --quote."))[1]

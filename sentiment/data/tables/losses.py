"""Losses: lines of tables that could not be read, counted, told, and refused where they are many."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from sentiment.data.tables.files import USUALLY_ALLOWED, ReadOptions, TableFile
from sentiment.data.tables.reader import Chunk, TableReader
from sentiment.errors import InputError


class Losses:
    """Lines that could not be read, in one table or in several.

    Attributes:
        lines, lost: of all files.
    """

    def __init__(self) -> None:
        self.lines = self.lost = 0
        self._reasons: Counter[str] = Counter()
        self._first: dict[str, str] = {}
        self._worst: tuple[int, TableFile | None] = (0, None)

    def add(self, reader: TableReader, chunk: Chunk) -> None:
        """Count what a chunk lost."""
        for rejected in chunk.rejected:
            if rejected.lines:
                kind = re.sub(r"\d[\d,]*", "0", rejected.reason)
                self._reasons[kind] += rejected.lines
                self._first.setdefault(kind, f"{rejected.reason} ({{}}, first in line {rejected.line:,}{{}})")

    def finish(self, reader: TableReader) -> None:
        """Count a file that was read to its end."""
        self.lines, self.lost = self.lines + reader.lines, self.lost + reader.lost
        self._worst = max(self._worst, (reader.lost, reader.file), key=lambda pair: pair[0])

    def sentence(self) -> str:
        """Such as `2 of 105 lines could not be read: it is not UTF-8 (2, first in line 7).`; "" where none is lost."""
        if not self.lost:
            return ""
        parts = ", ".join(self._first[kind].format(f"{lines:,}", "") for kind, lines in self._reasons.most_common(5))
        return f"{self.lost:,} of {self.lines:,} lines could not be read: {parts}."

    def check(self, allowed: float, options: ReadOptions, text_column: str | None) -> None:
        """Make sure that so few are lost that one may go on.

        Raises:
            InputError: the share of lost lines reaches `allowed`; the message names the option that reads them.
        """
        if not self.lost or self.lost < allowed * self.lines:
            return
        file = self._worst[1]
        assert file is not None
        raise InputError(
            f"{file.path}: {self.sentence()} {_remedy(file, options, text_column)}To go on without them, add "
            f"--allow-rejected {min(1.0, round(self.lost / self.lines + 0.01, 2)):g}."
        )


def survey(files: Sequence[TableFile], options: ReadOptions, text_column: str | None) -> Losses:
    """What is lost of some files, each read to its end.

    Raises:
        InputError: a file cannot be read.
    """
    losses = Losses()
    for file in files:
        reader = TableReader(file, text_column, options=options, columns=(), is_scored=True)
        text_column = reader.text_column
        try:
            for chunk in reader.chunks():
                losses.add(reader, chunk)
        finally:
            reader.close()
        losses.finish(reader)
    return losses


def _remedy(file: TableFile, options: ReadOptions, text_column: str | None) -> str:
    """The option that reads most of a file, if one does, found by reading it so."""
    found: list[tuple[int, str]] = []
    for name, value in (("encoding", "cp1252"), ("quote", "none"), ("quote", '"')):
        other = replace(options, encoding=value) if name == "encoding" else replace(options, quote=value)
        if other == options or file.format in ("jsonl", "parquet"):
            continue
        try:
            losses = survey([file], other, text_column)
        except InputError:
            continue
        if losses.lost < USUALLY_ALLOWED * losses.lines:
            shown_value = "'\"'" if value == '"' else value
            found.append(
                (
                    losses.lost,
                    f"--{name} {shown_value} reads {f'all but {losses.lost:,}' if losses.lost else 'all'} of them. ",
                )
            )
    return min(found, default=(0, "Mend them, or see --encoding, --delimiter and --quote. "))[1]

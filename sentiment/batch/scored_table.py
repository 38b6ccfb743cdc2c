"""ScoredTable: rows with their verdicts, written and counted; the same on one machine and in a task of Spark."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, ClassVar, TextIO

import numpy as np
import pyarrow as pa

from sentiment.data.corpus import LABEL_NAMES, LABELS, label_word
from sentiment.data.sources.table import DEFAULT_LABEL_COLUMNS, UNUSED_LABELS
from sentiment.data.tables.files import TableFile
from sentiment.data.tables.reader import Chunk, rejected_line
from sentiment.data.tables.writer import TableWriter


@dataclass
class Tally:
    """Rows written so far: scored, of these with a verdict, positive, scored by an earlier attempt; and rejected.

    Rows with a verdict and a label are counted, too: `labelled` if the label says positive or negative, `right` if it
    agrees with the verdict, and `other_labels` if it says something else.
    """

    scored: int = 0
    answered: int = 0
    positive: int = 0
    known: int = 0
    rejected: int = 0
    labelled: int = 0
    right: int = 0
    other_labels: int = 0
    started: float = field(default_factory=time.perf_counter)

    COUNTS: ClassVar = ("scored", "answered", "positive", "rejected", "labelled", "right", "other_labels")

    def counts(self) -> dict[str, int]:
        """What was counted, to be added up over the parts of a table."""
        return {name: getattr(self, name) for name in self.COUNTS}

    def add(self, counts: Mapping[str, int]) -> None:
        """Add the counts of a part."""
        for name in self.COUNTS:
            setattr(self, name, getattr(self, name) + counts[name])

    @property
    def rows_per_second(self) -> float:
        """Speed of this attempt, its start-up apart."""
        return (self.scored - self.known) / (time.perf_counter() - self.started)


class ScoredTable:
    """A table that is being scored.

    Attributes:
        tally: of what was written.
    """

    def __init__(
        self,
        output: TableFile,
        sink: BinaryIO,
        rejected_sink: TextIO,
        schema: pa.Schema | None,
        labels: Callable[[np.ndarray], Sequence[str | None]],
    ) -> None:
        """Begin the table.

        Args:
            output, sink, schema: as TableWriter takes them.
            rejected_sink: for the rejected rows, as lines of JSONL.
            labels: from P(positive) to verdicts, None where there is no answer.

        Raises:
            InputError: the format cannot hold a column.
        """
        self._writer, self._rejected_sink, self._labels = TableWriter(output, sink, schema), rejected_sink, labels
        self.tally = Tally()

    def write(self, file: TableFile, chunk: Chunk, probabilities: np.ndarray) -> None:
        """Add a chunk of a file, with P(positive) of each of its texts, float32 (N,).

        Raises:
            InputError: the format cannot hold its values.
        """
        labels = self._labels(probabilities)
        self._writer.write(chunk.rows, labels, probabilities)
        self._rejected_sink.writelines(rejected_line(file, rejected) for rejected in chunk.rejected)
        self.tally.scored += len(labels)
        self.tally.answered += len(labels) - labels.count(None)
        self.tally.positive += labels.count(LABEL_NAMES[1])
        self.tally.rejected += len(chunk.rejected)
        self._compare(chunk, labels)

    def _compare(self, chunk: Chunk, verdicts: Sequence[str | None]) -> None:
        """Count the rows whose verdict is their label."""
        for word, verdict in zip(map(label_word, _true_labels(chunk)), verdicts, strict=False):
            if word in UNUSED_LABELS or verdict is None:
                continue
            if word in LABELS:
                self.tally.labelled += 1
                self.tally.right += LABEL_NAMES[LABELS[word]] == verdict
            else:
                self.tally.other_labels += 1

    def close(self) -> None:
        """Finish the table; only now is it whole."""
        self._writer.close()


def _true_labels(chunk: Chunk) -> list[Any]:
    """What the label column of each row holds; none where there is no such column."""
    if isinstance(chunk.rows, list):
        return [next((row[name] for name in DEFAULT_LABEL_COLUMNS if name in row), None) for row in chunk.rows]
    names = chunk.rows.schema.names
    column = next((names.index(name) for name in DEFAULT_LABEL_COLUMNS if name in names), None)
    labels: list[Any] = [] if column is None else chunk.rows.column(column).to_pylist()
    return labels

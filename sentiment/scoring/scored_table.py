"""ScoredTable: rows with their verdicts, written and counted; the same on one machine and in a task of Spark."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, TextIO

import numpy as np
import pyarrow as pa

from sentiment.data.corpus import LABEL_NAMES
from sentiment.data.tables.files import TableFile
from sentiment.data.tables.reader import Chunk, rejected_line
from sentiment.data.tables.writer import TableWriter


@dataclass
class Tally:
    """Rows written so far: scored, of these with a verdict, positive, scored by an earlier attempt; and rejected."""

    scored: int = 0
    answered: int = 0
    positive: int = 0
    known: int = 0
    rejected: int = 0
    started: float = field(default_factory=time.perf_counter)

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

    def close(self) -> None:
        """Finish the table; only now is it whole."""
        self._writer.close()

"""Scoring in Spark: the rows and values of one machine, each input file a partition and a part of the output.

A partition reads the reviews of its file, and MLflow's `spark_udf` scores them. Then the partition reads its file again
and writes the rows with their verdicts, as one machine does. So only reviews and probabilities pass through Spark, and
no column changes its type on the way. The paths must be the same on every executor.
"""

import contextlib
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from sentiment.data.corpus import LABEL_NAMES
from sentiment.data.tables.chunks import rejected_line
from sentiment.data.tables.files import TableFile
from sentiment.data.tables.reader import PROBABILITY_COLUMN, TableReader
from sentiment.data.tables.writer import TableWriter
from sentiment.errors import InputError


@contextlib.contextmanager
def spark_session(master: str | None) -> Iterator[Any]:
    """A Spark session that knows this package.

    Args:
        master: None for that of spark-submit, or else all cores of this machine.

    Raises:
        InputError: PySpark or Java is missing, or the master does not answer.
    """
    home = os.environ.get("SPARK_HOME")
    if home:
        sys.path[:0] = [f"{home}/python", *map(str, Path(home).glob("python/lib/py4j-*.zip"))]
    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise InputError(
            "The Spark engine needs PySpark: pip install 'sentiment[spark]', or set SPARK_HOME to a Spark."
        ) from error
    if not shutil.which("java") and not os.environ.get("JAVA_HOME"):
        raise InputError("The Spark engine needs Java 17 or newer: install one, or set JAVA_HOME.")
    builder = SparkSession.builder.appName("sentiment score")
    is_submitted = "PYSPARK_GATEWAY_PORT" in os.environ
    if master or not is_submitted:
        builder = builder.master(master or "local[*]")
        if (master or "local").startswith("local"):
            os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    try:
        session = builder.getOrCreate()
    except (PySparkException, RuntimeError) as error:
        raise InputError(f"Spark could not be started ({error}): see its log above; check --spark-master.") from error
    session.sparkContext.setLogLevel("ERROR")
    package = Path(__file__).parents[1]
    with tempfile.TemporaryDirectory() as folder:
        archive = shutil.make_archive(f"{folder}/{package.name}", "zip", package.parent, package.name)
        session.sparkContext.addPyFile(archive)
        try:
            yield session
        finally:
            session.stop()


@dataclass(frozen=True)
class SparkScoring:
    """What every partition needs to know.

    Attributes:
        files: a partition for each.
        text_column, schema: of all files; no schema if their rows are objects and stay so.
        output: whose format the parts have.
        folder: where the parts go.
        labels: the verdict on each P(positive), or None where there is no answer.
    """

    files: Sequence[TableFile]
    text_column: str
    schema: pa.Schema | None
    output: TableFile
    folder: Path
    labels: Callable[[np.ndarray], Sequence[str | None]]

    def run(self, session: Any, score: Any) -> None:
        """Write the parts: of file number n, part-n, part-n.rejected.jsonl and part-n.tally.json.

        What an earlier attempt has finished is left as it is.

        Args:
            score: a UDF from a column of reviews to a struct with the field `positive_probability`.

        Raises:
            InputError: a file is damaged or has other columns.
        """
        from pyspark.errors import PySparkException

        pending = [number for number in range(len(self.files)) if not self.part(number, "tally.json").exists()]
        if not pending:
            return
        numbers = session.range(0, len(pending), 1, len(pending))  # one in each partition
        reviews = numbers.mapInArrow(lambda batches: self._read(pending), "text string")
        scored = reviews.select(score("text").alias("score")).select(f"score.{PROBABILITY_COLUMN}")
        try:
            scored.mapInArrow(lambda batches: self._write(pending, batches), "number long").collect()
        except PySparkException as error:
            message = re.search(r"InputError: (.*)", str(error))
            if message is None:
                raise
            raise InputError(message[1]) from error

    def tallies(self) -> Iterator[dict[str, int]]:
        """Of every finished part, the numbers of rows that were scored, answered, called positive, and rejected."""
        for path in self.folder.glob("part-*.tally.json"):
            tally: dict[str, int] = json.loads(path.read_text("utf-8"))
            yield tally

    def rejected_lines(self) -> Iterator[str]:
        """Every rejected row as a line of JSONL."""
        for number in range(len(self.files)):
            with self.part(number, "rejected.jsonl").open(encoding="utf-8") as lines:
                yield from lines

    def part(self, number: int, ending: str) -> Path:
        """A file that belongs to a part."""
        return self.folder / f"part-{number:05d}.{ending}"

    def _reader(self, number: int) -> TableReader:
        return TableReader(self.files[number], self.text_column, output_format=self.output.format, schema=self.schema)

    def _read(self, pending: Sequence[int]) -> Iterator[pa.RecordBatch]:
        with contextlib.closing(self._reader(_own(pending))) as reader:
            for chunk in reader.chunks():
                yield pa.RecordBatch.from_pydict({"text": pa.array(chunk.texts, pa.string())})

    def _write(self, pending: Sequence[int], batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        number = _own(pending)
        probabilities = _Probabilities(batches)
        tally = {"scored": 0, "answered": 0, "positive": 0, "rejected": 0}
        names = {ending: self.part(number, ending) for ending in (self.output.ending, "rejected.jsonl", "tally.json")}
        with tempfile.TemporaryDirectory(dir=self.folder, prefix=".") as folder:  # of this attempt alone
            partial = {ending: Path(folder) / path.name for ending, path in names.items()}
            with (
                partial[self.output.ending].open("wb") as sink,
                partial["rejected.jsonl"].open("w", encoding="utf-8") as rejected_sink,
                contextlib.closing(self._reader(number)) as reader,
                contextlib.closing(TableWriter(self.output, sink, reader.schema)) as writer,
            ):
                for chunk in reader.chunks():
                    scores = probabilities.take(len(chunk.texts))
                    labels = self.labels(scores)
                    writer.write(chunk.rows, labels, scores)
                    rejected_sink.writelines(rejected_line(reader.file, rejected) for rejected in chunk.rejected)
                    tally["scored"] += len(labels)
                    tally["answered"] += len(labels) - labels.count(None)
                    tally["positive"] += labels.count(LABEL_NAMES[1])
                    tally["rejected"] += len(chunk.rejected)
            partial["tally.json"].write_text(json.dumps(tally), "utf-8")
            for ending, path in names.items():  # the tally last: it says that the part is whole
                partial[ending].replace(path)
        yield pa.RecordBatch.from_pydict({"number": [number]})


def _own(pending: Sequence[int]) -> int:
    """The file of the partition that this runs in."""
    from pyspark import TaskContext

    context = TaskContext.get()
    assert context is not None
    return pending[int(context.partitionId())]


class _Probabilities:
    """The only column of some batches, as many values at a time as are asked for."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._batches, self._waiting = batches, np.zeros(0, np.float32)

    def take(self, count: int) -> np.ndarray:
        while len(self._waiting) < count:
            self._waiting = np.concatenate([self._waiting, next(self._batches).column(0).to_numpy()])
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        return taken

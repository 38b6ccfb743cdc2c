"""Scoring in Spark: each input file is a task, which does what one machine does, and a part of the output.

A task reads its file once, scores the reviews in its own thread and writes the part. Nothing but the number of the file
and the counts of its rows passes through Spark. The paths of files must be the same on every executor. The code and the
classifier travel as archives, unpacked, as an extension module cannot be imported from within an archive.
"""

import contextlib
import dataclasses
import functools
import importlib
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

import pyarrow as pa

from sentiment.batch.pool import Scorer
from sentiment.batch.scored_table import Answered, ScoredTable
from sentiment.data.files import ReadOptions, Stamp, TableFile
from sentiment.data.tables.reader import TableReader
from sentiment.data.verdicts import PREDICTED_LABEL, VerdictRule
from sentiment.errors import InputError

CODE, CLASSIFIER = "sentiment-code.zip", "sentiment-classifier.zip"
"""Names of the archives, and of the folders that they become on an executor."""


def check_spark() -> None:
    """Make PySpark importable.

    Raises:
        InputError: PySpark or Java is missing.
    """
    home = os.environ.get("SPARK_HOME")
    if home:
        sys.path[:0] = [f"{home}/python", *map(str, Path(home).glob("python/lib/py4j-*.zip"))]
    try:
        importlib.import_module("pyspark")
    except ImportError as error:
        raise InputError(
            "The Spark engine needs PySpark: pip install '.[spark]', or set SPARK_HOME to a Spark."
        ) from error
    if not shutil.which("java") and not os.environ.get("JAVA_HOME"):
        raise InputError("The Spark engine needs Java 17 or newer: install one, or set JAVA_HOME.")


@contextlib.contextmanager
def spark_session(master: str | None, classifier: Path) -> Iterator[Any]:
    """A Spark session whose executors have this package and a classifier. It is for `check_spark` to find PySpark.

    Args:
        master: None for that of spark-submit, or else all cores of this machine.
        classifier: its folder.

    Raises:
        InputError: the master does not answer.
    """
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

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
    package = Path(__file__).parents[1]
    with contextlib.ExitStack() as stack:
        stack.callback(session.stop)
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        session.sparkContext.setLogLevel("ERROR")
        for name, root, part in ((CODE, package.parent, package.name), (CLASSIFIER, classifier, ".")):
            archive = shutil.make_archive(f"{folder}/{Path(name).stem}", "zip", root, part)
            session.sparkContext.addArchive(archive)
        yield session


@dataclass(frozen=True)
class SparkScoring:
    """What every task needs to know.

    Attributes:
        files: a task for each.
        stamps: of the files, as they are meant.
        text_column, schema: of all files.
        output: whose format the parts have.
        folder: where the parts go.
        base: folder of the paths of files that are relative.
        load: reads the classifier from its folder.
        rule: what becomes of the probabilities.
        answered: as a ScoredTable takes it.
        options: how to read the files.
    """

    files: Sequence[TableFile]
    stamps: Sequence[Stamp]
    text_column: str
    schema: pa.Schema
    output: TableFile
    folder: Path
    base: Path
    load: Callable[[Path], Scorer]
    rule: VerdictRule
    answered: Answered | None
    options: ReadOptions

    def run(self, session: Any) -> None:
        """Write the parts: of file number n, part-n, part-n.rejected.jsonl and part-n.tally.json.

        What an earlier attempt has finished is left as it is.

        Args:
            session: of `spark_session`.

        Raises:
            InputError: a file is damaged, has other columns or was changed.
        """
        from pyspark.errors import PySparkException

        pending = [number for number in range(len(self.files)) if not self.part(number, "tally.json").exists()]
        if not pending:
            return
        positions = session.range(0, len(pending), 1, len(pending))  # one in each partition
        try:
            positions.mapInArrow(self._task(pending), "number long").collect()
        except PySparkException as error:
            message = re.search(r"InputError: (.*)", str(error))
            if message is None:
                raise
            raise InputError(message[1]) from error

    def tallies(self) -> Iterator[dict[str, int]]:
        """The tally of every finished part, as a ScoredTable has it; also its lines, and those that were lost."""
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

    def _task(self, pending: Sequence[int]) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
        """What Spark runs: from positions in `pending` to the numbers of the files, once they are scored.

        As a function within a function it is pickled by value. It says where this package is, then imports it.
        """
        from pyspark import SparkFiles
        from pyspark.serializers import CloudPickleSerializer

        content = CloudPickleSerializer().dumps(self)

        def task(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            code, classifier = SparkFiles.get(CODE), Path(SparkFiles.get(CLASSIFIER))
            if code not in sys.path:
                sys.path.insert(0, code)
            scoring = CloudPickleSerializer().loads(content)
            for batch in batches:
                numbers = [pending[position] for position in batch.column(0).to_pylist()]
                for number in numbers:
                    scoring.write_part(number, classifier)
                yield pa.RecordBatch.from_pydict({"number": numbers})

        return task

    def write_part(self, number: int, classifier: Path) -> None:
        """Score a file. Attempts at the same part may run side by side: each writes files of its own, with the same
        bytes, and gives them their names when they are whole.

        Args:
            classifier: its folder.

        Raises:
            InputError: the file is damaged, has other columns or was changed.
        """
        scorer, file = _loaded(self.load, classifier), self.files[number]
        endings = (self.output.ending, "rejected.jsonl", "tally.json")
        with tempfile.TemporaryDirectory(dir=self.folder, prefix=".") as own:
            partial = {ending: Path(own) / ending for ending in endings}
            reader = TableReader(
                dataclasses.replace(file, path=self.base / file.path),
                self.text_column,
                options=self.options,
                output_format=self.output.format,
                added=(PREDICTED_LABEL, *self.rule.probability_columns),
                schema=self.schema,
                stamp=self.stamps[number],
            )
            with (
                partial[self.output.ending].open("wb") as sink,
                partial["rejected.jsonl"].open("w", encoding="utf-8") as rejected_sink,
                contextlib.closing(reader),
                contextlib.closing(
                    ScoredTable(self.output, sink, rejected_sink, reader.schema, self.rule, self.answered)
                ) as table,
            ):
                for chunk in reader.chunks():
                    table.write(file, chunk, scorer.cumulative_probability(chunk.texts))
            table.tally.update(lost=reader.lost, lines=reader.lines)
            partial["tally.json"].write_text(json.dumps(table.tally), "utf-8")
            for ending in endings:  # the tally last: it says that the part is whole
                partial[ending].replace(self.part(number, ending))


@functools.cache
def _loaded(load: Callable[[Path], Scorer], classifier: Path) -> Scorer:
    """The classifier of this process, which runs one task after the other."""
    return load(classifier)

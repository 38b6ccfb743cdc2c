"""Batch scoring: files of reviews -> one table of the same rows, each with a verdict and a probability.

`python -m pipelines.score INPUT OUTPUT` is the same as `sentiment score INPUT OUTPUT`.

- Streams: memory does not grow with the input.
- Loses nothing: a row that cannot be scored goes to OUTPUT.rejected.jsonl, with its number and the reason.
- OUTPUT appears under its name when it is complete. What has been scored is kept beside it, in OUTPUT.scores: a killed
  command that is started again writes OUTPUT anew but scores only what has no score yet. As a probability does not
  depend on the batch, it ends with the same bytes.

Raises InputError for what the user can mend:

- an INPUT without reviews, with files of different columns, or damaged;
- an OUTPUT that is there already or in use;
- a model that is not there;
- if strict, a row that cannot be scored.
"""

import contextlib
import itertools
import json
import sys
import uuid
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np

from pipelines.console import Console
from pipelines.model_uri import located_classifier
from pipelines.output import (
    ENDINGS,
    PARTIAL_ENDING,
    REJECTED_ENDING,
    SCORES_ENDING,
    STANDARD_STREAM,
    SUCCESS_FILE,
    atomic_file,
    atomic_folder,
    beside,
    checkpoint,
    is_finished,
    refuse_foreign_files,
)
from pipelines.unknown_words import unknown_share_in_words
from sentiment import __version__
from sentiment.classifier import Classifier, load_classifier
from sentiment.data.tables.chunks import Chunk, rejected_line
from sentiment.data.tables.files import TableFile, find_tables, standard_input
from sentiment.data.tables.reader import TableReader
from sentiment.data.unknown_words import WordSample
from sentiment.errors import InputError
from sentiment.scoring.pool import scoring_pool
from sentiment.scoring.scored_table import ScoredTable, Tally

WAITING_SIZE = 2**25
"""Characters of the chunks that are scored at the same time, beside a last one that may be larger."""


@dataclass(frozen=True)
class ScoreConfig:
    """What to score, with what, and how.

    Attributes:
        input: a file, folder or glob; - for standard input.
        output: the table to write; - for standard output.
        model: a folder, or a model URI of MLflow; None as for `located_classifier`.
        text_column: None for `text` or else `review`.
        batch_size: reviews that go through the network at once.
        threshold: P(positive) from which on a review is called positive; None for the model's own.
        overwrite: replace an OUTPUT that is there.
        strict: stop at the first row that cannot be scored.
        engine: this machine, or Spark, which makes OUTPUT a folder with a part for every file of INPUT.
        spark_master: None for that of spark-submit, or else all cores of this machine.
    """

    input: str
    output: str
    model: str | None
    text_column: str | None
    batch_size: int
    threshold: float | None
    overwrite: bool
    strict: bool
    engine: Literal["local", "spark"] = "local"
    spark_master: str | None = None


@dataclass(frozen=True)
class InputFiles:
    """The files of INPUT, all of one format; or standard input.

    Attributes:
        left_out: names of files in a folder that are no tables.
    """

    files: list[TableFile]
    left_out: tuple[str, ...] = ()
    stream: BinaryIO | None = None


@dataclass(frozen=True)
class Job:
    """One table to be scored.

    Attributes:
        folder: where the classifier was read from.
        classifier: with the threshold to use.
    """

    config: ScoreConfig
    inputs: InputFiles
    output: TableFile
    folder: Path
    classifier: Classifier

    def first_reader(self) -> TableReader:
        """Of the first file; the others are read with its columns."""
        return TableReader(
            self.inputs.files[0], self.config.text_column, output_format=self.output.format, stream=self.inputs.stream
        )

    def identity(self, text_column: str) -> dict[str, Any]:
        """All that decides the scores and their order."""
        files = [file for file in self.inputs.files if self.inputs.stream is None]
        return {
            "sentiment": __version__,
            "classifier": self.classifier.digest(),
            "engine": self.classifier.engine,
            "text_column": text_column,
            "format": self.output.ending,
            "files": [[str(file.path.resolve()), *file.stamp()] for file in files] or uuid.uuid4().hex,
        }


def score(config: ScoreConfig, console: Console) -> None:
    """Score INPUT into OUTPUT."""
    if config.engine == "local" and config.spark_master is not None:
        raise InputError("--spark-master is for --engine spark: give both or neither.")
    if config.engine == "spark" and STANDARD_STREAM in (config.input, config.output):
        raise InputError("The Spark engine reads and writes files: give paths instead of -.")
    inputs = find_input_files(config)
    output = find_output(config, inputs)
    with located_classifier(config.model) as (folder, model_name):
        classifier = load_classifier(folder)
        if config.threshold is not None:
            classifier.threshold = config.threshold
        job = Job(config, inputs, output, folder, classifier)
        if output.path.exists() and not config.overwrite:
            if _is_finished(job):
                beside(output.path, SCORES_ENDING).unlink()
                console.say(f"{output.path} is complete: the same command has finished it before.")
                return
            raise _existing(output.path)
        tally, words = _score_with_spark(job) if config.engine == "spark" else _score_locally(job, console)
    show_summary(console, job, tally, words, model_name)
    if inputs.left_out:
        console.say(f"left out, as their endings tell no format of a table: {', '.join(inputs.left_out)}")


def find_input_files(config: ScoreConfig) -> InputFiles:
    """The files that INPUT names.

    Hidden files of a folder, empty files, and what an earlier attempt left beside OUTPUT are none.

    Raises:
        InputError: there are none, they are of several formats, or they cannot be read.
    """
    if config.input == STANDARD_STREAM:
        file, stream = standard_input(config.text_column)
        return InputFiles([file], stream=stream)
    aside = {beside(Path(config.output).resolve(), ending) for ending in ENDINGS} if config.output else set()
    return InputFiles(*find_tables(config.input, ignored=aside))


def find_output(config: ScoreConfig, inputs: InputFiles) -> TableFile:
    """The table to write: one that can be written.

    Raises:
        InputError: its ending tells no format, it or its rejected rows are there already, or it is an input.
    """
    if config.output == STANDARD_STREAM:
        kind = inputs.files[0].format
        return TableFile(Path(STANDARD_STREAM), kind if kind in ("csv", "tsv", "jsonl") else "csv")
    output = TableFile.at(Path(config.output))
    if output.format == "txt":
        raise InputError(f"{output.path}: plain text cannot hold verdicts; write .csv, .tsv, .jsonl or .parquet.")
    rejected = beside(output.path, REJECTED_ENDING)
    places = {output.path.resolve(), rejected.resolve()}
    read = [file.path.resolve() for file in inputs.files if inputs.stream is None]
    if any(places & {path, *path.parents} for path in read):
        raise InputError(f"{output.path}, or what goes beside it, is the input: choose another OUTPUT.")
    if output.path.is_dir() and not (config.engine == "spark" and (output.path / SUCCESS_FILE).exists()):
        raise InputError(f"{output.path} is a folder of something else: choose another OUTPUT.")
    refuse_foreign_files(output.path)
    is_begun = any(beside(output.path, ending).exists() for ending in (SCORES_ENDING, PARTIAL_ENDING))
    for path in (output.path, rejected):
        if path.exists() and not is_begun and not config.overwrite:
            raise _existing(path)
    if not output.path.parent.is_dir():
        raise InputError(f"The folder {output.path.parent} does not exist: make it, or choose another OUTPUT.")
    return output


def _existing(path: Path) -> InputError:
    return InputError(f"{path} is there already: choose another OUTPUT, or replace it with --overwrite.")


def _is_finished(job: Job) -> bool:
    """Whether the same command was killed when OUTPUT had its name already."""
    if job.config.engine == "spark" or job.inputs.stream is not None:
        return False
    with contextlib.closing(job.first_reader()) as first:
        return is_finished(job.output.path, job.identity(first.text_column), job.classifier.threshold)


def _score_locally(job: Job, console: Console) -> tuple[Tally, WordSample]:
    """What was written, and the words of a sample of the rows scored."""
    inputs, output, classifier = job.inputs, job.output, job.classifier
    first = job.first_reader()
    total = None if inputs.stream else sum(file.path.stat().st_size for file in inputs.files)
    waiting: deque[tuple[TableFile, Chunk, np.ndarray | Future[np.ndarray]]] = deque()
    with (
        checkpoint(output.path, job.identity(first.text_column), classifier.threshold) as kept,
        atomic_file(output.path, kept) as (sink, rejected_sink),
        scoring_pool(classifier, load_classifier, job.folder, job.config.batch_size) as pool,
        contextlib.closing(ScoredTable(output, sink, rejected_sink, first.schema, classifier.labels)) as table,
        console.scoring(total) as progress,
    ):
        tally, words = table.tally, WordSample(classifier.count_words)

        def write_next() -> None:
            file, chunk, scores = waiting.popleft()
            if isinstance(scores, Future):
                probabilities = scores.result()
                kept.add(chunk.texts, probabilities)
            else:
                probabilities = scores
                tally.known += len(scores)
            table.write(file, chunk, probabilities)
            words.add(chunk.texts)

        for file, chunk, position in _chunks(inputs, first, output.format):
            if chunk.rejected and job.config.strict:
                raise _strict(rejected_line(file, chunk.rejected[0]))
            known = kept.take(chunk.texts)
            waiting.append((file, chunk, pool.submit(chunk.texts) if known is None else known))
            while len(waiting) > 2 * pool.workers or sum(chunk.size for _, chunk, _ in waiting) > WAITING_SIZE:
                write_next()
            progress(tally.scored + tally.rejected, position)
        while waiting:
            write_next()
            progress(tally.scored + tally.rejected, total)
    return tally, words


def _chunks(inputs: InputFiles, first: TableReader, output_format: str) -> Iterator[tuple[TableFile, Chunk, int]]:
    """Every chunk with its file and the bytes of all files up to its end."""
    before = 0
    for file in inputs.files:
        reader = first
        if file is not inputs.files[0]:
            reader = TableReader(file, first.text_column, output_format=output_format, schema=first.schema)
        with contextlib.closing(reader):
            for chunk in reader.chunks():
                yield file, chunk, before + chunk.position
        before += reader.size or 0


def _score_with_spark(job: Job) -> tuple[Tally, WordSample]:
    """What was written, and the words of the first rows of the first file."""
    from sentiment.scoring.spark import SparkScoring, check_spark, spark_session

    check_spark()
    output, threshold = job.output, job.classifier.threshold
    with contextlib.closing(job.first_reader()) as first:
        text_column, schema = first.text_column, first.schema
        words = WordSample(job.classifier.count_words)
        for chunk in itertools.islice(first.chunks(), 1):
            words.add(chunk.texts)
    identity = {**job.identity(text_column), "threshold": threshold}
    with (
        checkpoint(output.path, identity, threshold),  # for its lock
        spark_session(job.config.spark_master, job.folder) as session,
        atomic_folder(output.path, identity) as partial,
    ):
        stamps = [(size, time) for _, size, time in identity["files"]]
        scoring = SparkScoring(
            job.inputs.files,
            stamps,
            text_column,
            schema,
            output,
            partial.absolute(),
            Path.cwd(),
            load_classifier,
            threshold,
        )
        tally = Tally(known=sum(part["scored"] for part in scoring.tallies()))
        scoring.run(session)
        session.stop()  # so that no attempt at a part outlives this line
        for part in scoring.tallies():
            tally.scored += part["scored"]
            tally.positive += part["positive"]
            tally.rejected += part["rejected"]
        if tally.rejected and job.config.strict:
            raise _strict(next(scoring.rejected_lines()))
    return tally, words


def _strict(rejected: str) -> InputError:
    row = json.loads(rejected)
    return InputError(f"{row['file']}, row {row['row']}: {row['reason']} (--strict).")


def show_summary(console: Console, job: Job, tally: Tally, words: WordSample, model: str) -> None:
    """What was read and written, and how fast."""
    config = job.config
    share = f"{tally.positive / tally.scored:.1%}" if tally.scored else "none"
    rows = [
        ["rows read", f"{tally.scored + tally.rejected:,}"],
        ["scored", f"{tally.scored:,}"],
        ["rejected", f"{tally.rejected:,}"],
        ["positive", share],
        ["unknown words", unknown_share_in_words(job.classifier, words)],
        ["rows per second", f"{tally.rows_per_second:,.0f}"],
        ["model", model],
    ]
    if tally.known:
        rows.insert(2, ["of these by an earlier attempt", f"{tally.known:,}"])
    if tally.rejected and config.output != STANDARD_STREAM:
        rows.insert(-4, ["rejected rows are in", f"{config.output}{REJECTED_ENDING}"])
    console.table(f"{config.input} to {config.output}", ["", ""], rows)


if __name__ == "__main__":
    from pipelines.cli import app

    app(["score", *sys.argv[1:]])

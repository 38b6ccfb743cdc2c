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
import dataclasses
import functools
import itertools
import json
import sys
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipelines.console import Console
from pipelines.files import write_file
from pipelines.models import located_classifier
from pipelines.output import (
    SCORES_ENDING,
    STANDARD_STREAM,
    atomic_file,
    atomic_folder,
    beside,
    checkpoint,
    is_finished,
)
from pipelines.score_config import InputFiles, ScoreConfig, existing_output, find_output, input_files
from pipelines.score_summary import show_drift, show_summary
from pipelines.unknown_words import cut_rows_in_words, unknown_share_in_words
from sentiment import __version__
from sentiment.batch.pool import scoring_pool
from sentiment.batch.scored_table import ScoredTable, Tally
from sentiment.classifier import Classifier, load_classifier
from sentiment.data.corpus import predicted_labels
from sentiment.data.tables.files import TableFile
from sentiment.data.tables.losses import Losses, survey
from sentiment.data.tables.reader import Chunk, TableReader, rejected_line
from sentiment.errors import InputError
from sentiment.evaluation.abstention import Abstention
from sentiment.evaluation.drift import ReviewSample
from sentiment.evaluation.validation_profile import ValidationProfile

WAITING_SIZE = 2**25
"""Characters of the chunks that are scored at the same time, beside a last one that may be larger."""


FILES_OF_SAMPLE = 8
"""With Spark, so many files are looked at for drift."""


@dataclass(frozen=True)
class Job:
    """One table to be scored.

    Attributes:
        folder: where the classifier was read from.
        classifier: with the threshold to use.
        abstention: which rows get a verdict; None for all.
    """

    config: ScoreConfig
    inputs: InputFiles
    output: TableFile
    folder: Path
    classifier: Classifier
    abstention: Abstention | None = None

    @property
    def thresholds(self) -> list[float]:
        """All that decides a verdict beside P(positive)."""
        return [self.abstention.lower, self.abstention.upper] if self.abstention else [self.classifier.threshold]

    @property
    def labels(self) -> Callable[[np.ndarray], Sequence[str | None]]:
        """The verdict on each P(positive), None where there is no answer; it holds no classifier."""
        if self.abstention:
            return self.abstention.labels
        return functools.partial(predicted_labels, threshold=self.classifier.threshold)

    def first_reader(self) -> TableReader:
        """Of the first file; the others are read with its columns."""
        return self.reader(self.inputs.files[0], self.config.text_column)

    def reader(self, file: TableFile, text_column: str | None, schema: pa.Schema | None = None) -> TableReader:
        """Of any file."""
        return TableReader(
            file, text_column, options=self.config.options, output_format=self.output.format, schema=schema
        )

    def identity(self, text_column: str) -> dict[str, Any]:
        """All that decides the scores and their order."""
        files = [file for file in self.inputs.files if not self.inputs.is_stream]
        return {
            "sentiment": __version__,
            "classifier": self.classifier.digest(),
            "engine": self.classifier.engine,
            "text_column": text_column,
            "options": dataclasses.asdict(self.config.options),
            "format": self.output.ending,
            "files": [[str(file.path.resolve()), *file.stamp()] for file in files] or uuid.uuid4().hex,
        }


def score(config: ScoreConfig, console: Console) -> None:
    """Score INPUT into OUTPUT."""
    if config.engine == "local" and config.spark_master is not None:
        raise InputError("--spark-master is for --engine spark: give both or neither.")
    if config.engine == "spark" and STANDARD_STREAM in (config.input, config.output):
        raise InputError("The Spark engine reads and writes files: give paths instead of -.")
    if config.sure is not None and config.threshold is not None:
        raise InputError("--sure chooses its own thresholds: give either --sure or --threshold.")
    with input_files(config) as inputs:
        _score(config, inputs, console)


def _score(config: ScoreConfig, inputs: InputFiles, console: Console) -> None:
    output = find_output(config, inputs)
    with located_classifier(config.model) as (folder, model_name):
        classifier = load_classifier(folder)
        profile = ValidationProfile.load(folder, classifier)
        if profile is None and (config.sure is not None or config.drift is not None):
            raise _without_profile(model_name)
        abstention = None if profile is None or config.sure is None else profile.abstention(config.sure)
        if config.threshold is not None:
            classifier.threshold = config.threshold
        job = Job(config, inputs, output, folder, classifier, abstention)
        if output.path.exists() and not config.overwrite:
            if _is_finished(job):
                beside(output.path, SCORES_ENDING).unlink()
                console.say(f"{output.path} is complete: the same command has finished it before.")
                return
            raise existing_output(output.path)
        run = _score_with_spark if config.engine == "spark" else _score_locally
        tally, sample, lost = run(job, console)
    if profile is not None and config.drift is not None and len(sample):
        from sentiment.reporting.pages import render_drift

        title = f"{config.input} to {config.output}"
        write_file(config.drift, render_drift(profile, sample, title=title, model=model_name))
    unknown, cut = unknown_share_in_words(job.classifier, sample), cut_rows_in_words(sample)
    show_summary(
        console, tally, unknown, cut, (config.input, config.output), model_name, config.sure,
        is_estimate=profile is not None and profile.is_estimate, lost=lost,
    )  # fmt: skip
    if profile is not None:
        show_drift(console, profile, sample, config.drift)
    if inputs.left_out:
        console.say(f"left out, as their endings tell no format of a table: {', '.join(inputs.left_out)}")


def _without_profile(model: str) -> InputError:
    return InputError(
        f"The classifier {model} was saved without its validation reviews' profile, which --sure and --drift need: "
        "train it with `sentiment run-pipeline`, or leave both options out."
    )


def _is_finished(job: Job) -> bool:
    """Whether the same command was killed when OUTPUT had its name already."""
    if job.config.engine == "spark" or job.inputs.is_stream:
        return False
    with contextlib.closing(job.first_reader()) as first:
        return is_finished(job.output.path, job.identity(first.text_column), job.thresholds)


def _score_locally(job: Job, console: Console) -> tuple[Tally, ReviewSample, str]:
    """What was written, a sample of the rows scored, and a sentence on the lines that could not be read."""
    inputs, output, classifier = job.inputs, job.output, job.classifier
    first = job.first_reader()
    losses = Losses() if job.config.strict else survey(inputs.files, job.config.options, job.config.text_column)
    losses.check(job.config.allow_rejected, job.config.options, job.config.text_column)
    total = sum(file.content.stat().st_size for file in inputs.files)
    waiting: deque[tuple[TableFile, Chunk, np.ndarray | Future[np.ndarray]]] = deque()
    with (
        checkpoint(output.path, job.identity(first.text_column), job.thresholds) as kept,
        atomic_file(output.path, kept) as (sink, rejected_sink),
        scoring_pool(classifier, load_classifier, job.folder, job.config.batch_size) as pool,
        contextlib.closing(ScoredTable(output, sink, rejected_sink, first.schema, job.labels)) as table,
        console.scoring(total) as progress,
    ):
        tally, sample = table.tally, ReviewSample(classifier)

        def write_next() -> None:
            file, chunk, scores = waiting.popleft()
            if isinstance(scores, Future):
                probabilities = scores.result()
                kept.add(chunk.texts, probabilities)
            else:
                probabilities = scores
                tally.known += len(scores)
            table.write(file, chunk, probabilities)
            sample.add(chunk.texts, probabilities)

        for file, chunk, position in _chunks(job, first):
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
    return tally, sample, losses.sentence()


def _chunks(job: Job, first: TableReader) -> Iterator[tuple[TableFile, Chunk, int]]:
    """Every chunk with its file and the bytes of all files up to its end."""
    before = 0
    for file in job.inputs.files:
        reader = first if file is job.inputs.files[0] else job.reader(file, first.text_column, first.schema)
        with contextlib.closing(reader):
            for chunk in reader.chunks():
                yield file, chunk, before + chunk.position
        before += reader.size


def _score_with_spark(job: Job, console: Console) -> tuple[Tally, ReviewSample, str]:
    """What was written, the first rows of some files, and a sentence on the lines that could not be read."""
    from sentiment.batch.spark import SparkScoring, check_spark, spark_session

    check_spark()
    output = job.output
    with contextlib.closing(job.first_reader()) as first:
        text_column, schema = first.text_column, first.schema
    sample = _sample_of_files(job, first)
    identity = {**job.identity(text_column), "thresholds": job.thresholds}
    with (
        checkpoint(output.path, identity, job.thresholds),  # for its lock
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
            job.labels,
            job.config.options,
        )
        tally = Tally(known=sum(part["scored"] for part in scoring.tallies()))
        scoring.run(session)
        session.stop()  # so that no attempt at a part outlives this line
        lost = lines = 0
        for part in scoring.tallies():
            lost, lines = lost + part["lost"], lines + part["lines"]
            tally.add(part)
        if tally.rejected and job.config.strict:
            raise _strict(next(scoring.rejected_lines()))
        sentence = f"{lost:,} of {lines:,} lines could not be read." if lost else ""
        if lost and lost >= job.config.allow_rejected * lines:
            raise InputError(
                f"{sentence} The first row that is left out: {next(scoring.rejected_lines()).strip()[:300]}. See "
                f"--encoding, --delimiter and --quote; to go on without them, raise --allow-rejected."
            )
    return tally, sample, sentence


def _sample_of_files(job: Job, first: TableReader) -> ReviewSample:
    """The first rows of some files, scored here: what the executors read does not come back."""
    sample, files = ReviewSample(job.classifier), job.inputs.files
    for file in files[:: max(1, len(files) // FILES_OF_SAMPLE)][:FILES_OF_SAMPLE]:
        reader = job.reader(file, first.text_column, first.schema)
        with contextlib.closing(reader):
            for chunk in itertools.islice(reader.chunks(), 1):
                sample.add(chunk.texts, job.classifier.positive_probability(chunk.texts))
    return sample


def _strict(rejected: str) -> InputError:
    row = json.loads(rejected)
    return InputError(f"{row['file']}, row {row['row']}: {row['reason']} (--strict).")


if __name__ == "__main__":
    from pipelines.cli import application

    application("score")(["score", *sys.argv[1:]])

"""Batch scoring: files of reviews -> one table of the same rows, each with a verdict and a probability.

`python -m pipelines.score INPUT OUTPUT` is the same as `sentiment score INPUT OUTPUT`.

- It streams: memory does not grow with the input.
- It loses nothing: a row that cannot be scored goes to OUTPUT.rejected.jsonl, with its number and the reason.
- OUTPUT appears under its name when it is complete. Until then the scores are kept in OUTPUT.partial: a killed command
  that is started again writes OUTPUT anew but scores only what has no score yet. As a probability does not depend on
  the batch, it ends with the same bytes.
"""

import contextlib
import dataclasses
import itertools
import json
import sys
import time
import uuid
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipelines.console import Console
from pipelines.files import check_page, write_file
from pipelines.models import located_classifier
from pipelines.output import (
    REJECTED_ENDING,
    STANDARD_STREAM,
    SUCCESS_FILE,
    TABLE,
    KeptScores,
    begun_output,
    beside,
    check_places,
    finish_parts,
    own_files,
    table_and_rejected,
)
from pipelines.score_summary import ScoreConfig, Scored, show_summary
from sentiment.batch.pool import scoring_pool
from sentiment.batch.scored_table import Answered, ScoredTable
from sentiment.classifier import SentimentClassifier
from sentiment.cores import available_cores
from sentiment.data.files import TableFile, find_tables, standard_input
from sentiment.data.labels import label_probabilities
from sentiment.data.losses import check_losses, read_to_end
from sentiment.data.tables.reader import Chunk, TableReader
from sentiment.data.verdicts import PREDICTED_LABEL, VerdictRule
from sentiment.errors import InputError
from sentiment.evaluation.abstention import Abstention
from sentiment.evaluation.drift import ReviewSample
from sentiment.evaluation.validation_profile import ValidationProfile
from sentiment.version import __version__

WAITING_SIZE = 2**25
"""Characters of the chunks that are scored at the same time, beside a last one that may be larger."""

SAMPLED_FILES = 8
"""With Spark, this many files are looked at for drift."""


@dataclass(frozen=True)
class Job:
    """One table to be scored.

    Attributes:
        files: of INPUT, all of one format; or a copy of standard input.
        folder: where the classifier was read from.
        rule: what becomes of its probabilities.
        abstention: which rows get a verdict; None for all.
    """

    config: ScoreConfig
    files: list[TableFile]
    output: TableFile
    folder: Path
    classifier: SentimentClassifier
    rule: VerdictRule
    abstention: Abstention | None

    @property
    def answered(self) -> Answered | None:
        """Which reviews get a verdict; it holds no classifier."""
        return None if self.abstention is None else self.abstention.answered

    def reader(self, file: TableFile, first: TableReader | None = None) -> TableReader:
        """A reader of one of the files, with the columns of the first one."""
        return TableReader(
            file,
            first.text_column if first else self.config.text_column,
            options=self.config.options,
            output_format=self.output.format,
            added=(PREDICTED_LABEL, *self.rule.probability_columns),
            schema=first.schema if first else None,
        )

    def partial_output(self, text_column: str) -> contextlib.AbstractContextManager[Path | None]:
        """The folder to write OUTPUT in; None for standard output."""
        if self.config.output == STANDARD_STREAM:
            return contextlib.nullcontext()
        is_stream = self.files[0].copy is not None
        identity = {
            "sentiment": __version__,
            "classifier": self.classifier.digest(),
            "engine": [self.config.engine, self.classifier.model_.engine],
            "rule": dataclasses.asdict(self.rule),
            "abstention": self.abstention and dataclasses.asdict(self.abstention),
            "text_column": text_column,
            "options": dataclasses.asdict(self.config.options),
            "format": self.output.ending,
            "files": uuid.uuid4().hex if is_stream else [[str(f.path.resolve()), *f.stamp()] for f in self.files],
        }
        return begun_output(self.output.path, identity, overwrite=self.config.overwrite)


def score(config: ScoreConfig, console: Console) -> None:
    """Score INPUT into OUTPUT.

    Raises:
        InputError: INPUT has no reviews, files of different columns, or is damaged; OUTPUT is there already or in use;
            the model is not there; options contradict each other; or, if strict, a row cannot be scored.
    """
    if config.engine == "local" and config.spark_master is not None:
        raise InputError("--spark-master is for --engine spark: give both or neither.")
    if config.engine == "spark" and STANDARD_STREAM in (config.input, config.output):
        raise InputError("The Spark engine reads and writes files: give paths instead of -.")
    if config.sure is not None and config.threshold is not None:
        raise InputError("--sure chooses its own thresholds: give either --sure or --threshold.")
    if config.sure is not None and config.neutral is not None:
        raise InputError("--sure leaves out what --neutral calls neutral: give either of them.")
    left_out: tuple[str, ...] = ()
    with contextlib.ExitStack() as stack:
        if config.input == STANDARD_STREAM:
            files = [stack.enter_context(standard_input(config.text_column, config.options))]
        else:
            files, left_out = find_tables(config.input, own_files(Path(config.output).resolve()))
        output = _checked_output(config, files)
        folder, model = stack.enter_context(located_classifier(config.model))
        classifier = SentimentClassifier.load(folder)
        rule = classifier.rule(threshold=config.threshold, neutral=config.neutral)
        profile = ValidationProfile.load(folder, classifier)
        if profile is None and (config.sure is not None or config.drift is not None):
            raise InputError(
                f"The classifier {model} was saved without its validation reviews' profile, which --sure and --drift "
                "need: train it with `sentiment run-pipeline`, or leave both options out."
            )
        abstention = profile.abstention(config.sure) if profile and config.sure is not None else None
        if abstention and rule.cuts == 1:
            rule = dataclasses.replace(rule, threshold=abstention.upper)
        job = Job(config, files, output, folder, classifier, rule, abstention)
        scored = (_score_with_spark if config.engine == "spark" else _score_locally)(job, console)
    if profile is not None and config.drift is not None and len(scored.sample):
        from sentiment.reporting.pages import render_drift

        title = f"{config.input} to {config.output}"
        write_file(config.drift, render_drift(profile, scored.sample, title=title, model=model))
    show_summary(console, config, scored, model, profile, classifier.unknown_share, rule.labels)
    if left_out:
        console.say(f"left out, because their endings name no format of a table: {', '.join(left_out)}")


def _checked_output(config: ScoreConfig, files: list[TableFile]) -> TableFile:
    """The table to write; raises InputError where it or the page of drift cannot be written, or is an input."""
    paths = [file.path.resolve() for file in files if file.copy is None]
    if config.drift is not None:
        check_page(config.drift, "--drift", ".html")
        if config.drift.resolve() in paths or config.drift.is_dir():
            raise InputError(f"--drift {config.drift}: give a file that is no INPUT.")
    if config.output == STANDARD_STREAM:
        kind = files[0].format
        return TableFile(Path(STANDARD_STREAM), kind if kind in ("csv", "tsv", "jsonl") else "csv")
    output = TableFile.at(Path(config.output))
    if output.format == "txt" or output.path.name.endswith(".json"):
        raise InputError(f"{output.path} cannot hold rows with verdicts: write .csv, .tsv, .jsonl or .parquet.")
    places = {output.path.resolve(), beside(output.path, REJECTED_ENDING).resolve()}
    if any(places & {path, *path.parents} for path in paths):
        raise InputError(f"{output.path}, or what goes beside it, is the input: choose another OUTPUT.")
    if output.path.is_dir() and not (config.engine == "spark" and (output.path / SUCCESS_FILE).exists()):
        raise InputError(f"{output.path} is a folder of something else: choose another OUTPUT.")
    if not output.path.parent.is_dir():
        raise InputError(f"The folder {output.path.parent} does not exist: make it, or choose another OUTPUT.")
    check_places(output.path, overwrite=config.overwrite)
    return output


def _score_locally(job: Job, console: Console) -> Scored:
    config, files = job.config, job.files
    first = job.reader(files[0])
    lost = ""
    if not config.strict:
        lost = check_losses([*read_to_end(files, config.options, config.text_column)], config.allow_rejected)
    waiting: deque[tuple[TableFile, Chunk, np.ndarray | Future[np.ndarray]]] = deque()
    with (
        job.partial_output(first.text_column) as partial,
        contextlib.closing(KeptScores(partial, job.rule.cuts)) as kept,
        table_and_rejected(partial) as (sink, rejected_sink),
        scoring_pool(job.classifier, SentimentClassifier.load, job.folder) as submit,
        contextlib.closing(ScoredTable(job.output, sink, rejected_sink, first.schema, job.rule, job.answered)) as table,
        console.scoring(sum(file.content.stat().st_size for file in files)) as progress,
    ):
        started, sample = time.perf_counter(), ReviewSample(job.classifier.model_)

        def write_next() -> None:
            file, chunk, scores = waiting.popleft()
            if isinstance(scores, Future):
                scores = scores.result()
                kept.add(chunk.texts, scores)
            else:
                table.tally["known"] += len(scores)
            table.write(file, chunk, scores)
            sample.add(chunk.texts, label_probabilities(scores))

        position = 0
        for file, chunk, position in _chunks(job, first):
            if chunk.rejected and config.strict:
                raise _strict(file.path, chunk.rejected[0].row, chunk.rejected[0].reason)
            known = kept.take(chunk.texts)
            waiting.append((file, chunk, submit(chunk.texts) if known is None else known))
            while len(waiting) > 2 * available_cores() or sum(chunk.size for _, chunk, _ in waiting) > WAITING_SIZE:
                write_next()
            progress(table.tally["scored"] + table.tally["rejected"], position)
        while waiting:
            write_next()
            progress(table.tally["scored"] + table.tally["rejected"], position)
    return Scored(table.tally, sample, lost, time.perf_counter() - started)


def _chunks(job: Job, first: TableReader) -> Iterator[tuple[TableFile, Chunk, int]]:
    """Every chunk with its file and the bytes of all files up to its end."""
    before = 0
    for file in job.files:
        with contextlib.closing(first if file is job.files[0] else job.reader(file, first)) as reader:
            for chunk in reader.chunks():
                yield file, chunk, before + chunk.position
        before += reader.size


def _score_with_spark(job: Job, console: Console) -> Scored:
    """As `_score_locally`, with the first rows of some files as the sample."""
    from sentiment.batch.spark import SparkScoring, check_spark, spark_session

    check_spark()
    with contextlib.closing(job.reader(job.files[0])) as first:
        sample = _sample_of_files(job, first)
    stamps = [file.stamp() for file in job.files]
    with (
        job.partial_output(first.text_column) as partial,
        spark_session(job.config.spark_master, job.folder) as session,
    ):
        assert partial is not None
        parts = partial.absolute() / TABLE
        parts.mkdir(exist_ok=True)
        scoring = SparkScoring(
            job.files, stamps, first.text_column, first.schema, job.output, parts, Path.cwd(), SentimentClassifier.load,
            job.rule, job.answered, job.config.options,
        )  # fmt: skip
        tally = Counter(known=sum(part["scored"] for part in scoring.tallies()))
        started = time.perf_counter()
        scoring.run(session)
        session.stop()  # so that no attempt at a part outlives this line
        for part in scoring.tallies():
            tally.update(part)
        if tally["rejected"] and job.config.strict:
            rejected = json.loads(next(scoring.rejected_lines()))
            raise _strict(rejected["file"], rejected["row"], rejected["reason"])
        lost = f"{tally['lost']:,} of {tally['lines']:,} lines could not be read." if tally["lost"] else ""
        if lost and tally["lost"] >= job.config.allow_rejected * tally["lines"]:
            raise InputError(
                f"{lost} The first row that is left out: {next(scoring.rejected_lines()).strip()[:300]}. See "
                f"--encoding, --delimiter and --quote; to go on without them, raise --allow-rejected."
            )
        finish_parts(partial)
    return Scored(tally, sample, lost, time.perf_counter() - started)


def _sample_of_files(job: Job, first: TableReader) -> ReviewSample:
    """The first rows of some files, scored here: what the executors read does not come back."""
    sample = ReviewSample(job.classifier.model_)
    for file in job.files[:: max(1, len(job.files) // SAMPLED_FILES)][:SAMPLED_FILES]:
        with contextlib.closing(job.reader(file, first)) as reader:
            for chunk in itertools.islice(reader.chunks(), 1):
                sample.add(chunk.texts, label_probabilities(job.classifier.cumulative_probability(chunk.texts)))
    return sample


def _strict(path: Path | str, row: int, reason: str) -> InputError:
    return InputError(f"{path}, row {row}: {reason} (--strict).")


if __name__ == "__main__":
    from pipelines.cli import application

    application("score")(["score", *sys.argv[1:]])

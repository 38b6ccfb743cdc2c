"""Batch scoring: files of reviews -> one table of the same rows, each with a verdict and a probability.

`python -m pipelines.score INPUT OUTPUT` is the same as `sentiment score INPUT OUTPUT`.

- Streams: memory does not grow with the input.
- Loses nothing: a row that cannot be scored goes to OUTPUT.rejected.jsonl, with its number and the reason.
- OUTPUT appears under its name when it is complete. What has been scored is kept beside it, in OUTPUT.scores: a killed
  command that is started again writes OUTPUT anew but scores only what has no score yet. As a probability does not
  depend on the batch, it ends with the same bytes.

Raises InputError for what the user can mend: an INPUT without reviews or with files of different columns, an OUTPUT
that is there already or in use, a model that is not there, a damaged file and, if strict, a row that cannot be scored.
"""

import contextlib
import fcntl
import glob
import json
import sys
import time
import uuid
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, TextIO

import numpy as np

from pipelines.console import Console
from sentiment import __version__
from sentiment.classifier import SentimentClassifier, classifier_folder
from sentiment.corpus import LABEL_NAMES
from sentiment.errors import InputError
from sentiment.scoring import scoring_pool
from sentiment.tables import Chunk, Rejected, TableFile, TableReader, TableWriter, standard_input

STANDARD_STREAM = "-"
REJECTED_ENDING = ".rejected.jsonl"


@dataclass(frozen=True)
class ScoreConfig:
    """What to score, with what, and how.

    Attributes:
        input: a file, folder or glob; - for standard input.
        output: the table to write; - for standard output.
        model: a folder, or a model URI of MLflow.
        text_column: None for `text` or else `review`.
        batch_size: reviews that go through the network at once.
        threshold: P(positive) from which on a review is called positive; None for the model's own.
        overwrite: replace an OUTPUT that is there.
        strict: stop at the first row that cannot be scored.
    """

    input: str
    output: str
    model: str
    text_column: str | None
    batch_size: int
    threshold: float | None
    overwrite: bool
    strict: bool


@dataclass(frozen=True)
class Source:
    """The files of INPUT, all of one format; or standard input."""

    files: list[TableFile]
    stream: BinaryIO | None = None


@dataclass
class Tally:
    """Rows written so far: scored, of these positive, of these scored by an earlier attempt; and rejected."""

    scored: int = 0
    positive: int = 0
    known: int = 0
    rejected: int = 0
    started: float = field(default_factory=time.perf_counter)

    @property
    def rows_per_second(self) -> float:
        """Speed of this attempt."""
        return (self.scored - self.known) / (time.perf_counter() - self.started)


def score(config: ScoreConfig, console: Console) -> None:
    """Score INPUT into OUTPUT on this machine."""
    source = find_source(config)
    output = find_output(config, source)
    with located_classifier(config.model) as (folder, model_name):
        classifier = SentimentClassifier.load(folder)
        if config.threshold is not None:
            classifier.threshold = config.threshold
        tally = _score(config, source, output, folder, classifier, console)
    show_summary(console, config, tally, model_name)


def find_source(config: ScoreConfig) -> Source:
    """The files that INPUT names.

    Raises:
        InputError: there are none, or they are of several formats.
    """
    if config.input == STANDARD_STREAM:
        file, stream = standard_input(config.text_column)
        return Source([file], stream)
    path = Path(config.input)
    paths = sorted(path.iterdir() if path.is_dir() else map(Path, glob.glob(config.input)))  # noqa: PTH207 - Path's takes no absolute one
    if path.is_file():
        return Source([TableFile.at(path)])
    own = Path(config.output).name  # OUTPUT and what is kept beside it may lie in the same folder
    files = []
    for candidate in paths:
        with contextlib.suppress(InputError):
            if candidate.is_file() and not candidate.name.startswith((".", "_", own)):
                files.append(TableFile.at(candidate))
    if not files:
        raise InputError(f"{config.input} names no file of reviews: give a file, a folder or a quoted pattern.")
    formats = sorted({file.format for file in files})
    if len(formats) > 1:
        raise InputError(f"{config.input} holds {' and '.join(formats)} files: score one format at a time.")
    return Source(files)


def find_output(config: ScoreConfig, source: Source) -> TableFile:
    """The table to write: one that can be written.

    Raises:
        InputError: its ending tells no format, it is there already, or it is an input.
    """
    if config.output == STANDARD_STREAM:
        read = source.files[0].format
        return TableFile(Path(STANDARD_STREAM), read if read in ("csv", "tsv", "jsonl") else "csv")
    output = TableFile.at(Path(config.output))
    if output.format == "txt":
        raise InputError(f"{output.path}: plain text cannot hold verdicts; write .csv, .tsv, .jsonl or .parquet.")
    if any(output.path.resolve() == file.path.resolve() for file in source.files):
        raise InputError(f"{output.path} is the input: choose another OUTPUT.")
    if output.path.exists() and not config.overwrite:
        raise InputError(f"{output.path} is there already: choose another OUTPUT, or replace it with --overwrite.")
    if not output.path.parent.is_dir():
        raise InputError(f"The folder {output.path.parent} does not exist: make it, or choose another OUTPUT.")
    return output


@contextlib.contextmanager
def located_classifier(model: str) -> Iterator[tuple[Path, str]]:
    """The folder of a classifier and a name for people, from a folder or a model URI of MLflow.

    Raises:
        InputError: there is no such model.
    """
    if Path(model).is_dir():
        yield classifier_folder(Path(model)), model
    elif ":/" not in model:
        raise InputError(f"There is no folder {model}: --model takes a folder, models:/NAME@ALIAS or runs:/ID/model.")
    else:
        from sentiment import registry, tracking

        tracking.silence()
        with registry.downloaded_model(model) as (folder, name):
            yield classifier_folder(folder), name


def predict(texts: Sequence[str], model: str, threshold: float | None, console: Console) -> None:
    """Print the verdict and P(positive) of each text.

    Raises:
        InputError: a text is blank, or there is no such model.
    """
    for number, text in enumerate(texts, 1):
        if not text.strip():
            raise InputError(f"Review {number} is blank: give the text of a review.")
    with located_classifier(model) as (folder, _):
        classifier = SentimentClassifier.load(folder)
        if threshold is not None:
            classifier.threshold = threshold
        probabilities = classifier.positive_probability(texts)
    for text, label, probability in zip(texts, classifier.labels(probabilities), probabilities, strict=True):
        console.result(f"{label}  {probability:.4f}  {text}")


def _score(
    config: ScoreConfig,
    source: Source,
    output: TableFile,
    folder: Path,
    classifier: SentimentClassifier,
    console: Console,
) -> Tally:
    to_standard_output = str(output.path) == STANDARD_STREAM
    columnar = output.format != "jsonl"
    first = TableReader(source.files[0], config.text_column, columnar=columnar, stream=source.stream)
    identity = {
        "sentiment": __version__,
        "classifier": classifier.digest(),
        "text_column": first.text_column,
        "columnar": columnar,
        "files": [uuid.uuid4().hex] if source.stream else [_stamp(file.path) for file in source.files],
    }
    total = None if source.stream else sum(file.path.stat().st_size for file in source.files)
    tally = Tally()
    waiting: deque[tuple[Chunk, np.ndarray | Future[np.ndarray]]] = deque()
    with (
        Checkpoint(None if to_standard_output else beside(output.path, ".scores"), identity) as checkpoint,
        _written(output.path) as (sink, rejected_sink),
        scoring_pool(folder, config.batch_size) as pool,
        contextlib.closing(TableWriter(output, sink, first.schema)) as writer,
        console.scoring(total) as progress,
    ):

        def write_next() -> None:
            chunk, scores = waiting.popleft()
            if isinstance(scores, Future):
                probabilities = scores.result()
                checkpoint.add(probabilities)
            else:
                probabilities = scores
                tally.known += len(scores)
            labels = classifier.labels(probabilities)
            writer.write(chunk.rows, labels, probabilities)
            tally.scored += len(labels)
            tally.positive += labels.count(LABEL_NAMES[1])
            tally.rejected += len(chunk.rejected)

        for file, chunk, position in _chunks(source, first):
            for rejected in chunk.rejected:
                if config.strict:
                    raise InputError(f"{file.path}, row {rejected.row}: {rejected.reason} (--strict).")
                rejected_sink.write(rejected_line(file, rejected))
            known = checkpoint.take(len(chunk.texts))
            waiting.append((chunk, pool.submit(chunk.texts) if known is None else known))
            if len(waiting) > 2 * pool.processes:
                write_next()
            progress(tally.scored + tally.rejected, position)
        while waiting:
            write_next()
            progress(tally.scored + tally.rejected, total)
    return tally


def _chunks(source: Source, first: TableReader) -> Iterator[tuple[TableFile, Chunk, int]]:
    """Every chunk with its file and the bytes of all files up to its end."""
    before = 0
    for file in source.files:
        reader = first
        if file is not source.files[0]:
            columnar = first.schema is not None
            reader = TableReader(file, first.text_column, columnar=columnar, schema=first.schema)
        with contextlib.closing(reader):
            for chunk in reader.chunks():
                yield file, chunk, before + chunk.position
        before += reader.size or 0


def rejected_line(file: TableFile, rejected: Rejected) -> str:
    """The row of OUTPUT.rejected.jsonl."""
    content = {
        "file": str(file.path),
        "row": rejected.row,
        "reason": rejected.reason,
        "content": rejected.content,
    }
    return json.dumps(content, default=str) + "\n"  # escaped, as content may be no UTF-8


def beside(output: Path, ending: str) -> Path:
    """A file that belongs to OUTPUT."""
    return output.with_name(output.name + ending)


@contextlib.contextmanager
def _written(output: Path) -> Iterator[tuple[BinaryIO, TextIO]]:
    """Where to write OUTPUT and the rejected rows; both get their names when all went well."""
    if str(output) == STANDARD_STREAM:
        yield sys.stdout.buffer, sys.stderr
        sys.stdout.buffer.flush()
        return
    partial, rejected = beside(output, ".partial"), beside(output, REJECTED_ENDING)
    rejected_partial = beside(rejected, ".partial")
    try:
        with partial.open("wb") as sink, rejected_partial.open("w", encoding="utf-8") as rejected_sink:
            yield sink, rejected_sink
    except BaseException:
        partial.unlink()
        rejected_partial.unlink()
        raise
    if rejected_partial.stat().st_size:
        rejected_partial.replace(rejected)
    else:
        rejected_partial.unlink()
        rejected.unlink(missing_ok=True)
    partial.replace(output)


class Checkpoint:
    """OUTPUT.scores: a line that identifies the work, then the float32 scores in the order of the rows.

    Its lock keeps a second command away from OUTPUT.

    Args:
        path: None to keep nothing.
        identity: all that decides the scores and their order; what was kept of other work is dropped.

    Raises, when entered:
        InputError: another command is writing this OUTPUT.
    """

    def __init__(self, path: Path | None, identity: dict[str, Any]) -> None:
        self._path, self._identity = path, json.dumps(identity).encode() + b"\n"

    def __enter__(self) -> "Checkpoint":
        self._has_more = self._path is not None
        if self._path is None:
            return self
        self._path.touch()
        self._file = self._path.open("r+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(
                f"Another command is writing {self._path.stem}: wait for it, or choose another OUTPUT."
            ) from error
        if self._file.read(len(self._identity)) != self._identity:
            self._file.seek(0)
            self._file.truncate()
            self._file.write(self._identity)
            self._file.flush()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._path is not None:
            if kind is None:
                self._path.unlink()
            self._file.close()

    def take(self, count: int) -> np.ndarray | None:
        """The next scores; None from the first chunk on that was not finished."""
        if not self._has_more:
            return None
        start = self._file.tell()
        scores = self._file.read(4 * count)
        if len(scores) == 4 * count:
            return np.frombuffer(scores, np.float32)
        self._has_more = False
        self._file.seek(start)
        self._file.truncate()
        return None

    def add(self, scores: np.ndarray) -> None:
        """Keep the scores of the next chunk."""
        if self._path is not None:
            self._file.write(scores.tobytes())
            self._file.flush()


def _stamp(path: Path) -> list[Any]:
    status = path.stat()
    return [str(path.resolve()), status.st_size, status.st_mtime_ns]


def show_summary(console: Console, config: ScoreConfig, tally: Tally, model: str) -> None:
    """What was read and written, and how fast."""
    share = f"{tally.positive / tally.scored:.1%}" if tally.scored else "none"
    rows = [
        ["rows read", f"{tally.scored + tally.rejected:,}"],
        ["scored", f"{tally.scored:,}"],
        ["rejected", f"{tally.rejected:,}"],
        ["positive", share],
        ["rows per second", f"{tally.rows_per_second:,.0f}"],
        ["model", model],
    ]
    if tally.known:
        rows.insert(2, ["of these by an earlier attempt", f"{tally.known:,}"])
    if tally.rejected and config.output != STANDARD_STREAM:
        rows.insert(-3, ["rejected rows are in", f"{config.output}{REJECTED_ENDING}"])
    console.table(f"{config.input} to {config.output}", ["", ""], rows)


if __name__ == "__main__":
    from pipelines.cli import app

    app(["score", *sys.argv[1:]])

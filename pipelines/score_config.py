"""ScoreConfig: what to score, with what and how; and the files that it names, found and checked."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pipelines.output import (
    ENDINGS,
    PARTIAL_ENDING,
    REJECTED_ENDING,
    SCORES_ENDING,
    STANDARD_STREAM,
    SUCCESS_FILE,
    beside,
    refuse_foreign_files,
)
from sentiment.data.tables.files import USUALLY_ALLOWED, ReadOptions, TableFile, find_tables, standard_input
from sentiment.errors import InputError


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
        sure: accuracy that is promised of the verdicts; rows whose verdict would not keep it get none. None for a
            verdict on every row.
        overwrite: replace an OUTPUT that is there.
        strict: stop at the first row that cannot be scored.
        engine: this machine, or Spark, which makes OUTPUT a folder with a part for every file of INPUT.
        drift: page of how the rows differ from the validation reviews, or None.
        spark_master: None for that of spark-submit, or else all cores of this machine.
        options: how to read INPUT where it does not say so itself.
        allow_rejected: go on while a smaller share of the lines of INPUT cannot be read.
    """

    input: str
    output: str
    model: str | None
    text_column: str | None
    batch_size: int
    threshold: float | None
    sure: float | None
    overwrite: bool
    strict: bool
    engine: Literal["local", "spark"] = "local"
    spark_master: str | None = None
    drift: Path | None = None
    options: ReadOptions = field(default_factory=ReadOptions)
    allow_rejected: float = USUALLY_ALLOWED


@dataclass(frozen=True)
class InputFiles:
    """The files of INPUT, all of one format; or standard input.

    Attributes:
        left_out: names of files in a folder that are no tables.
    """

    files: list[TableFile]
    left_out: tuple[str, ...] = ()

    @property
    def is_stream(self) -> bool:
        """Whether it is a copy of standard input."""
        return self.files[0].copy is not None


@contextlib.contextmanager
def input_files(config: ScoreConfig) -> Iterator[InputFiles]:
    """The files that INPUT names.

    Hidden files of a folder, empty files, and what an earlier attempt left beside OUTPUT are none.

    Raises:
        InputError: there are none, they are of several formats, or they cannot be read.
    """
    if config.input == STANDARD_STREAM:
        with standard_input(config.text_column, config.options) as file:
            yield InputFiles([file])
        return
    aside = {beside(Path(config.output).resolve(), ending) for ending in ENDINGS} if config.output else set()
    yield InputFiles(*find_tables(config.input, ignored=aside))


def find_output(config: ScoreConfig, inputs: InputFiles) -> TableFile:
    """The table to write: one that can be written.

    Raises:
        InputError: its ending tells no format, it or its rejected rows are there already, or it is an input.
    """
    if config.drift is not None:
        _check_drift(config.drift, inputs)
    if config.output == STANDARD_STREAM:
        kind = inputs.files[0].format
        return TableFile(Path(STANDARD_STREAM), kind if kind in ("csv", "tsv", "jsonl") else "csv")
    output = TableFile.at(Path(config.output))
    if output.format == "txt" or output.path.name.endswith(".json"):
        raise InputError(f"{output.path} cannot hold rows with verdicts: write .csv, .tsv, .jsonl or .parquet.")
    rejected = beside(output.path, REJECTED_ENDING)
    places = {output.path.resolve(), rejected.resolve()}
    read = [file.path.resolve() for file in inputs.files if not inputs.is_stream]
    if any(places & {path, *path.parents} for path in read):
        raise InputError(f"{output.path}, or what goes beside it, is the input: choose another OUTPUT.")
    if output.path.is_dir() and not (config.engine == "spark" and (output.path / SUCCESS_FILE).exists()):
        raise InputError(f"{output.path} is a folder of something else: choose another OUTPUT.")
    refuse_foreign_files(output.path)
    is_begun = any(beside(output.path, ending).exists() for ending in (SCORES_ENDING, PARTIAL_ENDING))
    for path in (output.path, rejected):
        if path.exists() and not is_begun and not config.overwrite:
            raise existing_output(path)
    if not output.path.parent.is_dir():
        raise InputError(f"The folder {output.path.parent} does not exist: make it, or choose another OUTPUT.")
    return output


def _check_drift(page: Path, inputs: InputFiles) -> None:
    is_input = any(page.resolve() == file.path.resolve() for file in inputs.files)
    if page.suffix.lower() != ".html" or is_input or page.is_dir():
        raise InputError(f"--drift {page}: give a file that ends with .html and is no INPUT.")
    if not page.parent.is_dir():
        raise InputError(f"--drift {page}: there is no folder {page.parent}; make it first.")


def existing_output(path: Path) -> InputError:
    """What to raise for an OUTPUT that is not to be replaced."""
    return InputError(f"{path} is there already: choose another OUTPUT, or replace it with --overwrite.")

"""Console: what the pipelines tell people, with bars and colours only on a terminal."""

import functools
import importlib
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import rich.box
import rich.console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from pipelines.working_directory import Stage
from sentiment.training.trainer import History, OnBatch

CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Characters that a terminal obeys instead of showing them, but for the tab and the line feed."""

WIDTH_OF_FILES = 160
"""Columns of a table that goes to a file or a pipe, so that nothing is cut."""


class Console:
    """Prints to standard output; errors and bars go to standard error.

    Args:
        quiet: print errors and tables of results only.
        verbose: let the native libraries log to standard error.
        is_piped: standard output is for data; print everything to standard error.
    """

    def __init__(self, *, quiet: bool = False, verbose: bool = False, is_piped: bool = False) -> None:
        self.quiet, self.verbose = quiet, verbose
        width = None if (sys.stderr if is_piped else sys.stdout).isatty() else WIDTH_OF_FILES
        self._out = rich.console.Console(highlight=False, soft_wrap=True, width=width, stderr=is_piped)
        self._error = rich.console.Console(stderr=True, highlight=False, soft_wrap=True)

    @contextmanager
    def without_native_log(self) -> Iterator[None]:
        """Mute what C++ code writes to standard error, as TensorFlow does whenever it is imported, unless verbose.

        Python's own standard error keeps working.
        """
        if self.verbose:
            yield
            return
        python_stderr, sys.stderr = sys.stderr, _own_stderr()
        native_stderr = os.dup(2)
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(native_stderr, 2)
            os.close(native_stderr)
            sys.stderr = python_stderr

    def import_tensorflow(self) -> None:
        """Import TensorFlow without what it writes to standard error meanwhile, unless verbose."""
        with self.without_native_log():
            importlib.import_module("tensorflow")

    @property
    def shows_progress(self) -> bool:
        """Whether bars are drawn."""
        return self._error.is_terminal and not self.quiet

    def say(self, text: str, *, style: str = "") -> None:
        """A line of progress, left out when quiet."""
        if not self.quiet:
            self._out.print(_plain(text), style=style)

    def result(self, text: str) -> None:
        """A line that was asked for."""
        self._out.print(_plain(text))

    def show(self, text: Text) -> None:
        """Coloured text, wrapped at words."""
        self._out.print(text, soft_wrap=False)

    @property
    def width(self) -> int:
        """Characters in a line."""
        return self._out.width

    def note(self, text: str) -> None:
        """A dim line on standard error, left out when quiet."""
        if not self.quiet:
            self._error.print(_plain(text), style="dim")

    def warn(self, text: str) -> None:
        """A line on standard error of what the user should know about a result; shown also when quiet."""
        self._error.print(Text.assemble(("Warning:", "bold yellow"), " ", _plain(text)))

    def error(self, text: str) -> None:
        """A line on standard error."""
        self._error.print(Text.assemble(("Error:", "bold red"), " ", _plain(text)))

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table whose first column holds names and whose others hold figures; columns may be without a name."""
        table = Table(title=_plain(title), title_justify="left", title_style="bold", box=rich.box.SIMPLE_HEAD)
        table.show_header = any(columns)
        for number, column in enumerate(columns):
            table.add_column(_plain(column), justify="right" if number else "left")
        for row in rows:
            table.add_row(*map(_plain, row))
        self._out.print(table)

    def finished_stage(self, stage: Stage, read: str) -> None:
        """What a stage read and wrote."""
        verb = "cached in" if stage.cached else f"in {stage.seconds:.1f} s wrote"
        self.say(f"{stage.name:<11} read {read}; {verb} {stage.folder}")

    @contextmanager
    def scoring(self, total: int | None) -> Iterator[Callable[[int, int | None], None]]:
        """A bar over so many bytes, moved by a function that takes the rows written and the bytes read so far."""
        with self._bar() as bar:
            task = bar.add_task("scoring", total=total, figures="")
            started = time.perf_counter()

            def moved(rows: int, position: int | None) -> None:
                speed = rows / (time.perf_counter() - started)
                bar.update(task, completed=position, figures=f"{rows:,} rows  {speed:,.0f} rows/s")

            yield moved

    @contextmanager
    def training(
        self,
        model: str,
        epochs: int,
        count: int,
        *,
        on_epoch: Callable[[History], None] = lambda history: None,
        examples: str = "reviews",
    ) -> Iterator["TrainingProgress"]:
        """A bar per epoch while a model is trained on so many examples.

        Args:
            on_epoch: also called after every epoch.
        """
        with self._bar() as bar:
            yield TrainingProgress(self, bar, model, epochs, count, on_epoch, examples)

    def _bar(self) -> Progress:
        """A bar whose tasks have a description and `figures`."""
        return Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(),
            console=self._error,
            transient=True,
            disable=not self.shows_progress,
        )


@functools.cache
def _own_stderr() -> TextIO:
    """Standard error under another number. It is never closed, as a logger that is made meanwhile goes on using it."""
    return os.fdopen(os.dup(2), "w", buffering=1)


def escaped(text: str) -> str:
    """Text that is safe on a terminal: control characters, marks of direction and undecodable bytes are escapes."""
    return (
        CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
        .encode("utf-8", "backslashreplace")
        .decode()
    )


def _plain(text: str) -> Text:
    """Text that is shown as it is, without markup."""
    return Text(escaped(text))


class TrainingProgress:
    """The callbacks of `train`, drawn on a console."""

    def __init__(
        self,
        console: Console,
        bar: Progress,
        model: str,
        epochs: int,
        count: int,
        on_epoch: Callable[[History], None],
        examples: str,
    ) -> None:
        self._console, self._bar, self._model, self._epochs, self._examples = console, bar, model, epochs, examples
        self._finished, self._on_epoch = 0, on_epoch
        self._task = bar.add_task(self._title(), total=count, figures="")

    def _title(self) -> str:
        return f"{self._model} epoch {min(self._finished + 1, self._epochs)}/{self._epochs}"

    @property
    def on_batch(self) -> OnBatch:
        """Moves the bar."""

        def moved(done: int, figures: Mapping[str, float]) -> None:
            shown = [f"{name} {value:.4f}" for name, value in figures.items()]
            speed = self._bar.tasks[0].speed or 0
            self._bar.update(
                self._task, completed=done, figures="  ".join([*shown, f"{speed:,.0f} {self._examples}/s"])
            )

        return moved

    def on_epoch(self, history: History) -> None:
        """Prints the epochs that it has not printed yet and starts the next bar."""
        for epoch in range(self._finished, len(history["loss"])):
            *figures, (_, seconds), (_, speed) = [(metric, values[epoch]) for metric, values in history.items()]
            shown = [f"{metric.replace('val_', 'validation ')} {value:.4f}" for metric, value in figures]
            self._console.say(
                f"  {self._model} epoch {epoch + 1}/{self._epochs}: {', '.join(shown)}, {seconds:.1f} s, "
                f"{speed:,.0f} {self._examples}/s"
            )
        self._finished = len(history["loss"])
        self._bar.reset(self._task, description=self._title(), figures="")
        self._on_epoch(history)

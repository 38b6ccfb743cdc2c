"""Console: what the pipelines say to people, with bars and colours only on a terminal."""

import functools
import importlib
import logging
import os
import re
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import rich.box
import rich.console
from rich.console import RenderableType
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from pipelines.working_directory import Stage
from sentiment.errors import InputError
from sentiment.training.progress import TrainingProgress, new_bar

if TYPE_CHECKING:
    from sentiment.training.trainer import Callbacks, OnEpoch

CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Characters that a terminal obeys instead of showing them, except the tab and the line feed."""

WIDTH_OF_FILES = 160
"""Columns of what goes to a file or a pipe."""

LABEL = re.compile(r" +|\S+(?: \S+)* {2,}")
"""What a line may begin with: spaces, or words and two spaces."""

LOGGER = logging.getLogger("sentiment.console")


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
        self._bar: Progress | None = None
        self._drawing, self._lock, self._stop = 0, threading.RLock(), threading.Event()
        self._log: rich.console.Console | None = None
        self._shown: set[Path] = set()

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

    def log_to(self, path: Path) -> None:
        """Append all that is printed from now on to a file, with the time, and the warnings of the libraries.

        Raises:
            InputError: the file cannot be written.
        """
        try:
            handler = logging.FileHandler(path, encoding="utf-8")
        except OSError as error:
            raise InputError(f"--log-file {path} cannot be written ({error.strerror}): name another file.") from error
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%dT%H:%M:%S%z"))
        for logger in (logging.getLogger(), LOGGER):
            logger.addHandler(handler)
        LOGGER.setLevel(logging.INFO)
        LOGGER.propagate = False
        self._log = rich.console.Console(width=WIDTH_OF_FILES, highlight=False, soft_wrap=True, color_system=None)

    def log_traceback(self) -> None:
        """Write the traceback of the error being handled to the log file, if there is one."""
        if self._log is not None:
            LOGGER.exception("the command failed")

    @property
    def shows_progress(self) -> bool:
        """Whether bars are drawn."""
        return self._error.is_terminal and not self.quiet

    def say(self, text: str, *, style: str = "") -> None:
        """A line of progress, left out when quiet; on a terminal it is wrapped at words."""
        self._print(self._out, _wrapped(text, self._out, style), is_shown=not self.quiet)

    def command(self, label: str, command: str) -> None:
        """A command that the reader may copy: never broken, and left out when quiet."""
        self._print(self._out, Text(escaped(f"{label:<11} {command}")), is_shown=not self.quiet)

    def result(self, text: str) -> None:
        """A line that was asked for, as it is."""
        self._print(self._out, Text(escaped(text)))

    def show(self, text: Text) -> None:
        """Coloured text, wrapped at words."""
        self._print(self._out, text, soft_wrap=False)

    def note(self, text: str) -> None:
        """A dim line on standard error, left out when quiet."""
        self._print(self._error, _wrapped(text, self._error, "dim"), is_shown=not self.quiet)

    def warn(self, text: str) -> None:
        """A line on standard error of what the user should know about a result; shown also when quiet."""
        self._labelled("Warning:", "bold yellow", text)

    def error(self, text: str) -> None:
        """A line on standard error."""
        self._labelled("Error:", "bold red", text)

    def _labelled(self, label: str, style: str, text: str) -> None:
        line = _wrapped(f"{label} {text}", self._error)
        line.stylize(style, 0, len(label))
        self._print(self._error, line)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table whose first column holds names and whose others hold values; columns may be without a name."""
        table = Table(box=rich.box.SIMPLE_HEAD, show_header=any(columns))
        for number, column in enumerate(columns):
            table.add_column(Text(escaped(column)), justify="right" if number else "left", overflow="fold")
        for row in rows:
            table.add_row(*(Text(escaped(cell)) for cell in row))
        self._print(self._out, _wrapped(title, self._out, "bold"), table)

    def finished_stage(self, stage: Stage, read: str) -> None:
        """What a stage read and wrote, once for each stage that is found cached."""
        if stage.cached and stage.folder in self._shown:
            return
        self._shown.add(stage.folder)
        verb = "cached in" if stage.cached else f"in {stage.seconds:.1f} s wrote"
        self.say(f"{stage.name:<11} read {read}; {verb} {stage.folder}")

    @contextmanager
    def scoring(self, total: int | None) -> Iterator[Callable[[int, int | None], None]]:
        """A bar over so many bytes, moved by a function that takes the rows written and the bytes read so far."""
        with self._drawn() as bar:
            task = bar.add_task("scoring", total=total, metrics="")
            started = time.perf_counter()

            def move(rows: int, position: int | None) -> None:
                speed = rows / (time.perf_counter() - started)
                bar.update(task, completed=position, metrics=f"{rows:,} rows  {speed:,.0f} rows/s")

            yield move

    @contextmanager
    def training(
        self, model: str, epochs: int, count: int, *, on_epoch: "OnEpoch" = lambda history: None
    ) -> "Iterator[Callbacks]":
        """A bar per epoch while a model is trained on so many examples; `on_epoch` is also called after each."""
        with self._drawn() as bar:
            shown = TrainingProgress(bar, model, epochs, count, say=self.say, on_epoch=on_epoch, stop=self._stop)
            try:
                yield shown.callbacks
            finally:
                shown.erase()

    def stop_trainings(self) -> None:
        """End every training at its next step, as an interruption would."""
        self._stop.set()

    @contextmanager
    def _drawn(self) -> Iterator[Progress]:
        """A bar that is erased in the end, and whenever something else is printed; shared by the threads that draw."""
        with self._lock:
            if self._bar is None:
                self._bar = new_bar(self._error, is_drawn=self.shows_progress)
                self._bar.start()
            bar, self._drawing = self._bar, self._drawing + 1
        try:
            yield bar
        finally:
            with self._lock:
                self._drawing -= 1
                if not self._drawing:
                    bar.stop()
                    self._bar = None

    def _print(
        self,
        console: rich.console.Console,
        *content: RenderableType,
        soft_wrap: bool | None = None,
        is_shown: bool = True,
    ) -> None:
        """Print, with the bar out of the way; the log file also gets what is not shown."""
        with self._lock:
            if self._log is not None:
                with self._log.capture() as captured:
                    self._log.print(*content, sep="\n")
                for line in filter(str.strip, captured.get().splitlines()):
                    LOGGER.info(line.rstrip())
            if not is_shown:
                return
            if self._bar is not None:
                self._bar.stop()
            for part in content:
                console.print(part, soft_wrap=soft_wrap)
            if self._bar is not None:
                self._bar.start()


@functools.cache
def _own_stderr() -> TextIO:
    """Standard error under another number. It is never closed, as a logger that is made meanwhile goes on using it."""
    return os.fdopen(os.dup(2), "w", buffering=1, encoding=sys.stderr.encoding, errors="backslashreplace")


def escaped(text: str) -> str:
    """Text that is safe on a terminal: control characters, marks of direction and undecodable bytes are escapes."""
    return (
        CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
        .encode("utf-8", "backslashreplace")
        .decode()
    )


def _wrapped(text: str, console: rich.console.Console, style: str = "") -> Text:
    """Escaped text, on a terminal wrapped at words; further lines are indented as far as what follows the label."""
    text = escaped(text)
    if console.is_terminal:
        label = LABEL.match(text)
        wrapper = textwrap.TextWrapper(
            console.width - 1,
            subsequent_indent=" " * (label.end() if label else 0),
            break_long_words=False,
            break_on_hyphens=False,
        )
        text = "\n".join(map(wrapper.fill, text.split("\n")))
    return Text(text, style)

"""Bars on a terminal: what they show while a table is scored or a model is trained, in lines of any width."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import rich.console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from sentiment.training.trainer import History

BAR_WIDTH, TIME_WIDTH, PERCENT_WIDTH = 16, 7, 4
COMPILING = "compiling the first step"


def new_bar(console: rich.console.Console, *, is_drawn: bool) -> Progress:
    """A bar whose tasks have a description and `figures`, and which is erased when it ends."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=BAR_WIDTH),
        TaskProgressColumn(),
        TextColumn("{task.fields[figures]}", markup=False),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not is_drawn,
    )


def fitting(figures: Sequence[str], description: str, width: int) -> str:
    """As many of the figures, the first ones first, as stand in a line beside description, bar, percent and time."""
    room = width - len(description) - BAR_WIDTH - PERCENT_WIDTH - TIME_WIDTH - 4  # spaces between the five columns
    shown = ""
    for figure in figures:
        longer = f"{shown}  {figure}" if shown else figure
        if len(longer) > room:
            break
        shown = longer
    return shown


@contextmanager
def scoring_bar(bar: Progress, total: int | None) -> Iterator[Callable[[int, int | None], None]]:
    """A function that takes the rows written and the bytes read so far, of so many."""
    task = bar.add_task("scoring", total=total, figures="")
    started = time.perf_counter()

    def moved(rows: int, position: int | None) -> None:
        speed = rows / (time.perf_counter() - started)
        figures = fitting([f"{rows:,} rows", f"{speed:,.0f} rows/s"], "scoring", bar.console.width)
        bar.update(task, completed=position, figures=figures)

    yield moved


class TrainingProgress:
    """The callbacks of `train`, drawn as a bar for each epoch; `say` prints the line of an epoch."""

    def __init__(
        self,
        say: Callable[[str], None],
        bar: Progress,
        model: str,
        epochs: int,
        count: int,
        on_epoch: "Callable[[History], None]",
        examples: str,
        is_stopped: Callable[[], bool],
    ) -> None:
        self._is_stopped = is_stopped
        self._say, self._bar, self._model, self._epochs, self._examples = say, bar, model, epochs, examples
        self._finished, self._on_epoch = 0, on_epoch
        self._task = bar.add_task(self._title(), total=count, figures=self._fitting([COMPILING]))

    def _title(self) -> str:
        return f"{self._model} epoch {min(self._finished + 1, self._epochs)}/{self._epochs}"

    def _fitting(self, figures: Sequence[str]) -> str:
        return fitting(figures, self._title(), self._bar.console.width)

    def on_batch(self, done: int, figures: Mapping[str, float]) -> None:
        """Moves the bar.

        Raises:
            KeyboardInterrupt: the training was stopped.
        """
        if self._is_stopped():
            raise KeyboardInterrupt
        shown = [f"{name} {value:.4f}" for name, value in figures.items()]
        speed = next(task.speed for task in self._bar.tasks if task.id == self._task) or 0
        shown.append(f"{speed:,.0f} {self._examples}/s")
        self._bar.update(self._task, completed=done, figures=self._fitting(shown))

    def on_epoch(self, history: "History") -> None:
        """Prints the epochs that it has not printed yet and starts the next bar."""
        for epoch in range(self._finished, len(history["loss"])):
            *figures, (_, seconds), (_, speed) = [(metric, values[epoch]) for metric, values in history.items()]
            shown = [
                f"{metric.replace('val_', 'validation_').replace('_', ' ')} {value:.4f}" for metric, value in figures
            ]
            self._say(
                f"  {self._model} epoch {epoch + 1}/{self._epochs}: {', '.join(shown)}, {seconds:.1f} s, "
                f"{speed:,.0f} {self._examples}/s"
            )
        self._finished = len(history["loss"])
        self._bar.reset(self._task, description=self._title(), figures="")
        self._on_epoch(history)

    def erase(self) -> None:
        """Takes the bar away."""
        self._bar.remove_task(self._task)

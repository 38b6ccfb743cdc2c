"""Progress of a training on a terminal: a bar while an epoch runs, and a line with its metrics when it ends."""

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Column

if TYPE_CHECKING:
    from sentiment.training.trainer import Callbacks, History


def new_console() -> Console:
    """Standard output, or the cell of a notebook."""
    return Console(highlight=False)


def new_bar(console: Console, *, is_drawn: bool = True) -> Progress:
    """A bar that is erased in the end, and is drawn on terminals alone. Its tasks have a field `metrics`."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=10),
        TaskProgressColumn(),
        TextColumn("{task.fields[metrics]}", markup=False, table_column=Column()),  # wrapped where the line is narrow
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not (is_drawn and console.is_terminal),
    )


class TrainingProgress:
    """Shows one training: `callbacks` are for `sentiment.training.trainer.fit`.

    Args:
        bar: of `new_bar`, within its `with` block; trainings in several threads may share it.
        model, epochs, count: its name for people, its most epochs, and the examples in each.
        say: prints the line of an epoch; by default above the bar.
        on_epoch: also called with the history so far after every epoch.
        stop: a training ends with KeyboardInterrupt at its next step once this is set.
    """

    def __init__(
        self,
        bar: Progress,
        model: str,
        epochs: int,
        count: int,
        *,
        say: Callable[[str], None] | None = None,
        on_epoch: "Callable[[History], None]" = lambda history: None,
        stop: threading.Event | None = None,
    ) -> None:
        self._bar, self._model, self._epochs = bar, model, epochs
        self._say, self._after_epoch, self._stop, self._finished = say or bar.console.print, on_epoch, stop, 0
        self._task = bar.add_task(self._title(0), total=count, metrics="compiling the first step")

    def _title(self, epoch: int) -> str:
        return f"{self._model} epoch {min(epoch + 1, self._epochs)}/{self._epochs}"

    def on_batch(self, done: int, metrics: Mapping[str, float]) -> None:
        """Move the bar to so many examples."""
        if self._stop is not None and self._stop.is_set():
            raise KeyboardInterrupt
        shown = "  ".join(f"{name} {value:.4f}" for name, value in metrics.items())
        self._bar.update(self._task, completed=done, metrics=shown)

    def on_epoch(self, history: "History") -> None:
        """Print the epochs that are not printed yet, and begin the next bar."""
        for epoch in range(self._finished, len(history["loss"])):
            *metrics, (_, seconds), (name, speed) = [(name, values[epoch]) for name, values in history.items()]
            shown = [f"{name.replace('val_', 'validation_').replace('_', ' ')} {value:.4f}" for name, value in metrics]
            shown += [f"{seconds:.1f} s", f"{speed:,.0f} {name.removesuffix('_per_second')}/s"]
            self._say(f"  {self._title(epoch)}: {', '.join(shown)}")
        self._finished = len(history["loss"])
        self._bar.reset(self._task, description=self._title(self._finished), metrics="")
        self._after_epoch(history)

    @property
    def callbacks(self) -> "Callbacks":
        """What `fit` calls."""
        from sentiment.training.trainer import Callbacks

        return Callbacks(self.on_epoch, self.on_batch)

    def erase(self) -> None:
        """Remove this training from the bar."""
        self._bar.remove_task(self._task)

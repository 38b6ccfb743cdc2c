"""Step: a piece of the recipe with all that decides its output; InMemory: the plainest way to run one."""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from sentiment.training.progress import TrainingProgress, new_bar, new_console
from sentiment.training.trainer import Callbacks, OnEpoch

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Output(Generic[T]):
    """What a step has made.

    Attributes:
        name: of the step.
        read: gives the value, such as from the disk.
        digest: of all that the value came from; "" where nothing is kept.
        folder: where it is kept, if it is.
    """

    name: str
    read: Callable[[], T]
    digest: str = ""
    folder: Path | None = None

    @cached_property
    def value(self) -> T:
        """The output itself, read once."""
        return self.read()


Inputs = Mapping[str, Output[Any] | None]
"""What a step reads -> its output; None where the recipe leaves it out."""


@dataclass(frozen=True, eq=False)
class Step(Generic[T]):
    """One step of the recipe.

    Attributes:
        name: such as `vocabulary`.
        kind: type of its output.
        compute: makes the output. It gets an empty folder for checkpoints, or one with those of an attempt that was
            killed.
        inputs: the outputs of other steps that it reads.
        settings: what else decides the output, as JSON can hold it.
        code: subpackages and modules of `sentiment` that decide the output, beside the recipe itself.
        label: what it is for, where several steps have one name, such as `LSTM, seed 1`.
    """

    name: str
    kind: type[T]
    compute: Callable[[Path], T]
    inputs: Inputs
    settings: Mapping[str, Any] = field(default_factory=dict)
    code: tuple[str, ...] = ("data", "engine", "evaluation", "training")
    label: str = ""


class Steps(Protocol):
    """How steps are run: in memory, or kept on the disk. It also tells people how far they are."""

    def run(self, step: Step[T]) -> Output[T]:
        """The output of a step, computed now or found."""

    def note(self, text: str) -> None:
        """Tell something that the user should know."""

    def training(self, name: str, epochs: int, count: int, on_epoch: OnEpoch) -> AbstractContextManager[Callbacks]:
        """Show the progress of a training over so many epochs, of so many examples each.

        Args:
            name: of the model, for people.
            on_epoch: also called after every epoch.
        """


class InMemory:
    """Runs every step at once and keeps its output for as long as somebody needs it.

    Args:
        verbose: whether trainings show a progress bar, and notes are printed.
    """

    def __init__(self, *, verbose: bool = False) -> None:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # or TensorFlow logs its start
        self._console = new_console() if verbose else None

    def run(self, step: Step[T]) -> Output[T]:
        """The output of a step, computed now."""
        with tempfile.TemporaryDirectory(prefix="sentiment-") as folder:
            value = step.compute(Path(folder))
        return Output(step.name, lambda: value)

    def note(self, text: str) -> None:
        """Print it, where verbose."""
        if self._console is not None:
            self._console.print(text, markup=False)

    @contextmanager
    def training(self, name: str, epochs: int, count: int, on_epoch: OnEpoch) -> Iterator[Callbacks]:
        """A bar for every epoch, where verbose."""
        if self._console is None:
            yield Callbacks(on_epoch)
            return
        with new_bar(self._console) as bar:
            yield TrainingProgress(bar, name, epochs, count, on_epoch=on_epoch).callbacks

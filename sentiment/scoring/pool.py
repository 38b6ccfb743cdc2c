"""ScoringPool: a classifier in as many processes as there are cores, each with one thread."""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Protocol

import numpy as np

from sentiment.cores import available_cores
from sentiment.errors import InputError


class Scorer(Protocol):
    """What the processes need of a SentimentClassifier."""

    def positive_probability(self, texts: Sequence[str], batch_size: int) -> np.ndarray:
        """P(positive) of each text, float32 of shape (N,)."""


_scorer: Scorer
"""Of a process of the pool."""


class ScoringPool:
    """Scores lists of reviews beside the process that reads and writes them: tokenizing holds Python's lock.

    Attributes:
        processes: how many lists are scored at once.
    """

    def __init__(self, executor: ProcessPoolExecutor, processes: int, batch_size: int) -> None:
        self.processes = processes
        self._executor, self._batch_size = executor, batch_size

    def submit(self, texts: list[str]) -> "Future[np.ndarray]":
        """P(positive) of each text, float32 of shape (N,), when it is there."""
        return self._executor.submit(_score, texts, self._batch_size)


@contextlib.contextmanager
def scoring_pool(load: Callable[[Path], Scorer], folder: Path, batch_size: int) -> Iterator[ScoringPool]:
    """The pool for a saved classifier, ready to score.

    Args:
        load: reads the classifier from its folder, in every process.

    Raises:
        InputError: one of its processes was ended from outside.
    """
    processes = available_cores()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", load.__module__])  # imported once, not in each process
    executor = ProcessPoolExecutor(processes, context, initializer=_begin, initargs=(load, folder))
    try:
        executor.submit(os.getpid).result()
        yield ScoringPool(executor, processes, batch_size)
    except BrokenProcessPool as error:
        raise InputError(
            "A scoring process was ended from outside, perhaps for want of memory: make room; the same command then "
            "goes on where it stopped."
        ) from error
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _begin(load: Callable[[Path], Scorer], folder: Path) -> None:
    global _scorer
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent answers it
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _scorer = load(folder)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _score(texts: list[str], batch_size: int) -> np.ndarray:
    return _scorer.positive_probability(texts, batch_size)

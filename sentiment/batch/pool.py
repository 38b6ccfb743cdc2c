"""ScoringPool: a classifier in as many threads as there are cores, or in processes where threads would not help."""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Protocol

import numpy as np

from sentiment.cores import available_cores
from sentiment.errors import InputError


class Scorer(Protocol):
    """What the pool needs of a SentimentClassifier."""

    @property
    def frees_lock(self) -> bool:
        """Whether other threads of Python go on while it scores."""

    def positive_probability(self, texts: Sequence[str]) -> np.ndarray:
        """P(positive) of each text, float32 of shape (N,)."""


_scorer: Scorer
"""Of a process of the pool."""


class ScoringPool:
    """Scores lists of reviews beside the thread that reads and writes them.

    Attributes:
        workers: how many lists are scored at once.
    """

    def __init__(self, executor: Executor, workers: int, score: Callable[[list[str]], np.ndarray]) -> None:
        self.workers = workers
        self._executor, self._score = executor, score

    def submit(self, texts: list[str]) -> "Future[np.ndarray]":
        """P(positive) of each text, float32 of shape (N,), when it is there."""
        return self._executor.submit(self._score, texts)


@contextlib.contextmanager
def scoring_pool(scorer: Scorer, load: Callable[[Path], Scorer], folder: Path) -> Iterator[ScoringPool]:
    """The pool for a saved classifier, ready to score.

    Args:
        scorer: the classifier. One that frees Python's lock is shared by threads.
        load: else reads it from its folder, in every process.

    Raises:
        InputError: one of its processes ended before its work, or there is too little memory.
    """
    if scorer.frees_lock:
        threads = ThreadPoolExecutor(available_cores())
        try:
            yield ScoringPool(threads, available_cores(), scorer.positive_probability)
        finally:
            threads.shutdown(wait=True, cancel_futures=True)
        return
    processes = available_cores()
    # on macOS, a process that has loaded Apple's libraries may crash once it forks
    context = multiprocessing.get_context("spawn" if sys.platform == "darwin" else "forkserver")
    context.set_forkserver_preload(["__main__", load.__module__])  # imported once, not in each process
    executor = ProcessPoolExecutor(processes, context, initializer=_begin, initargs=(load, folder))
    try:
        executor.submit(os.getpid).result()
        yield ScoringPool(executor, processes, _score)
    except MemoryError as error:
        raise InputError("There is too little memory to score in: make room; the same command goes on.") from error
    except BrokenProcessPool as error:
        raise InputError(
            "A scoring process ended before its work, perhaps for want of memory: make room; the same command then "
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


def _score(texts: list[str]) -> np.ndarray:
    return _scorer.positive_probability(texts)

"""scoring_pool: a classifier in as many threads as there are cores, or in processes where threads would not help."""

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

    def cumulative_probability(self, texts: Sequence[str]) -> np.ndarray:
        """P(label > k) of each text for every label k but the best, float32 (N, K - 1); of two P(positive), (N,)."""


_scorer: Scorer
"""What a process of the pool scores with."""


Submit = Callable[[list[str]], "Future[np.ndarray]"]
"""From texts to their cumulative probabilities, when these are there."""


@contextlib.contextmanager
def scoring_pool(scorer: Scorer, load: Callable[[Path], Scorer], folder: Path) -> Iterator[Submit]:
    """Score lists of reviews beside the thread that reads and writes them, one at a time on every core.

    Args:
        scorer: the classifier. One that frees Python's lock is shared by threads.
        load: else reads it from its folder, in every process.

    Raises:
        InputError: one of its processes ended before its work, or there is too little memory.
    """
    executor: Executor
    if scorer.frees_lock:
        executor, score = ThreadPoolExecutor(available_cores()), scorer.cumulative_probability
    else:
        # on macOS, a process that has loaded Apple's libraries may crash once it forks
        context = multiprocessing.get_context("spawn" if sys.platform == "darwin" else "forkserver")
        context.set_forkserver_preload(["__main__", load.__module__])  # imported once, not in each process
        executor = ProcessPoolExecutor(available_cores(), context, initializer=_begin, initargs=(load, folder))
        score = _score
    try:
        executor.submit(os.getpid).result()
        yield lambda texts: executor.submit(score, texts)
    except MemoryError as error:
        raise InputError("There is too little memory to score in: make room; the same command then resumes.") from error
    except BrokenProcessPool as error:
        raise InputError(
            "A scoring process ended before its work, perhaps for want of memory: make room; the same command then "
            "resumes where it stopped."
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


def _score(texts: Sequence[str]) -> np.ndarray:
    return _scorer.cumulative_probability(texts)

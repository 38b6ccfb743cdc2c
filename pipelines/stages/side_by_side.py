"""side_by_side: networks trained at the same time, each in a thread of its own.

One network alone leaves cores idle: parts of a step take one core only. Two at a time do not wait for each other.
"""

import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager

from pipelines.console import Console
from sentiment.cores import available_cores
from sentiment.training.recipe import Recipe
from sentiment.training.steps import Output
from sentiment.training.trained import Candidate, Trained
from sentiment.training.trainer import History, OnEpoch

Train = Callable[[Candidate, OnEpoch], Output[Trained]]
"""`Recipe.train` for one of the candidates, with what is called with the history after each of its epochs."""


@contextmanager
def side_by_side(recipe: Recipe, candidates: Sequence[Candidate], console: Console) -> Iterator[Train]:
    """Train as many of the networks at once as there are cores; the function that it gives waits for all of them.

    So nothing that is measured afterwards shares the cores with a training. A GPU trains one after the other. An
    exception ends all trainings at their next step, and what they finished is kept.
    """
    import tensorflow as tf

    networks = [candidate for candidate in candidates if not candidate.is_linear]
    threads = min(len(networks), available_cores())
    if threads < 2 or tf.config.list_physical_devices("GPU"):
        yield recipe.train
        return
    lock = threading.Lock()
    histories: dict[Candidate, History] = {}
    listeners: dict[Candidate, OnEpoch] = {}

    def tell(candidate: Candidate, history: History) -> None:
        with lock:
            histories[candidate] = history
            if candidate in listeners:
                listeners[candidate](history)

    with ThreadPoolExecutor(threads) as executor:
        futures = {
            candidate: executor.submit(recipe.train, candidate, functools.partial(tell, candidate))
            for candidate in networks
        }

        def train(candidate: Candidate, on_epoch: OnEpoch) -> Output[Trained]:
            if candidate.is_linear:
                return recipe.train(candidate)
            with lock:
                listeners[candidate] = on_epoch
                if candidate in histories:
                    on_epoch(histories[candidate])
            for future in wait(futures.values(), return_when=FIRST_EXCEPTION).done:
                future.result()
            return futures[candidate].result()

        try:
            yield train
        except BaseException:
            console.stop_trainings()
            executor.shutdown(wait=True, cancel_futures=True)
            raise

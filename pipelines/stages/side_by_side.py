"""side_by_side: networks trained at the same time, each in a thread of its own.

One network alone leaves cores idle: parts of a step take one core only. Two at a time do not wait for each other.
"""

import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager

from pipelines.configuration import Trial
from pipelines.stages.context import Context
from pipelines.stages.data import Prepared
from pipelines.stages.training import Trained, train_network
from sentiment.cores import available_cores
from sentiment.training.trainer import History

Train = Callable[[Trial, Callable[[History], None]], Trained]
"""As `train_network`, of one of the trials, with what is called with the history after each of its epochs."""


@contextmanager
def side_by_side(context: Context, prepared: Prepared, trials: Sequence[Trial]) -> Iterator[Train]:
    """Train as many of the trials at once as there are cores; the function that it gives waits for all of them.

    So nothing that is measured afterwards shares the cores with a training. A GPU trains one after the other. An
    exception ends all trainings at their next step, and what they finished is kept.
    """
    import tensorflow as tf

    threads = min(len(trials), available_cores())
    if threads == 1 or tf.config.list_physical_devices("GPU"):
        yield functools.partial(train_network, context, prepared)
        return
    lock = threading.Lock()
    histories: dict[Trial, History] = {}
    listeners: dict[Trial, Callable[[History], None]] = {}

    def tell(trial: Trial, history: History) -> None:
        with lock:
            histories[trial] = history
            if trial in listeners:
                listeners[trial](history)

    with ThreadPoolExecutor(threads) as executor:
        futures = {
            trial: executor.submit(train_network, context, prepared, trial, functools.partial(tell, trial))
            for trial in trials
        }

        def train(trial: Trial, on_epoch: Callable[[History], None]) -> Trained:
            with lock:
                listeners[trial] = on_epoch
                if trial in histories:
                    on_epoch(histories[trial])
            for future in wait(futures.values(), return_when=FIRST_EXCEPTION).done:
                future.result()
            return futures[trial].result()

        try:
            yield train
        except BaseException:
            context.console.stop_trainings()
            executor.shutdown(wait=True, cancel_futures=True)
            raise

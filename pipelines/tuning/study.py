"""Search: the trials of one search in Optuna's storage, which several processes and machines may share.

Trials are proposed by TPE (Bergstra et al. 2011) and cut short by Hyperband (Li et al. 2018). The randomness of a trial
follows from the seed and its number. So a search that was killed resumes as if it had never stopped.
"""

import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution, IntDistribution
from optuna.exceptions import DuplicatedStudyError, StorageInternalError
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.pruners import BasePruner, HyperbandPruner
from optuna.samplers import PartialFixedSampler, TPESampler
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, OperationalError, ProgrammingError, SQLAlchemyError

from pipelines.tuning.space import Space, Values
from sentiment.errors import InputError
from sentiment.files import locked_beside
from sentiment.tracking.store import reason_of

OWNER, IDENTITY = "owner", "identity"
"""Attribute of a trial: the working directory that runs it; of the study: what no other study has."""

ENDED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)

FEWEST_FOR_IMPORTANCE = 4

TRIES = 5
"""How often, a second apart, a process looks for what another one is making."""


class Search:
    """A study of Optuna, from which a process takes trials until it has enough.

    Args:
        url: of the storage, as `database_url` gives.
        name: what all processes at the same search share.
        space: settings to search.
        first: the values of trial 0.
        most_epochs: that a trial may take, for Hyperband.
        seed: what is drawn at random follows from it.
        owner: of the trials that this process runs; no two processes at a time share it.

    Raises:
        InputError: the storage cannot be used. The methods raise what `errors_explained` turns into one.
    """

    def __init__(
        self, url: URL, name: str, space: Space, first: Mapping[str, Any], *, most_epochs: int, seed: int, owner: str
    ) -> None:
        self.place, self.name = url.render_as_string(hide_password=True), name
        self._space, self._first, self._seed, self._owner = space, first, seed, owner
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        pruner = HyperbandPruner(min_resource=1, max_resource=most_epochs)
        with self.errors_explained(), _lock(url):
            try:
                storage = _connected(url)
            except ImportError as error:  # the driver of its database is missing
                raise StorageInternalError(str(error.__cause__ or error)) from error
            self._study = _make_or_load(storage, name, pruner)
            self.identity = str(self._study.user_attrs[IDENTITY])

    def next(self) -> tuple[Trial, dict[str, Any]]:
        """The trial that this process left unfinished, or a new one; and its values."""
        left = [trial for trial in self.trials(TrialState.RUNNING) if trial.user_attrs.get(OWNER) == self._owner]
        trial = Trial(self._study, left[0]._trial_id) if left else self._study.ask()  # it has no public name
        trial.set_user_attr(OWNER, self._owner)
        random = int(np.random.SeedSequence([self._seed, trial.number]).generate_state(1)[0])
        sampler = TPESampler(seed=random)
        self._study.sampler = PartialFixedSampler(dict(self._first), sampler) if trial.number == 0 else sampler
        return trial, {name: _suggest(trial, name, values) for name, values in self._space.settings.items()}

    def finish(self, trial: Trial, value: float | None, state: TrialState, attributes: Mapping[str, Any]) -> None:
        """How a trial ended.

        Args:
            value: the smaller the better; None unless the state is COMPLETE.
            attributes: what `trials` then holds of it.
        """
        for name, content in attributes.items():
            trial.set_user_attr(name, content)
        self._study.tell(trial, value, state)

    def trials(self, *states: TrialState) -> list[FrozenTrial]:
        """Trials of all processes by number; of any state, if none is named."""
        return self._study.get_trials(deepcopy=False, states=states or None)

    def best(self) -> FrozenTrial | None:
        """The finished trial with the smallest value, the first of equals."""
        return min(self.trials(TrialState.COMPLETE), key=lambda trial: (trial.values[0], trial.number), default=None)

    def importance(self) -> dict[str, float]:
        """Setting -> its share of the variance of the value, the largest first, by fANOVA (Hutter et al. 2014).

        Empty where fewer than FEWEST_FOR_IMPORTANCE trials have finished, or all have one value.
        """
        finished = self.trials(TrialState.COMPLETE)
        if len(finished) < FEWEST_FOR_IMPORTANCE or len({trial.values[0] for trial in finished}) == 1:
            return {}
        return get_param_importances(self._study, evaluator=FanovaImportanceEvaluator(seed=self._seed))

    @contextmanager
    def errors_explained(self) -> Iterator[None]:
        """Turn an error of the storage into an InputError."""
        try:
            yield
        except (SQLAlchemyError, StorageInternalError) as error:
            raise InputError(
                f"The storage {self.place} cannot be used ({reason_of(error)}): give another --storage, such as "
                "sqlite:///tuning.db, or start its server and install its driver; the same command then resumes."
            ) from error


def database_url(url: str) -> URL:
    """The URL of a database.

    Raises:
        InputError: it is none.
    """
    try:
        return make_url(url)
    except (ArgumentError, ValueError) as error:
        raise InputError(
            "--storage is no URL of a database: give one such as sqlite:///tuning.db or "
            "postgresql://user:password@host/name."
        ) from error


def _connected(url: URL) -> RDBStorage:
    """The storage with its tables, which another process may be making at this moment."""
    text = url.render_as_string(hide_password=False)
    for _ in range(TRIES):
        with suppress(IntegrityError, ProgrammingError, OperationalError):
            return RDBStorage(text)
        time.sleep(1)
    return RDBStorage(text)


def _make_or_load(storage: RDBStorage, name: str, pruner: BasePruner) -> optuna.Study:
    """The study, which the process that makes it gives an identity."""
    try:
        study = optuna.create_study(storage=storage, study_name=name, pruner=pruner)
    except DuplicatedStudyError:
        study = optuna.load_study(storage=storage, study_name=name, pruner=pruner)
        for _ in range(TRIES):
            if IDENTITY in study.user_attrs:
                return study
            time.sleep(1)
    study.set_user_attr(IDENTITY, uuid.uuid4().hex)
    return study


def _suggest(trial: Trial, name: str, values: Values) -> Any:
    """A value of a setting; the same again where the trial has one."""
    if isinstance(values, CategoricalDistribution):
        return trial.suggest_categorical(name, values.choices)
    if isinstance(values, IntDistribution):
        return trial.suggest_int(name, values.low, values.high, step=values.step, log=values.log)
    return trial.suggest_float(name, values.low, values.high, step=values.step, log=values.log)


@contextmanager
def _lock(url: URL) -> Iterator[None]:
    """One process at a time makes the tables of a SQLite file, which Optuna does in two steps.

    Raises:
        InputError: the file cannot be written or locked.
    """
    with ExitStack() as stack:
        if url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:"):
            try:
                stack.enter_context(locked_beside(Path(url.database), elsewhere="give a --storage on another"))
            except OSError as error:
                raise InputError(
                    f"The storage {url.database} cannot be written ({error.strerror}): give another --storage."
                ) from error
        yield

"""MLflow's model registry: the versions of a classifier, the champion among them, and the name that speaks."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import mlflow

from sentiment.errors import InputError
from sentiment.evaluation.abstention import binomial_interval
from sentiment.evaluation.comparison import Flips
from sentiment.tracking.sqlite_store import CHAMPION as CHAMPION
from sentiment.tracking.store import check_store, place, store_errors_explained, store_exists, store_lock

CHALLENGER = "challenger"
CANDIDATE_TAG, DECISION_TAG = "sentiment.candidate", "sentiment.decision"
"""Tags of a version: that it may become champion, and in words what was decided on it."""

METRICS = (
    *("test_accuracy", "test_f1", "test_roc_auc"),
    *("test_mean_absolute_error", "test_quadratic_weighted_kappa", "test_log_loss"),
)
REVIEWS, SIZE, SPEED = "test_reviews", "size_bytes", "test_scored_per_second"
METRIC_TAGS = (*METRICS, REVIEWS, SIZE, SPEED)
"""Kept as tags of a version: metrics of its run, the reviews that they come from, bytes of what scores, and reviews a
second."""


@dataclass(frozen=True)
class Version:
    """A registered version of a classifier.

    Attributes:
        metrics: those of METRIC_TAGS that it has -> value; none where something else than this project registered it.
        run_id: of the run that logged it, or "".
        tags: as MLflow holds them.
        created: when it was registered, in seconds since 1970.
        reason: why it is champion or is not, to follow a comma; of a candidate that was just decided on, else "".
        rival: the version that it was compared with for that decision, if there was such a contest.
        flips: what it judges otherwise than the rival.
    """

    name: str
    number: int
    aliases: tuple[str, ...]
    metrics: Mapping[str, float]
    run_id: str
    tags: Mapping[str, str] = field(default_factory=dict, repr=False)
    created: float = 0.0
    reason: str = field(default="", compare=False)
    rival: "Version | None" = field(default=None, repr=False, compare=False)
    flips: Flips | None = field(default=None, repr=False, compare=False)

    @property
    def accuracy_interval(self) -> tuple[float, float] | None:
        """Both ends of the 95 % interval of its test accuracy; None where the number of reviews was not kept."""
        if not {"test_accuracy", REVIEWS} <= self.metrics.keys():
            return None
        reviews = int(self.metrics[REVIEWS])
        return binomial_interval(round(self.metrics["test_accuracy"] * reviews), reviews)

    def __str__(self) -> str:
        aliases = f" ({', '.join(self.aliases)})" if self.aliases else ""
        return f"{self.name} version {self.number}{aliases}"


def versions(name: str | None = None) -> list[Version]:
    """The versions of a model, or of all models, newest first.

    Raises:
        InputError: there is no MLflow store, or it cannot be used.
    """
    check_store()
    with store_errors_explained():
        found = mlflow.search_model_versions(filter_string=f"name = '{name}'" if name else None)
        client = mlflow.MlflowClient()
        aliases = {model: client.get_registered_model(model).aliases for model in {version.name for version in found}}
    by_age = sorted(found, key=lambda version: (version.name, -int(version.version)))
    return [
        Version(
            version.name,
            int(version.version),
            tuple(sorted(a for a, number in aliases[version.name].items() if int(number) == int(version.version))),
            {metric: float(version.tags[metric]) for metric in METRIC_TAGS if metric in version.tags},
            version.run_id or "",
            dict(version.tags),
            version.creation_timestamp / 1000,
        )
        for version in by_age
    ]


def champion_of(known: list[Version]) -> Version | None:
    """The champion among the versions of one model."""
    return next((version for version in known if CHAMPION in version.aliases), None)


def champions() -> list[str]:
    """Names of the registered models that have a champion; none where there is no MLflow store.

    Raises:
        InputError: the store cannot be used.
    """
    if not store_exists():
        return []
    with store_errors_explained():
        names = sorted(str(model.name) for model in mlflow.search_registered_models())
        client = mlflow.MlflowClient()
        return [name for name in names if CHAMPION in client.get_registered_model(name).aliases]


def only_name(preferred: str) -> str:
    """The registered model that `promote` means where none is named: the only one, or else the preferred one.

    Raises:
        InputError: there is none, or there are several and the preferred one is not among them; or no MLflow store.
    """
    check_store()
    with store_errors_explained():
        names = sorted(str(model.name) for model in mlflow.search_registered_models())
    if not names:
        raise InputError(f"No model is registered in MLflow at {place()}: train one with `sentiment run-pipeline`.")
    if len(names) > 1 and preferred not in names:
        raise InputError(
            f"Several models are registered: {', '.join(names)}. Name one of them, as in --name '{names[0]}'."
        )
    return names[0] if len(names) == 1 else preferred


def promote(name: str, number: int) -> Version:
    """Make a version the champion; it is the challenger no longer, and pending decisions of killed commands are made.

    Raises:
        InputError: there is no such version, or the store cannot be used.
    """
    version = find_version(name, number)
    client = mlflow.MlflowClient()
    with store_errors_explained(), store_lock():
        make_champion(version)
        for other in versions(name):
            if DECISION_TAG not in other.tags:
                client.set_model_version_tag(name, str(other.number), DECISION_TAG, f"version {number} was promoted")
    return find_version(name, number)


def make_champion(version: Version) -> None:
    """Move the alias `champion` to a version, which is then no challenger."""
    client = mlflow.MlflowClient()
    client.set_registered_model_alias(version.name, CHAMPION, str(version.number))
    if CHALLENGER in version.aliases:
        client.delete_registered_model_alias(version.name, CHALLENGER)


def find_version(name: str, number: int) -> Version:
    """A version by its number.

    Raises:
        InputError: there is no such version.
    """
    known = versions(name)
    for version in known:
        if version.number == number:
            return version
    numbers = ", ".join(str(version.number) for version in reversed(known)) or "none"
    raise InputError(f"{name} has no version {number}; its versions are: {numbers}. See `sentiment models`.")

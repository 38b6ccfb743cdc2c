"""MLflow's model registry: the versions of a classifier, the champion among them; and the files of any logged model."""

import contextlib
import io
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import mlflow
from mlflow.exceptions import MlflowException

from sentiment.errors import InputError
from sentiment.tracking.runs import Run
from sentiment.tracking.store import check_store, store_errors_explained

CHAMPION, CHALLENGER = "champion", "challenger"
SPLIT_TAG = "test_split"
METRICS = ("test_accuracy", "test_f1", "test_roc_auc", "test_log_loss")
"""Kept as tags of a version."""


@dataclass(frozen=True)
class Version:
    """A registered version of a classifier.

    Attributes:
        metrics: METRICS -> value; none where something else than this project registered it.
        split: digest of the test split, likewise.
    """

    name: str
    number: int
    aliases: tuple[str, ...]
    metrics: Mapping[str, float]
    split: str | None
    run_id: str

    def __str__(self) -> str:
        aliases = f" ({', '.join(self.aliases)})" if self.aliases else ""
        return f"{self.name} version {self.number}{aliases}"


def versions(name: str | None = None) -> list[Version]:
    """The versions of a model, or of all models, newest first."""
    check_store()
    client = mlflow.MlflowClient()
    with store_errors_explained():
        found = client.search_model_versions(f"name = '{name}'" if name else None)
        aliases = {model: client.get_registered_model(model).aliases for model in {version.name for version in found}}
    by_age = sorted(found, key=lambda version: (version.name, -int(version.version)))
    return [
        Version(
            version.name,
            int(version.version),
            tuple(sorted(a for a, number in aliases[version.name].items() if int(number) == int(version.version))),
            {metric: float(version.tags[metric]) for metric in METRICS if metric in version.tags},
            version.tags.get(SPLIT_TAG),
            version.run_id or "",
        )
        for version in by_age
    ]


def register(run: Run, name: str, *, metrics: Mapping[str, float], split: str) -> tuple[Version, str]:
    """Register a run's model as a new version; champion if it beats the champion on the same test split.

    Otherwise it becomes the challenger. Registering a run again changes nothing.

    Args:
        metrics: the METRICS, and perhaps others.
        split: digest of the test split.

    Returns:
        The version, and why it is what it is.
    """
    accuracy = metrics["test_accuracy"]
    before = versions(name)
    champion = next((version for version in before if CHAMPION in version.aliases), None)
    own = next((version for version in before if version.run_id == run.info.run_id), None)
    if own is not None and (own.aliases or own is not before[0]):  # without alias, a later version has taken it over
        return own, "as registered before"
    if own is None:
        tags = {SPLIT_TAG: split, **{metric: repr(float(metrics[metric])) for metric in METRICS}}
        with contextlib.redirect_stderr(io.StringIO()):  # where it prints its progress
            mlflow.register_model(f"runs:/{run.info.run_id}/model", name, tags=tags)
        own = next(version for version in versions(name) if version.run_id == run.info.run_id)
    alias = CHALLENGER
    if champion is None:
        alias, reason = CHAMPION, "as there was none"
    elif champion.split != split:
        reason = f"as version {champion.number}, the champion, was tested on other reviews"
    elif accuracy > (best := champion.metrics["test_accuracy"]):
        alias, reason = CHAMPION, f"as {accuracy:.2%} beats {best:.2%} of version {champion.number}"
    else:
        reason = f"as {accuracy:.2%} does not beat {best:.2%} of version {champion.number}, the champion"
    mlflow.MlflowClient().set_registered_model_alias(name, alias, str(own.number))
    return _version(name, own.number), reason


def promote(name: str, number: int) -> Version:
    """Make a version the champion; it is the challenger no longer.

    Raises:
        InputError: there is no such version.
    """
    version = _version(name, number)
    client = mlflow.MlflowClient()
    client.set_registered_model_alias(name, CHAMPION, str(number))
    if CHALLENGER in version.aliases:
        client.delete_registered_model_alias(name, CHALLENGER)
    return _version(name, number)


def _version(name: str, number: int) -> Version:
    known = versions(name)
    for version in known:
        if version.number == number:
            return version
    numbers = ", ".join(str(version.number) for version in reversed(known)) or "none"
    raise InputError(f"{name} has no version {number}; its versions are: {numbers}. See `sentiment models`.")


@contextlib.contextmanager
def downloaded_model(uri: str) -> Iterator[tuple[Path, str]]:
    """A copy of a logged model, and its name for people.

    Args:
        uri: such as models:/NAME@ALIAS, models:/NAME/VERSION or runs:/ID/model.

    Raises:
        InputError: there is no such model, or no MLflow store.
    """
    check_store()
    with tempfile.TemporaryDirectory() as folder:
        try:
            name = uri
            if uri.startswith("models:/") and "@" in uri:
                model, alias = uri.removeprefix("models:/").split("@", 1)
                found = mlflow.MlflowClient().get_model_version_by_alias(model, alias)
                name = f"{model} version {found.version} ({alias})"
            path = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=folder))
        except (MlflowException, OSError) as error:
            raise InputError(
                f"The model {uri} cannot be had from MLflow at {mlflow.get_tracking_uri()} ({error}): train one with "
                "`sentiment run-pipeline`, see those there are with `sentiment models`, or name a folder."
            ) from error
        yield path, name

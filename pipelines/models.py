"""The models of MLflow's registry: the name that each gets, the one that a command uses, their list, the champion.

MLflow takes seconds to import, so only what needs it does.
"""

import contextlib
import re
import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from pipelines.console import Console
from sentiment.errors import InputError
from sentiment.loading import located
from sentiment.saved_classifier import IN_THE_BOX
from sentiment.tracking import sqlite_store

if TYPE_CHECKING:
    from sentiment.data.sources.config import SourceConfig
    from sentiment.tracking.registry import Version

IMDB_NAME, DEMO_NAME = "imdb-sentiment", "demo-sentiment"


def registered_name(source: "SourceConfig") -> str:
    """The name that belongs to a source: the table's file or folder, without its endings; its data set; or another.

    Characters that MLflow or a model URI cannot hold become hyphens. A table never takes the names of IMDB and demo.
    """
    if source.dataset or source.reads_ratings:
        return source.name.replace("/", "-")
    if source.source != "table" or source.data is None:
        return DEMO_NAME if source.is_synthetic else IMDB_NAME
    for part in reversed(source.data.absolute().parts):
        stem = part[1:] if part.startswith(".") else part.split(".")[0]
        name = re.sub(r"[^\w-]+", "-", stem).strip("-_")
        if name:
            return f"{name}-table" if name in (IMDB_NAME, DEMO_NAME) else name
    return "table"


def _registry() -> ModuleType:
    """The module of MLflow's registry, which takes seconds to import."""
    from sentiment.tracking import registry, store

    store.silence()
    return registry


@contextlib.contextmanager
def located_classifier(model: str | None) -> Iterator[tuple[Path, str]]:
    """The folder of a classifier and its name for people.

    Args:
        model: a folder, a model URI of MLflow or IN_THE_BOX; None as for `default_model`.

    Raises:
        InputError: there is no such model.
    """
    with located(default_model() if model is None else model) as found:
        yield found


def default_model() -> str:
    """The model that commands use where none is named: your champion, or else the classifier in the box.

    Yours is the only champion of the registry that has not learned from synthetic reviews, or that of IMDB_NAME.

    Raises:
        InputError: MLflow cannot be used.
    """
    champions = sqlite_store.champions()
    if champions is None:
        champions = _registry().champions()
    yours = [name for name in champions if name != DEMO_NAME]
    if len(yours) == 1 or IMDB_NAME in yours:
        return f"models:/{IMDB_NAME if IMDB_NAME in yours else yours[0]}@{sqlite_store.CHAMPION}"
    return IN_THE_BOX


def list_models(name: str | None, console: Console) -> None:
    """Show every version: accuracy with its interval, size, speed when it was evaluated, and age.

    Args:
        name: of the registered model; None for all.

    Raises:
        InputError: there is none, or MLflow cannot be used.
    """
    versions = _registry().versions(name)
    if not versions:
        raise InputError("No model is registered: `sentiment run-pipeline` registers every LSTM that it trains.")
    columns = ["version", "test accuracy (95 % interval)", "log loss", "size", "reviews/s", "age"]
    console.table("Registered models", columns, [_row(version) for version in versions])


def promote(number: int, name: str | None, console: Console) -> None:
    """Make a version the champion, and say which commands use it now.

    Args:
        name: of the registered model; None for the only one, or else IMDB_NAME.

    Raises:
        InputError: there is no such version, or MLflow cannot be used.
    """
    registry = _registry()
    version = registry.promote(name or registry.only_name(IMDB_NAME), number)
    uri = f"models:/{version.name}@{sqlite_store.CHAMPION}"
    if uri == default_model():
        console.say(f"{version} is now what `sentiment score`, `predict` and `explain` use unless you name --model.")
    else:
        console.say(f"{version} is now what `sentiment score --model {shlex.quote(uri)}` uses.")


def _row(version: "Version") -> list[str]:
    from sentiment.tracking.registry import SIZE, SPEED

    metrics, accuracy = version.metrics, ""
    if "test_accuracy" in metrics:
        accuracy = f"{100 * metrics['test_accuracy']:.2f} %"
        if version.accuracy_interval is not None:
            low, high = version.accuracy_interval
            accuracy += f" ({100 * low:.2f}-{100 * high:.2f})"
    return [
        f"{version.name} {version.number}" + (f" ({', '.join(version.aliases)})" if version.aliases else ""),
        accuracy,
        f"{metrics['test_log_loss']:.4f}" if "test_log_loss" in metrics else "",
        f"{metrics[SIZE] / 2**20:.1f} MiB" if SIZE in metrics else "",
        f"{metrics[SPEED]:,.0f}" if SPEED in metrics else "",
        _age(time.time() - version.created),
    ]


def _age(seconds: float) -> str:
    """The largest whole unit of a time that has passed, such as `3 days`."""
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if (count := int(seconds // size)) >= 1:
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return "now"

"""located_classifier: the classifier that a folder or a model URI of MLflow names."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from pipelines.model_name import IMDB_NAME
from sentiment.loading import located
from sentiment.tracking import sqlite_registry


@contextlib.contextmanager
def located_classifier(model: str | None) -> Iterator[tuple[Path, str]]:
    """The folder of a classifier and a name for people.

    Args:
        model: a folder, or a model URI of MLflow; None for the champion of the only registered model, or else of
            IMDB_NAME.

    Raises:
        InputError: there is no such model; none is named, but several are registered under other names.
    """
    if model is None:
        name = sqlite_registry.default_name(IMDB_NAME)
        if name is None:
            from sentiment.tracking import registry, store

            store.silence()
            name = registry.default_name(IMDB_NAME)
        model = f"models:/{name}@{sqlite_registry.CHAMPION}"
    with located(model) as found:
        yield found

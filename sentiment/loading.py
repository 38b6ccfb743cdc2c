"""load: a trained classifier from a folder or from MLflow."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from sentiment.classifier import SentimentClassifier
from sentiment.errors import InputError
from sentiment.saved_classifier import IN_THE_BOX, classifier_folder, local_folder
from sentiment.tracking import sqlite_store


def load(model: str | Path = IN_THE_BOX) -> SentimentClassifier:
    """A trained classifier: the one that comes with the package, or that of a folder or a model URI of MLflow.

    Args:
        model: imdb; a folder that `SentimentClassifier.save` or MLflow wrote; or a URI such as models:/NAME@ALIAS,
            models:/NAME/VERSION or runs:/ID/model.

    Raises:
        InputError: there is no such folder or model, or it is damaged.
    """
    with located(model) as (folder, _):
        return SentimentClassifier.load(folder)


@contextlib.contextmanager
def located(model: str | Path) -> Iterator[tuple[Path, str]]:
    """The folder of a classifier, while the context lasts, and a name for people.

    Args:
        model: as for `load`.

    Raises:
        InputError: there is no such folder or model.
    """
    if model == IN_THE_BOX or Path(model).is_dir():
        yield local_folder(model), f"{IN_THE_BOX}, which comes with sentiment" if model == IN_THE_BOX else str(model)
        return
    if isinstance(model, Path) or ":/" not in model:
        uris = "models:/NAME@ALIAS or runs:/ID/model"
        raise InputError(f"There is no folder {model}: name {IN_THE_BOX}, a folder, {uris}.")
    if found := sqlite_store.located_model(model):
        folder, name = found
        yield classifier_folder(folder), name
        return
    from sentiment.tracking import store
    from sentiment.tracking.model import downloaded_model

    store.silence()
    with downloaded_model(model) as (folder, name):
        yield classifier_folder(folder), name

"""located_classifier: the classifier that a folder or a model URI of MLflow names."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from pipelines.model_name import IMDB_NAME
from sentiment.classifier import classifier_folder
from sentiment.errors import InputError


@contextlib.contextmanager
def located_classifier(model: str | None, option: str = "--model") -> Iterator[tuple[Path, str]]:
    """The folder of a classifier and a name for people.

    Args:
        model: a folder, or a model URI of MLflow; None for the champion of the only registered model, or else of
            IMDB_NAME.
        option: that the model was given by.

    Raises:
        InputError: there is no such model; none is named, but several are registered under other names.
    """
    if model is not None and Path(model).is_dir():
        yield classifier_folder(Path(model)), model
        return
    if model is not None and ":/" not in model:
        raise InputError(f"There is no folder {model}: {option} takes a folder, models:/NAME@ALIAS or runs:/ID/model.")
    from sentiment.tracking import download, registry, store

    store.silence()
    uri = model or f"models:/{registry.default_name(IMDB_NAME)}@{registry.CHAMPION}"
    with download.downloaded_model(uri) as (folder, name):
        yield classifier_folder(folder), name

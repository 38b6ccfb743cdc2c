"""located_classifier: the classifier that a folder or a model URI of MLflow names."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from sentiment.classifier import classifier_folder
from sentiment.errors import InputError


@contextlib.contextmanager
def located_classifier(model: str) -> Iterator[tuple[Path, str]]:
    """The folder of a classifier and a name for people, from a folder or a model URI of MLflow.

    Raises:
        InputError: there is no such model.
    """
    if Path(model).is_dir():
        yield classifier_folder(Path(model)), model
    elif ":/" not in model:
        raise InputError(f"There is no folder {model}: --model takes a folder, models:/NAME@ALIAS or runs:/ID/model.")
    else:
        from sentiment.tracking import registry, store

        store.silence()
        with registry.downloaded_model(model) as (folder, name):
            yield classifier_folder(folder), name

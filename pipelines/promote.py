"""Making a registered version the champion by hand."""

import contextlib
import shlex

from pipelines.console import Console
from pipelines.model_name import IMDB_NAME
from sentiment.errors import InputError
from sentiment.tracking import registry, store


def promote(number: int, name: str | None, console: Console) -> None:
    """Make a version the champion, and say which commands use it now.

    Args:
        name: of the registered model; None for the one that commands use where none is named.

    Raises:
        InputError: there is no such version, or MLflow cannot be used.
    """
    store.silence()
    version = registry.promote(name or registry.default_name(IMDB_NAME), number)
    default = None
    with contextlib.suppress(InputError):  # several are registered, and none is used by default
        default = registry.default_name(IMDB_NAME)
    if version.name == default:
        console.say(f"{version} is what `sentiment score`, `predict` and `explain` use now where no --model is named.")
    else:
        uri = shlex.quote(f"models:/{version.name}@{registry.CHAMPION}")
        console.say(f"{version} is what `sentiment score --model {uri}` uses now.")

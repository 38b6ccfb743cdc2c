"""The moments of a command: just before and just after every rename, removal and request to an MLflow server.

Only what happens in the command's own folder counts, its temporary files apart.
"""

import functools
import itertools
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

FILE_CALLS = ("rename", "replace", "unlink", "remove", "rmdir")


def watch_moments(folder: Path, log: str, kill_at: int) -> None:
    """Count the moments of this process from now on.

    Args:
        folder: of the command.
        log: file that gets a line for each moment; "": none.
        kill_at: the moment, from 1, at which the process kills itself; 0: none.
    """
    import requests

    numbers = itertools.count(1)

    def moment(what: str) -> None:
        number = next(numbers)
        if log:
            with open(log, "a", encoding="utf-8") as file:  # noqa: PTH123 - Path.open is watched
                file.write(f"{number}\t{what}\n")
        if number == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def watched(function: Callable[..., Any], name: str, told: Callable[..., str | None]) -> Callable[..., Any]:
        @functools.wraps(function)
        def around(*arguments: Any, **options: Any) -> Any:
            of = told(*arguments, **options)
            if of is None:
                return function(*arguments, **options)
            moment(f"before {name} {of}")
            try:
                return function(*arguments, **options)
            finally:
                moment(f"after {name} {of}")

        return around

    def own(path: Any, *arguments: Any, **options: Any) -> str | None:
        """The path below the folder; None outside it, and of temporary files."""
        place = Path(os.path.abspath(os.fsdecode(path)))  # noqa: PTH100 - a link is itself
        if options.get("dir_fd") is not None or not place.is_relative_to(folder):
            return None
        name = place.relative_to(folder)
        return None if name.parts[:1] == ("tmp",) else str(name)

    for name in FILE_CALLS:
        setattr(os, name, watched(getattr(os, name), name, own))
    shutil.rmtree = watched(shutil.rmtree, "rmtree", own)  # type: ignore[assignment]
    requests.Session.send = watched(
        requests.Session.send, "request", lambda session, request, **options: f"{request.method} {request.path_url}"
    )

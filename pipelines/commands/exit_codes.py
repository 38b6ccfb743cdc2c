"""Exit codes: 2 for what the user can mend, with a message that says how; 130 after Ctrl-C, 143 after SIGTERM."""

import errno
import os
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import typer

from pipelines.console import Console
from sentiment.errors import InputError

EXIT_INPUT, EXIT_INTERRUPTED, EXIT_TERMINATED = 2, 130, 143
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

LEFT_OUT = ("tensorflow", "keras", "mlflow", "sklearn", "matplotlib", "optuna", "sqlalchemy", "alembic", "requests")
"""Packages that an installation for scoring alone leaves out, as Python imports them."""


class Terminated(KeyboardInterrupt):
    """The process was asked to end by SIGTERM: a container, a batch system or `kill` ends a command as Ctrl-C does."""


def _terminate(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a second one ends the process at once
    raise Terminated


@contextmanager
def errors_to_exit_codes(console: Console) -> Iterator[None]:
    """Say what went wrong and how to mend it, and exit with the code that belongs to it."""
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    except InputError as error:
        console.error(str(error))
        raise typer.Exit(EXIT_INPUT) from error
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] not in LEFT_OUT:
            raise
        console.error(
            f"this needs {error.name}, which an installation for scoring alone lacks: in the folder of this project, "
            "`pip install .` installs the rest."
        )
        raise typer.Exit(EXIT_INPUT) from error
    except KeyboardInterrupt as error:
        console.error("interrupted; the same command resumes where it stopped.")
        raise typer.Exit(EXIT_TERMINATED if isinstance(error, Terminated) else EXIT_INTERRUPTED) from error
    except Exception as error:
        console.log_traceback()
        if not isinstance(error, OSError) or (refused := refusal(error)) is None:
            raise
        console.error(refused)
        raise typer.Exit(EXIT_INPUT) from error


def refusal(error: OSError) -> str | None:
    """What the system refused to read or write, and the remedy; None for errors of other things, and broken pipes."""
    # HDF5 and `shutil.copytree` give the number in their message alone
    found = re.search(r"\[Errno (\d+)\]|errno = (\d+),", str(error))
    number = error.errno or (found and int(found[1] or found[2]))
    if not number or number == errno.EPIPE:
        return None
    place, reason = error.filename or "the results", os.strerror(number).lower()
    action, remedy = ("written", "Make room") if number in NO_ROOM else ("read or written", "Allow it")
    return (
        f"{place} could not be {action}: {reason}. {remedy} or choose another place; the same command then resumes "
        "where it stopped."
    )

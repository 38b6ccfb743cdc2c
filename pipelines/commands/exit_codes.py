"""Exit codes: 2 for what the user can mend, with a message that says how; 130 after Ctrl-C, 143 after SIGTERM."""

import errno
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import typer

from pipelines.console import Console
from sentiment.errors import InputError

EXIT_INPUT, EXIT_INTERRUPTED, EXIT_TERMINATED = 2, 130, 143
NO_ROOM = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file would be larger than this system allows",
}
NO_ACCESS = {
    errno.EACCES: "permission denied",
    errno.EPERM: "this system does not permit it",
    errno.EROFS: "the file system is read-only",
    errno.ENAMETOOLONG: "the name is too long",
    errno.EISDIR: "a folder stands there",
}
"""Errors of files, folders, terminals and pipes in our own words; others are named as the system does."""


class Terminated(KeyboardInterrupt):
    """The process was asked to end by SIGTERM."""


@contextmanager
def errors_to_exit_codes(console: Console) -> Iterator[None]:
    """Say what went wrong and how to mend it, and exit with the code that belongs to it."""
    try:
        with termination_interrupts():
            yield
    except InputError as error:
        console.error(str(error))
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


@contextmanager
def termination_interrupts() -> Iterator[None]:
    """Raise Terminated on the first SIGTERM, so that it ends a command as Ctrl-C does; a second ends the process.

    It does nothing outside the main thread, and where the process was started to ignore SIGTERM.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) is signal.SIG_IGN:
        yield
        return

    def terminate(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        raise Terminated

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def refusal(error: OSError) -> str | None:
    """What the system refused to read or write, and the remedy; None for errors of other things, and broken pipes."""
    message, known = str(error), {**NO_ROOM, **NO_ACCESS}
    # HDF5 and `shutil.copytree` give the number in their message alone
    number = error.errno or next((n for n in known if f"errno = {n}," in message or f"[Errno {n}]" in message), None)
    if number is None or number == errno.EPIPE:
        return None
    place, then = error.filename or "the results", "the same command then resumes where it stopped."
    if number in NO_ROOM:
        return f"{place} could not be written: {NO_ROOM[number]}. Make room or choose another place; {then}"
    reason = NO_ACCESS.get(number) or os.strerror(number).lower()
    return f"{place} could not be read or written: {reason}. Allow it or choose another place; {then}"

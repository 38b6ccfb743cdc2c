"""A function as a command of the application: its console, its options, and errors as exit codes."""

import errno
import functools
import inspect
import logging
import os
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines.commands.narrow_help import NarrowHelp
from pipelines.console import Console
from pipelines.output import STANDARD_STREAM
from pipelines.termination import Terminated, termination_interrupts
from sentiment.errors import InputError
from sentiment.tracking import sqlite_store

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
"""Errors of files, folders, terminals and pipes that are known by name; others are named as the system does."""

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print results and errors only.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="Also show the log of TensorFlow and MLflow.")]
LogFile = Annotated[
    Path | None, typer.Option(help="Also append all that is printed, with its time, to this file.", show_default=False)
]


def command(
    app: typer.Typer, name: str, *, panel: str, reads: Sequence[str] = ()
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function as a command of an app. What the user can mend ends with exit code 2.

    The function gets the console. Where `reads` names anything, the command also takes a preset
    and an option for every field that it reads. The function then gets the preset, and the options as a dictionary.

    Args:
        panel: heading of the command in the list of all commands.
        reads: sections of PipelineConfig, or single fields of it or of a section (`seeds`, `model.embedding_dim`).
    """
    configured: dict[str, Any] = {}
    if reads:
        from pipelines.options import Preset, given_options, options_of

        configured = options_of(reads)

    def register(function: Callable[..., None]) -> Callable[..., None]:
        passed = ("console", "preset", "options") if configured else ("console",)
        own = [p for p in inspect.signature(function).parameters.values() if p.name not in passed]

        @functools.wraps(function)
        def run(quiet: bool, verbose: bool, log_file: Path | None, **values: Any) -> None:
            console = Console(quiet=quiet, verbose=verbose, is_piped=values.get("output") == STANDARD_STREAM)
            _set_log_levels(verbose)
            with errors_to_exit_codes(console):
                if log_file is not None:
                    console.log_to(log_file)
                if configured:
                    values["options"] = given_options({name: values.pop(name) for name in configured})
                if moved := sqlite_store.relocate_store():
                    console.note(moved)
                function(console=console, **values)

        common: dict[str, tuple[Any, Any]] = {"preset": (Preset, None)} if configured else {}
        common |= {"quiet": (Quiet, False), "verbose": (Verbose, False), "log_file": (LogFile, None)}
        keyword = inspect.Parameter.KEYWORD_ONLY
        parameters = [
            *(p.replace(kind=keyword) for p in own),
            *(inspect.Parameter(n, keyword, default=d, annotation=a) for n, (a, d) in common.items()),
            *(inspect.Parameter(n, keyword, default=None, annotation=a) for n, a in configured.items()),
        ]
        vars(run)["__signature__"] = inspect.Signature(parameters)
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        app.command(name, cls=NarrowHelp, rich_help_panel=panel)(run)
        return function

    return register


@contextmanager
def errors_to_exit_codes(console: Console) -> Iterator[None]:
    """Say what went wrong and how to mend it, and exit with 2; with 130 on Ctrl-C, with 143 on SIGTERM."""
    try:
        with termination_interrupts():
            yield
    except InputError as error:
        console.error(str(error))
        raise typer.Exit(EXIT_INPUT) from error
    except OSError as error:
        refused = refusal(error)
        if refused is None or error.errno not in {**NO_ROOM, **NO_ACCESS}:
            console.log_traceback(traceback.format_exc())
        if refused is None:
            raise
        console.error(refused)
        raise typer.Exit(EXIT_INPUT) from error
    except KeyboardInterrupt as error:
        console.error("interrupted; the same command goes on where it stopped.")
        raise typer.Exit(EXIT_TERMINATED if isinstance(error, Terminated) else EXIT_INTERRUPTED) from error
    except Exception:
        console.log_traceback(traceback.format_exc())
        raise


def refusal(error: OSError) -> str | None:
    """What the system refused to read or write, and the remedy; None for errors of other things, and broken pipes."""
    number = error.errno or _told_number(str(error))
    if number is None or number == errno.EPIPE:
        return None
    place, then = error.filename or "the results", "the same command then goes on where it stopped."
    if number in NO_ROOM:
        return f"{place} could not be written: {NO_ROOM[number]}. Make room or choose another place; {then}"
    reason = NO_ACCESS.get(number) or os.strerror(number).lower()
    return f"{place} could not be read or written: {reason}. Allow it or choose another place; {then}"


def _told_number(message: str) -> int | None:
    """The number of an error that stands in the message alone, as HDF5 and `shutil.copytree` give it."""
    known = {**NO_ROOM, **NO_ACCESS}
    return next((n for n in known if f"errno = {n}," in message or f"[Errno {n}]" in message), None)


def _set_log_levels(verbose: bool) -> None:
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")  # of an unreachable server: seconds, not minutes
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    if not verbose:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
        warnings.simplefilter("ignore")

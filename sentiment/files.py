"""Files that are there whole or not at all, also after a loss of power, and locks that keep processes apart."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from sentiment.errors import InputError


def finish(partial: Path, final: Path) -> None:
    """Give a file or folder its final name once its content is on the disk.

    Args:
        final: where no folder stands; a file there is replaced.
    """
    for path in [partial, *partial.rglob("*")] if partial.is_dir() else [partial]:
        sync(path)
    partial.replace(final)
    sync(final.parent)


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        _flush(descriptor)
    finally:
        os.close(descriptor)


def _flush(descriptor: int) -> None:
    """As os.fsync, which on macOS leaves content in the cache of the drive unless it is asked for more."""
    if hasattr(fcntl, "F_FULLFSYNC"):
        with contextlib.suppress(OSError):  # some file systems lack it
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    os.fsync(descriptor)


def lock(file: IO[Any], *, elsewhere: str, refusal: str | None = None) -> None:
    """Lock a file until it is closed.

    Args:
        elsewhere: how the user names a place on another file system, to follow a colon.
        refusal: what to say where another process has locked it; None to wait for that process.

    Raises:
        InputError: another process has locked it, and there is a refusal; or the file system cannot lock files.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (fcntl.LOCK_NB if refusal else 0))
    except BlockingIOError as error:
        raise InputError(str(refusal)) from error
    except OSError as error:
        raise InputError(
            f"{file.name} is on a file system that cannot lock files ({error.strerror}), so nothing would keep two "
            f"commands apart: {elsewhere}."
        ) from error


@contextlib.contextmanager
def locked_beside(path: Path, *, elsewhere: str) -> Iterator[None]:
    """One process at a time: holds a lock on the file .NAME.lock beside the file NAME, once no other process does.

    Args:
        elsewhere: as for `lock`.

    Raises:
        OSError: the lock file cannot be written.
        InputError: it cannot be locked.
    """
    with path.with_name(f".{path.name}.lock").open("w") as file:
        lock(file, elsewhere=elsewhere)
        yield

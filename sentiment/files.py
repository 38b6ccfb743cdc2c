"""finish: a file or folder gets its final name once its content is on the disk; a loss of power leaves it whole."""

import contextlib
import fcntl
import os
from pathlib import Path


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

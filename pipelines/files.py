"""Files and folders that are there whole or not at all, also after a kill or a loss of power."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from sentiment.errors import InputError
from sentiment.files import finish

PARTIAL_ENDING = ".partial"


def check_page(path: Path, name: str, *endings: str) -> None:
    """Make sure that a page can be written.

    Args:
        name: what the user calls it.
        endings: that its name may have.

    Raises:
        InputError: it has another ending, or its folder is not there.
    """
    if path.suffix.lower() not in endings:
        raise InputError(f"{name} {path} must end with {', '.join(endings)}.")
    if not path.parent.is_dir():
        raise InputError(f"{name} {path}: there is no folder {path.parent}; make it first.")


def write_file(path: Path, content: str | bytes) -> None:
    """Write a file, text as UTF-8."""
    partial = path.with_name(path.name + PARTIAL_ENDING)
    try:
        partial.write_bytes(content.encode() if isinstance(content, str) else content)
        finish(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file."""
    write_file(path, json.dumps(content, indent=2, ensure_ascii=False))


def save_array(path: Path, array: np.ndarray) -> None:
    """Write an array as `np.load` reads it.

    Raises:
        OSError: with its errno, which that of `np.save` lacks.
    """
    array = np.ascontiguousarray(array)
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
        file.write(array.tobytes() if not array.size else array.data)

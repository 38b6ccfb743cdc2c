"""Files and folders that are there whole or not at all, also after a kill or a loss of power."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from sentiment.files import finish

PARTIAL_ENDING = ".partial"


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

"""read_array: an array of an .npz file, from which nothing is made before its size is checked."""

import io
import math
import zipfile
from collections.abc import Callable
from typing import Any, BinaryIO, cast

import numpy as np


def read_array(
    archive: zipfile.ZipFile, name: str, *, most_bytes: int, unpickle: Callable[[BinaryIO], Any] | None = None
) -> Any:
    """The array of a name, as `np.savez` writes it.

    Args:
        most_bytes: that it may take.
        unpickle: reads an array of objects; None: it is refused.

    Raises:
        KeyError: there is none of the name.
        ValueError: it is larger, its header does not tell its size, or it holds objects.
    """
    size = archive.getinfo(f"{name}.npy").file_size
    if size > most_bytes:
        raise ValueError(f"its {name} takes {size:,} bytes, of {most_bytes:,} at most")
    with cast("BinaryIO", archive.open(f"{name}.npy")) as file:
        version = np.lib.format.read_magic(file)
        read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        shape, is_fortran, dtype = read_header[version](file)
        if dtype.hasobject:
            if unpickle is None:
                raise ValueError(f"its {name} holds objects")
            return unpickle(file)
        content = file.read()
        if is_fortran or dtype.itemsize * math.prod(shape) != len(content):
            raise ValueError(f"its {name} is not as large as its header says")
        return np.frombuffer(content, dtype).reshape(shape)


def read_arrays(content: bytes, names: list[str], *, most_bytes: int) -> dict[str, np.ndarray]:
    """The arrays of an .npz file, which may take so many bytes together.

    Raises:
        KeyError, ValueError, zipfile.BadZipFile: see `read_array`; or the file is damaged.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        total = sum(archive.getinfo(f"{name}.npy").file_size for name in names)
        if total > most_bytes:
            raise ValueError(f"its arrays take {total:,} bytes, of {most_bytes:,} at most")
        return {name: read_array(archive, name, most_bytes=most_bytes) for name in names}

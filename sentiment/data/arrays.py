"""read_arrays: arrays of an .npz file, from which nothing is made before its size is checked."""

import io
import math
import zipfile
from collections.abc import Callable, Collection
from typing import Any, BinaryIO, cast

import numpy as np


def read_arrays(
    content: bytes, names: Collection[str], *, most_bytes: int, unpickle: Callable[[BinaryIO], Any] | None = None
) -> dict[str, Any]:
    """The arrays of an .npz file by name, as `np.savez` writes them.

    Args:
        most_bytes: that they may take together.
        unpickle: reads an array of objects; None: it is refused.

    Raises:
        KeyError: there is none of a name.
        ValueError: they are larger, a header does not tell the size of its array, or one holds objects.
        zipfile.BadZipFile: the file is damaged.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        total = sum(archive.getinfo(f"{name}.npy").file_size for name in names)
        if total > most_bytes:
            raise ValueError(f"its arrays take {total:,} bytes, of {most_bytes:,} at most")
        return {name: _read_array(archive, name, unpickle) for name in names}


def _read_array(archive: zipfile.ZipFile, name: str, unpickle: Callable[[BinaryIO], Any] | None) -> Any:
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

"""The IDX format of MNIST and its kin."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kzoo.datasets.dataset import DataError
from kzoo.tables.packed import opened

UNSIGNED_BYTE = 8


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Reads an IDX file of unsigned bytes, gzipped or not.

    Args:
        path: The file.

    Returns:
        The array.

    Raises:
        DataError: It is of another format, or not whole.

    References:
        LeCun, Cortes and Burges, "The MNIST database of handwritten digits", file formats.
    """
    try:
        with opened(path) as file:
            content = file.read()
    except MemoryError as error:
        raise DataError(f"{path}: cannot be read ({error}).") from None
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != UNSIGNED_BYTE or not 1 <= content[3] <= 4:
        raise DataError(f"{path}: not an IDX file of unsigned bytes.")
    dimensions = content[3]
    start = 4 + 4 * dimensions
    shape = struct.unpack(f">{dimensions}I", content[4:start]) if len(content) >= start else ()
    if len(content) - start != math.prod(shape) or not shape:
        raise DataError(f"{path}: {len(content)} bytes do not hold an array of {shape}; the file is not whole.")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)

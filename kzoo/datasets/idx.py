"""The IDX format of MNIST and its kin, and the binary format of CIFAR."""

from __future__ import annotations

import gzip
import math
import struct
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kzoo.datasets.dataset import DataError

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
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({error}).") from None
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != UNSIGNED_BYTE or not 1 <= content[3] <= 4:
        raise DataError(f"{path}: not an IDX file of unsigned bytes.")
    dimensions = content[3]
    start = 4 + 4 * dimensions
    shape = struct.unpack(f">{dimensions}I", content[4:start]) if len(content) >= start else ()
    if len(content) - start != math.prod(shape) or not shape:
        raise DataError(f"{path}: {len(content)} bytes do not hold an array of {shape}; the file is not whole.")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def read_cifar(path: Path, label_bytes: int) -> dict[str, tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Reads the binary version of CIFAR-10 or CIFAR-100 (the Python version is pickled).

    Args:
        path: The `.tar.gz`, or the folder that it was unpacked to.
        label_bytes: Bytes of labels before each image, the last of which counts: 1 for CIFAR-10, 2 for CIFAR-100.

    Returns:
        For "train" and "test": images [rows, 32, 32, 3] and class ids [rows].

    Raises:
        DataError: Files are missing or not whole.
    """
    parts: dict[str, list[NDArray[np.uint8]]] = {"train": [], "test": []}
    record = label_bytes + 3 * 32 * 32
    for name, content in _members(path):
        if len(content) % record or not content:
            raise DataError(f"{path}: {name} has {len(content)} bytes, which is no multiple of {record}.")
        parts["test" if "test" in name else "train"].append(np.frombuffer(content, np.uint8).reshape(-1, record))
    if not all(parts.values()):
        raise DataError(f"{path}: no data_batch_*.bin or train.bin and test*.bin; is it the binary version of CIFAR?")
    return {part: _images(np.concatenate(rows), label_bytes) for part, rows in parts.items()}


def _images(rows: NDArray[np.uint8], label_bytes: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    pixels = rows[:, label_bytes:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(pixels), rows[:, label_bytes - 1].copy()


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    if path.is_dir():
        for file in sorted(path.rglob("*.bin")):
            yield file.name, file.read_bytes()
        return
    try:
        with tarfile.open(path) as archive:
            members = sorted((each for each in archive if each.name.endswith(".bin")), key=lambda each: each.name)
            for member in members:
                content = archive.extractfile(member)
                if content is not None:
                    yield Path(member.name).name, content.read()
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise DataError(f"{path}: cannot be read ({error}).") from None

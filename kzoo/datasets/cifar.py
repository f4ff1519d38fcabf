"""The binary format of CIFAR-10 and CIFAR-100."""

from __future__ import annotations

import dataclasses
import re
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kzoo.datasets.dataset import DataError
from kzoo.datasets.raw import Part
from kzoo.tables.packed import check_unpacked

IMAGE_BYTES = 3 * 32 * 32
TRAIN = re.compile(r"data_batch_\d+\.bin|train\.bin")
TEST = re.compile(r"test_batch\.bin|test\.bin")
CLASS_NAMES = re.compile(r"batches\.meta\.txt|fine_label_names\.txt")


@dataclasses.dataclass(frozen=True, eq=False)
class Cifar:
    """Images uint8 [rows, 32, 32, 3] with class ids uint8 [rows], and the names of the classes if a file gives them."""

    train: Part
    test: Part
    class_names: tuple[str, ...]


def read_cifar(path: Path, label_bytes: int) -> Cifar:
    """Reads the binary version of CIFAR-10 or CIFAR-100 (the Python version is pickled).

    Args:
        path: The `.tar.gz`, or the folder that it was unpacked to.
        label_bytes: Bytes of labels before each image, the last of which counts: 1 for CIFAR-10, 2 for CIFAR-100.

    Returns:
        What the files hold.

    Raises:
        DataError: Files are missing or not whole.

    References:
        Krizhevsky (2009), "Learning multiple layers of features from tiny images"; "Binary version" on its page.
    """
    train: list[Part] = []
    test: list[Part] = []
    class_names: tuple[str, ...] = ()
    for name, content in _files(path):
        if CLASS_NAMES.fullmatch(name):
            class_names = tuple(content.decode("utf-8", "replace").split())
        else:
            (train if TRAIN.fullmatch(name) else test).append(_part(content, label_bytes, f"{path}: {name}"))
    if not train or not test:
        raise DataError(f"{path}: no data_batch_*.bin or train.bin and test*.bin; is it the binary version of CIFAR?")
    return Cifar(_joined(train), _joined(test), class_names)


def _part(content: bytes, label_bytes: int, where: str) -> Part:
    record = label_bytes + IMAGE_BYTES
    if len(content) % record or not content:
        raise DataError(
            f"{where} has {len(content)} bytes, which is not a multiple of {record}; the file is not whole."
        )
    rows = np.frombuffer(content, np.uint8).reshape(-1, record)
    pixels = rows[:, label_bytes:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return Part(np.ascontiguousarray(pixels), rows[:, label_bytes - 1].copy())


def _joined(parts: list[Part]) -> Part:
    if len(parts) == 1:
        return parts[0]
    images: list[NDArray[Any]] = [np.asarray(part.x) for part in parts]
    return Part(np.concatenate(images), np.concatenate([part.y for part in parts]))


def _wanted(name: str) -> bool:
    return any(pattern.fullmatch(name) for pattern in (TRAIN, TEST, CLASS_NAMES))


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    try:
        if path.is_dir():
            for file in sorted(path.iterdir()):
                if _wanted(file.name):
                    yield file.name, file.read_bytes()
            return
        with tarfile.open(path) as archive:
            members = [each for each in archive if each.isfile() and _wanted(Path(each.name).name)]
            check_unpacked(sum(each.size for each in members), path)
            for member in sorted(members, key=lambda each: each.name):
                content = archive.extractfile(member)
                if content is not None:
                    yield Path(member.name).name, content.read()
    except (OSError, EOFError, MemoryError, zlib.error, tarfile.TarError) as error:
        raise DataError(f"{path}: cannot be read ({error}).") from None

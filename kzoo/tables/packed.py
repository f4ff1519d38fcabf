"""The bytes of a file: as they are, or out of a `.gz` or a `.zip`."""

from __future__ import annotations

import contextlib
import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from kzoo.errors import DataError

LARGEST = 4 * 2**30
"""Bytes that a packed file may unpack to: a small one may hold what fills any memory."""

MOST_PACKED = 20
"""How many times as large as its file more than that may be: nothing that people save is packed so well."""

DAMAGED = (EOFError, gzip.BadGzipFile, zipfile.BadZipFile, zlib.error)


def check_unpacked(size: int, path: Path) -> None:
    """Refuse what fills the memory out of a small file.

    Args:
        size: Bytes that the file says it unpacks to.
        path: The file.

    Raises:
        DataError: They are more than `LARGEST`, and more than `MOST_PACKED` times the bytes of the file.
    """
    if size > LARGEST and size > MOST_PACKED * path.stat().st_size:
        raise DataError(f"{path}: unpacks to {size / 2**30:.3g} GiB, more than its size lets expect; save it unpacked.")


def inner_suffix(path: Path) -> str:
    """The ending, in small letters, that says how the unpacked file is written: ".csv" for "a.csv.gz".

    Raises:
        DataError: A `.zip` is damaged or does not hold exactly one file.
    """
    suffix = path.suffix.lower()
    if suffix == ".gz":
        return Path(path.stem).suffix.lower()
    if suffix == ".zip":
        with opened(path):
            return Path(_member(path)).suffix.lower()
    return suffix


@contextlib.contextmanager
def opened(path: Path) -> Iterator[io.BufferedReader]:
    """Opens a file, unpacked, to read bytes.

    Raises:
        DataError: It cannot be read, is damaged, unpacks to more than `LARGEST` bytes, or a `.zip` does not hold
            exactly one file; also while it is read.
    """
    suffix = path.suffix.lower()
    try:
        if suffix == ".gz":
            with gzip.open(path) as file:
                yield io.BufferedReader(_Bounded(file, path))
        elif suffix == ".zip":
            with zipfile.ZipFile(path) as archive, archive.open(_member(path)) as file:
                yield io.BufferedReader(_Bounded(file, path))
        else:
            with path.open("rb") as file:
                yield file
    except DAMAGED as error:
        raise DataError(f"{path}: damaged or cut off ({error}); pack or copy it anew.") from None
    except (RuntimeError, NotImplementedError) as error:  # What zipfile says of passwords and of rare compressions.
        raise DataError(f"{path}: cannot be unpacked ({error}); pack it without a password, or unpack it.") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error}).") from None


def _member(path: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        names = [each.filename for each in archive.infolist() if not each.is_dir()]
    # What macOS adds.
    names = [name for name in names if not name.startswith("__MACOSX/") and Path(name).name != ".DS_Store"]
    if len(names) != 1:
        found = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
        raise DataError(f"{path}: holds {len(names)} files{f' ({found})' if names else ''}; unpack it and name one.")
    return names[0]


class _Bounded(io.RawIOBase):
    """Reads no more than `LARGEST` bytes."""

    def __init__(self, file: IO[bytes] | gzip.GzipFile, path: Path):
        self.file, self.path, self.read_so_far = file, path, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        content = self.file.read(len(buffer))
        self.read_so_far += len(content)
        if self.read_so_far > LARGEST:
            raise DataError(f"{self.path}: unpacks to more than {LARGEST >> 30} GiB; unpack it first.")
        buffer[: len(content)] = content
        return len(content)

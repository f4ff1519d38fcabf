"""Files that are written whole or not at all, and read with a limit: what is read may be of anybody."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

LARGEST_JSON = 256 * 2**20
"""Bytes of a JSON file, at most."""


def read_bytes(path: Path, largest: int) -> bytes:
    """Read a file.

    Args:
        path: The file.
        largest: Bytes that it may have.

    Raises:
        OSError: It cannot be read.
        ValueError: It is larger, or no file but a pipe or a device, which would not end.
    """
    # Opened without waiting: a pipe that nobody writes to would never open.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        raise ValueError("it is no file")
    with open(descriptor, "rb") as file:
        if found.st_size > largest:
            raise ValueError(f"it has {found.st_size:,} bytes; expected {largest:,} at most")
        return file.read(largest)


def read_json(path: Path, largest: int = LARGEST_JSON) -> Any:
    """Read a JSON file, with UTF-8 in it.

    Args:
        path: The file.
        largest: Bytes that it may have.

    Returns:
        Its content; it may be any value, of any depth that `json` takes.

    Raises:
        OSError: It cannot be read.
        ValueError: It is too large or no JSON; the message is one line, without the path.
    """
    return parse_json(read_bytes(path, largest))


def parse_json(content: bytes | str) -> Any:
    """`json.loads` that raises nothing but `ValueError`, with one line; half a surrogate pair is refused as well.

    Raises:
        ValueError: It is no JSON in UTF-8, or nested too deep.
    """
    try:
        text = content if isinstance(content, str) else content.decode()
        value = json.loads(text)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON ({error.msg}, line {error.lineno} column {error.colno})") from None
    except UnicodeDecodeError:
        raise ValueError("not a text file in UTF-8") from None
    except UnicodeEncodeError:
        raise ValueError("half of a surrogate pair in its text") from None
    except RecursionError:
        raise ValueError("nested too deep") from None
    except ValueError as error:  # a number of thousands of digits
        raise ValueError(str(error).split(";")[0]) from None


def write_text(path: Path, text: str) -> None:
    """Write a text file through a hidden sibling and one rename; whoever reads it sees the old one or the new one.

    Args:
        path: The file; its directory must exist.
        text: Its content.

    Raises:
        OSError: It cannot be written; what was there is intact, and nothing else is left.
    """
    with written(path) as file:
        file.write(text)


@contextlib.contextmanager
def written(path: Path) -> Iterator[TextIO]:
    """A text file to write to, which is in its place at the end of the `with` block; see `write_text`."""
    if path.exists() and not path.is_file():
        # A file must not take the place of a device or a pipe, such as /dev/null; a directory refuses by itself.
        with path.open("w", encoding="utf-8", newline="") as file:
            yield file
        return
    staged = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        with staged.open("w", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        staged.replace(path)
    except BaseException as error:
        staged.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename == str(staged):
            # Who asked for the file does not know that name.
            error.filename = str(path)
        raise

"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import threading
from pathlib import Path


def write_file(path: Path, content: bytes | memoryview) -> None:
    """Write a file through a sibling and one rename; whoever reads it sees the old content or the new one.

    Args:
        path: The file; its directory must exist.
        content: What it is to hold.

    Raises:
        OSError: It cannot be written; what was there is intact, and nothing else is left.
    """
    staged = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        with staged.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        staged.replace(path)
    except BaseException as error:
        staged.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename == str(staged):
            # Who asked for the file does not know that name.
            error.filename = str(path)
        raise

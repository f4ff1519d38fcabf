"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import threading
from pathlib import Path


def write_text(path: Path, text: str) -> None:
    """Write a text file through a hidden sibling and one rename; whoever reads it sees the old one or the new one.

    Args:
        path: The file; its directory must exist.
        text: Its content.

    Raises:
        OSError: It cannot be written; what was there is intact, and nothing else is left.
    """
    staged = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        with staged.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        staged.replace(path)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise

"""A limit on time, for what others have made and may never end."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def ends_after(seconds: float) -> Iterator[None]:
    """End this process, with exit code 1 and one line, if what is inside takes longer.

    It ends in the middle of whatever it does: TensorFlow cannot be interrupted in another way.

    Args:
        seconds: The limit; 0 for none.
    """
    timer = threading.Timer(seconds, _end, (seconds,))
    timer.daemon = True
    if seconds:
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _end(seconds: float) -> None:
    sys.stdout.flush()
    os.write(2, f"Error: no end after {seconds:g} seconds; allow it more with --timeout.\n".encode())
    os._exit(1)

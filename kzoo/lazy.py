"""Keras, imported when it is first used: what only lists or reads must start without TensorFlow."""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

LEVEL = "TF_CPP_MIN_LOG_LEVEL"
"""Environment variable by which TensorFlow is asked for its remarks; where it is set by somebody, that stands."""

REMARK = re.compile(rb"[IWE]\d{4} \d|WARNING: All log messages before absl::|To enable the following instructions")


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Inside, TensorFlow may be imported for the first time without its remarks about the machine.

    It writes about instruction sets and missing GPUs to standard error before any setting of its own can stop it. What
    else is written there comes when the import is done; where it fails, the remarks as well.
    """
    if "tensorflow" in sys.modules or os.environ.setdefault(LEVEL, "3") != "3":
        yield
        return
    try:
        sys.stderr.flush()
        file = tempfile.TemporaryFile()  # noqa: SIM115 - closed below, where it is used
        kept = os.dup(2)
    except (OSError, AttributeError):  # Nobody reads it, or nothing can be written.
        yield
        return
    with file as written:
        os.dup2(written.fileno(), 2)
        failed = True
        try:
            yield
            failed = False
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            written.seek(0)
            lines = written.readlines()
            os.write(2, b"".join(each for each in lines if failed or not REMARK.match(each)))


if TYPE_CHECKING:
    import keras as keras
else:

    class _Keras:
        """Stands for the module in ours alone.

        A lazy module in `sys.modules` would be found by everybody: where TensorFlow is imported before it was used, it
        finds Keras half imported, and stays so.
        """

        def __getattr__(self, name: str) -> Any:
            with quietly():
                return getattr(importlib.import_module("keras"), name)

    keras = _Keras()

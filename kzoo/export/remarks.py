"""What TensorFlow logs of its own calls, kept from the user."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

import tensorflow as tf


@contextlib.contextmanager
def without_remarks() -> Iterator[None]:
    """Inside, TensorFlow logs errors alone.

    It tells where it has written assets, which is a directory that is renamed when all stands, and that the loader of
    exports is deprecated, which is the one that the server has.
    """
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)

"""What TensorFlow computes on: a GPU or not, one thread or several."""

from __future__ import annotations

import functools
import os

import tensorflow as tf

from tuners.machine import available_cores


@functools.cache
def has_gpu() -> bool:
    """Whether TensorFlow sees a GPU."""
    return bool(tf.config.list_physical_devices("GPU"))


def has_one_thread() -> bool:
    """Whether a single thread computes: TensorFlow was told so, or this process has one core."""
    told = tf.config.threading.get_intra_op_parallelism_threads() or os.environ.get("TF_NUM_INTRAOP_THREADS")
    return told in (1, "1") or len(available_cores()) == 1

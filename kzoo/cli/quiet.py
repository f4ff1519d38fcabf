"""TensorFlow, imported without its remarks about the machine."""

from __future__ import annotations

import sys

from kzoo.lazy import quietly


def import_tensorflow() -> None:
    """Import TensorFlow; what it prints of the machine is shown only if it fails."""
    if "tensorflow" in sys.modules:
        return
    with quietly():
        import keras  # noqa: F401 - its import of TensorFlow makes remarks as well
        import tensorflow

        # The first use of a device has remarks of its own.
        tensorflow.config.list_logical_devices()
        # A search traces a function for each structure that it meets; TensorFlow warns from the fifth on.
        tensorflow.get_logger().setLevel("ERROR")

"""TensorFlow, imported without its remarks about the machine."""

from __future__ import annotations

import os
import sys
import tempfile


def import_tensorflow() -> None:
    """Import TensorFlow; what it prints is shown only if it fails.

    It writes about instruction sets and missing GPUs to standard error before any setting of its own can stop it.
    """
    if "tensorflow" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as remarks:
        os.dup2(remarks.fileno(), 2)
        try:
            import keras  # noqa: F401 - its import of TensorFlow makes remarks as well
            import tensorflow

            # The first use of a device has remarks of its own.
            tensorflow.config.list_logical_devices()
            # A search traces a function for each structure that it meets; TensorFlow warns from the fifth on.
            tensorflow.get_logger().setLevel("ERROR")
        except BaseException:
            remarks.seek(0)
            os.write(kept, remarks.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)

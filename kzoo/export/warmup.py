"""Warm-up requests: what the server runs when it loads a version, so that the first real requests do not wait.

A session optimises its graph at the first request to a signature, and chooses kernels at the first batch of a size.
The server answers every record before it says that the version is AVAILABLE; if one fails, so does the load.

References:
    https://www.tensorflow.org/tfx/serving/saved_model_warmup
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kzoo.export.extras import ASSETS_EXTRA

ALLOWED_BATCH_SIZES = (1, 2, 4, 8, 16, 32)
"""Rows of a batch that the server's batching makes; requests are padded up to the next of these."""

# The server reads the whole file; of inputs that are large, such as photographs, only smaller batches are kept.
_MAX_BYTES = 32_000_000


def write_warmup(
    version: Path,
    model: str,
    signatures: Sequence[str],
    rows: Mapping[str, np.ndarray],
    feature_names: tuple[str, ...] = (),
) -> tuple[int, ...]:
    """Write the warm-up requests of a version, one for every signature and batch size.

    Args:
        version: The directory of the version.
        model: Name that the model is served under.
        signatures: Names of its signatures.
        rows: Real rows by input name, from the first again where there are fewer than a batch has.
        feature_names: Features of a tf.Example, or empty where there is one for every input.

    Returns:
        The batch sizes written: `ALLOWED_BATCH_SIZES`, but for the largest where the file would exceed 32 MB.
    """
    # Here, so that the sizes can be read without TensorFlow.
    from kzoo.export.prediction_log import request_log, signature_inputs, write_logs

    logs: list[Any] = []
    sizes: list[int] = []
    total = 0
    for size in ALLOWED_BATCH_SIZES:
        batch = {name: array[np.arange(size) % len(array)] for name, array in rows.items()}
        added = [request_log(model, name, signature_inputs(name, batch, feature_names)) for name in signatures]
        total += sum(log.ByteSize() for log in added)
        if sizes and total > _MAX_BYTES:
            break
        logs += added
        sizes.append(size)
    write_logs(warmup_file(version), logs)
    return tuple(sizes)


def warmup_file(version: Path) -> Path:
    """The file that the server reads them from."""
    return version / ASSETS_EXTRA / "tf_serving_warmup_requests"

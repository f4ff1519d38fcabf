"""Loading a version as the server does: its graph in a session, then its warm-up requests.

References:
    `tensorflow_serving/servables/tensorflow/saved_model_bundle_factory.cc, InternalCreateSavedModelBundle` and
    `tensorflow_serving/servables/tensorflow/saved_model_warmup_util.cc, RunSavedModelWarmupUntracked`
"""

from __future__ import annotations

import os
from pathlib import Path

import tensorflow as tf

from kzoo.export.errors import ExportError, reason
from kzoo.export.inference.rest_api import DEFAULT_SIGNATURE
from kzoo.export.inference.runner import Runner
from kzoo.export.layout import WARMUP
from kzoo.export.warmup import read_warmup
from kzoo.serving.embedded.status import NotFound, StatusError

MOST_WARMUP_RECORDS = 1000
"""`WarmupConsts::kMaxNumRecords`."""

_CODES = {number: name for name, number in vars(tf.errors).items() if name.isupper() and isinstance(number, int)}


def load_version(path: str, *, trust: bool = False) -> Runner:
    """Load a version and answer its warm-up requests.

    Args:
        path: Directory of the version.
        trust: Whether to load it whatever its graph does, such as reading files.

    Returns:
        The runner, which the caller has to close.

    Raises:
        StatusError: It does not load, or one of its warm-up requests fails, which fails the load.
    """
    if not any(os.path.isfile(os.path.join(path, name)) for name in ("saved_model.pb", "saved_model.pbtxt")):
        raise NotFound(f"Could not find SavedModel .pb or .pbtxt at supplied export directory path: {path}")
    try:
        runner = Runner(path, trust=trust)
    except ExportError as error:
        raise _status(error.__cause__ or error) from error
    try:
        _warm_up(runner)
    except BaseException:
        runner.close()
        raise
    return runner


def _warm_up(runner: Runner) -> None:
    if not (Path(runner.directory) / WARMUP).exists():
        return
    try:
        for number, (signature, inputs) in enumerate(read_warmup(runner.directory), start=1):
            runner.run(signature or DEFAULT_SIGNATURE, inputs)
            if number > MOST_WARMUP_RECORDS:
                raise StatusError(
                    "INVALID_ARGUMENT",
                    f"Number of warmup records exceeds the maximum ({MOST_WARMUP_RECORDS}) at "
                    f"{runner.directory / WARMUP}",
                )
    except StatusError:
        raise
    except Exception as error:  # whatever a record makes TensorFlow or the parser raise, it fails the load
        raise _status(error) from error


def _status(error: BaseException) -> StatusError:
    code = "INVALID_ARGUMENT"
    if isinstance(error, tf.errors.OpError):
        code = _CODES.get(error.error_code, "UNKNOWN")
    return StatusError(code, reason(error))

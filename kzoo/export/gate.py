"""The gate before publishing: a staged export is run in a fresh process, by the C++ loader and without Keras.

What the server would do with it shows only there: in the process that has trained the model, Keras and its state are at
hand.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from kzoo.export.errors import ExportError

# Batch sizes that every export must take; the last is odd and no power of two, so that nothing fits it by chance.
BATCH_SIZES = (1, 3, 17)
ROWS = BATCH_SIZES[-1]
_TIMEOUT = 600.0


@dataclasses.dataclass(frozen=True)
class Expectation:
    """What a staged export must do.

    Attributes:
        signatures: Names of its signatures.
        inputs: Arrays by input name, `ROWS` rows each.
        outputs: What the Keras model answers to them: arrays by name in the "numeric" signature, text by its name in
            "serving_default".
        tolerance: Largest difference, as a share of the largest magnitude of an output, or of 1 if that is larger.
        class_names: Names of the classes, or empty.
        feature_names: Features of a tf.Example, or empty where there is one for every input.
    """

    signatures: tuple[str, ...]
    inputs: Mapping[str, np.ndarray]
    outputs: Mapping[str, np.ndarray]
    tolerance: float
    class_names: tuple[str, ...] = ()
    feature_names: tuple[str, ...] = ()


def first_rows(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """As many rows as the gate needs, beginning again from the first where there are fewer."""
    return {name: array[np.arange(ROWS) % len(array)] for name, array in arrays.items()}


def pass_gate(directory: Path, expectation: Expectation) -> None:
    """Run a staged export in a fresh process and compare it with what is expected.

    Args:
        directory: The staged export.
        expectation: What it must do.

    Raises:
        ExportError: It does not do that, or cannot be run.
    """
    with tempfile.TemporaryDirectory(prefix="kzoo-gate-") as scratch:
        # Pickle keeps every dtype, and nobody else can write to this directory.
        wanted, verdict = Path(scratch) / "expectation.pickle", Path(scratch) / "verdict.json"
        wanted.write_bytes(pickle.dumps(expectation))
        command = [sys.executable, "-m", "kzoo.export.gate_process", str(directory), str(wanted), str(verdict)]
        try:
            done = subprocess.run(
                command, env=_environment(), capture_output=True, text=True, timeout=_TIMEOUT, check=False
            )
        except subprocess.TimeoutExpired:
            raise ExportError(f"The staged export did not answer within {_TIMEOUT:.0f} s.") from None
        if not verdict.exists():
            tail = "\n".join(done.stderr.strip().splitlines()[-5:])
            raise ExportError(f"The process that checks the export ended with status {done.returncode}:\n{tail}")
        problems = json.loads(verdict.read_text(encoding="utf-8"))
    if problems:
        raise ExportError("The export would not serve, so it is not published: " + " ".join(problems))


def _environment() -> dict[str, str]:
    """The environment, with this package importable also where it is not installed."""
    package = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"}

"""The gate before publishing: a staged export is run in a fresh process, by the C++ loader and without Keras.

What the server would do with it shows only there: in the process that has trained the model, Keras and its state are at
hand. Nearly all that the process costs is its import of TensorFlow, so it is started before the export is written.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import numpy as np

from kzoo.export.asking import AskedSignature
from kzoo.export.errors import AnswersDifferError, ExportError
from kzoo.export.inference.tensors import read_arrays, write_arrays

# Batch sizes that every export must take; the last is odd and no power of two, so that nothing fits it by chance.
BATCH_SIZES = (1, 3, 17)
ROWS = BATCH_SIZES[-1]
DIFFERS = "differs from the Keras model's"
VERDICT = "verdict.json"
GO = "go\n"
_TIMEOUT = 600.0
_NAMES = ("signatures", "class_names", "feature_names", "formats")


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
        formats: Names of the other formats that it holds.
    """

    signatures: tuple[str, ...]
    inputs: Mapping[str, np.ndarray]
    outputs: Mapping[str, np.ndarray]
    tolerance: float
    class_names: tuple[str, ...] = ()
    feature_names: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()

    def write(self, scratch: Path) -> None:
        """Write it for the process that `read`s it."""
        write_arrays(scratch / "inputs.pb", self.inputs)
        write_arrays(scratch / "outputs.pb", self.outputs)
        rest = {name: getattr(self, name) for name in (*_NAMES, "tolerance")}
        # A map of protobuf has no order.
        rest |= {"inputs": list(self.inputs), "outputs": list(self.outputs)}
        (scratch / "expectation.json").write_text(json.dumps(rest), encoding="utf-8")

    @classmethod
    def read(cls, scratch: Path) -> Expectation:
        """What `write` wrote."""
        rest = json.loads((scratch / "expectation.json").read_text(encoding="utf-8"))
        names = {name: tuple(rest[name]) for name in _NAMES}
        inputs, outputs = (
            {name: arrays[name] for name in rest[part]}
            for part, arrays in ((part, read_arrays(scratch / f"{part}.pb")) for part in ("inputs", "outputs"))
        )
        return cls(inputs=inputs, outputs=outputs, tolerance=rest["tolerance"], **names)


def first_rows(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """As many rows as the gate needs, beginning again from the first where there are fewer."""
    return {name: array[np.arange(ROWS) % len(array)] for name, array in arrays.items()}


class Gate:
    """The process that checks a staged export; use it as a context manager, and once.

    Args:
        directory: The staged export; it need not be written yet.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory.resolve()

    def __enter__(self) -> Gate:
        """Start the process."""
        self._scratch = tempfile.TemporaryDirectory(prefix="kzoo-gate-")
        self._process = start_process(self._directory, Path(self._scratch.name), _environment())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()
        self._scratch.cleanup()

    def check(self, expectation: Expectation) -> tuple[AskedSignature, ...]:
        """Run the staged export and compare it with what is expected.

        The process leaves golden requests in the export, with the answers that it has found good.

        Args:
            expectation: What it must do.

        Returns:
            Its signatures, each with a request and its answer.

        Raises:
            AnswersDifferError: It answers something else.
            ExportError: It does not do what is expected in another way, or cannot be run.
        """
        expectation.write(Path(self._scratch.name))
        try:
            _, remarks = self._process.communicate(GO, timeout=_TIMEOUT)
        except subprocess.TimeoutExpired:
            raise ExportError(f"The staged export did not answer within {_TIMEOUT:.0f} s.") from None
        verdict = Path(self._scratch.name) / VERDICT
        if not verdict.exists():
            tail = "\n".join(remarks.strip().splitlines()[-5:])
            status = self._process.returncode
            raise ExportError(f"The process that checks the export ended with status {status}:\n{tail}")
        found = json.loads(verdict.read_text(encoding="utf-8"))
        if found["problems"]:
            differs = any(DIFFERS in problem for problem in found["problems"])
            kind = AnswersDifferError if differs else ExportError
            raise kind("The export would not serve, so it is not published: " + " ".join(found["problems"]))
        return tuple(map(AskedSignature.from_dict, found["signatures"]))


def start_process(directory: Path, scratch: Path, environment: Mapping[str, str]) -> subprocess.Popen[str]:
    """Start `kzoo.export.gate.process`, which waits for a word on its standard input.

    Args:
        directory: The staged export.
        scratch: Directory for the expectation and the verdict.
        environment: Environment of the process.
    """
    # Not from the working directory, where a file may have the name of a module.
    command = [sys.executable, "-P", "-m", "kzoo.export.gate.process", str(directory), str(scratch)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment, stdin=pipe, stdout=subprocess.DEVNULL, stderr=pipe, text=True)


def _environment() -> dict[str, str]:
    """The environment, with this package importable also where it is not installed."""
    package = str(Path(__file__).resolve().parents[3])
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"}

"""The gate before publishing: a staged export is run in a fresh process, by the C++ loader and without Keras.

What the server would do with it shows only there: in the process that has trained the model, Keras and its state are at
hand. Nearly all that the process costs is its import of TensorFlow, so it is started before the export is written.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from kzoo.export.errors import ExportError

_TIMEOUT = 600.0


class Gate:
    """The process that checks a staged export; use it as a context manager, and only once."""

    def __enter__(self) -> Gate:
        """Start the process."""
        # Not from the working directory, where a file may have the name of a module.
        command = [sys.executable, "-P", "-m", "kzoo.export.gate_process"]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            command, env=_environment(), stdin=pipe, stdout=pipe, stderr=pipe, encoding="utf-8"
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()

    def check(self, directory: Path) -> None:
        """Run a staged export and compare it with its golden answers.

        Args:
            directory: The staged export.

        Raises:
            ExportError: It does not answer as it should, or cannot be run.
        """
        try:
            output, remarks = self._process.communicate(json.dumps(str(directory.resolve())), timeout=_TIMEOUT)
        except subprocess.TimeoutExpired:
            raise ExportError(f"The staged export did not answer within {_TIMEOUT:.0f} s.") from None
        if self._process.returncode or not output:
            tail = "\n".join(remarks.strip().splitlines()[-5:])
            status = self._process.returncode
            raise ExportError(f"The process that checks the export ended with status {status}:\n{tail}")
        problems = json.loads(output.splitlines()[-1])
        if problems:
            raise ExportError("The export would not serve, so it is not published: " + " ".join(problems))


def _environment() -> dict[str, str]:
    """The environment, with this package importable also where it is not installed."""
    package = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"}

"""Entry point of the process that checks a staged export: `python -m kzoo.export.gate_process DIR EXPECTATION VERDICT`.

It writes a list of problems as JSON, empty where the export is good.
"""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path

# An export must stand without Keras. TensorFlow goes without it where it cannot be imported, and starts sooner.
sys.modules["keras"] = None  # type: ignore[assignment]

from kzoo.export.errors import ExportError  # noqa: E402
from kzoo.export.gate_checks import problems_of  # noqa: E402
from kzoo.export.runner import Runner  # noqa: E402


def main(directory: str, expectation: str, verdict: str) -> None:
    """Check an export.

    Args:
        directory: The staged export.
        expectation: File with the pickled `Expectation`.
        verdict: File to write the problems to.
    """
    try:
        with Runner(directory) as runner:
            problems = problems_of(runner, pickle.loads(Path(expectation).read_bytes()))
    except ExportError as error:
        problems = [str(error)]
    Path(verdict).write_text(json.dumps(problems), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])

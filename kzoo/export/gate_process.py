"""Entry point of the process that checks a staged export: `python -m kzoo.export.gate_process`.

It reads the directory as JSON from standard input and writes a list of problems as JSON, empty where all is well.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

# An export must stand without Keras. TensorFlow goes without it where it cannot be imported, and starts sooner.
sys.modules["keras"] = None  # type: ignore[assignment]

from kzoo.export.checking import version_problems  # noqa: E402


def main() -> None:
    """Check an export. Without a directory, the process that asks has ended."""
    asked = sys.stdin.read()
    if asked:
        print(json.dumps(version_problems(Path(json.loads(asked)))))


if __name__ == "__main__":
    main()

"""Entry point of the process that checks a staged export: `python -m kzoo.export.gate.process DIR SCRATCH`.

It starts while the export is being written, and checks it when standard input says so. It writes a list of problems as
JSON, empty where the export is good, and how its signatures are asked.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

# An export must stand without Keras. TensorFlow goes without it where it cannot be imported, and starts sooner.
sys.modules["keras"] = None  # type: ignore[assignment]

from kzoo.export.asking import AskedSignature, asked_signatures  # noqa: E402
from kzoo.export.errors import ExportError  # noqa: E402
from kzoo.export.gate.checks import problems_of  # noqa: E402
from kzoo.export.gate.format_checks import format_problems  # noqa: E402
from kzoo.export.gate.gate import GO, VERDICT, Expectation  # noqa: E402
from kzoo.export.golden import write_golden  # noqa: E402
from kzoo.export.inference.runner import Runner  # noqa: E402


def main(directory: str, scratch: str) -> None:
    """Check an export.

    Args:
        directory: The staged export.
        scratch: Directory with the `Expectation`, for the verdict too.
    """
    if sys.stdin.readline() != GO:
        return  # Who asked has ended, or has nothing to check.
    expectation = Expectation.read(Path(scratch))
    signatures: list[AskedSignature] = []
    try:
        # The model is of whoever exports it.
        with Runner(directory, trust=True) as runner:
            problems = problems_of(runner, expectation) or list(format_problems(Path(directory), expectation))
            if not problems:
                write_golden(runner, expectation.inputs, expectation.feature_names)
                signatures = asked_signatures(
                    runner, expectation.inputs, expectation.outputs, expectation.feature_names
                )
    except ExportError as error:
        problems = [str(error)]
    verdict = {"problems": problems, "signatures": [dataclasses.asdict(each) for each in signatures]}
    (Path(scratch) / VERDICT).write_text(json.dumps(verdict), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])

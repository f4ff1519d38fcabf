"""Other formats of an export, run in their own runtimes beside what the model answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from kzoo.export.folding.proof import difference
from kzoo.export.formats.runtimes import KNOWN, leave_out
from kzoo.export.gate.gate import BATCH_SIZES, Expectation
from kzoo.export.golden import TOLERANCE
from kzoo.export.inference.answers import both_classes


def format_problems(directory: Path, expectation: Expectation) -> Iterator[str]:
    """What is wrong with the other formats of an export.

    Args:
        directory: The export.
        expectation: What it must do.

    Yields:
        One sentence per format.
    """
    for name in expectation.formats:
        try:
            largest = _largest_difference(directory, name, expectation)
        except Exception as error:  # whatever a runtime raises
            yield leave_out(f"The {name} file does not run in its own runtime", error)
            continue
        allowed = max(expectation.tolerance, TOLERANCE)
        if not largest <= allowed:
            found = "in shape, or by NaN" if largest == np.inf else f"by {largest:.2g}, more than {allowed:.2g}"
            yield f"The {name} file answers otherwise than the model, {found}. Leave this format out."


def _largest_difference(directory: Path, name: str, expectation: Expectation) -> float:
    answer = KNOWN[name].opened(directory / KNOWN[name].file)
    found = [0.0]
    for size in BATCH_SIZES:
        outputs = answer({key: array[:size] for key, array in expectation.inputs.items()})
        if expectation.class_names:
            outputs = [both_classes(each) for each in outputs]
        for output, expected in zip(outputs, expectation.outputs.values(), strict=True):
            want = expected[:size]
            found.append(difference(np.asarray(output).astype(want.dtype), want))
    return max(found)

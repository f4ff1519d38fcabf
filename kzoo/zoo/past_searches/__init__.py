"""What searches of the families on open data have found, shipped with the package: where a new search may begin.

One JSON file for each family that has been searched, made by `tests/benchmarks/past_searches.py`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kzoo.files import read_json

FORMAT = 1

DIGITS = 4
"""Significant digits that are kept of values and scores."""

Trials = list[tuple[dict[str, Any], float | None]]
"""Values by name, and what they reached, more is better; None where they diverged."""


def past_searches(family: str, kind: str, folder: Path = Path(__file__).parent) -> dict[str, Trials]:
    """The searches of a family on tasks of a kind.

    Args:
        family: Name of the family.
        kind: "classification", "regression" or "multilabel"; for the last those of the first are taken.
        folder: Where the files are.

    Returns:
        Trials by the name of the data; nothing where the family has not been searched.
    """
    path = folder / f"{family}.json"
    if not path.exists():
        return {}
    wanted = "regression" if kind == "regression" else "classification"
    content = read_json(path)
    names = content["names"]
    return {
        each["data"]: [(_by_name(names, values), score) for values, score in each["trials"]]
        for each in content["searches"]
        if each["kind"] == wanted
    }


def _by_name(names: Iterable[str], values: Iterable[Any]) -> dict[str, Any]:
    return {name: value for name, value in zip(names, values, strict=True) if value is not None}


def written(searches: Iterable[tuple[str, str, Trials]], facts: Mapping[str, Any]) -> str:
    """Searches of a family as its file holds them, one trial a line.

    Args:
        searches: Name of the data, kind of the task, and the trials of each.
        facts: What is to be known of how they were made.
    """
    found = list(searches)
    names = list(dict.fromkeys(name for _, _, trials in found for values, _ in trials for name in values))
    lines = []
    for data, kind, trials in found:
        rows = [[[_short(values.get(name)) for name in names], _short(score)] for values, score in trials]
        head = f'{{"data": {json.dumps(data)}, "kind": {json.dumps(kind)}, "trials": [\n'
        lines.append(head + ",\n".join(json.dumps(row) for row in rows) + "]}")
    begin = json.dumps({"format": FORMAT, **facts, "names": names})[:-1]
    return f'{begin}, "searches": [\n' + ",\n".join(lines) + "\n]}\n"


def _short(value: Any) -> Any:
    """A number with few digits."""
    if not isinstance(value, float) or not math.isfinite(value):
        return None if isinstance(value, float) else value
    return float(f"{value:.{DIGITS}g}")

"""Which arrays of a `.npz` are inputs and which are targets, and of which part, by the names that people use."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kzoo.datasets.dataset import DataError
from kzoo.tables.kinds import words_of
from kzoo.tables.marks import PARTS, part_of

INPUTS = ("x", "images", "image", "imgs", "data", "features", "inputs", "input", "samples")
TARGETS = ("y", "labels", "label", "targets", "target", "output", "outputs", "class", "classes")
"""The names that count first come first."""

EXPECTED = (
    "expected arrays x and y, or x_train and y_train (and x_val, y_val, x_test, y_test), or such as images, labels"
)

Place = tuple[str, str]
"""The axis, "x" or "y", and the part; "" for an array of all rows."""


def named_arrays(found: Sequence[str], path: Path) -> tuple[dict[Place, str], list[str]]:
    """What the arrays of a file are.

    Args:
        found: Their names.
        path: The file, for messages.

    Returns:
        The name of each array that is used, by its place, and the names of the others.

    Raises:
        DataError: There are no inputs or targets, or what a name means is in doubt.
    """
    used: dict[Place, str] = {}
    for name in found:
        place = _place(name)
        if place and (place not in used or _rank(name) < _rank(used[place])):
            used[place] = name
        elif place and _rank(name) == _rank(used[place]):
            raise DataError(f"{path}: arrays {used[place]} and {name} mean the same; leave one of them out.")
    whole, parts = ("x", "") in used, ("x", "train") in used
    if whole == parts:
        raise DataError(f"{path}: {EXPECTED}; found {', '.join(found) or 'none'}.")
    kept = {place: name for place, name in used.items() if bool(place[1]) == parts}
    others = [name for name in found if name not in kept.values()]
    for name in others:
        # What looks as if it were meant for us would be missed and not noticed.
        if words_of(name)[:1] in (["x"], ["y"]):
            raise DataError(
                f"{path}: array {name} would not be used beside {kept['x', 'train' if parts else '']}; {EXPECTED}."
            )
    for part in PARTS if parts else ("",):
        names = [kept.get((axis, part)) for axis in "xy"]
        if (names[0] is None) != (names[1] is None):
            there, missing = (names[0], "targets") if names[0] else (names[1], "inputs")
            raise DataError(f"{path}: {there} is there but its {missing} are not; found {', '.join(found)}.")
    return kept, others


def _place(name: str) -> Place | None:
    words = words_of(name)
    axes = [word for word in words if word in INPUTS or word in TARGETS]
    rest = [word for word in words if word not in axes]
    # In train_data and test_images the axis is a word that may stand beside the part.
    if len(axes) != 1 or len(rest) > 1:
        return None
    part = part_of(rest[0]) if rest else ""
    if part is None:
        return None
    return ("x" if axes[0] in INPUTS else "y"), part


def _rank(name: str) -> int:
    order = (*INPUTS, *TARGETS)
    return min(order.index(word) for word in words_of(name) if word in order)

"""What stands beside the versions of an export, or is said of them, that a server would stumble over."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from kzoo.export.versions import list_versions, parse_version_number, strays
from kzoo.serving.ownership import GRAPH
from kzoo.serving.releases import read_labels


def problems_beside(base: Path) -> list[str]:
    """What a server would stumble over in a directory of versions, one sentence per problem.

    Args:
        base: Directory of the versions; for the directory of one version there is nothing to say.

    Raises:
        ServingError: The file of the labels cannot be read.
    """
    return list(_problems(base)) if base.is_dir() and not (base / GRAPH).is_file() else []


def _problems(base: Path) -> Iterator[str]:
    for name in strays(base):
        what = f"{name!r} is read as version {parse_version_number(name)} by a server"
        if (base / name).is_dir():
            yield f"{what}: call it by the plain number, where that is free, or by no number."
        else:
            yield f"{what}, but is no directory: remove it, or give it another name."
    for path in sorted(base.iterdir()):
        if parse_version_number(path.name) is None and path.name[0] != "." and (path / GRAPH).is_file():
            yield f"{path.name!r} holds a model, but is no number, so that no server finds it: call it by one."
    there = list_versions(base)
    for number in there:
        if (path := base / str(number)).is_symlink():
            yield (
                f"{number} is a link to {os.readlink(path)}: a server in a container does not see what is outside of "
                "this directory; copy the version instead."
            )
    for label, number in sorted(read_labels(base).items()):
        if number not in there:
            yield f"The label {label} is at version {number}, which is gone: kzoo promote gives it to another."

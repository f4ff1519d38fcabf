"""Labels of versions: clients ask for "stable" or "canary", and which version that is changes under them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kzoo.export.versions import list_versions
from kzoo.files import write_text
from kzoo.serving.configuration import DIRECTORY, write_configuration
from kzoo.serving.errors import ServingError
from kzoo.serving.locking import locked

FILE = "labels.json"
_LABEL = re.compile(r"[a-z][a-z0-9_-]*")


def read_labels(base: Path) -> dict[str, int]:
    """Version by label.

    Args:
        base: Directory of the versions.

    Raises:
        ServingError: The file of the labels cannot be read.
    """
    path = base / DIRECTORY / FILE
    try:
        return {str(label): int(version) for label, version in json.loads(path.read_text(encoding="utf-8")).items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise ServingError(f"{path}: not readable as labels ({error}); mend it or remove it.") from None


def promote(base: Path, version: int, label: str = "stable") -> dict[str, int]:
    """Give a label to a version; a server takes it up within half a minute.

    Args:
        base: Directory of the versions.
        version: Number of a version that is there.
        label: The label, which no other version has afterwards.

    Returns:
        Version by label, after the change.

    Raises:
        ServingError: The version is not there, or the label is no word.
        OSError: It cannot be written.
    """
    if not _LABEL.fullmatch(label):
        raise ServingError(f"{label!r} is no label; expected a word such as stable or canary.")
    with changing_labels(base) as labels:
        there = list_versions(base)
        if version not in there:
            found = ", ".join(map(str, there)) or "none"
            raise ServingError(f"{base} has no version {version}; there are: {found}.")
        labels[label] = version
    return labels


def write_current_configuration(base: Path) -> dict[str, int]:
    """Write the configuration of the server as the labels are; version by label.

    Raises:
        ServingError: The labels cannot be read, or the name is none to serve under.
        OSError: It cannot be written.
    """
    with changing_labels(base) as labels:
        return labels


@contextmanager
def changing_labels(base: Path) -> Iterator[dict[str, int]]:
    """The labels, to be changed by one process at a time; they and the configuration are written at the end."""
    if not base.is_dir():
        raise ServingError(f"{base} does not exist; export a model there first.")
    (base / DIRECTORY).mkdir(exist_ok=True)
    with locked(base / DIRECTORY):
        labels = read_labels(base)
        before = dict(labels)
        yield labels
        if labels != before:
            write_text(base / DIRECTORY / FILE, json.dumps(labels, indent=1))
        write_configuration(base, labels)

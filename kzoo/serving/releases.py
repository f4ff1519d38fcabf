"""Which version is stable and which the canary, and old versions taken away.

A server that polls `models.config` moves a label only to a version that it has loaded, and loads only what it is told
to serve. So a promotion leaves in service what was served: the server loads the new version first, then moves the
label, and no request meets a label without a model. That also makes going back quick.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from kzoo.export.versions import list_versions
from kzoo.serving import models_config
from kzoo.serving.errors import ServingError
from kzoo.serving.layout import DIRECTORY, LABELS, check_base, locked

PRUNED = ".pruned-"


@dataclasses.dataclass(frozen=True)
class Release:
    """What a server is told to serve.

    Attributes:
        labels: Version by label.
        served: Versions that are served, ascending; empty where it is the newest, whichever that is.
    """

    labels: Mapping[str, int]
    served: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Promotion:
    """A label that has moved.

    Attributes:
        label: The label.
        version: Where it stands now.
        previous: Where it stood before, or None.
        release: What is served now.
    """

    label: str
    version: int
    previous: int | None
    release: Release


def read_release(base_dir: str | os.PathLike[str]) -> Release:
    """What the server is told to serve.

    Args:
        base_dir: Directory of the versions, such as `saved_models/digits`.

    Raises:
        ServingError: There is no export, or its `models.config` is damaged.
    """
    config = models_config.read_config(check_base(base_dir) / DIRECTORY)
    return Release(models_config.labels_of(config), models_config.served_versions(config))


def promote(base_dir: str | os.PathLike[str], version: int, *, label: str = "stable") -> Promotion:
    """Move a label to a version.

    From the first promotion on, the server serves the versions that have a label now or had one before the promotion,
    and no longer whichever is newest.

    Args:
        base_dir: Directory of the versions, such as `saved_models/digits`.
        version: A version that is there.
        label: "stable" or "canary".

    Returns:
        What has changed.

    Raises:
        ServingError: There is no such version, or `models.config` is damaged.
        ValueError: There is no such label.
    """
    if label not in LABELS:
        raise ValueError(f"label is {label!r}; expected {' or '.join(LABELS)}.")
    with locked(check_base(base_dir)) as directory:
        there = list_versions(base_dir)
        if version not in there:
            raise ServingError(f"{base_dir} has no version {version}; there is {', '.join(map(str, there))}.")
        config = models_config.read_config(directory)
        before = models_config.labels_of(config)
        after = {**before, label: version}
        # Before the first promotion the newest version was served.
        in_service = before.values() if models_config.served_versions(config) else there[-1:]
        served = tuple(sorted({each for each in (*in_service, *after.values()) if each in there}))
        models_config.set_release(config, after, served)
        models_config.write_config(directory, config)
    return Promotion(label, version, before.get(label), Release(after, served))


def prune(base_dir: str | os.PathLike[str], *, keep: int) -> list[int]:
    """Remove old versions: never one with a label, and never the newest.

    A version is renamed to a hidden name before anything in it is removed, so that the server never finds half of it.
    The numbers are not used again.

    Args:
        base_dir: Directory of the versions, such as `saved_models/digits`.
        keep: Number of newest versions that stay, >= 1.

    Returns:
        The versions that were removed, ascending.

    Raises:
        ServingError: There is no export, or its `models.config` is damaged.
        ValueError: keep is below 1.
    """
    if keep < 1:
        raise ValueError(f"keep is {keep!r}; expected 1 or more, the newest version always stays.")
    base = check_base(base_dir)
    with locked(base) as directory:
        config = models_config.read_config(directory)
        labels = models_config.labels_of(config)
        old = [each for each in list_versions(base)[:-keep] if each not in labels.values()]
        served = models_config.served_versions(config)
        if set(served) & set(old):
            # The server is told before it is missing a version that it should serve.
            models_config.set_release(config, labels, set(served) - set(old))
            models_config.write_config(directory, config)
        for version in old:
            (base / str(version)).rename(Path(tempfile.mkdtemp(prefix=PRUNED, dir=base)) / "version")
        # Those that a killed process has left behind go as well.
        for hidden in base.glob(f"{PRUNED}*"):
            shutil.rmtree(hidden)
    return old

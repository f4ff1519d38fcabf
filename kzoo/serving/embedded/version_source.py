"""Which versions of a model are to be served: children of its base path that are numbers, by the version policy.

References:
    `tensorflow_serving/sources/storage_path/file_system_storage_path_source.cc`
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence

from kzoo.export.versions import parse_version_number
from kzoo.serving.embedded.model_config import ServedModel
from kzoo.serving.embedded.status import StatusError

LOG = logging.getLogger(__name__)


def aspired_versions(model: ServedModel) -> list[tuple[int, str]]:
    """Numbers and paths of the versions that the policy wants and the file system has (`PollFileSystemForServable`).

    Raises:
        StatusError: The base path is not there, so that nothing can be said; what is served stays.
    """
    if not os.path.exists(model.base_path):
        raise StatusError(
            "INVALID_ARGUMENT",
            f"Could not find base path {model.base_path} for servable {model.name} with error "
            f"NOT_FOUND: {model.base_path} not found",
        )
    if model.policy == "specific":
        # AspireSpecificVersionsFastPath: all there under their plain numbers, or none asked for.
        paths = [(version, os.path.join(model.base_path, str(version))) for version in model.versions]
        if not paths:
            LOG.warning("No specific versions requested for servable %s.", model.name)
        if all(os.path.exists(path) for _, path in paths):
            return paths
    children = sorted(_children(model.base_path))
    found = _by_policy(model, children)
    if not found:
        LOG.warning(
            "No versions of servable %s found under base path %s. Did you forget to name your leaf directory as a "
            "number (eg. '/1/')?",
            model.name,
            model.base_path,
        )
    return [(number, os.path.join(model.base_path, child)) for number, child in found]


def _by_policy(model: ServedModel, children: Sequence[str]) -> list[tuple[int, str]]:
    numbered = [(number, child) for child in children if (number := parse_version_number(child)) is not None]
    if model.policy == "all":
        return numbered
    # IndexChildrenByVersion: of two spellings the one that sorts last counts.
    by_version = dict(numbered)
    if model.policy == "latest":
        newest = sorted(by_version, reverse=True)[: model.newest]
        return [(number, by_version[number]) for number in newest]
    for number in sorted(set(model.versions) - set(by_version)):
        LOG.warning("Version %d of servable %s was requested, but not found in the file system", number, model.name)
    return [(number, by_version[number]) for number in sorted(by_version) if number in model.versions]


def _children(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError as error:
        raise StatusError("FAILED_PRECONDITION", f"{directory}; {error.strerror}") from None

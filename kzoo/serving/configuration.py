"""What TensorFlow Serving is told about an export: which versions, their labels, batching and monitoring.

It is in `<base>/serving/`, which the server does not take for a version since it is not a number. `models.config` is
written again whenever a label moves; the other files are yours to change once they are there.

References:
    https://www.tensorflow.org/tfx/serving/serving_config and
    https://github.com/tensorflow/serving/blob/master/tensorflow_serving/batching/README.md
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

from kzoo.export.layout import ALLOWED_BATCH_SIZES, CARD, SERVED_NAME, SERVED_NAME_RULE
from kzoo.export.versions import list_versions, strays
from kzoo.files import read_json, write_text
from kzoo.serving.deployment import NO_BATCHING, compose, kubernetes
from kzoo.serving.errors import ServingError

DIRECTORY = "serving"
MODELS = "models.config"
LOCAL_MODELS = "models.local.config"
BATCHING = "batching.config"
MONITORING = "monitoring.config"
MODELS_IN_CONTAINER = "/models"


@dataclasses.dataclass(frozen=True)
class Release:
    """What a server is to serve.

    Attributes:
        labels: Version by label.
        served: Versions that are served, ascending; empty for the newest, whichever that is.
    """

    labels: Mapping[str, int] = dataclasses.field(default_factory=dict)
    served: tuple[int, ...] = ()


def write_configuration(base: Path, release: Release) -> Path:
    """Write the configuration of an export.

    Args:
        base: Directory of its versions; its name is the name it is served under.
        release: What is to be served.

    Returns:
        The directory of the configuration.

    Raises:
        ServingError: The name has characters that do not go into an address.
        OSError: It cannot be written.
    """
    name = served_name(base)
    release = _servable(base, release)
    directory = base / DIRECTORY
    directory.mkdir(exist_ok=True)
    write_text(directory / MODELS, models_config(name, f"{MODELS_IN_CONTAINER}/{name}", release))
    if (directory / LOCAL_MODELS).exists():
        write_local_models(base, release)
    batching = not has_open_dimensions(base)
    otherwise = _files(name, batching=not batching)
    for file, text in _files(name, batching=batching).items():
        path = directory / file
        # What somebody has changed is theirs; what was written for versions with other inputs is not.
        if not path.exists() or path.read_text(encoding="utf-8") == otherwise[file]:
            write_text(path, text)
    return directory


def _servable(base: Path, release: Release) -> Release:
    """A release without what a server stumbles over.

    The newest version is named where the server would take something else for the newest. A label on a version that is
    gone is left out: where it has moved, the server discards all of the configuration for it.
    """
    there = list_versions(base)
    labels = {label: version for label, version in release.labels.items() if version in there}
    served = release.served
    if not served and strays(base):
        served = tuple(there[-1:])
    return Release(labels, served)


def has_open_dimensions(base: Path) -> bool:
    """Whether any version takes inputs that have an open dimension beside the batch, such as texts of any length.

    The server puts requests together along the batch only: where two differ in another dimension it refuses them, or
    pads the shorter one, which changes its answer.
    """
    return any(_is_open(text) for version in list_versions(base) for text in _inputs(base / str(version)))


def _inputs(version: Path) -> list[str]:
    """The inputs of a version's signatures as its card has them; empty where it has no card."""
    try:
        signatures = read_json(version / CARD)["signatures"]
        return [str(text) for signature in signatures.values() for text in signature["inputs"]]
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return []


def _is_open(text: str) -> bool:
    """Whether "name: dtype [any, 4]" has an open dimension beside the first."""
    if text.endswith("any shape"):
        return True
    _, *others = text.rpartition(" [")[2].rstrip("]").split(", ")
    return "any" in others


def _files(name: str, *, batching: bool) -> dict[str, str]:
    """Texts of the files that are yours to change."""
    return {
        BATCHING: batching_config(batching=batching),
        MONITORING: monitoring_config(),
        "compose.yaml": compose(name, batching=batching),
        "kubernetes.yaml": kubernetes(name, batching=batching),
    }


def write_local_models(base: Path, release: Release) -> Path:
    """Write the `models.config` of a server that runs on this machine without a container; the file."""
    path = base / DIRECTORY / LOCAL_MODELS
    write_text(path, models_config(served_name(base), str(base.resolve()), _servable(base, release)))
    return path


def served_name(base: Path) -> str:
    """Name that an export is served under.

    Raises:
        ServingError: It has characters that do not go into an address.
    """
    name = base.resolve().name
    if not SERVED_NAME.fullmatch(name):
        raise ServingError(f"{name!r} cannot be the name of a served model: {SERVED_NAME_RULE}. Rename {base}.")
    return name


def models_config(name: str, base_path: str, release: Release) -> str:
    """Text of a `ModelServerConfig`."""
    policy = "".join(f" versions: {version}" for version in release.served)
    lines = [
        "# Written by kzoo; kzoo promote moves the labels.",
        "model_config_list {",
        "  config {",
        f"    name: {_quoted(name)}",
        f"    base_path: {_quoted(base_path)}",
        '    model_platform: "tensorflow"',
        f"    model_version_policy {{ specific {{{policy} }} }}"
        if release.served
        else "    model_version_policy { latest { num_versions: 1 } }",
        *(
            f"    version_labels {{ key: {_quoted(label)} value: {version} }}"
            for label, version in sorted(release.labels.items())
        ),
        "  }",
        "}",
    ]
    return "\n".join(lines) + "\n"


def batching_config(*, batching: bool = True) -> str:
    """Text of `BatchingParameters`; the last allowed size has to be the largest batch.

    Args:
        batching: Whether the export is fit for batching; the file says so where it is not.
    """
    warning = "" if batching else f"# Not in use: {NO_BATCHING}\n#\n"
    sizes = "\n".join(f"allowed_batch_sizes: {size}" for size in ALLOWED_BATCH_SIZES)
    return (
        f"{warning}"
        "# Requests that come within 1 ms of each other are answered together, padded to one of the sizes that the\n"
        "# export is warmed up at. A single request of more rows is refused: send it in parts, or serve without\n"
        "# --enable_batching.\n"
        f"max_batch_size {{ value: {ALLOWED_BATCH_SIZES[-1]} }}\n"
        "batch_timeout_micros { value: 1000 }\n"
        "max_enqueued_batches { value: 100 }\n"
        f"{sizes}\n"
    )


def monitoring_config() -> str:
    """Text of a `MonitoringConfig`: metrics for Prometheus on the REST port."""
    return 'prometheus_config {\n  enable: true\n  path: "/monitoring/prometheus/metrics"\n}\n'


def _quoted(text: str) -> str:
    # A JSON string is a string of the text format too.
    return json.dumps(text)

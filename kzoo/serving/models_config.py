"""`models.config`: the server's `ModelServerConfig`, with the versions to serve and their labels.

References:
    https://www.tensorflow.org/tfx/serving/serving_config, "Model Server Configuration".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from kzoo.serving.errors import ServingError
from kzoo.serving.layout import MODELS, write_text

PLATFORM = "tensorflow"


def new_config(name: str) -> Any:
    """A `ModelServerConfig` that serves the newest version, from where containers have it.

    Args:
        name: Name that the model is served under.
    """
    config = model_server_config_pb2.ModelServerConfig()
    model = config.model_config_list.config.add()
    model.name, model.base_path, model.model_platform = name, f"/models/{name}", PLATFORM
    model.model_version_policy.latest.num_versions = 1
    return config


def read_config(directory: Path) -> Any:
    """The `ModelServerConfig` in a configuration directory, or a new one where there is none.

    Raises:
        ServingError: The file is damaged, or serves not just this model.
    """
    path = directory / MODELS
    try:
        config = text_format.Parse(path.read_text(encoding="utf-8"), model_server_config_pb2.ModelServerConfig())
    except FileNotFoundError:
        return new_config(directory.resolve().parent.name)
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise ServingError(f"{path} is no configuration of the server ({error}); mend it, or delete it.") from None
    if len(config.model_config_list.config) != 1:
        count = len(config.model_config_list.config)
        raise ServingError(f"{path} serves {count} models; expected this one only. Mend it, or delete it.")
    return config


def write_config(directory: Path, config: Any) -> None:
    """Write a `ModelServerConfig`; a server that polls the file sees the old one or the new one."""
    header = (
        "# Versions that TensorFlow Serving serves, and their labels. `kzoo promote` writes this file.\n"
        "# --allow_version_labels_for_unavailable_models: when the server starts, no version is loaded yet.\n"
    )
    write_text(directory / MODELS, header + text_format.MessageToString(config))


def labels_of(config: Any) -> dict[str, int]:
    """Version by label."""
    return dict(sorted(config.model_config_list.config[0].version_labels.items()))


def served_versions(config: Any) -> tuple[int, ...]:
    """Versions that are served whatever else is exported; none where the newest is served."""
    return tuple(config.model_config_list.config[0].model_version_policy.specific.versions)


def set_release(config: Any, labels: Mapping[str, int], versions: Iterable[int]) -> None:
    """Change labels and versions, and leave the rest as it is.

    Args:
        config: A `ModelServerConfig` of one model.
        labels: Version by label.
        versions: Versions to serve; none for the newest.
    """
    model = config.model_config_list.config[0]
    model.version_labels.clear()
    model.version_labels.update(labels)
    wanted = sorted(set(versions))
    if wanted:
        model.model_version_policy.specific.versions[:] = wanted
    else:
        model.model_version_policy.latest.num_versions = 1

"""The model that a `models.config` asks to serve."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from typing import Any

from kzoo.serving.embedded.status import NotFound, StatusError

PLATFORM = "tensorflow"


@dataclasses.dataclass(frozen=True)
class ServedModel:
    """The model of a `models.config`.

    Attributes:
        name: Name that it is served under.
        base_path: Directory of its versions.
        policy: "latest", "all" or "specific".
        newest: Number of newest versions under "latest", at least 1.
        versions: Numbers under "specific".
    """

    name: str
    base_path: str
    policy: str = "latest"
    newest: int = 1
    versions: tuple[int, ...] = ()


def served_model(config: Any, find: Callable[[str], str]) -> ServedModel:
    """The one model of a `ModelServerConfig`; without a policy its latest version is served.

    Args:
        config: The message, which is not empty.
        find: Where a base path is on this machine.

    Raises:
        StatusError: It has no model or several, or one that cannot be served (`ValidateModelConfigList` and
            `CreateStoragePathRoutes` in `tensorflow_serving/model_servers/server_core.cc`).
    """
    models = config.model_config_list.config
    if len(models) != 1:
        raise StatusError("UNIMPLEMENTED", "This server serves the one model of a model_config_list.")
    (model,) = models
    if model.model_platform != PLATFORM:
        raise StatusError(
            "INVALID_ARGUMENT", f"Model {model.name} requests unsupported platform {model.model_platform}"
        )
    base_path = find(model.base_path)
    if not os.path.isabs(base_path):
        raise StatusError(
            "INVALID_ARGUMENT",
            f"Expected model {model.name} to have an absolute path or URI; got base_path()={base_path}",
        )
    policy = model.model_version_policy
    kind = policy.WhichOneof("policy_choice") or "latest"
    newest = max(policy.latest.num_versions, 1)
    return ServedModel(model.name, base_path, kind, newest, tuple(policy.specific.versions))


def read_config(path: str) -> Any:
    """The `ModelServerConfig` in a file (`ParseProtoTextFile`).

    Raises:
        StatusError: It cannot be read or parsed.
    """
    from google.protobuf import text_format
    from tensorflow_serving.config import model_server_config_pb2

    try:
        with open(path, encoding="utf-8") as file:
            return text_format.Parse(file.read(), model_server_config_pb2.ModelServerConfig())
    except OSError as error:
        raise NotFound(f"{path}; {error.strerror}") from None
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise StatusError("INVALID_ARGUMENT", f"Invalid protobuf file: '{path}': {error}") from None

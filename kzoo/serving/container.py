"""How `tensorflow/serving` is started in a container, whoever starts it."""

from __future__ import annotations

import re
import urllib.parse

from kzoo.serving import layout

IMAGE = "tensorflow/serving"
GRPC_PORT = 8500
REST_PORT = 8501
CONFIG_POLL_SECONDS = 10
"""Seconds after which the server sees a promotion."""


def model_path(name: str) -> str:
    """Where the directory of an export's versions is mounted."""
    return f"/models/{name}"


def config_flags(directory: str) -> list[str]:
    """Flags of `tensorflow_model_server` for the configuration in a directory, without batching.

    Args:
        directory: The directory as the server sees it.
    """
    return [
        f"--model_config_file={directory}/{layout.MODELS}",
        f"--model_config_file_poll_wait_seconds={CONFIG_POLL_SECONDS}",
        "--allow_version_labels_for_unavailable_models=true",
        f"--monitoring_config_file={directory}/{layout.MONITORING}",
    ]


def batching_flags(directory: str) -> list[str]:
    """Flags that answer several requests together."""
    return ["--enable_batching=true", f"--batching_parameters_file={directory}/{layout.BATCHING}"]


def slug(name: str) -> str:
    """A name as Docker Compose and Kubernetes take it: small letters, digits and -, at most 63 characters."""
    words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    # Kubernetes wants a letter at the start of a service's name.
    return (words if words[:1].isalpha() else f"model-{words}")[:63].strip("-")


def metadata_path(name: str) -> str:
    """Path of the REST API that answers 200 when the model is loaded, and 404 before."""
    return f"/v1/models/{urllib.parse.quote(name, safe='')}/metadata"

"""The ways to start TensorFlow Serving: its binary, or its image in Docker."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
from pathlib import Path
from typing import Protocol

from kzoo.serving import container
from kzoo.serving.errors import ServingError

BINARY = "tensorflow_model_server"
EVERY_INTERFACE = ("0.0.0.0", "::")
# Loaded once: a version that does not load is to be told of now, not after five more attempts, a minute apart.
LOAD_ONCE = "--max_num_load_retries=0"
_DOCKER_TIMEOUT = 20.0


@dataclasses.dataclass(frozen=True)
class Address:
    """Where a server answers.

    Attributes:
        host: Address of the interface.
        rest_port: Port of the REST API.
        grpc_port: Port of the gRPC API.
    """

    host: str
    rest_port: int
    grpc_port: int

    @property
    def reached_at(self) -> str:
        """The host to connect to from this machine."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)


class Launcher(Protocol):
    """A way to start a server."""

    name: str

    def base_path(self, base: Path) -> str:
        """Where the server has the versions."""
        ...

    def prepare(self) -> None:
        """Fetch what is missing."""
        ...

    def command(self, base: Path, config: Path, address: Address) -> list[str]:
        """The command that runs the server until it is told to stop."""
        ...

    def clean_up(self) -> None:
        """Remove what outlives the command."""
        ...


class Binary:
    """`tensorflow_model_server` on this machine."""

    name = BINARY

    def base_path(self, base: Path) -> str:
        """See `Launcher`."""
        return str(base)

    def prepare(self) -> None:
        """See `Launcher`."""

    def command(self, base: Path, config: Path, address: Address) -> list[str]:
        """See `Launcher`."""
        ports = [f"--port={address.grpc_port}", f"--rest_api_port={address.rest_port}"]
        return [BINARY, *ports, *container.config_flags(str(config)), LOAD_ONCE]

    def clean_up(self) -> None:
        """See `Launcher`."""


class Docker:
    """The image `tensorflow/serving` in Docker."""

    name = "docker"

    def __init__(self) -> None:
        self.container_name = f"kzoo-{os.getpid()}-{os.urandom(3).hex()}"

    def base_path(self, base: Path) -> str:
        """See `Launcher`."""
        return container.model_path(base.name)

    def prepare(self) -> None:
        """See `Launcher`."""
        if _docker("image", "inspect", container.IMAGE).returncode == 0:
            return
        # Some hundred MB: whoever waits sees Docker's own progress.
        pulled = subprocess.run(["docker", "pull", container.IMAGE], stdout=2, check=False)
        if pulled.returncode:
            raise ServingError(f"Docker could not fetch {container.IMAGE}; the reason is above.")

    def command(self, base: Path, config: Path, address: Address) -> list[str]:
        """See `Launcher`."""
        host = f"[{address.host}]" if ":" in address.host else address.host
        return [
            # The image's entry point is a shell, which as the first process passes no signal on; --init does.
            *("docker", "run", "--rm", "--init", "--name", self.container_name),
            *("-p", f"{host}:{address.rest_port}:{container.REST_PORT}"),
            *("-p", f"{host}:{address.grpc_port}:{container.GRPC_PORT}"),
            *("--mount", f"type=bind,source={base},target={self.base_path(base)},readonly"),
            *("--mount", f"type=bind,source={config},target=/kzoo,readonly"),
            container.IMAGE,
            *container.config_flags("/kzoo"),
            LOAD_ONCE,
        ]

    def clean_up(self) -> None:
        """See `Launcher`."""
        _docker("rm", "--force", self.container_name)


def find_launcher(host: str, base: Path) -> Launcher:
    """The way to start a server here.

    Args:
        host: Address of the interface that it shall listen at.
        base: Directory of the versions, for the message.

    Raises:
        ServingError: There is none, and how to get one.
    """
    if host in EVERY_INTERFACE and shutil.which(BINARY):
        return Binary()
    if docker_answers():
        return Docker()
    if shutil.which(BINARY):
        raise ServingError(
            f"{BINARY} is here, but it listens at every network interface of this machine and has no flag to listen at "
            f"{host} only. Say --host 0.0.0.0 if others may reach it, or start Docker, which can keep it to {host}."
        )
    raise ServingError(_nothing_here(base))


def docker_answers() -> bool:
    """Whether Docker is installed and its engine runs."""
    if not shutil.which("docker"):
        return False
    try:
        return _docker("version", "--format", "{{.Server.Version}}").returncode == 0
    except subprocess.TimeoutExpired:
        return False


def _docker(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["docker", *arguments], capture_output=True, timeout=_DOCKER_TIMEOUT, check=False)


def _nothing_here(base: Path) -> str:
    docker = "Docker is, but its engine does not answer" if shutil.which("docker") else "nor is Docker"
    return (
        f"{BINARY} is not installed here, {docker}. To get a server, install and start Docker (kzoo serve fetches the "
        f"image {container.IMAGE} itself), or see https://www.tensorflow.org/tfx/serving/setup. Meanwhile the same "
        f"answers come without a server from: kzoo predict {base} {base}/request.json"
    )

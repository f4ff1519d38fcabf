"""Starting a server on an export, and waiting until it answers: TensorFlow Serving, or else the embedded server."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from kzoo.export.versions import list_versions
from kzoo.serving.client import Client
from kzoo.serving.configuration import DIRECTORY, LOCAL_MODELS, has_open_dimensions, write_local_models
from kzoo.serving.deployment import IMAGE, server_options
from kzoo.serving.errors import ServingError
from kzoo.serving.ownership import GRAPH
from kzoo.serving.releases import write_current_configuration

BINARY = "tensorflow_model_server"
EVERYWHERE = "0.0.0.0"
GRPC_PORT = 8500
GRACE = 15.0
"""Seconds that a server has to end by itself when it is asked to."""
LAST_LINES = 15

EMBEDDED = "kzoo.serving.embedded"

NO_GRPC = (
    "The embedded server has no gRPC, only REST: leave --grpc-port out, or install TensorFlow Serving "
    "(https://www.tensorflow.org/tfx/serving/setup)."
)


@dataclasses.dataclass(frozen=True)
class Server:
    """What serves an export.

    Attributes:
        kind: "tensorflow_model_server", "docker" for TensorFlow's image, or "embedded" for kzoo's own.
        why: Why it is not TensorFlow Serving, or "".
    """

    kind: Literal["tensorflow_model_server", "docker", "embedded"]
    why: str = ""

    @property
    def has_grpc(self) -> bool:
        """Whether it answers gRPC besides REST."""
        return self.kind != "embedded"


def find_server(host: str = "127.0.0.1", *, embedded: bool = False) -> Server:
    """The real server where it is here and can listen where it should, else the embedded one.

    Args:
        host: Address to listen on. `tensorflow_model_server` listens on every address and cannot be told not to, so
            that it is taken for "0.0.0.0" only.
        embedded: Whether to take the embedded one anyway.
    """
    if embedded:
        return Server("embedded")
    binary = shutil.which(BINARY)
    if binary and host == EVERYWHERE:
        return Server("tensorflow_model_server")
    if _docker_answers():
        return Server("docker")
    if binary:
        return Server("embedded", f"{BINARY} listens on every address, so that it needs --host {EVERYWHERE}")
    if shutil.which("docker"):
        return Server("embedded", "Docker is installed, but its engine does not answer")
    return Server("embedded", "TensorFlow Serving is not here, neither its program nor Docker")


@contextlib.contextmanager
def start(
    base: Path,
    *,
    host: str = "127.0.0.1",
    rest_port: int = 8501,
    grpc_port: int | None = None,
    timeout: float = 120.0,
    server: Server | None = None,
    batching: bool = False,
    trust: bool = False,
) -> Iterator[subprocess.Popen[bytes]]:
    """Serve an export, from when it answers until the end of the `with` block.

    Args:
        base: Directory of its versions.
        host: Address to listen on; "0.0.0.0" for all of them.
        rest_port: Port for REST.
        grpc_port: Port for gRPC, 8500 if not given; the embedded server has none.
        timeout: Seconds until the model has to be available.
        server: What to start; `find_server` says if not given.
        batching: Whether the embedded server answers requests that come together in one, where the export is fit for
            that (`kzoo.serving.configuration.has_open_dimensions`).
        trust: Whether the embedded server loads the export whatever its graph does; TensorFlow Serving always does.

    Yields:
        The process of the server.

    Raises:
        ServingError: There is no export, a port is taken, the server cannot do what is asked, or it does not come up;
            the message has its last lines.
    """
    if not list_versions(base):
        if (base / GRAPH).is_file():
            raise ServingError(f"{base} holds a model itself; a server looks for it one level below, in {base / '1'}.")
        what = "has no version of an export in it" if base.is_dir() else "does not exist"
        raise ServingError(f"{base} {what}; export a model there first: kzoo export")
    server = server or find_server(host)
    _check_fit(server, grpc_port, batching)
    for name, port in {"rest": rest_port, **({"grpc": grpc_port or GRPC_PORT} if server.has_grpc else {})}.items():
        _check_port(host, port, name)
    container = f"kzoo-{uuid.uuid4().hex[:12]}"
    command = _command(server, base, host, rest_port, grpc_port or GRPC_PORT, container)
    if batching and not has_open_dimensions(base):
        command.append("--batching")
    if trust and server.kind == "embedded":
        command.append("--trust")
    release = write_current_configuration(base)
    write_local_models(base, release)
    wanted = release.served or list_versions(base)[-1:]
    with tempfile.TemporaryFile() as log:
        # The pipe, into which nothing is written, closes with this process, however that ends.
        pipe = subprocess.DEVNULL if server.has_grpc else subprocess.PIPE
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=pipe, start_new_session=True)
        try:
            client = Client(base.resolve().name, host=_reachable(host), rest_port=rest_port, timeout=5.0)
            _wait(process, client, wanted, log, timeout)
            yield process
        finally:
            _stop(process, container if server.kind == "docker" else None)


def _check_fit(server: Server, grpc_port: int | None, batching: bool) -> None:
    """Whether a server can do what is asked of it."""
    if grpc_port is not None and not server.has_grpc:
        raise ServingError(NO_GRPC if not server.why else f"{server.why}. {NO_GRPC}")
    if batching and server.kind != "embedded":
        raise ServingError(
            "--batching is for the embedded server, and this is TensorFlow Serving: its batching is in the "
            "deployments beside the export (serving/compose.yaml), or add --embedded."
        )


def _command(server: Server, base: Path, host: str, rest_port: int, grpc_port: int, container: str) -> list[str]:
    name, directory = base.resolve().name, base.resolve() / DIRECTORY
    if server.kind == "embedded":
        # Not from the working directory, where a file may have the name of a module.
        command = [sys.executable, "-P", "-m", EMBEDDED, f"--host={host}", f"--rest_api_port={rest_port}"]
        return [*command, f"--model_config_file={directory / LOCAL_MODELS}", "--until_stdin_closes"]
    if server.kind == "tensorflow_model_server":
        ports = [f"--rest_api_port={rest_port}", f"--port={grpc_port}"]
        return [BINARY, *ports, *server_options(str(directory), LOCAL_MODELS)]
    _fetch_image()
    ports = ["-p", f"{host}:{rest_port}:8501", "-p", f"{host}:{grpc_port}:8500"]
    mount = ["-v", f"{base.resolve()}:/models/{name}:ro"]
    options = server_options(f"/models/{name}/{DIRECTORY}")
    # The image's entry point is a shell, which as the first process passes no signal on; --init does.
    return ["docker", "run", "--rm", "--init", "--name", container, *ports, *mount, IMAGE, *options]


def _fetch_image() -> None:
    """Fetch the image where it is not here; that may take longer than a server may take to start."""
    here = subprocess.run(["docker", "image", "inspect", IMAGE], capture_output=True, timeout=20, check=False)
    # Docker shows its progress on standard error, so that results stay alone on standard output.
    if here.returncode and subprocess.run(["docker", "pull", IMAGE], stdout=2, check=False).returncode:
        raise ServingError(f"Docker could not fetch {IMAGE}; the reason is above.")


def _docker_answers() -> bool:
    if not shutil.which("docker"):
        return False
    try:
        return subprocess.run(["docker", "info"], capture_output=True, timeout=20, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def _check_port(host: str, port: int, name: str) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ServingError(
                f"Port {port} of {host} cannot be used ({error.strerror}); choose another with --{name}-port."
            ) from None


def _reachable(host: str) -> str:
    return "127.0.0.1" if host == EVERYWHERE else host


def _wait(process: subprocess.Popen[bytes], client: Client, wanted: Sequence[int], log: object, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    states: dict[int, str] = {}
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ServingError(f"The server ended with code {process.returncode}. Its last lines:\n{_tail(log)}")
        # It does not listen yet, or does not know the model yet.
        found = []
        with contextlib.suppress(ServingError):
            found = client.status()
        states = {each.version: each.state for each in found}
        if all(states.get(version) == "AVAILABLE" for version in wanted):
            return
        for each in found:
            if each.version in wanted and each.state == "END" and each.error:
                raise ServingError(f"The server could not load version {each.version}: {each.error}")
        time.sleep(0.2)
    missing = ", ".join(f"version {version} {states.get(version, 'not known')}" for version in wanted)
    raise ServingError(f"After {timeout:g} s: {missing}. The server's last lines:\n{_tail(log)}")


def _tail(log: object) -> str:
    log.seek(0)  # type: ignore[attr-defined]
    return "\n".join(log.read().decode(errors="replace").splitlines()[-LAST_LINES:])  # type: ignore[attr-defined]


def _stop(process: subprocess.Popen[bytes], container: str | None) -> None:
    if container is not None:
        # Ending the client would leave the container running.
        subprocess.run(["docker", "stop", "-t", str(int(GRACE)), container], capture_output=True, check=False)
    process.terminate()
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if container is not None:
        # What was still being created when it was told to stop.
        subprocess.run(["docker", "rm", "--force", container], capture_output=True, check=False)

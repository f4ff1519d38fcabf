"""Starting TensorFlow Serving on an export, and waiting until it answers."""

from __future__ import annotations

import contextlib
import shlex
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

from kzoo.export.versions import list_versions
from kzoo.serving.client import Client
from kzoo.serving.configuration import DIRECTORY, LOCAL_MODELS, write_local_models
from kzoo.serving.deployment import IMAGE, server_options
from kzoo.serving.errors import ServingError
from kzoo.serving.ownership import GRAPH
from kzoo.serving.releases import write_current_configuration

BINARY = "tensorflow_model_server"
EVERYWHERE = "0.0.0.0"
GRACE = 15.0
"""Seconds that a server has to end by itself when it is asked to."""
LAST_LINES = 15

NO_SERVER = """\
There is no TensorFlow Serving here. To get it, do one of these:
  {docker}
  install tensorflow-model-server: https://www.tensorflow.org/tfx/serving/setup
Meanwhile the same requests are answered without a server:
  {predict}"""
INSTALL = f"install Docker and run: docker pull {IMAGE}"
START = "start Docker, which is installed, but whose engine does not answer"


@contextlib.contextmanager
def start(
    base: Path,
    *,
    host: str = "127.0.0.1",
    rest_port: int = 8501,
    grpc_port: int = 8500,
    timeout: float = 120.0,
) -> Iterator[subprocess.Popen[bytes]]:
    """Serve an export, from when it answers until the end of the `with` block.

    Args:
        base: Directory of its versions.
        host: Address to listen on. The server without a container listens on every address and cannot be told not to,
            so that it is started for "0.0.0.0" only.
        rest_port: Port for REST.
        grpc_port: Port for gRPC.
        timeout: Seconds until the model has to be available.

    Yields:
        The process of the server.

    Raises:
        ServingError: There is no server or no export, a port is taken, or the server does not come up; the message
            has its last lines.
    """
    if not list_versions(base):
        if (base / GRAPH).is_file():
            raise ServingError(f"{base} holds a model itself; a server looks for it one level below, in {base / '1'}.")
        raise ServingError(f"{base} has no version of an export in it; export a model there first: kzoo export")
    for port in (rest_port, grpc_port):
        _check_port(host, port)
    container = f"kzoo-{uuid.uuid4().hex[:12]}"
    command = _command(base, host=host, rest_port=rest_port, grpc_port=grpc_port, container=container)
    release = write_current_configuration(base)
    write_local_models(base, release)
    wanted = release.served or list_versions(base)[-1:]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            client = Client(base.resolve().name, host=_reachable(host), rest_port=rest_port, timeout=5.0)
            _wait(process, client, wanted, log, timeout)
            yield process
        finally:
            _stop(process, container if command[0] == "docker" else None)


def _command(base: Path, *, host: str, rest_port: int, grpc_port: int, container: str) -> Sequence[str]:
    name, directory = base.resolve().name, base.resolve() / DIRECTORY
    binary = shutil.which(BINARY)
    if binary and host == EVERYWHERE:
        ports = [f"--rest_api_port={rest_port}", f"--port={grpc_port}"]
        return [binary, *ports, *server_options(str(directory), LOCAL_MODELS)]
    if _docker_answers():
        _fetch_image()
        ports = ["-p", f"{host}:{rest_port}:8501", "-p", f"{host}:{grpc_port}:8500"]
        mount = ["-v", f"{base.resolve()}:/models/{name}:ro"]
        options = server_options(f"/models/{name}/{DIRECTORY}")
        # The image's entry point is a shell, which as the first process passes no signal on; --init does.
        return ["docker", "run", "--rm", "--init", "--name", container, *ports, *mount, IMAGE, *options]
    if binary:
        raise ServingError(
            f"{BINARY} listens on every address of this machine and has no option to listen on {host} only; allow that "
            f"with --host {EVERYWHERE} where a firewall protects it, or use Docker, which can."
        )
    predict = shlex.join(["kzoo", "predict", str(base), f"{base}/request.json"])
    raise ServingError(NO_SERVER.format(docker=START if shutil.which("docker") else INSTALL, predict=predict))


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


def _check_port(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ServingError(
                f"Port {port} of {host} cannot be used ({error.strerror}); choose others with --rest-port and "
                "--grpc-port."
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
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if container is not None:
        # What was still being created when it was told to stop.
        subprocess.run(["docker", "rm", "--force", container], capture_output=True, check=False)

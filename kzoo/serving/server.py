"""A TensorFlow Serving of one's own: started, waited for, and stopped with everything that it brought."""

from __future__ import annotations

import collections
import contextlib
import errno
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from kzoo.export.versions import list_versions
from kzoo.serving.client import Client
from kzoo.serving.errors import ServingError
from kzoo.serving.launchers import Address, Launcher, find_launcher
from kzoo.serving.layout import check_base
from kzoo.serving.live_config import LiveConfig

LAST_LINES = 10
_STOP_SECONDS = 15.0
_POLL_SECONDS = 0.2


class Server:
    """A running server. `serve` makes one.

    Attributes:
        name: Name of the model.
        address: Where it answers.
        command: What it was started with.
        launcher: Name of the way it was started, "tensorflow_model_server" or "docker".
    """

    def __init__(self, name: str, address: Address, config: LiveConfig, launcher: str, command: list[str]) -> None:
        self.name, self.address, self.launcher, self.command = name, address, launcher, command
        self._config = config
        # A session of its own: Ctrl-C goes to us, and we stop it in order.
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
        )
        self._lines: collections.deque[str] = collections.deque(maxlen=LAST_LINES)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def client(self) -> Client:
        """A client over REST; close it."""
        return Client(self.name, host=self.address.reached_at, port=self.address.rest_port)

    def follow(self) -> None:
        """Hand on to the server what `kzoo promote` has changed; `wait` does it all the time.

        Raises:
            ServingError: `models.config` beside the export is damaged; the server goes on with the old one.
        """
        self._config.follow()

    def wait(self, on_trouble: Callable[[str], None] | None = None) -> None:
        """Follow promotions until the server ends.

        Args:
            on_trouble: Is told of a `models.config` that cannot be read; the server goes on with the old one.

        Raises:
            ServingError: The server has ended by itself, with its last lines.
        """
        told = ""
        while self._process.poll() is None:
            try:
                self.follow()
                trouble = ""
            except (ServingError, OSError) as error:
                trouble = str(error)
            if trouble and trouble != told and on_trouble:
                on_trouble(trouble)
            told = trouble
            time.sleep(_POLL_SECONDS)
        raise self._ended()

    def wait_until_available(self, wanted: tuple[int, ...], timeout: float) -> None:
        """Return when the versions answer.

        Args:
            wanted: The versions.
            timeout: Seconds, > 0.

        Raises:
            ServingError: The server has ended, a version does not load, or the time is over.
        """
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise self._ended()
            states = self._states()
            if all(states.get(version, ("", ""))[0] == "AVAILABLE" for version in wanted):
                return
            for version in wanted:
                state, error = states.get(version, ("", ""))
                if state == "END" and error:
                    raise ServingError(f"The server could not load version {version} of {self.name}: {error}")
            time.sleep(_POLL_SECONDS)
        states = self._states()
        found = ", ".join(f"version {each}: {states.get(each, ('not known to it', ''))[0]}" for each in wanted)
        raise ServingError(
            f"{self.name} is not available after {timeout:g} seconds ({found}). Last lines:\n{self._tail()}"
        )

    def stop(self) -> None:
        """End the server, its children included."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._reader.join(timeout=1.0)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _states(self) -> dict[int, tuple[str, str]]:
        try:
            with self.client() as client:
                return {each.version: (each.state, each.error) for each in client.status()}
        except ServingError:  # it does not listen yet, or does not know the model yet
            return {}

    def _ended(self) -> ServingError:
        code = self._process.wait()
        self._reader.join(timeout=2.0)
        return ServingError(f"The server has ended with code {code}. Its last lines:\n{self._tail()}")

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.append(line.decode(errors="replace").rstrip())

    def _tail(self) -> str:
        return "\n".join(f"  {line}" for line in self._lines if line) or "  (it said nothing)"


@contextlib.contextmanager
def serve(
    base_dir: str | os.PathLike[str],
    *,
    host: str = "127.0.0.1",
    rest_port: int = 8501,
    grpc_port: int = 8500,
    timeout: float = 120.0,
) -> Iterator[Server]:
    """A TensorFlow Serving with an export, until the end of the block.

    It serves what `kzoo promote` says, or the newest version. New exports reach it while it runs, and promotions in
    `Server.wait` or `Server.follow`.

    Args:
        base_dir: Directory of the versions, such as `saved_models/digits`; its name is the model's.
        host: Address of the interface to listen at. The server encrypts and authenticates nothing.
        rest_port: Port of the REST API.
        grpc_port: Port of the gRPC API.
        timeout: Seconds that the model may take until it answers.

    Yields:
        The server, when the model answers.

    Raises:
        ServingError: There is no server or no export, a port is taken, or the model does not become available.
    """
    base = check_base(base_dir).resolve()
    address = Address(host, rest_port, grpc_port)
    launcher = find_launcher(host, Path(base_dir))
    _check_ports(address)
    launcher.prepare()
    with tempfile.TemporaryDirectory(prefix="kzoo-serve-") as directory:
        # The server may run as another user.
        os.chmod(directory, 0o755)
        config = LiveConfig(base, Path(directory), launcher.base_path(base))
        with _running(base, address, config, launcher, Path(directory)) as server:
            server.wait_until_available(config.wanted or tuple(list_versions(base)[-1:]), timeout)
            yield server


@contextlib.contextmanager
def _running(base: Path, address: Address, config: LiveConfig, launcher: Launcher, directory: Path) -> Iterator[Server]:
    server = Server(base.name, address, config, launcher.name, launcher.command(base, directory, address))
    try:
        yield server
    finally:
        server.stop()
        launcher.clean_up()


def _check_ports(address: Address) -> None:
    if address.rest_port == address.grpc_port:
        raise ServingError(f"REST and gRPC both at port {address.rest_port}; give them different ones.")
    for option, port in (("--rest-port", address.rest_port), ("--grpc-port", address.grpc_port)):
        try:
            (family, kind, _, _, where) = socket.getaddrinfo(address.host, port, type=socket.SOCK_STREAM)[0]
            with socket.socket(family, kind) as probe:
                # As servers do it; without it a port that was in use a minute ago counts as taken.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(where)
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            what = "is taken" if taken else f"cannot be used ({error.strerror})"
            raise ServingError(f"Port {port} of {address.host} {what}; choose another with {option}.") from None

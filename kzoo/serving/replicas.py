"""The running servers of an export, as a promotion asks them."""

from __future__ import annotations

from collections.abc import Sequence

from kzoo.serving.client import Client
from kzoo.serving.errors import ModelNotFound, ServingError
from kzoo.serving.transport import VersionStatus

LOCAL = "127.0.0.1:8501"
"""Where `kzoo serve` and `compose.yaml` put a server."""
TIMEOUT = 5.0


class Replica:
    """One server of a model, asked over REST.

    Args:
        name: Name of the model.
        address: "HOST:PORT" of its REST API, or the URL of a gateway before it.
        label: The label that is promoted.
        token: Bearer token of every request, or None.

    Raises:
        ServingError: The address is of neither form.
    """

    def __init__(self, name: str, address: str, label: str, token: str | None = None) -> None:
        host, port = _place(address)
        self.address = address
        try:
            self._model = Client(name, host=host, rest_port=port, timeout=TIMEOUT, token=token)
            self._label = Client(name, host=host, rest_port=port, timeout=TIMEOUT, token=token, label=label)
        except ValueError as error:
            raise ServingError(str(error)) from None

    def check(self) -> None:
        """Make sure that there is a server of the model.

        Raises:
            ServingError: There is none.
        """
        self._model.status()

    def status(self, version: int) -> VersionStatus | None:
        """The state of a version, "no answer" where the server gives none, None where it has not heard of it."""
        try:
            return next((each for each in self._model.status() if each.version == version), None)
        except ModelNotFound:
            return None
        except ServingError:
            return VersionStatus(version, "no answer")

    def version_under_label(self) -> int | None:
        """The version that answers under the label, or None where none does."""
        try:
            return self._label.served_version()
        except ServingError:
            return None


def _place(address: str) -> tuple[str, int]:
    """Host or URL, and the port, which counts where it is no URL."""
    if "://" in address:
        return address, 0
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ServingError(
            f"{address!r} is not the address of a server; expected HOST:PORT, such as {LOCAL}, or https://HOST/PATH."
        )
    return host.strip("[]"), int(port)


def find_replicas(name: str, addresses: Sequence[str] | None, label: str, *, token: str | None = None) -> list[Replica]:
    """The servers that serve a model.

    Args:
        name: Name of the model.
        addresses: "HOST:PORT" or the URL of each; None for the one on this machine, if there is one.
        label: The label that is promoted.
        token: Bearer token of every request, or None.

    Raises:
        ServingError: One of the addresses given has no server of this model.
    """
    replicas = [Replica(name, address, label, token) for address in ([LOCAL] if addresses is None else addresses)]
    try:
        for replica in replicas:
            replica.check()
    except ServingError as error:
        # What is there may be another program; where a server was named, it has to be one.
        if addresses is None:
            return []
        raise type(error)(f"{error} Nothing was changed; name no server where none runs.") from None
    return replicas

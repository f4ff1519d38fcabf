"""What a client needs of a protocol, and the model that it asks."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol

from numpy.typing import NDArray

from kzoo.serving.errors import AccessDenied, BadRequest, DeadlineExceeded, ModelNotFound, ServingError
from kzoo.serving.signatures import SignatureInfo


@dataclasses.dataclass(frozen=True)
class Target:
    """The model that a request is for.

    Attributes:
        name: Its name.
        version: Number of the version, or None.
        label: Label of the version, or None. With neither, the newest that is served answers.
    """

    name: str
    version: int | None = None
    label: str | None = None

    def __str__(self) -> str:
        if self.version is not None:
            return f"{self.name}, version {self.version}"
        return f"{self.name}, label {self.label}" if self.label is not None else self.name


@dataclasses.dataclass(frozen=True)
class VersionStatus:
    """The state of one version of a model.

    Attributes:
        version: Its number.
        state: "START", "LOADING", "AVAILABLE", "UNLOADING" or "END".
        error: What went wrong, or "".
    """

    version: int
    state: str
    error: str = ""


class Transport(Protocol):
    """REST or gRPC."""

    def signatures(self, target: Target, timeout: float) -> dict[str, SignatureInfo]:
        """What can be asked of a model, by name."""
        ...

    def version(self, target: Target, timeout: float) -> int:
        """Number of the version that answers."""
        ...

    def predict(
        self, target: Target, signature: str, inputs: Mapping[str, NDArray[Any]], timeout: float
    ) -> Mapping[str, Any]:
        """The answer by output name; a single output may come under the name ""."""
        ...

    def status(self, name: str, timeout: float) -> list[VersionStatus]:
        """The state of each version of a model."""
        ...

    def close(self) -> None:
        """End the connection."""
        ...


def refusal(kind: type[ServingError], target: Target, address: str, message: str) -> ServingError:
    """The error for what a server has answered.

    Args:
        kind: What it seems to be.
        target: What was asked.
        address: Who was asked.
        message: What the server said.
    """
    said = " ".join(message.split())[:300]
    # The server calls an unknown label an invalid argument.
    if kind is ModelNotFound or (kind is BadRequest and "version label" in said):
        return ModelNotFound(f"{address} does not serve {target}, or not yet: {said}")
    if kind is DeadlineExceeded:
        return DeadlineExceeded(f"{address} has not answered in time: {said}")
    if kind is AccessDenied:
        return AccessDenied(f"{address} lets nobody ask {target} without a token or certificate that it knows: {said}")
    return kind(f"{address} refuses the request to {target}: {said}")

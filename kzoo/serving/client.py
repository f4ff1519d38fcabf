"""A client of TensorFlow Serving, over REST or gRPC, with numpy arrays in and out."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Literal

from numpy.typing import NDArray

from kzoo.serving.container import GRPC_PORT, REST_PORT
from kzoo.serving.errors import BadRequest, ServingError
from kzoo.serving.signatures import SignatureInfo, answered_array, fitting_arrays
from kzoo.serving.transport import Target, Transport, VersionStatus

DEFAULT_SIGNATURE = "serving_default"


class Client:
    """Asks a served model.

    Use it as a context manager, or `close` it. The first request asks also what the model takes; when a version that
    takes something else is served under the same name, make a new client.

    Args:
        name: Name that the model is served under.
        host: Name or address of the server's machine.
        port: The server's port; 8501 for REST or 8500 for gRPC if not given.
        protocol: "rest", or "grpc": faster with large arrays, and it needs TensorFlow, which imports in seconds.
        timeout: Seconds that a request waits for the server, > 0.

    Raises:
        ValueError: The protocol or the timeout is wrong.
    """

    def __init__(
        self,
        name: str,
        *,
        host: str = "127.0.0.1",
        port: int | None = None,
        protocol: Literal["rest", "grpc"] = "rest",
        timeout: float = 10.0,
    ) -> None:
        if timeout <= 0:
            raise ValueError(f"timeout is {timeout!r}; expected seconds, more than 0.")
        self.name, self.timeout = name, timeout
        self._transport = _transport(protocol, host, port)
        self._signatures: dict[Target, dict[str, SignatureInfo]] = {}

    def predict(
        self,
        inputs: Any,
        *,
        signature: str = DEFAULT_SIGNATURE,
        version: int | None = None,
        label: str | None = None,
    ) -> dict[str, NDArray]:
        """The model's answer to a batch of rows.

        Args:
            inputs: Raw rows, an array [rows, ...], for a signature with one input; or a mapping of such arrays by name.
            signature: Name of the signature.
            version: Number of the version to ask; the newest that is served if not given.
            label: Label of the version to ask instead, such as "stable".

        Returns:
            An array for every output by name, with the rows first; text is numpy's str.

        Raises:
            BadRequest: There is no such signature, or the inputs do not fit it.
            ModelNotFound: The server has no such model, version or label, or not yet.
            ServerUnreachable: No server answers.
            DeadlineExceeded: The answer did not come in time.
            ServingError: What answers is no server, or something else went wrong there.
            ValueError: Both a version and a label are given.
        """
        if version is not None and label is not None:
            raise ValueError("Both a version and a label are given; a request asks one version, so give one of them.")
        target = Target(self.name, version, label)
        signatures = self.signatures(version=version, label=label)
        if signature not in signatures:
            raise BadRequest(f"{target} has no signature {signature!r}; it has {', '.join(sorted(signatures))}.")
        asked = signatures[signature]
        answer = dict(
            self._transport.predict(target, signature, fitting_arrays(inputs, signature, asked), self.timeout)
        )
        if set(answer) == {""} and len(asked.outputs) == 1:
            answer = {next(iter(asked.outputs)): answer[""]}
        if set(answer) != set(asked.outputs):
            raise ServingError(
                f"{target} answered with {sorted(answer)}, expected {sorted(asked.outputs)}: another version is served "
                "by now, so make a new client."
            )
        return {name: answered_array(value, asked.outputs[name]) for name, value in answer.items()}

    def signatures(self, *, version: int | None = None, label: str | None = None) -> dict[str, SignatureInfo]:
        """What can be asked of the model; see `predict` for the arguments and errors.

        Returns:
            Inputs and outputs of each signature by its name.
        """
        target = Target(self.name, version, label)
        if target not in self._signatures:
            found = self._transport.signatures(target, self.timeout)
            # "__saved_model_init_op" is for whoever loads the model, not for who asks it.
            self._signatures[target] = {name: each for name, each in found.items() if not name.startswith("__")}
        return self._signatures[target]

    def status(self) -> list[VersionStatus]:
        """How it stands with the versions that the server knows; see `predict` for the errors."""
        return self._transport.status(self.name, self.timeout)

    def close(self) -> None:
        """End the connection."""
        self._transport.close()

    def __enter__(self) -> Client:
        """The client itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()


def _transport(protocol: str, host: str, port: int | None) -> Transport:
    if protocol == "rest":
        from kzoo.serving.rest_transport import RestTransport

        return RestTransport(host, port or REST_PORT)
    if protocol == "grpc":
        # Imported only here: its messages bring TensorFlow with them.
        from kzoo.serving.grpc_transport import GrpcTransport

        return GrpcTransport(host, port or GRPC_PORT)
    raise ValueError(f"protocol is {protocol!r}; expected 'rest' or 'grpc'.")

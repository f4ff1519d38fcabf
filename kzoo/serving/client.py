"""A client of TensorFlow Serving: arrays in, arrays out, by REST or by gRPC."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from numpy.typing import NDArray

from kzoo.serving.errors import BadRequest, ModelNotFound, ServingError
from kzoo.serving.signatures import SignatureInfo, answered_array, fitting_arrays
from kzoo.serving.transport import Target, Transport, VersionStatus


class Client:
    """Asks one model of a server.

    Use it as a context manager, or `close` it. It asks the server once what the model takes, and converts arrays to
    those dtypes, since the server refuses a float64 where a float32 is expected.

    Args:
        name: Name that the model is served under.
        host: Where the server is.
        rest_port: Its REST port.
        grpc_port: Its gRPC port; where given, requests go by gRPC, else by REST. gRPC is faster with large arrays, and
            needs TensorFlow, which takes seconds to import.
        version: Number of a version; the newest that is served where neither it nor a label is given.
        label: Label of a version, such as "stable".
        timeout: Seconds that an answer may take, > 0.

    Raises:
        ValueError: Both a version and a label are given, or the timeout is not above 0.
    """

    def __init__(
        self,
        name: str,
        *,
        host: str = "127.0.0.1",
        rest_port: int = 8501,
        grpc_port: int | None = None,
        version: int | None = None,
        label: str | None = None,
        timeout: float = 10.0,
    ) -> None:
        if version is not None and label is not None:
            raise ValueError("Both version and label are given; a label stands for a version, so give one of them.")
        if timeout <= 0:
            raise ValueError(f"timeout is {timeout!r}; expected seconds, more than 0.")
        self.name, self.version, self.label, self.timeout = name, version, label, timeout
        self._target = Target(name, version, label)
        self._transport = _transport(host, rest_port, grpc_port)
        self._signatures: dict[str, SignatureInfo] = {}

    def predict(self, inputs: Any, signature: str = "serving_default") -> dict[str, NDArray]:
        """Ask for predictions.

        Args:
            inputs: A batch [rows, ...] for a signature with one input, or batches by input name.
            signature: Name of the signature.

        Returns:
            Arrays by output name, the batch first, in the dtypes of the signature; text is numpy's str.

        Raises:
            BadRequest: There is no such signature, or the inputs do not fit it.
            ModelNotFound: The server has no such model, version or label, or not yet.
            ServerUnreachable: No server answers.
            DeadlineExceeded: The answer did not come in time.
            ServingError: What answers is not TensorFlow Serving, or it failed in another way.
        """
        signatures = self.signatures()
        if signature not in signatures:
            raise BadRequest(f"{self._target} has no signature {signature!r}; it has {', '.join(sorted(signatures))}.")
        asked = signatures[signature]
        arrays = fitting_arrays(inputs, signature, asked)
        answer = dict(self._transport.predict(self._target, signature, arrays, self.timeout))
        if set(answer) == {""} and len(asked.outputs) == 1:
            # REST leaves the name of a single output out.
            answer = {next(iter(asked.outputs)): answer[""]}
        if set(answer) != set(asked.outputs):
            raise ServingError(
                f"{self._target} answered with {sorted(answer)}, expected {sorted(asked.outputs)}: another version is "
                "served by now, so make a new client."
            )
        return {name: answered_array(value, asked.outputs[name]) for name, value in answer.items()}

    def signatures(self) -> dict[str, SignatureInfo]:
        """What can be asked of the model, by name of the signature; see `predict` for the errors."""
        if not self._signatures:
            found = self._transport.signatures(self._target, self.timeout)
            # "__saved_model_init_op" is for loading the model, not for clients.
            self._signatures = {name: each for name, each in found.items() if not name.startswith("__")}
        return self._signatures

    def served_version(self) -> int:
        """Number of the version that answers now: the one under the label, or the newest; see `predict` for the errors.

        It is asked for each time, since a label moves.
        """
        return self._transport.version(self._target, self.timeout)

    def status(self) -> list[VersionStatus]:
        """The state of every version that the server knows; see `predict` for the errors."""
        return self._transport.status(self.name, self.timeout)

    def state(self) -> str:
        """State of the newest version that the server knows, such as "AVAILABLE", "LOADING" or "END".

        Raises:
            ServingError: There is no server, or no such model.
        """
        versions = self.status()
        if not versions:
            raise ModelNotFound(f"The server knows no version of {self.name} yet.")
        return max(versions, key=lambda each: each.version).state

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


def _transport(host: str, rest_port: int, grpc_port: int | None) -> Transport:
    if grpc_port is None:
        from kzoo.serving.rest_transport import RestTransport

        return RestTransport(host, rest_port)
    # Imported only here: its messages bring TensorFlow with them.
    from kzoo.serving.grpc_transport import GrpcTransport

    return GrpcTransport(host, grpc_port)

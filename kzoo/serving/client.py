"""A client of TensorFlow Serving: arrays in, arrays out, by REST or by gRPC."""

from __future__ import annotations

import numbers
import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, overload

from numpy.typing import NDArray

from kzoo.serving.endpoint import Endpoint, endpoint
from kzoo.serving.errors import BadRequest, ModelNotFound, ServingError
from kzoo.serving.frames import columns_of, frame_of, is_frame
from kzoo.serving.signatures import SignatureInfo, answered_array, empty_array, fitting_arrays
from kzoo.serving.transport import Target, Transport, VersionStatus

if TYPE_CHECKING:
    import pandas


class Client:
    """Asks one model of a server.

    Use it as a context manager, or `close` it. It asks the server once what the model takes, and converts arrays to
    those dtypes, since the server refuses a float64 where a float32 is expected. Any number of threads may use it; its
    connections are kept for the next request. A request is sent once more where a kept connection turns out to be
    closed, and never else.

    Args:
        name: Name that the model is served under.
        host: Where the server is; or, for REST, the URL of a gateway before it, such as "https://gateway/models-api".
        rest_port: Its REST port.
        grpc_port: Its gRPC port; where given, requests go by gRPC, else by REST. gRPC is faster with large arrays, and
            needs TensorFlow, which takes seconds to import.
        version: Number of a version; the newest that is served where neither it nor a label is given.
        label: Label of a version, such as "stable".
        timeout: Seconds that an answer may take, > 0.
        tls: Whether the connection is encrypted, by the certificates that this machine trusts, or a context of one's
            own, such as `ssl.create_default_context(cafile="company.pem")`.
        headers: Headers of every request, by gRPC its metadata.
        token: Bearer token of every request. It can be read on the way where the connection is not encrypted.

    Raises:
        ValueError: Both a version and a label are given, or an argument is out of its range or of another form.
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
        tls: bool | ssl.SSLContext = False,
        headers: Mapping[str, str] | None = None,
        token: str | None = None,
    ) -> None:
        if version is not None and label is not None:
            raise ValueError("Both version and label are given; a label stands for a version, so give one of them.")
        if version is not None and not (isinstance(version, numbers.Integral) and 0 <= version < 2**63):
            raise ValueError(f"version is {version!r}; expected a whole number from 0 to 2**63 - 1.")
        if grpc_port is not None and "://" in host:
            raise ValueError(f"{host!r} is a URL, which is for REST; give a host, and tls=True, for gRPC.")
        if timeout <= 0:
            raise ValueError(f"timeout is {timeout!r}; expected seconds, more than 0.")
        self.name, self.version, self.label, self.timeout = name, version, label, timeout
        self._target = Target(name, version, label)
        port = rest_port if grpc_port is None else grpc_port
        where = endpoint(host, port, tls=tls, headers=headers, token=token)
        self._transport = _rest(where) if grpc_port is None else _grpc(where)
        self._signatures: dict[str, SignatureInfo] = {}

    @overload
    def predict(self, inputs: pandas.DataFrame, signature: str = ...) -> pandas.DataFrame: ...

    @overload
    def predict(self, inputs: Any, signature: str = ...) -> dict[str, NDArray[Any]]: ...

    def predict(self, inputs: Any, signature: str = "serving_default") -> Any:
        """Ask for predictions.

        Args:
            inputs: A batch [rows, ...] for a signature with one input, or batches by input name. Or a DataFrame: its
                columns are the inputs by name, or together the one input. Without rows the server is not asked.
            signature: Name of the signature.

        Returns:
            Arrays by output name, the batch first, in the dtypes of the signature; text is numpy's str. For a DataFrame
            a DataFrame with its index: a column for each output, or `output_0`, `output_1`, ... for one of several.

        Raises:
            BadRequest: There is no such signature, or the inputs do not fit it, or answers do not go into a DataFrame.
            AccessDenied: The server, or the gateway before it, wants another token or certificate.
            ModelNotFound: The server has no such model, version or label, or not yet.
            ServerUnreachable: No server answers.
            DeadlineExceeded: The answer did not come in time.
            ServingError: What answers is not TensorFlow Serving, or it failed in another way.
        """
        signatures = self.signatures()
        if signature not in signatures:
            raise BadRequest(f"{self._target} has no signature {signature!r}; it has {', '.join(sorted(signatures))}.")
        asked = signatures[signature]
        frame = inputs if is_frame(inputs) else None
        arrays = fitting_arrays(inputs if frame is None else columns_of(frame, asked), signature, asked)
        answer = self._answer(arrays, signature, asked)
        return answer if frame is None else frame_of(answer, frame)

    def _answer(
        self, arrays: Mapping[str, NDArray[Any]], signature: str, asked: SignatureInfo
    ) -> dict[str, NDArray[Any]]:
        if all(array.ndim and not len(array) for array in arrays.values()):
            # JSON has no form for the dimensions of no rows: REST would be refused what gRPC is answered.
            return {name: empty_array(info) for name, info in asked.outputs.items()}
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


def _rest(where: Endpoint) -> Transport:
    from kzoo.serving.rest_transport import RestTransport

    return RestTransport(where)


def _grpc(where: Endpoint) -> Transport:
    # Imported only here: its messages bring TensorFlow with them.
    from kzoo.serving.grpc_transport import GrpcTransport

    return GrpcTransport(where)

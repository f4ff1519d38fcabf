"""TensorFlow Serving's REST API.

References:
    https://www.tensorflow.org/tfx/serving/api_rest
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import urllib.parse
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from numpy.typing import NDArray

from kzoo.files import parse_json
from kzoo.serving.connections import Connections
from kzoo.serving.endpoint import Endpoint
from kzoo.serving.errors import (
    AccessDenied,
    BadRequest,
    DeadlineExceeded,
    ModelNotFound,
    ServerUnreachable,
    ServingError,
)
from kzoo.serving.signatures import SignatureInfo, TensorInfo, tensor_info
from kzoo.serving.transport import Target, VersionStatus, refusal

_KINDS: dict[int, type[ServingError]] = {
    400: BadRequest,
    401: AccessDenied,
    403: AccessDenied,
    404: ModelNotFound,
    412: BadRequest,
    503: ServerUnreachable,
    504: DeadlineExceeded,
}


class RestTransport:
    """A server's REST API, over connections that are kept.

    Args:
        endpoint: Its address.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.address = str(endpoint)
        self._connections = Connections(endpoint)

    def signatures(self, target: Target, timeout: float) -> dict[str, SignatureInfo]:
        """See `Transport`."""
        answer = self._ask(target, f"{_path(target)}/metadata", timeout)
        try:
            found = answer["metadata"]["signature_def"]["signature_def"]
            return {
                name: SignatureInfo(_infos(each.get("inputs", {})), _infos(each.get("outputs", {})))
                for name, each in found.items()
            }
        except (KeyError, TypeError, AttributeError):
            raise self._no_server(answer) from None

    def version(self, target: Target, timeout: float) -> int:
        """See `Transport`."""
        answer = self._ask(target, f"{_path(target)}/metadata", timeout)
        try:
            return int(answer["model_spec"]["version"])
        except (KeyError, TypeError, ValueError):
            raise self._no_server(answer) from None

    def predict(
        self, target: Target, signature: str, inputs: Mapping[str, NDArray[Any]], timeout: float
    ) -> Mapping[str, Any]:
        """See `Transport`."""
        columns = {name: _plain(array.tolist()) for name, array in inputs.items()}
        body = {"signature_name": signature, "inputs": columns}
        answer = self._ask(target, f"{_path(target)}:predict", timeout, body)
        if "outputs" not in answer:
            raise self._no_server(answer)
        outputs = _decoded(answer["outputs"])
        return outputs if isinstance(outputs, dict) else {"": outputs}

    def status(self, name: str, timeout: float) -> list[VersionStatus]:
        """See `Transport`."""
        answer = self._ask(Target(name), _path(Target(name)), timeout)
        try:
            return [
                VersionStatus(int(each["version"]), each["state"], each.get("status", {}).get("error_message", ""))
                for each in answer["model_version_status"]
            ]
        except (KeyError, TypeError, ValueError):
            raise self._no_server(answer) from None

    def close(self) -> None:
        """See `Transport`."""
        self._connections.close()

    def _ask(self, target: Target, path: str, timeout: float, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        try:
            status, text = self._connections.request("GET" if data is None else "POST", path, data, timeout)
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error, timeout) from None
        if status != HTTPStatus.OK:
            raise refusal(_KINDS.get(status, ServingError), target, self.address, _message(status, text))
        try:
            return parse_json(text)
        except ValueError:
            raise self._no_server(text) from None

    def _unreachable(self, error: Exception, timeout: float) -> ServingError:
        if isinstance(error, TimeoutError):
            return DeadlineExceeded(f"{self.address} has not answered within {timeout:g} seconds.")
        if isinstance(error, ssl.SSLError):
            return ServerUnreachable(
                f"No encrypted connection to {self.address} ({error.reason or error}): check that it has TLS, and that "
                "its certificate is trusted here; another one goes with tls=ssl.create_default_context(cafile=...)."
            )
        said = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return ServerUnreachable(f"No server answers at {self.address} ({said}); start one with: kzoo serve NAME")

    def _no_server(self, answer: Any) -> ServingError:
        return ServingError(f"What answers at {self.address} is not TensorFlow Serving's REST API: {str(answer)[:80]}")


def _path(target: Target) -> str:
    path = f"/v1/models/{urllib.parse.quote(target.name, safe='')}"
    if target.version is not None:
        return f"{path}/versions/{target.version}"
    return path if target.label is None else f"{path}/labels/{urllib.parse.quote(target.label, safe='')}"


def _message(status: int, body: bytes) -> str:
    text = body.decode(errors="replace")
    try:
        return str(parse_json(text)["error"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {status} {text}"


def _infos(tensors: Mapping[str, Any]) -> dict[str, TensorInfo]:
    infos = {}
    for name, tensor in tensors.items():
        shape = tensor["tensor_shape"]
        sizes = [int(dim["size"]) for dim in shape.get("dim", ())]
        infos[name] = tensor_info(tensor["dtype"], bool(shape.get("unknown_rank")), sizes)
    return infos


def _plain(value: Any) -> Any:
    """What JSON has a form for; bytes go as base64."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return {"b64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def _decoded(value: Any) -> Any:
    """The same with the server's base64, which it uses for outputs called `*_bytes`, as text."""
    if isinstance(value, list):
        return [_decoded(each) for each in value]
    if isinstance(value, dict):
        if set(value) == {"b64"} and isinstance(value["b64"], str):
            return base64.b64decode(value["b64"]).decode(errors="replace")
        return {name: _decoded(each) for name, each in value.items()}
    return value

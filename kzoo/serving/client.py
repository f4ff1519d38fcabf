"""A client of TensorFlow Serving: arrays in, arrays out, by REST or by gRPC.

References:
    https://www.tensorflow.org/tfx/serving/api_rest
"""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import numpy as np

from kzoo.serving.errors import ServingError

Arrays = Mapping[str, Any]
LARGEST_ANSWER = 256 * 2**20
"""Bytes of an answer by REST, at most."""


class Client:
    """Asks one model of a server.

    Use it as a context manager, or `close` it.

    Args:
        name: Name that the model is served under.
        host: Where the server is.
        rest_port: Its REST port.
        grpc_port: Its gRPC port; where given, predictions go by gRPC, else by REST.
        version: Number of a version; the newest where neither it nor a label is given.
        label: Label of a version, such as "stable".
        timeout: Seconds that an answer may take.

    Raises:
        ValueError: Both a version and a label are given.
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
        self.name, self.version, self.label, self.timeout = name, version, label, timeout
        self._rest = f"http://{host}:{rest_port}/v1/models/{name}"
        self._grpc = None if grpc_port is None else _Grpc(f"{host}:{grpc_port}")

    def state(self) -> str:
        """State of the newest version, such as "AVAILABLE", "LOADING" or "END".

        Raises:
            ServingError: There is no server, or no such model.
        """
        versions = self._json(self._rest)["model_version_status"]
        return max(versions, key=lambda each: int(each["version"]))["state"]

    def predict(self, inputs: Any, signature: str = "serving_default") -> dict[str, np.ndarray]:
        """Ask for predictions.

        Args:
            inputs: A batch [rows, ...] for the input "inputs", or batches by input name.
            signature: Name of the signature.

        Returns:
            Arrays by output name, the batch first; text is `str`.

        Raises:
            ServingError: There is no server, model, version or signature of that name, the inputs do not fit, or the
                answer took too long.
        """
        arrays = {key: np.asarray(value) for key, value in _named(inputs).items()}
        if self._grpc is not None:
            return self._grpc.predict(self, arrays, signature)
        body = {"signature_name": signature, "inputs": {key: _jsonable(array) for key, array in arrays.items()}}
        outputs = self._json(self._rest + self._selection() + ":predict", body)["outputs"]
        if not isinstance(outputs, dict):
            # REST leaves the name of a single output out; the signature has it.
            outputs = {self._only_output(signature): outputs}
        return {key: np.asarray(value) for key, value in outputs.items()}

    def close(self) -> None:
        """End the connection."""
        if self._grpc is not None:
            self._grpc.close()

    def __enter__(self) -> Client:
        """The client itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def _selection(self) -> str:
        if self.version is not None:
            return f"/versions/{self.version}"
        return "" if self.label is None else f"/labels/{self.label}"

    def _only_output(self, signature: str) -> str:
        metadata = self._json(self._rest + self._selection() + "/metadata")["metadata"]
        (name,) = metadata["signature_def"]["signature_def"][signature]["outputs"]
        return name

    def _json(self, address: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(address, data, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=self.timeout) as answer:
                content = answer.read(LARGEST_ANSWER + 1)
        except urllib.error.HTTPError as error:
            raise ServingError(f"{address}: {_reason(error)}") from None
        except TimeoutError:
            raise ServingError(f"{address}: no answer within {self.timeout:g} s.") from None
        except (urllib.error.URLError, OSError) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, TimeoutError):
                raise ServingError(f"{address}: no answer within {self.timeout:g} s.") from None
            raise ServingError(f"{address}: no server answers ({reason}); start one with: kzoo serve") from None
        if len(content) > LARGEST_ANSWER:
            raise ServingError(f"{address}: the answer is larger than {LARGEST_ANSWER >> 20} MB; ask for fewer rows.")
        try:
            return json.loads(content)
        except ValueError as error:
            raise ServingError(f"{address}: the answer is not JSON ({error}); is it TensorFlow Serving?") from None


class _Grpc:
    def __init__(self, target: str) -> None:
        import grpc
        from tensorflow_serving.apis import prediction_service_pb2_grpc

        self._target = target
        self._channel = grpc.insecure_channel(target, options=[("grpc.max_receive_message_length", LARGEST_ANSWER)])
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)

    def predict(self, client: Client, arrays: Mapping[str, np.ndarray], signature: str) -> dict[str, np.ndarray]:
        import grpc
        import tensorflow as tf
        from tensorflow_serving.apis import predict_pb2

        request = predict_pb2.PredictRequest()
        request.model_spec.name, request.model_spec.signature_name = client.name, signature
        if client.version is not None:
            request.model_spec.version.value = client.version
        if client.label is not None:
            request.model_spec.version_label = client.label
        for key, array in arrays.items():
            request.inputs[key].CopyFrom(tf.make_tensor_proto(array))
        try:
            answer = self._stub.Predict(request, timeout=client.timeout)
        except grpc.RpcError as error:
            raise ServingError(f"{self._target}: {_grpc_reason(error, client.timeout)}") from None
        return {key: _text(tf.make_ndarray(tensor)) for key, tensor in answer.outputs.items()}

    def close(self) -> None:
        self._channel.close()


def _named(inputs: Any) -> Arrays:
    return inputs if isinstance(inputs, Mapping) else {"inputs": inputs}


def _jsonable(array: np.ndarray) -> Any:
    if array.dtype.kind not in "OS":
        return array.tolist()
    return _encoded(array.tolist())


def _encoded(value: Any) -> Any:
    if isinstance(value, list):
        return [_encoded(each) for each in value]
    return {"b64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def _text(array: np.ndarray) -> np.ndarray:
    if array.dtype != object:
        return array
    return np.array([each.decode(errors="replace") for each in array.reshape(-1)]).reshape(array.shape)


def _reason(error: urllib.error.HTTPError) -> str:
    content = error.read(10_000).decode(errors="replace")
    try:
        return str(json.loads(content)["error"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {error.code} {error.reason}"


def _grpc_reason(error: Any, timeout: float) -> str:
    import grpc

    if error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
        return f"no answer within {timeout:g} s."
    if error.code() == grpc.StatusCode.UNAVAILABLE:
        return f"no server answers ({error.details()}); start one with: kzoo serve"
    return str(error.details())

"""TensorFlow Serving's gRPC API. Its messages need TensorFlow, which takes some seconds to import."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

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

_KINDS: dict[grpc.StatusCode, type[ServingError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: BadRequest,
    grpc.StatusCode.FAILED_PRECONDITION: BadRequest,
    grpc.StatusCode.NOT_FOUND: ModelNotFound,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
    grpc.StatusCode.UNAUTHENTICATED: AccessDenied,
    grpc.StatusCode.PERMISSION_DENIED: AccessDenied,
}
# The server sets no bound on messages; gRPC's default of 4 MB is one picture of 1000 x 1000.
_OPTIONS = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]


class GrpcTransport:
    """A server's gRPC API, over one connection.

    Args:
        endpoint: Its address; gRPC has no paths, and takes of a TLS context the certificates that it trusts.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.address = str(endpoint)
        self._metadata_pairs = [(name.lower(), value) for name, value in endpoint.headers.items()]
        if endpoint.tls is None:
            self._channel = grpc.insecure_channel(self.address, _OPTIONS)
        else:
            trusted = "".join(map(ssl.DER_cert_to_PEM_cert, endpoint.tls.get_ca_certs(binary_form=True)))
            credentials = grpc.ssl_channel_credentials(trusted.encode() or None)
            self._channel = grpc.secure_channel(self.address, credentials, _OPTIONS)
        self._predictions = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self._models = model_service_pb2_grpc.ModelServiceStub(self._channel)

    def signatures(self, target: Target, timeout: float) -> dict[str, SignatureInfo]:
        """See `Transport`."""
        answer = self._metadata(target, timeout)
        found = get_model_metadata_pb2.SignatureDefMap()
        answer.metadata["signature_def"].Unpack(found)
        return {
            name: SignatureInfo(_infos(each.inputs), _infos(each.outputs)) for name, each in found.signature_def.items()
        }

    def version(self, target: Target, timeout: float) -> int:
        """See `Transport`."""
        return int(self._metadata(target, timeout).model_spec.version.value)

    def predict(
        self, target: Target, signature: str, inputs: Mapping[str, NDArray[Any]], timeout: float
    ) -> Mapping[str, Any]:
        """See `Transport`."""
        request = predict_pb2.PredictRequest()
        _address(request.model_spec, target)
        request.model_spec.signature_name = signature
        for name, array in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(array))
        answer = self._call(self._predictions.Predict, request, target, timeout)
        return {name: _array(tensor) for name, tensor in answer.outputs.items()}

    def status(self, name: str, timeout: float) -> list[VersionStatus]:
        """See `Transport`."""
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = name
        answer = self._call(self._models.GetModelStatus, request, Target(name), timeout)
        state = get_model_status_pb2.ModelVersionStatus.State
        return [
            VersionStatus(each.version, state.Name(each.state), each.status.error_message)
            for each in answer.model_version_status
        ]

    def close(self) -> None:
        """See `Transport`."""
        self._channel.close()

    def _metadata(self, target: Target, timeout: float) -> Any:
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        _address(request.model_spec, target)
        return self._call(self._predictions.GetModelMetadata, request, target, timeout)

    def _call(self, method: Any, request: Any, target: Target, timeout: float) -> Any:
        try:
            return method(request, timeout=timeout, metadata=self._metadata_pairs)
        except grpc.RpcError as error:
            code, said = error.code(), error.details() or ""
            if code is grpc.StatusCode.UNAVAILABLE:
                raise ServerUnreachable(
                    f"No server answers at {self.address} ({said}); start one with: kzoo serve NAME"
                ) from None
            raise refusal(_KINDS.get(code, ServingError), target, self.address, said) from None


def _address(spec: Any, target: Target) -> None:
    spec.name = target.name
    if target.version is not None:
        spec.version.value = target.version
    elif target.label is not None:
        spec.version_label = target.label


def _infos(tensors: Mapping[str, Any]) -> dict[str, TensorInfo]:
    infos = {}
    for name, tensor in tensors.items():
        names = tensor.DESCRIPTOR.fields_by_name["dtype"].enum_type.values_by_number
        sizes = [dim.size for dim in tensor.tensor_shape.dim]
        infos[name] = tensor_info(names[tensor.dtype].name, tensor.tensor_shape.unknown_rank, sizes)
    return infos


def _array(tensor: Any) -> NDArray[Any]:
    array: NDArray[Any] = tf.make_ndarray(tensor)
    if array.dtype != object:
        return array
    return np.array([each.decode(errors="replace") for each in array.ravel()], dtype=str).reshape(array.shape)

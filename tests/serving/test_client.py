"""The client by gRPC, against the service itself on top of an export."""

import time
from concurrent import futures

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from kzoo.export import Runner
from kzoo.serving import Client, ServingError


class Service(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, runner):
        self.runner, self.asked, self.delay = runner, None, 0.0

    def Predict(self, request, context):  # noqa: N802 - the service's name
        self.asked = request.model_spec
        time.sleep(self.delay)
        if request.model_spec.signature_name not in self.runner.signatures:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "Serving signature name not found")
        inputs = {key: tf.make_ndarray(tensor) for key, tensor in request.inputs.items()}
        answer = predict_pb2.PredictResponse()
        for key, array in self.runner.run(request.model_spec.signature_name, inputs).items():
            answer.outputs[key].CopyFrom(tf.make_tensor_proto(array))
        return answer


@pytest.fixture
def service(published):
    with Runner(published / "2") as runner:
        made = Service(runner)
        server = grpc.server(futures.ThreadPoolExecutor(2))
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(made, server)
        made.port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        yield made
        server.stop(0).wait()


def test_predictions_by_grpc(service, rows, expected):
    with Client("iris", grpc_port=service.port, label="stable") as client:
        answer = client.predict(rows)
        np.testing.assert_allclose(answer["probabilities"], expected, atol=1e-6)
        assert list(answer["label"]) == [answer["classes"][0][i] for i in expected.argmax(1)]
        assert service.asked.version_label == "stable"
        with pytest.raises(ServingError, match="signature name not found"):
            client.predict(rows, "rank")


def test_a_late_answer_and_none_by_grpc(service, rows, free_port):
    service.delay = 1.0
    with (
        Client("iris", grpc_port=service.port, timeout=0.1) as client,
        pytest.raises(ServingError, match=r"within 0\.1"),
    ):
        client.predict(rows)
    with (
        Client("iris", grpc_port=free_port(), timeout=5) as client,
        pytest.raises(ServingError, match="no server answers"),
    ):
        client.predict(rows)


def test_no_server_by_rest(free_port):
    with pytest.raises(ServingError, match=r"no server answers .* start one with: kzoo serve"):
        Client("iris", rest_port=free_port()).state()


def test_a_version_or_a_label():
    with pytest.raises(ValueError, match="Both version and label"):
        Client("iris", version=1, label="stable")

"""TensorFlow Serving's gRPC services for one model, "iris", with kzoo's own prediction code behind them."""

import time

import grpc
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

VERSIONS, LABELS = (1, 2), {"stable": 1}


def check(spec, context):
    if spec.name == "slow":
        time.sleep(1.0)
    if spec.name != "iris":
        context.abort(grpc.StatusCode.NOT_FOUND, f"Could not find any versions of model {spec.name}")
    if spec.version_label and spec.version_label not in LABELS:
        message = f"Unrecognized servable version label: {spec.version_label}"
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, message)
    if spec.HasField("version") and spec.version.value not in VERSIONS:
        context.abort(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: Specific(iris, {spec.version})")


class Predictions(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, runner):
        self.runner = runner

    def GetModelMetadata(self, request, context):
        check(request.model_spec, context)
        assert list(request.metadata_field) == ["signature_def"]
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for name, signature in self.runner.signatures.items():
            entry = signatures.signature_def[name]
            for infos, tensors in ((entry.inputs, signature.inputs), (entry.outputs, signature.outputs)):
                for key, tensor in tensors.items():
                    infos[key].dtype = tensor.dtype.as_datatype_enum
                    infos[key].tensor_shape.CopyFrom(tf.TensorShape(tensor.shape).as_proto())
        signatures.signature_def["__saved_model_init_op"].SetInParent()
        answer = get_model_metadata_pb2.GetModelMetadataResponse()
        answer.metadata["signature_def"].Pack(signatures)
        answer.model_spec.name = request.model_spec.name
        answer.model_spec.version.value = LABELS.get(request.model_spec.version_label, 2)
        return answer

    def Predict(self, request, context):
        check(request.model_spec, context)
        inputs = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
        for name, tensor in self.runner.signatures[request.model_spec.signature_name].inputs.items():
            if request.inputs[name].dtype != tensor.dtype.as_datatype_enum:
                # The session in Python would convert it; the server's does not.
                message = f"Expects {tensor.dtype.name} but {tf.as_dtype(request.inputs[name].dtype).name} is provided"
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, message)
        try:
            outputs = self.runner.run(request.model_spec.signature_name, inputs)
        except tf.errors.OpError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, error.message)
        answer = predict_pb2.PredictResponse()
        for name, array in outputs.items():
            answer.outputs[name].CopyFrom(tf.make_tensor_proto(array))
        return answer


class Models(model_service_pb2_grpc.ModelServiceServicer):
    def GetModelStatus(self, request, context):
        check(request.model_spec, context)
        answer = get_model_status_pb2.GetModelStatusResponse()
        for version in VERSIONS:
            answer.model_version_status.add(version=version, state="AVAILABLE")
        return answer


def add_to(server, runner):
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Predictions(runner), server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(Models(), server)

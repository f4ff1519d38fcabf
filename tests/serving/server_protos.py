"""Messages of the server's configuration that tensorflow-serving-api does not contain, as the server defines them.

BatchingParameters: tensorflow_serving/servables/tensorflow/session_bundle_config.proto; MonitoringConfig:
tensorflow_serving/config/monitoring_config.proto.
"""

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, wrappers_pb2  # noqa: F401

_FIELD = descriptor_pb2.FieldDescriptorProto
_WRAPPED = ".google.protobuf.Int64Value"


def _pool():
    file = descriptor_pb2.FileDescriptorProto(
        name="tests/server.proto",
        package="tests.serving",
        syntax="proto3",
        dependency=["google/protobuf/wrappers.proto"],
    )
    batching = file.message_type.add(name="BatchingParameters")
    names = ("max_batch_size", "batch_timeout_micros", "max_enqueued_batches", "num_batch_threads")
    for number, name in enumerate(names, start=1):
        _add(batching, name, number, _FIELD.TYPE_MESSAGE, type_name=_WRAPPED)
    _add(batching, "thread_pool_name", 5, _FIELD.TYPE_MESSAGE, type_name=".google.protobuf.StringValue")
    _add(batching, "allowed_batch_sizes", 6, _FIELD.TYPE_INT64, label=_FIELD.LABEL_REPEATED)
    prometheus = file.message_type.add(name="PrometheusConfig")
    _add(prometheus, "enable", 1, _FIELD.TYPE_BOOL)
    _add(prometheus, "path", 2, _FIELD.TYPE_STRING)
    monitoring = file.message_type.add(name="MonitoringConfig")
    _add(monitoring, "prometheus_config", 1, _FIELD.TYPE_MESSAGE, type_name=".tests.serving.PrometheusConfig")
    pool = descriptor_pool.Default()
    pool.Add(file)
    return pool


def _add(message, name, number, kind, label=_FIELD.LABEL_OPTIONAL, **options):
    message.field.add(name=name, number=number, type=kind, label=label, **options)


_POOL = _pool()


def _message(name):
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"tests.serving.{name}"))


BatchingParameters = _message("BatchingParameters")
MonitoringConfig = _message("MonitoringConfig")

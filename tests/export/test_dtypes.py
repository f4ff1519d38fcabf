"""Dtypes that go over the wire: what the server's JSON has a form for, for every dtype that TensorFlow has.

The cases below are those of `tensorflow_serving/util/json_tensor.cc`, AddValueToTensor (what it reads) and
AddSingleValueAndAdvance (what it writes); whatever else there is, the server answers with status 400.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework import types_pb2

from kzoo.export import ExportError, Runner
from kzoo.export.exporter import write_version
from kzoo.export.gate.checks import problems_of
from kzoo.export.inference import answers
from kzoo.export.interface import Interface, interface_of
from kzoo.export.json_dtypes import JSON_DTYPES, json_dtype

READ = {"FLOAT", "DOUBLE", "INT32", "INT16", "INT8", "UINT8", "STRING", "INT64", "BOOL", "UINT32", "UINT64"}
WRITTEN = READ
WIDER = {"HALF": tf.float32, "BFLOAT16": tf.float32, "UINT16": tf.int32}
ALL = sorted(
    name.removeprefix("DT_")
    for name in types_pb2.DataType.keys()  # noqa: SIM118 - a wrapper of the enum, no dict
    if name != "DT_INVALID" and not name.endswith("_REF")
)
X = np.arange(20, dtype="float32")[:, None]


class Answering(keras.Model):
    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def call(self, inputs):
        return self.answer(inputs)


def dtype_of(name):
    return tf.as_dtype(types_pb2.DataType.Value(f"DT_{name}"))


def written(model, examples, directory):
    """The runner of an export that has passed the gate's checks, and the model's own answers."""
    interface, rows = interface_of(model, examples)
    own = {name: np.asarray(value) for name, value in interface.call(model, rows).items()}
    _, expectation = write_version(model, interface, rows, own, directory, "m")
    runner = Runner(directory)
    assert problems_of(runner, expectation) == []
    return runner, own


def test_the_dtypes_are_those_of_the_source():
    assert set(JSON_DTYPES) == {dtype_of(name) for name in READ & WRITTEN}


@pytest.mark.parametrize("name", ALL)
def test_every_dtype_travels_or_is_refused_in_one_line(name):
    wanted = WIDER.get(name, dtype_of(name) if name in WRITTEN else None)
    assert json_dtype(dtype_of(name)) == wanted
    interface = Interface({"inputs": tf.TensorSpec([None, 1])}, "inputs")
    with tf.Graph().as_default():
        value = tf.compat.v1.placeholder(dtype_of(name), [None])
        if wanted is None:
            with pytest.raises(ExportError, match=f"'outputs' is {dtype_of(name).name}, which the server") as caught:
                interface.call(lambda inputs, training: value, {"inputs": X})
            assert "\n" not in str(caught.value)
        else:
            outputs = interface.call(lambda inputs, training: value, {"inputs": X})
            assert answers.numeric_outputs(outputs, interface)["outputs"].dtype == wanted


def test_outputs_of_every_dtype_that_can_be_cast_to(tmp_path):
    names = [name for name in ALL if json_dtype(dtype_of(name)) not in (None, tf.string)]
    model = Answering(lambda x: {name: tf.cast(x, dtype_of(name)) for name in names})
    runner, own = written(model, X, tmp_path)
    with runner:
        assert {tensor.name: tensor.dtype for tensor in runner.signatures["numeric"].outputs.values()} == {
            name: json_dtype(dtype_of(name)) for name in names
        }
        answer = runner.run("numeric", {"inputs": X})
    for name in names:
        np.testing.assert_array_equal(answer[name], own[name].astype(answer[name].dtype))


OUTPUTS = {
    "complex": lambda x: tf.complex(x, x),
    "quantised": lambda x: tf.bitcast(tf.cast(x, tf.int8), tf.qint8),
    "variant": lambda x: tf.map_fn(
        lambda row: tf.raw_ops.EmptyTensorList(element_shape=[1], max_num_elements=3, element_dtype=tf.float32),
        x,
        fn_output_signature=tf.TensorSpec([], tf.variant),
    ),
    "8 bits": lambda x: tf.cast(x, tf.dtypes.experimental.float8_e5m2),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_outputs_without_a_form_are_refused_before_anything_is_written(name):
    model = Answering(OUTPUTS[name])
    interface, rows = interface_of(model, X)
    with pytest.raises(ExportError, match="The output 'outputs' is .*, which the server cannot write as JSON; cast"):
        interface.call(model, rows)


@pytest.mark.parametrize("dtype", ["uint16", "uint32", "int8", "bool", "float64", "float16"])
def test_inputs_travel_as_what_the_server_reads(dtype, tmp_path):
    inputs = keras.Input((1,), dtype=dtype)
    model = keras.Model(inputs, keras.layers.Rescaling(0.5)(keras.ops.cast(inputs, "float32")))
    examples = (X > 3 if dtype == "bool" else X).astype(dtype)
    runner, own = written(model, examples, tmp_path)
    with runner:
        tensor = runner.signatures["serving_default"].inputs["inputs"]
        assert tensor.dtype == json_dtype(tf.as_dtype(dtype))
        answer = runner.run("serving_default", {"inputs": examples.astype(tensor.dtype.as_numpy_dtype)})
    np.testing.assert_allclose(answer["outputs"], own["outputs"])


@pytest.mark.parametrize("dtype", ["complex64", "float8_e4m3fn"])
def test_inputs_without_a_form_are_refused_in_one_line(dtype):
    inputs = keras.Input((1,), dtype=dtype)
    model = keras.Model(inputs, keras.layers.Lambda(lambda x: tf.math.real(x), output_shape=(1,))(inputs))
    with pytest.raises(ExportError, match=f"Input 'inputs' is {dtype}, which the server cannot read from JSON") as told:
        interface_of(model, X)
    assert "\n" not in str(told.value)


def test_a_regression_in_double_precision_is_asked_by_tf_examples_too(tmp_path):
    inputs = keras.Input((1,), dtype="float64")
    runner, _ = written(keras.Model(inputs, keras.layers.Dense(1, dtype="float64")(inputs)), X, tmp_path)
    with runner:
        assert runner.signatures["regress"].outputs["outputs"].dtype == tf.float32
        assert runner.signatures["serving_default"].outputs["outputs"].dtype == tf.float64


def test_a_classifier_in_double_precision_has_scores_that_the_server_takes(tmp_path):
    inputs = keras.Input((1,), dtype="float64")
    model = keras.Model(inputs, keras.layers.Dense(2, "softmax", dtype="float64")(inputs))
    interface, rows = interface_of(model, X, class_names=("no", "yes"))
    own = {name: np.asarray(value) for name, value in interface.call(model, rows).items()}
    _, expectation = write_version(model, interface, rows, own, tmp_path, "m")
    with Runner(tmp_path) as runner:
        assert problems_of(runner, expectation) == []
        outputs = runner.signatures["classify"].outputs
    # `tensorflow_serving/servables/tensorflow/classifier.cc`, PostProcessClassificationResult.
    assert {name: tensor.dtype for name, tensor in outputs.items()} == {"classes": tf.string, "scores": tf.float32}

"""A small export with a signature for each thing that a request body can meet, most of which answer what they get."""

import tensorflow as tf

ECHOED = {
    "float": tf.float32, "double": tf.float64, "int8": tf.int8, "int16": tf.int16, "int32": tf.int32,
    "int64": tf.int64, "uint8": tf.uint8, "uint16": tf.uint16, "uint32": tf.uint32, "uint64": tf.uint64,
    "bool": tf.bool, "text": tf.string, "half": tf.float16,
}  # fmt: skip


def write_echo_export(directory):
    """Write it; each signature is named by what it takes."""
    module = tf.Module()
    module.weights = tf.Variable(tf.eye(3))
    rows = tf.TensorSpec([None, 3], tf.float32, name="x")
    examples = tf.TensorSpec([None], tf.string, name="inputs")
    features = {"v": tf.io.FixedLenFeature([], tf.float32), "w": tf.io.FixedLenFeature([], tf.int64, 0)}

    def numbers(inputs):
        parsed = tf.io.parse_example(inputs, features)
        return parsed["v"] + tf.cast(parsed["w"], tf.float32)

    def scores(inputs):
        return tf.stack([numbers(inputs), -numbers(inputs)], axis=-1)

    def classes(inputs):
        return tf.tile([["yes", 'n"o']], [tf.size(inputs), 1])

    functions = {
        "serving_default": (lambda x: {"y": x @ module.weights}, rows),
        "doubled": (lambda x: {"y": x * 2}, rows),
        "pair": (
            lambda a, b: {"sum": a + tf.cast(b, tf.float32), "b": b},
            tf.TensorSpec([None], tf.float32, name="a"),
            tf.TensorSpec([None], tf.int64, name="b"),
        ),
        "no_rows": (lambda x: {"total": tf.reduce_sum(x)}, rows),
        "no_row": (lambda x: {"y": x[:0]}, rows),
        "uneven": (lambda x: {"all": x, "first": x[:1]}, rows),
        "half_out": (lambda x: {"y": tf.cast(x, tf.float16)}, rows),
        "complex_out": (lambda x: {"y": tf.cast(x, tf.complex64)}, rows),
        "as_bytes": (lambda x: {"x_bytes": x}, tf.TensorSpec(None, tf.string, name="x")),
        "as_bytes_pair": (lambda x: {"x_bytes": x, "z": x}, tf.TensorSpec(None, tf.string, name="x")),
        "asserts": (lambda x: _asserted(x), rows),
        "classify": (lambda inputs: {"classes": classes(inputs), "scores": scores(inputs)}, examples),
        "only_classes": (lambda inputs: {"classes": classes(inputs)}, examples),
        "only_scores": (lambda inputs: {"scores": scores(inputs)}, examples),
        "flat_scores": (lambda inputs: {"scores": numbers(inputs)}, examples),
        "regress": (lambda inputs: {"outputs": numbers(inputs)}, examples),
        "regress_column": (lambda inputs: {"outputs": numbers(inputs)[:, None]}, examples),
        "regress_wide": (lambda inputs: {"outputs": scores(inputs)}, examples),
        "serialized": (lambda inputs: {"outputs": tf.cast(tf.strings.length(inputs), tf.float32)}, examples),
    }
    for name, dtype in ECHOED.items():
        functions[name] = (lambda x: {"x": tf.identity(x)}, tf.TensorSpec(None, dtype, name="x"))
    signatures = {
        name: tf.function(function, autograph=False).get_concrete_function(*specs)
        for name, (function, *specs) in functions.items()
    }
    tf.saved_model.save(module, str(directory), signatures)
    return directory


def _asserted(x):
    with tf.control_dependencies([tf.debugging.assert_less(x, 100.0, message="too large for this model")]):
        return {"y": tf.identity(x)}

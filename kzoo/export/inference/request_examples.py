"""Bodies of classify and regress requests as serialized tf.Examples.

References:
    tensorflow_serving/util/json_tensor.cc, FillClassifyRegressRequestFromJson.
    tensorflow_serving/servables/tensorflow/util.cc, InputToSerializedExampleTensor.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from kzoo.export.errors import RequestError
from kzoo.export.inference.request_json import Body, Repeated
from kzoo.export.inference.request_values import decoded_base64, shown


def parse_examples_body(body: Body) -> np.ndarray:
    """The rows of a body.

    Args:
        body: The body, with "examples" (a list of objects, a feature by each name) and, perhaps, "context" (an object
            with features that every example has).

    Returns:
        Serialized tf.Examples [rows], dtype object.

    Raises:
        RequestError: The server would refuse it.
    """
    context = b""
    if "context" in body.fields:
        context = _example(body.fields["context"], "context", body)
    if "examples" not in body.fields:
        raise RequestError('To classify and regress, a request body has "examples": a list of objects.')
    examples = body.fields["examples"]
    if not isinstance(examples, list) or not examples:
        raise RequestError(f'"examples" is {shown(examples)}; expected a list with at least one object.')
    rows = np.empty(len(examples), object)
    # Serialized messages one after the other are one message with the fields of all.
    rows[:] = [context + _example(each, f"example {number}", body) for number, each in enumerate(examples)]
    return rows


def _example(value: Any, where: str, body: Body) -> bytes:
    if not isinstance(value, dict):
        raise RequestError(f"{where} is {shown(value)}; expected an object with a feature by each name.")
    example = tf.train.Example()
    for name, content in value.pairs if isinstance(value, Repeated) else value.items():
        feature = _feature(content, f"{where}, feature {name!r}", body)
        try:
            example.features.feature[name.split("\0")[0]].CopyFrom(feature)
        except ValueError:  # protobuf in Python has no names but UTF-8
            raise RequestError(f"{where}: the name {name!r} is not UTF-8.") from None
    serialized: bytes = example.SerializeToString()
    return serialized


def _feature(content: Any, where: str, body: Body) -> tf.train.Feature:
    feature = tf.train.Feature()
    for value in content if isinstance(content, list) else [content]:
        kind, plain = _value(value, where, body)
        if feature.WhichOneof("kind") not in (None, kind):
            raise RequestError(
                f"{where}: {shown(value)} stands beside values of another kind; text, whole numbers and fractions "
                "(1.0, not 1) do not mix."
            )
        getattr(feature, kind).value.append(plain)
    return feature


def _value(value: Any, where: str, body: Body) -> tuple[str, Any]:
    """The kind of list that a value goes to, and the value there."""
    if isinstance(value, str):
        return "bytes_list", body.encode(value)
    if isinstance(value, float):
        with np.errstate(over="ignore"):
            return "float_list", float(np.float32(value))
    if isinstance(value, int):  # truth values too
        if value >= 2**63:
            raise RequestError(f"{where}: {value} is more than an int64 holds.")
        return "int64_list", int(value)
    plain = decoded_base64(value)
    if plain is None:
        raise RequestError(f'{where}: {shown(value)} is neither text, a number, a truth value nor {{"b64": "..."}}.')
    return "bytes_list", plain

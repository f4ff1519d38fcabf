"""The Open Inference Protocol, version 2, that KServe, Triton and Seldon speak: metadata and inference.

A request asks `serving_default` unless its parameters have another `signature_name`. Text that is no UTF-8 comes and
goes as base64, with the parameter `content_type` "base64".

References:
    https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from kzoo.export.errors import RequestError, reason
from kzoo.export.inference.rest_api import DEFAULT_SIGNATURE
from kzoo.export.inference.runner import Runner, Signature, Tensor
from kzoo.files import parse_json
from kzoo.serving.embedded.protocol_tensors import datatype_of, read_binary, read_json, write_binary, write_json

PLATFORM = "tensorflow_savedmodel"


def default_signature(runner: Runner) -> Signature:
    """The signature that is asked where none is named, or the first.

    Raises:
        RequestError: There is none at all.
    """
    for name in (DEFAULT_SIGNATURE, *runner.signatures):
        if name in runner.signatures:
            return runner.signatures[name]
    raise RequestError("The model has no signature.")


def model_metadata(runner: Runner, name: str, versions: Sequence[int]) -> dict[str, Any]:
    """What a model takes and answers.

    Args:
        runner: A version of it.
        name: Name that it is served under.
        versions: Versions that can be asked.

    Raises:
        RequestError: It has no signature.
    """
    signature = default_signature(runner)
    return {
        "name": name,
        "versions": [str(version) for version in versions],
        "platform": PLATFORM,
        "inputs": [_described(tensor) for tensor in signature.inputs.values()],
        "outputs": [_described(tensor) for tensor in signature.outputs.values()],
    }


@dataclasses.dataclass(frozen=True)
class Answer:
    """The answer to an inference request.

    Attributes:
        body: JSON, and binary data behind it.
        json_bytes: Length of the JSON where there are binary data, or None.
    """

    body: bytes
    json_bytes: int | None


def infer(runner: Runner, name: str, body: bytes, json_bytes: int | None = None) -> Answer:
    """Answer an inference request.

    Args:
        runner: The version that answers.
        name: Name that the model is served under.
        body: The request: JSON, and binary data behind it.
        json_bytes: Length of the JSON; None where it is all.

    Returns:
        The answer.

    Raises:
        RequestError: The request does not fit the protocol or the model.
    """
    request = _object(_parsed(body[:json_bytes]), "The body")
    signature = _signature(runner, request)
    inputs = _inputs(request, signature, body[json_bytes:] if json_bytes is not None else b"")
    wanted = _wanted(request, signature)
    try:
        outputs = runner.run(signature.name, inputs)
    except (tf.errors.OpError, ValueError, TypeError) as error:  # of which some say what is wrong in bytes
        raise RequestError(f"The model cannot answer: {reason(error)}") from None
    answer = {"model_name": name, "model_version": runner.directory.name}
    if "id" in request:
        answer["id"] = request["id"]
    made = [_answered(signature.outputs[each], outputs[each], binary) for each, binary in wanted.items()]
    binaries = [data for _, data in made if data is not None]
    head = json.dumps({**answer, "outputs": [known for known, _ in made]}, ensure_ascii=False).encode()
    return Answer(b"".join([head, *binaries]), len(head) if binaries else None)


def _described(tensor: Tensor) -> dict[str, Any]:
    shape = [-1 if size is None else size for size in tensor.shape or ()]
    return {"name": tensor.name, "datatype": datatype_of(tensor), "shape": shape}


def _parsed(body: bytes) -> Any:
    try:
        return parse_json(body)
    except ValueError as error:
        raise RequestError(f"The body is not JSON: {error}") from None


def _object(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise RequestError(f"{what} is not an object.")
    return value


def _signature(runner: Runner, request: Mapping[str, Any]) -> Signature:
    name = _parameters(request).get("signature_name", DEFAULT_SIGNATURE)
    if not isinstance(name, str) or name not in runner.signatures:
        raise RequestError(f"There is no signature {name!r}; there are {', '.join(sorted(runner.signatures))}.")
    return runner.signatures[name]


def _inputs(request: Mapping[str, Any], signature: Signature, binary: bytes) -> dict[str, np.ndarray]:
    given = request.get("inputs")
    if not isinstance(given, list):
        raise RequestError('The body has no list of "inputs".')
    arrays: dict[str, np.ndarray] = {}
    for each in given:
        name = _object(each, "An input").get("name")
        if not isinstance(name, str) or name not in signature.inputs:
            taken = ", ".join(map(repr, signature.inputs))
            raise RequestError(f"Input {name!r} is not one of the model's, which takes {taken}.")
        if name in arrays:
            raise RequestError(f"Input {name!r} is there twice.")
        size = _parameters(each).get("binary_data_size", 0)
        if type(size) is not int or not 0 <= size <= len(binary):
            raise RequestError(f"Input {name!r} has not so many bytes of binary data as it says, {size!r}.")
        arrays[name] = _array(each, signature.inputs[name], binary[:size] if "data" not in each else None)
        binary = binary[size:]
    missing = [repr(name) for name in signature.inputs if name not in arrays]
    if missing:
        raise RequestError(f"The request lacks the input {', '.join(missing)}.")
    if binary:
        raise RequestError(f"{len(binary)} bytes of binary data belong to no input.")
    return arrays


def _parameters(part: Mapping[str, Any]) -> Mapping[str, Any]:
    return _object(part.get("parameters", {}), '"parameters"')


def _wanted(request: Mapping[str, Any], signature: Signature) -> dict[str, bool]:
    """Outputs that are asked for, and whether as binary data: all, unless the request has a list."""
    binary = _parameters(request).get("binary_data_output") is True
    if not request.get("outputs"):
        return dict.fromkeys(signature.outputs, binary)
    if not isinstance(request["outputs"], list):
        raise RequestError('"outputs" is not a list.')
    wanted = {}
    for each in request["outputs"]:
        name = _object(each, "An output").get("name")
        if not isinstance(name, str) or name not in signature.outputs:
            raise RequestError(f"There is no output {name!r}; there are {', '.join(map(repr, signature.outputs))}.")
        wanted[name] = _parameters(each).get("binary_data", binary) is True
    return wanted


def _array(given: Mapping[str, Any], tensor: Tensor, binary: bytes | None) -> np.ndarray:
    what, datatype, shape = f"Input {tensor.name!r}", given.get("datatype"), given.get("shape")
    if datatype != datatype_of(tensor):
        raise RequestError(f"{what} has the datatype {datatype!r}; the model takes {datatype_of(tensor)!r}.")
    if not isinstance(shape, list) or not all(type(size) is int and 0 <= size < 1 << 31 for size in shape):
        raise RequestError(f"{what} has no shape: expected a list of sizes.")
    encoded = _parameters(given).get("content_type") == "base64"
    flat = read_json(given["data"], tensor, encoded) if binary is None else read_binary(binary, tensor)
    try:
        array = flat.reshape(shape)
    except ValueError:
        raise RequestError(f"{what} has {flat.size} elements, but the shape {shape}.") from None
    if tensor.shape is not None and not tf.TensorShape(shape).is_compatible_with(tensor.shape):
        expected = [-1 if size is None else size for size in tensor.shape]
        raise RequestError(f"{what} has the shape {shape}; the model takes {expected}.")
    return array


def _answered(tensor: Tensor, array: np.ndarray, binary: bool) -> tuple[dict[str, Any], bytes | None]:
    """An output as JSON has it, and its binary data or None."""
    answer = {"name": tensor.name, "datatype": datatype_of(tensor), "shape": list(np.shape(array))}
    if binary:
        data = write_binary(array, tensor)
        return {**answer, "parameters": {"binary_data_size": len(data)}}, data
    return {**answer, **write_json(array, tensor)}, None

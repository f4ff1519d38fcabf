"""The Open Inference Protocol, version 2, that KServe, Triton and Seldon speak: metadata and inference as JSON.

A request asks `serving_default` unless its parameters have another `signature_name`. Text that is no UTF-8 comes and
goes as base64, with the parameter `content_type` "base64".

References:
    https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from kzoo.export.errors import RequestError, reason
from kzoo.export.inference.rest_api import DEFAULT_SIGNATURE
from kzoo.export.inference.runner import Runner, Signature, Tensor

PLATFORM = "tensorflow_savedmodel"

DATATYPES = {
    **{f"{kind}INT{bits}": f"{kind.lower()}int{bits}" for kind in ("", "U") for bits in (8, 16, 32, 64)},
    **{"FP16": "float16", "FP32": "float32", "FP64": "float64", "BF16": "bfloat16", "BOOL": "bool", "BYTES": "string"},
}
"""TensorFlow's names of the dtypes by the protocol's."""
_PROTOCOL_NAMES = {name: datatype for datatype, name in DATATYPES.items()}


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


def infer(runner: Runner, name: str, body: bytes) -> dict[str, Any]:
    """Answer an inference request.

    Args:
        runner: The version that answers.
        name: Name that the model is served under.
        body: The request, as JSON.

    Returns:
        The answer's object.

    Raises:
        RequestError: The request does not fit the protocol or the model.
    """
    request = _object(_parsed(body), "The body")
    signature = _signature(runner, request)
    inputs = _inputs(request, signature)
    wanted = _wanted(request, signature)
    try:
        outputs = runner.run(signature.name, inputs)
    except (tf.errors.OpError, ValueError, TypeError) as error:  # of which some say what is wrong in bytes
        raise RequestError(f"The model cannot answer: {reason(error)}") from None
    answer = {"model_name": name, "model_version": runner.directory.name}
    if "id" in request:
        answer["id"] = request["id"]
    return {**answer, "outputs": [_answered(signature.outputs[each], outputs[each]) for each in wanted]}


def _described(tensor: Tensor) -> dict[str, Any]:
    shape = [-1 if size is None else size for size in tensor.shape or ()]
    return {"name": tensor.name, "datatype": _datatype(tensor), "shape": shape}


def _datatype(tensor: Tensor) -> str:
    return _PROTOCOL_NAMES.get(tensor.dtype.name, tensor.dtype.name.upper())


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"The body is not JSON: {error}") from None


def _object(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise RequestError(f"{what} is not an object.")
    return value


def _signature(runner: Runner, request: Mapping[str, Any]) -> Signature:
    parameters = _object(request.get("parameters", {}), '"parameters"')
    name = parameters.get("signature_name", DEFAULT_SIGNATURE)
    if not isinstance(name, str) or name not in runner.signatures:
        raise RequestError(f"There is no signature {name!r}; there are {', '.join(sorted(runner.signatures))}.")
    return runner.signatures[name]


def _inputs(request: Mapping[str, Any], signature: Signature) -> dict[str, np.ndarray]:
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
        arrays[name] = _array(each, signature.inputs[name])
    missing = [repr(name) for name in signature.inputs if name not in arrays]
    if missing:
        raise RequestError(f"The request lacks the input {', '.join(missing)}.")
    return arrays


def _wanted(request: Mapping[str, Any], signature: Signature) -> list[str]:
    """Names of the outputs that are asked for: all, unless the request has a list."""
    if not request.get("outputs"):
        return list(signature.outputs)
    if not isinstance(request["outputs"], list):
        raise RequestError('"outputs" is not a list.')
    names: list[str] = []
    for each in request["outputs"]:
        name = _object(each, "An output").get("name")
        if not isinstance(name, str) or name not in signature.outputs:
            raise RequestError(f"There is no output {name!r}; there are {', '.join(map(repr, signature.outputs))}.")
        names.append(name)
    return names


def _array(given: Mapping[str, Any], tensor: Tensor) -> np.ndarray:
    what, datatype, shape = f"Input {tensor.name!r}", given.get("datatype"), given.get("shape")
    if datatype != _datatype(tensor):
        raise RequestError(f"{what} has the datatype {datatype!r}; the model takes {_datatype(tensor)!r}.")
    if not isinstance(shape, list) or not all(type(size) is int and 0 <= size < 1 << 31 for size in shape):
        raise RequestError(f"{what} has no shape: expected a list of sizes.")
    if not isinstance(given.get("data"), list):
        raise RequestError(f'{what} has no list of "data"; binary data are not taken, send them as JSON.')
    encoded = _object(given.get("parameters", {}), '"parameters"').get("content_type") == "base64"
    flat = _texts(given["data"], what, encoded) if tensor.dtype == tf.string else _numbers(given["data"], tensor)
    try:
        array = flat.reshape(shape)
    except ValueError:
        raise RequestError(f"{what} has {flat.size} elements, but the shape {shape}.") from None
    if tensor.shape is not None and not tf.TensorShape(shape).is_compatible_with(tensor.shape):
        expected = [-1 if size is None else size for size in tensor.shape]
        raise RequestError(f"{what} has the shape {shape}; the model takes {expected}.")
    return array


def _texts(data: list[Any], what: str, encoded: bool) -> np.ndarray:
    found = []
    for each in _leaves(data):
        if not isinstance(each, str):
            raise RequestError(f"{what} has the datatype 'BYTES', but not all of its data are text.")
        try:
            found.append(base64.b64decode(each, validate=True) if encoded else each.encode())
        except (binascii.Error, ValueError):
            raise RequestError(f"{what} has text that is no {'base64' if encoded else 'Unicode'}.") from None
    array = np.empty(len(found), object)
    array[:] = found
    return array


def _leaves(value: Any) -> Any:
    """The elements of nested lists in their order."""
    waiting = [iter(value)]
    while waiting:
        for each in waiting[-1]:
            if isinstance(each, list):
                waiting.append(iter(each))
                break
            yield each
        else:
            waiting.pop()


def _numbers(data: list[Any], tensor: Tensor) -> np.ndarray:
    dtype = tensor.dtype.as_numpy_dtype
    problem = RequestError(f"Input {tensor.name!r} has data that are no {_datatype(tensor)}, or ragged.")
    try:
        found = np.asarray(data).reshape(-1)
        if found.size and not tensor.dtype.is_floating and not tensor.dtype.is_bool and found.dtype.kind not in "iu":
            # Of numbers from 2^63 on beside smaller ones numpy makes floats.
            found = np.asarray(data, object).reshape(-1)
    except (ValueError, OverflowError):
        raise problem from None
    if found.size and not _fits(found, tensor):
        raise problem
    with np.errstate(over="ignore"):
        array = found.astype(dtype)
    if tensor.dtype.is_floating and not np.array_equal(np.isfinite(found), np.isfinite(array)):
        raise problem
    return array


def _fits(found: np.ndarray, tensor: Tensor) -> bool:
    """Whether numbers are of a tensor's kind, and integers in its range."""
    if tensor.dtype.is_bool:
        return found.dtype.kind == "b"
    if tensor.dtype.is_floating:
        return found.dtype.kind in "iuf"
    if found.dtype == object and not all(type(each) is int for each in found):
        return False
    return found.dtype.kind in "iuO" and tensor.dtype.min <= int(found.min()) and int(found.max()) <= tensor.dtype.max


def _answered(tensor: Tensor, array: np.ndarray) -> dict[str, Any]:
    answer = {"name": tensor.name, "datatype": _datatype(tensor), "shape": list(np.shape(array))}
    if tensor.dtype != tf.string:
        return {**answer, "data": np.asarray(array).astype(_plain(tensor)).reshape(-1).tolist()}
    texts = np.asarray(array, object).reshape(-1).tolist()
    try:
        return {**answer, "data": [text.decode() for text in texts]}
    except UnicodeDecodeError:
        encoded = [base64.b64encode(text).decode() for text in texts]
        return {**answer, "parameters": {"content_type": "base64"}, "data": encoded}


def _plain(tensor: Tensor) -> Any:
    """A dtype that turns into Python's numbers."""
    return np.float32 if tensor.dtype == tf.bfloat16 else tensor.dtype.as_numpy_dtype

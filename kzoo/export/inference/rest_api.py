"""What the server's REST API answers to a request body, with no server: the same status, the same bytes.

Where it differs, on purpose:

- Names of inputs and outputs stand in order; the server's stand as its hash tables have them.
- Messages of errors are worded for people; their status is the server's.
- Lists and objects nested deeper than `request_json.NESTED` levels, and arrays of more than
  `request_values.LARGEST_RANK` dimensions, are refused with status 400. The server takes what TensorFlow takes (254
  dimensions), and some ten thousand levels end its process.
- A fraction is read as the nearest double. The server's parser may be off by the last digits of a double, which a
  float32 does not show.
- Escapes of surrogates in a body that is not UTF-8, and names of features that are not UTF-8, are refused with 400.

References:
    tensorflow_serving/model_servers/http_rest_api_handler.cc, HttpRestApiHandler::ProcessRequest;
    tensorflow_serving/servables/tensorflow/predict_util.cc, classifier.cc, regressor.cc;
    tensorflow_serving/model_servers/http_server.cc, ToHTTPStatusCode.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from tensorflow_serving.apis import get_model_metadata_pb2, model_pb2

from kzoo.export.errors import RequestError, reason
from kzoo.export.inference import answer_json
from kzoo.export.inference.request_examples import parse_examples_body
from kzoo.export.inference.request_json import Body, parse_body
from kzoo.export.inference.request_tensors import parse_predict
from kzoo.export.inference.request_values import listed, shown
from kzoo.export.inference.runner import Runner, Signature

DEFAULT_SIGNATURE = "serving_default"
METHODS = ("predict", "classify", "regress")

_STATUS = {
    tf.errors.CANCELLED: 499,
    tf.errors.INVALID_ARGUMENT: 400,
    tf.errors.DEADLINE_EXCEEDED: 504,
    tf.errors.NOT_FOUND: 404,
    tf.errors.ALREADY_EXISTS: 409,
    tf.errors.PERMISSION_DENIED: 403,
    tf.errors.RESOURCE_EXHAUSTED: 429,
    tf.errors.FAILED_PRECONDITION: 400,
    tf.errors.ABORTED: 409,
    tf.errors.OUT_OF_RANGE: 400,
    tf.errors.UNIMPLEMENTED: 501,
    tf.errors.UNAVAILABLE: 503,
    tf.errors.UNAUTHENTICATED: 401,
}
"""HTTP's status for each of TensorFlow's codes; 500 for the others."""


class Runs(Protocol):
    """What answers batches: a `Runner`, or what stands before one, such as a queue that joins requests."""

    @property
    def signatures(self) -> Mapping[str, Signature]:
        """What can be asked, by name."""

    def run(self, signature: str, inputs: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        """Answer a batch; see `Runner.run`."""


@dataclasses.dataclass(frozen=True)
class Response:
    """What the server answers.

    Attributes:
        status: HTTP's status, 200 where there is an answer.
        body: JSON, an object with "error" for every other status.
    """

    status: int
    body: bytes


def respond(runner: Runs, method: str, body: bytes) -> Response:
    """Answer a request.

    Args:
        runner: The export.
        method: One of `METHODS`, which stands behind the colon of the address.
        body: The body, as it was sent.

    Returns:
        The answer, or what is wrong with the request.
    """
    try:
        return Response(200, _ANSWERS[method](runner, parse_body(body)))
    except RequestError as error:
        return Response(error.status, answer_json.error_body(str(error)))


def classifies(signature: Signature) -> bool:
    """Whether a signature can be asked by `:classify`: by its names, since the server does not look at its method."""
    known = signature.outputs.keys() & {"classes", "scores"}
    return set(signature.inputs) == {"inputs"} and bool(known) and len(signature.outputs) <= 2


def regresses(signature: Signature) -> bool:
    """Whether a signature can be asked by `:regress`."""
    return set(signature.inputs) == {"inputs"} and set(signature.outputs) == {"outputs"}


def metadata(runner: Runner, name: str, version: int) -> bytes:
    """What can be asked of an export, in the form of the server's `/metadata`.

    Args:
        runner: The export.
        name: Name that it is served under.
        version: Its number.

    References:
        tensorflow_serving/model_servers/http_rest_api_util.cc, ToJsonString.
    """
    spec = model_pb2.ModelSpec(name=name)
    spec.version.value = version
    signatures = get_model_metadata_pb2.SignatureDefMap()
    for key, signature in runner.signature_defs.items():
        signatures.signature_def[key].CopyFrom(signature)
    parts = [
        json_format.MessageToJson(
            message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True, indent=1
        )
        for message in (spec, signatures)
    ]
    return '{{\n"model_spec":{},\n"metadata": {{"signature_def": {}}}\n}}\n'.format(*parts).encode()


def _predict(runner: Runs, body: Body) -> bytes:
    signature = _signature(runner, body)
    batch = parse_predict(body, signature)
    outputs = _run(runner, signature, batch.inputs)
    return answer_json.rows_body(outputs) if batch.rows else answer_json.whole_body(outputs)


def _classify(runner: Runs, body: Body) -> bytes:
    name = _signature_name(body)
    rows = parse_examples_body(body)
    signature = _signature(runner, body)
    if not classifies(signature):
        raise RequestError(f"Signature {name!r} does not classify; {_asked_with(runner, 'classify')}.")
    outputs = _run(runner, signature, {"inputs": rows})
    found = {key: outputs[key] for key in ("classes", "scores") if key in outputs}
    for key, dtype in (("classes", object), ("scores", np.float32)):
        if key in found and (found[key].ndim != 2 or found[key].dtype != dtype or len(found[key]) != len(rows)):
            raise RequestError(f"Output {key!r} of signature {name!r} is not of shape [rows, classes] and its dtype.")
    if len({array.shape for array in found.values()}) != 1:
        raise RequestError(f"The outputs of signature {name!r} differ in their number of classes.")
    shape = next(iter(found.values())).shape
    labels = found["classes"].tolist() if "classes" in found else np.full(shape, b"", object).tolist()
    scores = answer_json.decimals(found.get("scores", np.zeros(shape, np.float32)))
    by_row = [scores[row * shape[1] : (row + 1) * shape[1]] for row in range(shape[0])]
    pairs = [list(zip(*row, strict=True)) for row in zip(labels, by_row, strict=True)]
    return answer_json.classes_body(pairs)


def _regress(runner: Runs, body: Body) -> bytes:
    name = _signature_name(body)
    rows = parse_examples_body(body)
    signature = _signature(runner, body)
    if not regresses(signature):
        raise RequestError(f"Signature {name!r} is no regression; {_asked_with(runner, 'regress')}.")
    numbers = _run(runner, signature, {"inputs": rows})["outputs"]
    if numbers.shape not in ((len(rows),), (len(rows), 1)) or numbers.dtype != np.float32:
        raise RequestError(
            f"Signature {name!r} answers {numbers.dtype} of shape {list(numbers.shape)}; a regression answers float32 "
            "[rows] or [rows, 1]."
        )
    return answer_json.numbers_body(numbers)


_ANSWERS: dict[str, Callable[[Runs, Body], bytes]] = {"predict": _predict, "classify": _classify, "regress": _regress}


def _signature_name(body: Body) -> str:
    name = body.fields.get("signature_name", "")
    if not isinstance(name, str):
        raise RequestError(f'"signature_name" is {shown(name)}; expected text, or leave it out.')
    return name or DEFAULT_SIGNATURE


def _signature(runner: Runs, body: Body) -> Signature:
    name = _signature_name(body)
    if name not in runner.signatures:
        raise RequestError(f"There is no signature {name!r}; there are {listed(runner.signatures)}.")
    return runner.signatures[name]


def _asked_with(runner: Runs, method: str) -> str:
    fits = classifies if method == "classify" else regresses
    names = sorted((name for name, each in runner.signatures.items() if fits(each)), key=lambda name: name != method)
    return f'ask with "signature_name": "{names[0]}"' if names else f"the model has no signature for :{method}"


def _run(runner: Runs, signature: Signature, inputs: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
    try:
        return runner.run(signature.name, inputs)
    except tf.errors.OpError as error:
        status = _STATUS.get(error.error_code, 500)
        raise RequestError(_explained(reason(error), signature, inputs), status) from error
    except (ValueError, TypeError) as error:  # arrays of another dtype
        raise RequestError(_explained(reason(error), signature, inputs)) from error


def _explained(message: str, signature: Signature, inputs: Mapping[str, np.ndarray]) -> str:
    """Why a signature fails: most often a shape, which the server does not look at."""
    for name, array in inputs.items():
        want = signature.inputs[name].shape
        if want is not None and not _fits(array.shape, want):
            sizes = ["any" if size is None else size for size in want]
            return f"Input {name!r} has shape {list(array.shape)}; expected {sizes}, the batch first. {message}"
    return f"Signature {signature.name!r} cannot answer: {message}"


def _fits(shape: tuple[int, ...], want: tuple[int | None, ...]) -> bool:
    return len(shape) == len(want) and all(b in (None, a) for a, b in zip(shape, want, strict=True))

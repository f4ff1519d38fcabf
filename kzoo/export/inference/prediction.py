"""Answers of an export to REST request bodies, with no server and no Keras."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from kzoo.export.errors import RequestError
from kzoo.export.inference.request_json import parse_body
from kzoo.export.inference.rest_api import DEFAULT_SIGNATURE, Response, Runs, regresses, respond
from kzoo.export.inference.runner import Runner
from kzoo.export.versions import version_directory


def predict(model_dir: str | os.PathLike[str], request: Mapping[str, Any], *, trust: bool = False) -> dict[str, Any]:
    """Answer the body of a TensorFlow Serving REST request as the server would.

    Args:
        model_dir: The directory of one version, or the one above it, whose newest version then answers.
        request: The body: {"instances": [...]} (row by row), {"inputs": ...} (whole arrays) or {"examples": [...]} (to
            classify or regress), and "signature_name" if another than "serving_default" is meant. Binary values are
            {"b64": "..."}.
        trust: Whether to run the export whatever its graph does, such as reading files.

    Returns:
        The body of the answer: {"predictions": [...]} to "instances", {"outputs": ...} to "inputs", {"results": [...]}
        to "examples".

    Raises:
        RequestError: The server would refuse the request; its `status` is the server's.
        ExportError: There is no export, it does not load, or it does more than compute and is not trusted.
    """
    with Runner(version_directory(model_dir), trust=trust) as runner:
        return answer_request(runner, request)


def answer_request(runner: Runs, request: Mapping[str, Any]) -> dict[str, Any]:
    """Answer a request body from an export that is loaded already; see `predict`."""
    try:
        body = json.dumps(dict(request)).encode()
    except (TypeError, ValueError) as error:
        raise RequestError(f"The request is not what JSON can say: {error}.") from None
    except RecursionError:
        raise RequestError("The request is nested too deep.") from None
    response = respond(runner, method_of(runner, request), body)
    answer: dict[str, Any] = json.loads(response.body.decode(errors="replace"))
    if response.status != 200:
        raise RequestError(answer["error"], response.status)
    return answer


def respond_any(runner: Runs, body: bytes) -> Response:
    """Answer a body with the method that it is meant for; see `rest_api.respond`."""
    try:
        fields = parse_body(body).fields
    except RequestError:
        fields = {}
    return respond(runner, method_of(runner, fields), body)


def method_of(runner: Runs, request: Mapping[str, Any]) -> str:
    """The method that a body is meant for: "predict", or with "examples" the one of its signature."""
    if "examples" not in request or "instances" in request or "inputs" in request:
        return "predict"
    name = request.get("signature_name") or DEFAULT_SIGNATURE
    signature = runner.signatures.get(name) if isinstance(name, str) else None
    return "regress" if signature and regresses(signature) else "classify"

"""Answers of an export to REST request bodies, with no server and no Keras."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from kzoo.export.errors import RequestError, reason
from kzoo.export.inference import rest
from kzoo.export.inference.runner import Runner
from kzoo.export.versions import version_directory


def predict(model_dir: str | os.PathLike[str], request: Mapping[str, Any]) -> dict[str, Any]:
    """Answer the body of a TensorFlow Serving REST predict request as the server would.

    Args:
        model_dir: The directory of one version, or the one above it, whose newest version then answers.
        request: The body: {"instances": [...]} (row by row) or {"inputs": ...} (whole arrays), and "signature_name" if
            another than "serving_default" is meant. Binary values are {"b64": "..."}.

    Returns:
        The body of the answer: {"predictions": [...]} to "instances", {"outputs": ...} to "inputs".

    Raises:
        RequestError: The server would refuse the request.
        ExportError: There is no export, or it does not load.
    """
    with Runner(version_directory(model_dir)) as runner:
        return answer_request(runner, request)


def answer_request(runner: Runner, request: Mapping[str, Any]) -> dict[str, Any]:
    """Answer a request body from an export that is loaded already; see `predict`."""
    name = rest.signature_name(request)
    if name not in runner.signatures:
        raise RequestError(
            f"There is no signature {name!r}; {runner.directory} has {', '.join(sorted(runner.signatures))}."
        )
    batch = rest.parse_request(request, runner.signatures[name])
    try:
        outputs = runner.run(name, batch.inputs)
    except tf.errors.OpError as error:
        raise RequestError(f"Signature {name!r} cannot answer: {reason(error)}") from error
    return rest.answer(outputs, batch.rows)

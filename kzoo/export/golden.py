"""Requests with the answers that an export gave when it was published: bodies of the REST API, to replay anywhere."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from kzoo.export.errors import ExportError, RequestError
from kzoo.export.examples_proto import serialize_rows
from kzoo.export.inference.prediction import answer_request
from kzoo.export.inference.runner import Runner
from kzoo.export.layout import GOLDEN
from kzoo.export.saved_model import CLASSIFY, REGRESS
from kzoo.files import read_json

ROWS = 3
TOLERANCE = 1e-4
"""Of a number beside the largest of its answer, or beside 1: another processor sums in another order."""


def write_golden(runner: Runner, inputs: Mapping[str, np.ndarray], feature_names: tuple[str, ...]) -> None:
    """Keep a request and its answer for each signature.

    Args:
        runner: The export.
        inputs: Real rows by input name.
        feature_names: Features of a tf.Example, or empty where there is one for every input.
    """
    rows = {name: array[:ROWS] for name, array in inputs.items()}
    kept = []
    for name in runner.signatures:
        plain = {"inputs": serialize_rows(rows, feature_names)} if name in (CLASSIFY, REGRESS) else rows
        request = {"signature_name": name, "inputs": {key: _json(array) for key, array in plain.items()}}
        kept.append({"request": request, "answer": answer_request(runner, request)})
    path = runner.directory / GOLDEN
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(kept), encoding="utf-8")


def golden_problems(runner: Runner) -> Iterator[str]:
    """What an export answers in another way than when it was published.

    Args:
        runner: The export.

    Yields:
        One sentence per request.

    Raises:
        ExportError: The requests cannot be read.
    """
    path = runner.directory / GOLDEN
    try:
        kept = [
            (str(each["request"]["signature_name"]), dict(each["request"]), dict(each["answer"]))
            for each in read_json(path)
        ]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ExportError(f"{path} cannot be read: {error}.") from None
    for name, request, answer in kept:
        try:
            if not _same(answer_request(runner, request), answer):
                yield f"Signature {name!r} does not answer as when the model was published."
        except RequestError as error:
            yield f"Signature {name!r} does not answer: {error}"


def _json(array: np.ndarray) -> Any:
    if array.dtype != object:
        return array.tolist()
    return _mapped(array.tolist())


def _mapped(value: Any) -> Any:
    if isinstance(value, list):
        return [_mapped(each) for each in value]
    return {"b64": base64.b64encode(value).decode()}


def _same(found: Any, expected: Any) -> bool:
    if isinstance(expected, dict):
        return (
            isinstance(found, dict)
            and found.keys() == expected.keys()
            and all(_same(found[key], value) for key, value in expected.items())
        )
    try:
        one, other = np.asarray(found), np.asarray(expected)
    except (ValueError, OverflowError):  # ragged: not what any export answers
        return False
    if one.shape != other.shape or one.dtype.kind not in "iuf" or other.dtype.kind not in "iuf":
        return bool(found == expected)
    one, other = one.astype(np.float64), other.astype(np.float64)
    with np.errstate(invalid="ignore"):
        near = np.abs(one - other) <= TOLERANCE * max(1.0, np.abs(other).max(initial=0))
    return bool(near.all())

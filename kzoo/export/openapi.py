"""An export described in OpenAPI: TensorFlow Serving's addresses for it, with what goes in and comes out by name.

References:
    https://spec.openapis.org/oas/v3.1.0 and https://www.tensorflow.org/tfx/serving/api_rest
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from kzoo.export.asking import AskedSignature
from kzoo.export.layout import OPENAPI
from kzoo.export.openapi_schemas import COMMON, BodySchemas, either, ref

_VERSIONS: dict[str, tuple[str, str, list[dict[str, Any]]]] = {
    "": ("newest", "the newest version that is served", []),
    "/versions/{version}": (
        "version",
        "one version",
        [{"name": "version", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 1}}],
    ),
    "/labels/{label}": (
        "label",
        "the version with a label, such as stable",
        [{"name": "label", "in": "path", "required": True, "schema": {"type": "string"}}],
    ),
}
"""By what follows the model's address: a name for operations, what it is, and the parameters in it."""


def write_openapi(
    directory: Path,
    name: str,
    signatures: Sequence[AskedSignature],
    *,
    description: str,
    exported: str,
    feature_names: tuple[str, ...] = (),
    class_names: tuple[str, ...] = (),
) -> None:
    """Write the description of an export.

    Args:
        directory: The export.
        name: Name that it is served under.
        signatures: What can be asked.
        description: What the model is for.
        exported: When it was exported.
        feature_names: Names of the entries of the only input's rows, in their order, or empty.
        class_names: Names of the classes, in the order of the probabilities, or empty.
    """
    methods: dict[str, list[AskedSignature]] = {}
    for signature in signatures:
        methods.setdefault(signature.method, []).append(signature)
    document = {
        "openapi": "3.1.0",
        "info": {"title": name, "version": exported, "description": description or f"The model {name}."},
        "servers": [
            {
                "url": "http://{host}:{port}",
                "description": "TensorFlow Serving, as kzoo serve starts it",
                "variables": {"host": {"default": "127.0.0.1"}, "port": {"default": "8501"}},
            }
        ],
        "paths": _paths(quote(name), list(methods)),
        "components": {
            "schemas": COMMON | BodySchemas(feature_names, class_names).of(signatures),
            "requestBodies": {method: _request(asked) for method, asked in methods.items()},
            "responses": {method: _answer(asked) for method, asked in methods.items()} | _REFUSALS,
        },
    }
    path = directory / OPENAPI
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8")


def _paths(name: str, methods: list[str]) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for which, (place, meaning, parameters) in _VERSIONS.items():
        address = f"/v1/models/{name}{which}"
        shared = {"parameters": parameters} if parameters else {}
        for method in methods:
            paths[f"{address}:{method}"] = {**shared, "post": _asking(method, place, meaning)}
        reads = {
            f"{address}/metadata": ("metadata", f"The signatures of {meaning}"),
            address: ("status", f"Whether it is served: {meaning}"),
        }
        for path, (kind, summary) in reads.items():
            answered = {"200": _json("The answer", {"schema": ref(kind)}), **_REFUSED}
            paths[path] = {**shared, "get": _operation(f"{kind}_{place}", summary, answered)}
    return paths


def _asking(method: str, place: str, meaning: str) -> dict[str, Any]:
    body = {"requestBody": {"$ref": f"#/components/requestBodies/{method}"}}
    answered = {"200": {"$ref": f"#/components/responses/{method}"}, **_REFUSED}
    return {**_operation(f"{method}_{place}", f"Ask {meaning}", answered), **body}


def _operation(name: str, summary: str, responses: Mapping[str, Any]) -> dict[str, Any]:
    return {"operationId": name, "summary": summary, "responses": dict(responses)}


def _request(signatures: Sequence[AskedSignature]) -> dict[str, Any]:
    examples = {
        each.name: {"summary": _SUMMARY, **({"value": each.request} if each.is_short else {"externalValue": each.file})}
        for each in signatures
    }
    schema = either([ref(f"{each.name}.request") for each in signatures])
    return {**_json("The question", {"schema": schema, "examples": examples}), "required": True}


def _answer(signatures: Sequence[AskedSignature]) -> dict[str, Any]:
    examples = {each.name: {"summary": _SUMMARY, "value": each.answer} for each in signatures if each.is_short}
    schema = either([ref(f"{each.name}.answer") for each in signatures])
    return _json("The answer", {"schema": schema, "examples": examples})


def _json(description: str, content: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": dict(content)}}


_SUMMARY = "Rows that the export was checked with"
_REFUSALS = {
    "BadRequest": _json("The body does not fit the signature.", {"schema": ref("Error")}),
    "NotFound": _json("No such model, version or label is served.", {"schema": ref("Error")}),
}
_REFUSED = {
    "400": {"$ref": "#/components/responses/BadRequest"},
    "404": {"$ref": "#/components/responses/NotFound"},
}

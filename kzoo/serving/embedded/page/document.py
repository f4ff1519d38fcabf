"""The page as HTML that needs no other file, made from what stands in an export.

The script and the style are allowed by their digests and nothing else is; what the export says is data in a block of
JSON, which the script puts into the page as text.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import html
import importlib.resources
import json
import re
import urllib.parse
from collections.abc import Mapping
from string import Template
from typing import Any

import numpy as np

from kzoo.export.inference.rest_api import DEFAULT_SIGNATURE
from kzoo.export.inference.runner import Runner, Signature, Tensor
from kzoo.export.layout import CARD, GOLDEN
from kzoo.files import read_json
from kzoo.serving.embedded.inference_protocol import default_signature

MOST_COLUMNS = 64
"""Entries of a row that get a field each; longer rows without names are given as JSON."""
FACTS = {
    "family": "family",
    "data": "data",
    "training": "training",
    "origin": "origin of the data",
    "licence": "licence of the data",
    "parameters": "parameters",
    "exported": "exported",
}
_EXAMPLES = ("serving_default", "numeric")


@functools.cache
def _part(name: str) -> str:
    return (importlib.resources.files(__package__) / name).read_text(encoding="utf-8")


def _digest(name: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(_part(name).encode()).digest()).decode() + "'"


POLICY = (
    f"default-src 'none'; script-src {_digest('page.js')}; style-src {_digest('page.css')}; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy that the page is to be sent with."""


def page(runner: Runner, name: str, server: str) -> str:
    """The page of a model.

    Args:
        runner: The version that it describes.
        name: Name that the model is served under.
        server: What the server says of itself.

    Raises:
        RequestError: The model has no signature.
    """
    # ASCII, and no end of the block in it, whatever the texts are.
    model = json.dumps({**described(runner, name), "server": server}).replace("<", "\\u003c")
    return Template(_part("page.html")).substitute(
        title=html.escape(name), style=_part("page.css"), script=_part("page.js"), model=model
    )


def described(runner: Runner, name: str) -> dict[str, Any]:
    """What the page shows, as JSON has it: the card, the form's inputs with an example, and where to ask.

    Args:
        runner: The version.
        name: Name that the model is served under.

    Raises:
        RequestError: It has no signature.
    """
    card = _read(runner, CARD, {})
    signature = default_signature(runner)
    examples, columns = _examples(runner, signature), _known(card, "feature_names", [])
    return {
        "name": name,
        "version": runner.directory.name,
        "description": str(card.get("description") or ""),
        "address": f"/v1/models/{urllib.parse.quote(name, safe='')}:predict",
        "signature": signature.name,
        # Without a batch there are no rows to ask by.
        "rows": all(tensor.shape for tensor in signature.inputs.values()),
        "inputs": [_input(each, examples.get(each.name), columns) for each in _in_order(signature, card)],
        "classes": [str(each) for each in _known(card, "class_names", [])],
        "results": _results(_known(card, "metrics", {})),
        "facts": [[shown, _fact(card[key])] for key, shown in FACTS.items() if card.get(key)],
        "signatures": [_signature(runner.signatures[each]) for each in sorted(runner.signatures, key=_default_first)],
    }


def _read(runner: Runner, path: Any, otherwise: Any) -> Any:
    """What a file of the export holds; another's export has none, or one of another form."""
    try:
        found = read_json(runner.directory / path)
    except (OSError, ValueError):
        return otherwise
    return found if isinstance(found, type(otherwise)) else otherwise


def _known(card: Mapping[str, Any], name: str, otherwise: Any) -> Any:
    found = card.get(name)
    return found if isinstance(found, type(otherwise)) else otherwise


def _examples(runner: Runner, signature: Signature) -> dict[str, Any]:
    """A row of every input, from the requests that the export was checked with."""
    for kept in _read(runner, GOLDEN, []):
        try:
            request = kept["request"]
            if request["signature_name"] in _EXAMPLES and set(request["inputs"]) == set(signature.inputs):
                return {name: _text(values[0]) for name, values in request["inputs"].items()}
        except (TypeError, KeyError, IndexError):
            continue
    return {}


def _text(value: Any) -> Any:
    """Text that stands as base64 in a request, as text."""
    if isinstance(value, list):
        return [_text(each) for each in value]
    if isinstance(value, dict):
        return base64.b64decode(value["b64"]).decode(errors="replace")
    return value


def _input(tensor: Tensor, example: Any, columns: list[Any]) -> dict[str, Any]:
    shape = list(tensor.shape or ())
    size = "any shape" if tensor.shape is None else str(["any" if each is None else each for each in shape])
    known = {"name": tensor.name, "dtype": tensor.dtype.name, "shape": shape, "example": example}
    known["size"] = size.replace("'", "")
    names = [str(each) for each in columns]
    if len(shape) == 4 and shape[-1] in (1, 3) and None not in shape[1:] and tensor.dtype.name != "string":
        return {**known, "kind": "image", "title": "Image", "white": _white(tensor, example)}
    if len(shape) == 2 and shape[1] is not None and shape[1] <= MOST_COLUMNS and len(names) != shape[1]:
        names = [str(number) for number in range(shape[1])] if shape[1] > 1 else [tensor.name]
    if len(shape) == 1:
        names = [tensor.name]
    if (len(shape) == 1 and tensor.shape) or (len(shape) == 2 and len(names) == shape[1]):
        return {**known, "kind": "columns", "title": "One row", "names": names}
    return {**known, "kind": "json", "title": "One row" if shape else "A request"}


def _white(tensor: Tensor, example: Any) -> float:
    """The value of a white pixel, guessed from an example: data come as 0 to 1, to 16 or to 255."""
    if not tensor.dtype.is_floating or example is None:
        return 255
    largest = float(np.max(example))
    return next(white for white in (1, 16, 255, largest) if largest <= white)


def _in_order(signature: Signature, card: Mapping[str, Any]) -> list[Tensor]:
    """The inputs as the card lists them, which is the model's order; a graph has none."""
    listed = _known(_known(_known(card, "signatures", {}), signature.name, {}), "inputs", [])
    places = {text: number for number, text in enumerate(map(str, listed))}
    return sorted(signature.inputs.values(), key=lambda tensor: places.get(_shown(tensor), len(places)))


def _default_first(name: str) -> tuple[bool, str]:
    return name != DEFAULT_SIGNATURE, name


def _fact(value: Any) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    # A time to the minute, which the card has as ISO 8601.
    return re.sub(r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d):\d\d\+00:00$", r"\1 \2 UTC", str(value))


def _results(metrics: Mapping[str, Any]) -> list[list[Any]]:
    """A table: names of the metrics, then a row for every split."""
    splits = {split: values for split, values in metrics.items() if isinstance(values, dict)}
    names = list(dict.fromkeys(name for values in splits.values() for name in values))
    if not names:
        return []
    return [["", *names], *([split, *(values.get(name, "") for name in names)] for split, values in splits.items())]


def _signature(signature: Signature) -> list[Any]:
    parts = (signature.inputs, signature.outputs)
    return [signature.name, *([_shown(each) for each in part.values()] for part in parts)]


def _shown(tensor: Tensor) -> str:
    if tensor.shape is None:
        return f"{tensor.name}: {tensor.dtype.name} any shape"
    sizes = ", ".join("any" if size is None else str(size) for size in tensor.shape)
    return f"{tensor.name}: {tensor.dtype.name} [{sizes}]"

"""How an export is asked: its signatures, each with a request that can be sent as it is and the answer to it."""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kzoo.export.inference.prediction import answer_request
from kzoo.export.inference.runner import Runner, Tensor
from kzoo.export.layout import OPENAPI, REQUEST, REQUESTS
from kzoo.export.saved_model import CLASSIFY, NUMERIC, REGRESS, SERVING
from kzoo.export.versions import list_versions
from kzoo.files import write_text

ROWS = 2
LARGEST = 20_000
"""Characters of a request that is shown where others are told; a larger one is in its own file only."""

_ORDER = (SERVING, NUMERIC, CLASSIFY, REGRESS)


@dataclasses.dataclass(frozen=True)
class AskedTensor:
    """An input or output of a signature.

    Attributes:
        name: Its name.
        dtype: Its dtype, such as "float32".
        shape: Its dimensions, None where free, the batch first; or None where not even their number is known.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...] | None

    def __str__(self) -> str:
        """As "name: dtype [any, 4]"."""
        shape = "any shape" if self.shape is None else f"[{', '.join(str(size or 'any') for size in self.shape)}]"
        return f"{self.name}: {self.dtype} {shape}"


@dataclasses.dataclass(frozen=True)
class AskedSignature:
    """A signature, and an example of how it is asked.

    Attributes:
        name: Its name.
        method: The last part of the address that it is asked at: "predict", "classify" or "regress".
        inputs: Its inputs, in the order of the model's.
        outputs: Its outputs, in the order of the model's.
        request: Body of a request of real rows.
        answer: Body of the answer to it.
    """

    name: str
    method: str
    inputs: tuple[AskedTensor, ...]
    outputs: tuple[AskedTensor, ...]
    request: Mapping[str, Any]
    answer: Mapping[str, Any]

    @property
    def body(self) -> str:
        """The request as it is sent."""
        return json.dumps(self.request, ensure_ascii=False)

    @property
    def is_short(self) -> bool:
        """Whether the request can be shown: it is not long, and plain JSON (a server reads NaN, others do not)."""
        try:
            return len(json.dumps([self.request, self.answer], allow_nan=False)) <= LARGEST
        except ValueError:
            return False

    @property
    def file(self) -> str:
        """Where the request stands, seen from the description of the export."""
        return f"{REQUESTS.name}/{self.name}.json"

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> AskedSignature:
        """What `dataclasses.asdict` made of one, possibly through JSON."""
        tensors = {
            part: tuple(AskedTensor(each["name"], each["dtype"], _shape(each["shape"])) for each in values[part])
            for part in ("inputs", "outputs")
        }
        return cls(**{**values, **tensors})


def asked_signatures(
    runner: Runner, inputs: Mapping[str, np.ndarray], outputs: Iterable[str], feature_names: tuple[str, ...]
) -> list[AskedSignature]:
    """The signatures of an export, asked with its first rows.

    Args:
        runner: The export.
        inputs: Real rows by input name, in the order of the model's inputs.
        outputs: Names of the model's outputs, in their order.
        feature_names: Features of a tf.Example, or empty where there is one for every input.
    """
    order = [*inputs, *outputs]
    rows = {name: array[_shown_rows(inputs)] for name, array in inputs.items()}
    return [
        _asked(runner, name, rows, order, feature_names)
        for name in sorted(runner.signatures, key=lambda name: _ORDER.index(name) if name in _ORDER else len(_ORDER))
    ]


def write_requests(directory: Path, signatures: Iterable[AskedSignature]) -> None:
    """Write the requests of an export's signatures, one file each."""
    (directory / REQUESTS).mkdir(parents=True, exist_ok=True)
    for signature in signatures:
        (directory / REQUESTS / f"{signature.name}.json").write_text(signature.body, encoding="utf-8")


def show_newest(base: Path) -> None:
    """Copy how the newest version is asked to where people look: beside the versions.

    Args:
        base: Directory of the versions. The server takes none of the files for a version, since they are no numbers.
    """
    versions = list_versions(base)
    if not versions or not (base / str(versions[-1]) / OPENAPI).is_file():
        return
    newest = base / str(versions[-1])
    (base / REQUESTS.name).mkdir(exist_ok=True)
    requests = sorted((newest / REQUESTS).glob("*.json"))
    for old in (base / REQUESTS.name).glob("*.json"):
        if old.name not in {path.name for path in requests}:
            old.unlink(missing_ok=True)  # another export may do the same
    for path in (newest / OPENAPI, *requests):
        write_text(base / path.relative_to((newest / OPENAPI).parent), path.read_text(encoding="utf-8"))
    write_text(base / REQUEST, (newest / REQUESTS / f"{SERVING}.json").read_text(encoding="utf-8"))


def _asked(
    runner: Runner, name: str, rows: Mapping[str, np.ndarray], order: list[str], feature_names: tuple[str, ...]
) -> AskedSignature:
    signature = runner.signatures[name]
    if name in (CLASSIFY, REGRESS):
        method, request = name, {"signature_name": name, "examples": list(_examples(rows, feature_names))}
    else:
        method, request = "predict", {} if name == SERVING else {"signature_name": name}
        request["instances"] = list(_instances(rows))
    answer = answer_request(runner, request)
    return AskedSignature(
        name, method, _tensors(signature.inputs, order), _tensors(signature.outputs, order), request, answer
    )


def _tensors(tensors: Mapping[str, Tensor], order: list[str]) -> tuple[AskedTensor, ...]:
    place = {name: number for number, name in enumerate(order)}
    found = sorted(tensors.values(), key=lambda tensor: (place.get(tensor.name, len(place)), tensor.name))
    return tuple(AskedTensor(tensor.name, tensor.dtype.name, tensor.shape) for tensor in found)


def _shown_rows(inputs: Mapping[str, np.ndarray]) -> list[int]:
    """Numbers of the first rows; those without NaN or infinity, if there are such."""
    finite = [
        np.isfinite(array.reshape(len(array), -1)).all(axis=1) for array in inputs.values() if array.dtype.kind == "f"
    ]
    whole = np.flatnonzero(np.all(finite, axis=0)) if finite else np.array([], int)
    return list(whole[:ROWS]) if len(whole) else list(range(min(ROWS, len(next(iter(inputs.values()))))))


def _instances(rows: Mapping[str, np.ndarray]) -> Iterator[Any]:
    """Rows of a predict request: what the only input takes, or an object of what the inputs take."""
    columns = {name: plain(array) for name, array in rows.items()}
    if len(columns) == 1:
        yield from next(iter(columns.values()))
    else:
        yield from (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))


def _examples(rows: Mapping[str, np.ndarray], feature_names: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Rows of a classify or regress request: features by name, each one value or a flat list of them."""
    if feature_names:
        (array,) = rows.values()
        rows = {name: array[:, column] for column, name in enumerate(feature_names)}
    flat = {name: plain(array if array.ndim == 1 else array.reshape(len(array), -1)) for name, array in rows.items()}
    yield from (dict(zip(flat, row, strict=True)) for row in zip(*flat.values(), strict=True))


def plain(array: np.ndarray) -> list[Any]:
    """An array as lists for JSON: float32 as short as reads back as the same, what is no text as base64."""
    if array.dtype == object:
        flat: list[Any] = [_text(value) for value in array.reshape(-1)]
    elif array.dtype == np.float32:
        flat = [float(str(value)) for value in array.reshape(-1)]
    else:
        nested: list[Any] = array.tolist()
        return nested
    boxed = np.empty(len(flat), object)
    boxed[:] = flat
    nested = boxed.reshape(array.shape).tolist()
    return nested


def _text(value: bytes) -> Any:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"b64": base64.b64encode(value).decode()}


def _shape(sizes: Any) -> tuple[int | None, ...] | None:
    return None if sizes is None else tuple(sizes)

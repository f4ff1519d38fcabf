"""Bodies of predict requests as arrays.

References:
    tensorflow_serving/util/json_tensor.cc, FillPredictRequestFromJson.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from kzoo.export.errors import RequestError
from kzoo.export.inference.request_json import Body, Repeated
from kzoo.export.inference.request_values import FLOATS, INTEGERS, Filler, as_float, is_base64, listed, shown
from kzoo.export.inference.runner import Signature, Tensor


@dataclasses.dataclass(frozen=True)
class Batch:
    """A request as arrays.

    Attributes:
        inputs: An array for every input by name.
        rows: Whether it came as "instances", row by row, and the answer goes back so.
    """

    inputs: Mapping[str, np.ndarray]
    rows: bool


def parse_predict(body: Body, signature: Signature) -> Batch:
    """The arrays of a body.

    Args:
        body: The body, with "instances" (a list with one element per row) or "inputs" (whole arrays).
        signature: The signature that it asks.

    Returns:
        The arrays; their shapes need not be those of the signature.

    Raises:
        RequestError: The server would refuse it.
    """
    if not signature.inputs:
        raise RequestError(f"Signature {signature.name!r} has no inputs.")
    fields = body.fields
    if ("instances" in fields) == ("inputs" in fields):
        raise RequestError('A request body has either "instances" (row by row) or "inputs" (whole arrays).')
    if "inputs" in fields:
        return Batch(_whole(fields["inputs"], signature, body), rows=False)
    instances = fields["instances"]
    if not isinstance(instances, list) or not instances:
        raise RequestError(f'"instances" is {shown(instances)}; expected a list with at least one row.')
    return Batch(_uniform_rows(instances, signature, body) or _rows(instances, signature, body), rows=True)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict) and not is_base64(value)


def _uniform_rows(instances: list[Any], signature: Signature, body: Body) -> dict[str, np.ndarray] | None:
    """All rows at once where they are numbers without exception; else None."""
    names = signature.inputs.keys()
    columns: dict[str, list[Any]]
    if len(names) == 1 and isinstance(instances[0], list | int | float):
        columns = {next(iter(names)): instances}
    elif all(type(row) is dict and row.keys() == names for row in instances):
        columns = {name: [row[name] for row in instances] for name in names}
    else:
        return None
    arrays = {}
    for name, values in columns.items():
        array = _uniform_array(values, signature.inputs[name].dtype, body)
        if array is None:
            return None
        arrays[name] = array
    return arrays


def _uniform_array(values: Any, dtype: tf.DType, body: Body) -> np.ndarray | None:
    """Nested lists as numpy reads them, if they hold nothing but numbers that the dtype takes; else None."""
    # numpy would take a truth value between numbers for a number.
    if body.booleans or not (dtype in FLOATS or dtype in INTEGERS):
        return None
    try:
        array = np.array(values)
    except (ValueError, OverflowError):  # ragged
        return None
    if array.dtype.kind not in "iuf":
        return None
    if dtype in FLOATS:
        return as_float(array, dtype)
    smallest, largest = INTEGERS[dtype]
    if array.dtype.kind == "f" or array.size and not (smallest <= int(array.min()) and int(array.max()) <= largest):
        return None
    return array.astype(dtype.as_numpy_dtype)


def _rows(instances: list[Any], signature: Signature, body: Body) -> dict[str, np.ndarray]:
    names = set(signature.inputs)
    if len(names) > 1 and not isinstance(instances[0], dict):
        raise RequestError(f'Row 0 of "instances" is {shown(instances[0])}; expected an object with {listed(names)}.')
    objects = _is_object(instances[0])
    fillers = {name: Filler(tensor, body) for name, tensor in signature.inputs.items()}
    for number, row in enumerate(instances):
        if _is_object(row) != objects:
            raise RequestError(f'Row {number} of "instances" is {shown(row)}; row 0 is of the other kind.')
        pairs = _pairs(row) if objects else [(next(iter(fillers)), row)]
        if {name for name, _ in pairs} != names:
            raise RequestError(
                f'Row {number} of "instances" has {listed(name for name, _ in pairs)}; expected {listed(names)}.'
            )
        for name, value in pairs:
            try:
                fillers[name].add_row(value)
            except RequestError as error:
                raise RequestError(f'Row {number} of "instances", input {name!r}: {error}.') from None
    arrays = {}
    for name, filler in fillers.items():
        assert filler.added is not None  # every row has every name
        arrays[name] = filler.array((len(instances), *filler.added[1]))
    return arrays


def _pairs(row: dict[str, Any]) -> list[tuple[str, Any]]:
    # The server takes names of rows as C strings.
    pairs = row.pairs if isinstance(row, Repeated) else row.items()
    return [(name.split("\0")[0], value) for name, value in pairs]


def _whole(inputs: Any, signature: Signature, body: Body) -> dict[str, np.ndarray]:
    if not _is_object(inputs):
        if len(signature.inputs) > 1:
            raise RequestError(f'"inputs" is {shown(inputs)}; expected an object with {listed(signature.inputs)}.')
        inputs = {next(iter(signature.inputs)): inputs}
    missing = signature.inputs.keys() - inputs.keys()
    if missing:
        raise RequestError(f'"inputs" lacks {listed(missing)}; it has {listed(inputs)}.')
    return {name: _whole_array(inputs[name], tensor, body) for name, tensor in signature.inputs.items()}


def _whole_array(value: Any, tensor: Tensor, body: Body) -> np.ndarray:
    array = _uniform_array(value, tensor.dtype, body)
    if array is not None:
        return array
    filler = Filler(tensor, body)
    try:
        return filler.array(filler.add(value))
    except RequestError as error:
        raise RequestError(f"Input {tensor.name!r}: {error}.", status=error.status) from None

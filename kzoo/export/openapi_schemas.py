"""JSON Schemas of what goes in and comes out of an export's signatures, as TensorFlow Serving's REST API has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kzoo.export.asking import AskedSignature, AskedTensor
from kzoo.export.inference.answers import CLASSES, LABEL, PROBABILITIES, SCORES
from kzoo.export.saved_model import SERVING

Schema = dict[str, Any]

NAMED_ENTRIES = 100
"""Entries of a row that are described one by one; of more, such as 1000 classes, the names stand in a list only."""

_RANGES = {f"{sign}int{bits}": (bits, sign == "") for sign in ("", "u") for bits in (8, 16, 32, 64)}


class BodySchemas:
    """Schemas of requests and answers.

    Args:
        feature_names: Names of the entries of the only input's rows, in their order, or empty.
        class_names: Names of the classes, in the order of the probabilities, or empty.
    """

    def __init__(self, feature_names: tuple[str, ...], class_names: tuple[str, ...]) -> None:
        self._features, self._classes = feature_names, class_names

    def of(self, signatures: Iterable[AskedSignature]) -> dict[str, Schema]:
        """Schemas by name: "<signature>.request", "<signature>.answer", and what they refer to."""
        schemas: dict[str, Schema] = {}
        if self._classes:
            schemas["ClassName"] = {
                "type": "string",
                "enum": list(dict.fromkeys(self._classes)),
                "description": "The classes, in the order of the probabilities.",
            }
        for signature in signatures:
            describe = self._predicting if signature.method == "predict" else self._by_examples
            schemas |= {f"{signature.name}.{part}": schema for part, schema in describe(signature).items()}
        return schemas

    def _predicting(self, signature: AskedSignature) -> dict[str, Schema]:
        """Bodies of predict, row by row ("instances") and by whole arrays ("inputs"), and of its answers."""
        row, columns = (self._together(signature.inputs, batch) for batch in (False, True))
        answered, outputs = (self._together(signature.outputs, batch) for batch in (False, True))
        properties = {"instances": {"type": "array", "minItems": 1, "items": row}, "inputs": columns}
        request = _asked_by_name(signature, properties, [] if signature.name == SERVING else ["signature_name"])
        request["oneOf"] = [{"required": ["instances"]}, {"required": ["inputs"]}]
        predictions = {"type": "array", "items": answered}
        answer = either([_object({"predictions": predictions}), _object({"outputs": outputs})])
        return {"request": request, "answer": answer}

    def _by_examples(self, signature: AskedSignature) -> dict[str, Schema]:
        """Bodies of classify and regress, whose rows are tf.Examples, and of their answers."""
        (first, *_) = signature.request["examples"]
        example = _object({name: _feature(value) for name, value in first.items()})
        properties = {"examples": {"type": "array", "minItems": 1, "items": example}}
        request = _asked_by_name(signature, properties, ["signature_name", "examples"])
        result: Schema = {"type": "number"}
        if signature.method == "classify":
            pair = {"type": "array", "prefixItems": [ref("ClassName"), result], "items": False, "minItems": 2}
            result = {"type": "array", "items": pair}
        return {"request": request, "answer": _object({"results": {"type": "array", "items": result}})}

    def _together(self, tensors: Sequence[AskedTensor], batch: bool) -> Schema:
        """The only tensor as it is, several as an object of them."""
        schemas = {tensor.name: self._tensor(tensor, batch) for tensor in tensors}
        return next(iter(schemas.values())) if len(schemas) == 1 else _object(schemas)

    def _tensor(self, tensor: AskedTensor, batch: bool) -> Schema:
        """Nested lists of a tensor's shape, without the batch unless it is asked for."""
        if tensor.shape is None:
            return {"description": f"{tensor.dtype} of any shape"}
        schema = self._scalar(tensor)
        names = self._entries(tensor)
        sizes = tensor.shape if batch else tensor.shape[1:]
        for size in reversed(sizes):
            if names and len(names) <= NAMED_ENTRIES:
                entries = [{**schema, "title": name} for name in names]
                schema = {"type": "array", "prefixItems": entries, "items": False, "minItems": len(names)}
            else:
                exactly = {} if size is None else {"minItems": size, "maxItems": size}
                order = {"description": f"In this order: {', '.join(names)}"} if names else {}
                schema = {"type": "array", "items": schema, **exactly, **order}
            names = ()
        return schema

    def _entries(self, tensor: AskedTensor) -> tuple[str, ...]:
        """Names of the entries of a tensor's rows, or empty."""
        names = self._classes if self._classes and tensor.name in (PROBABILITIES, SCORES) else self._features
        return names if tensor.shape is not None and tensor.shape[1:] == (len(names),) else ()

    def _scalar(self, tensor: AskedTensor) -> Schema:
        if tensor.dtype == "string":
            return ref("ClassName" if self._classes and tensor.name in (LABEL, CLASSES) else "Text")
        if tensor.dtype == "bool":
            return {"type": "boolean"}
        if tensor.dtype in _RANGES:
            bits, signed = _RANGES[tensor.dtype]
            low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
            return {"type": "integer", "minimum": low, "maximum": high}
        return {"type": "number"}


def either(schemas: list[Schema]) -> Schema:
    """What fits one of several schemas."""
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def ref(name: str) -> Schema:
    """The schema of a name."""
    return {"$ref": f"#/components/schemas/{name}"}


def _asked_by_name(signature: AskedSignature, properties: Schema, required: list[str]) -> Schema:
    named = {"signature_name": {"const": signature.name}, **properties}
    return {"type": "object", "properties": named, **({"required": required} if required else {})}


def _feature(value: Any) -> Schema:
    """A feature of a tf.Example: floats need a decimal point or an exponent, which JSON Schema cannot tell."""
    values = value if isinstance(value, list) else [value]
    kind = values[0] if values else 0.0
    if isinstance(kind, bool | int):
        one: Schema = {"type": ["integer", "boolean"] if isinstance(kind, bool) else "integer"}
    else:
        one = {"type": "number"} if isinstance(kind, float) else ref("Text")
    if not isinstance(value, list):
        return one
    return {"type": "array", "items": one, "minItems": len(value), "maxItems": len(value)}


def _object(properties: Mapping[str, Schema]) -> Schema:
    return {"type": "object", "properties": dict(properties), "required": list(properties)}


COMMON: dict[str, Schema] = {
    "Text": {
        "description": "Text, or bytes as base64.",
        "anyOf": [
            {"type": "string"},
            {
                "type": "object",
                "properties": {"b64": {"type": "string", "contentEncoding": "base64"}},
                "required": ["b64"],
                "additionalProperties": False,
            },
        ],
    },
    "Error": _object({"error": {"type": "string"}}),
    "metadata": _object({"model_spec": {"type": "object"}, "metadata": {"type": "object"}}),
    "status": _object({"model_version_status": {"type": "array", "items": {"type": "object"}}}),
}
"""What every description has."""

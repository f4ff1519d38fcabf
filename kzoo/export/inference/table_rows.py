"""Rows of a table, answered by an export: its columns as inputs, and its outputs as columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from kzoo.export.errors import ExportError, RequestError, reason
from kzoo.export.inference.runner import Runner, Signature
from kzoo.export.layout import CARD
from kzoo.files import read_json
from kzoo.tables.columns import Column

if TYPE_CHECKING:
    import pandas

SERVING = "serving_default"


class TableRunner:
    """An export that takes rows of columns.

    Args:
        runner: The export.

    Attributes:
        columns: What it needs of a row.
        tested: Metrics of its test rows by name, and how many these were; empty and 0 where the card does not say.

    Raises:
        ExportError: It takes something else, such as images.
    """

    def __init__(self, runner: Runner) -> None:
        self._runner, card = runner, _card(runner)
        if SERVING not in runner.signatures:
            raise ExportError(f"{runner.directory} has no signature {SERVING!r}; ask it with a request of JSON.")
        self._signature = runner.signatures[SERVING]
        self.tested: tuple[dict[str, float], int] = card["tested"]
        self._classes = card["class_names"]
        self._features = _features(self._signature, card["feature_names"])
        self.columns = tuple(
            Column(
                name, "category" if dtype == tf.string else "number", missing_words=card["missing_words"].get(name, ())
            )
            for name, dtype in self._features.items()
        )

    def answer(self, frame: pandas.DataFrame) -> pandas.DataFrame:
        """The answers to rows.

        Args:
            frame: The columns, as `kzoo.tables.reading.read_rows` gives them.

        Returns:
            A column for each output, or for each number of one, with the index of the rows.

        Raises:
            RequestError: A row has a value that the export cannot take.
        """
        import pandas

        inputs = {
            name: _tensor(frame[name].to_numpy(), name, dtype, frame.index) for name, dtype in self._features.items()
        }
        tensors = list(self._signature.inputs.values())
        if len(tensors) == 1 and len(tensors[0].shape or ()) == 2:
            inputs = {tensors[0].name: np.stack([inputs[name] for name in self._features], axis=1)}
        try:
            outputs = self._runner.run(SERVING, inputs)
        except tf.errors.OpError as error:
            raise RequestError(f"The rows cannot be answered: {reason(error)}") from error
        columns: dict[str, Any] = {}
        for name, values in sorted(outputs.items(), key=lambda item: item[1].ndim):
            columns |= self._named(name, values)
        return pandas.DataFrame(columns, index=frame.index)

    def _named(self, name: str, values: np.ndarray) -> dict[str, Any]:
        if values.dtype == object:
            values = np.array([each.decode("utf-8", "replace") for each in values.ravel()], dtype=object).reshape(
                values.shape
            )
        values = values.reshape(len(values), -1)
        if values.shape[1] == 1:
            return {name: values[:, 0]}
        names = self._classes if len(self._classes) == values.shape[1] else range(values.shape[1])
        return {f"{name}: {each}": column for each, column in zip(names, values.T, strict=True)}


def _card(runner: Runner) -> dict[str, Any]:
    """What the card says; nothing where there is none, since exports of others have none."""
    try:
        card = read_json(runner.directory / CARD)
    except (OSError, ValueError):
        card = {}
    card = card if isinstance(card, dict) else {}
    words, metrics, rows = (card.get(key) for key in ("missing_words", "metrics", "rows"))
    return {
        "tested": (_numbers(metrics, "test"), _count(rows, "test")),
        **{key: _texts(card.get(key)) for key in ("class_names", "feature_names")},
        "missing_words": {name: _texts(each) for name, each in words.items()} if isinstance(words, dict) else {},
    }


def _numbers(value: Any, part: str) -> dict[str, float]:
    found = value.get(part) if isinstance(value, dict) else None
    found = found if isinstance(found, dict) else {}
    return {str(name): float(each) for name, each in found.items() if isinstance(each, int | float)}


def _count(value: Any, part: str) -> int:
    count = value.get(part) if isinstance(value, dict) else None
    return count if isinstance(count, int) and count > 0 else 0


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()


def _features(signature: Signature, feature_names: Any) -> dict[str, tf.DType]:
    """Dtype of each column by its name."""
    tensors = list(signature.inputs.values())
    if all(tensor.shape is not None and len(tensor.shape) == 1 for tensor in tensors):
        return {tensor.name: tensor.dtype for tensor in tensors}
    if len(tensors) == 1 and tensors[0].shape is not None and tensors[0].shape[1:] == (len(feature_names),):
        return dict.fromkeys(feature_names, tensors[0].dtype)
    raise ExportError("The export takes no rows of named columns; ask it with a request of JSON, as in request.json.")


def _tensor(values: Any, name: str, dtype: tf.DType, index: Any) -> np.ndarray:
    if dtype == tf.string:
        return np.array(["" if value is None else value for value in values], dtype=object)
    numbers = np.asarray(values, dtype=np.float64)
    if not dtype.is_floating:
        bad = np.flatnonzero(~(numbers == np.round(numbers)))
        if len(bad):
            raise RequestError(f"Row {index[bad[0]] + 1}, column {name!r}: {numbers[bad[0]]:g} is no whole number.")
    with np.errstate(over="ignore"):
        return numbers.astype(dtype.as_numpy_dtype)

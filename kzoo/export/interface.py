"""What a model takes and answers, flat and by name, as signatures need it."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import keyword
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from kzoo.export.errors import ExportError
from kzoo.export.example_arrays import array_of, fitted, is_array
from kzoo.export.json_dtypes import json_dtype, json_dtypes_text
from kzoo.lazy import keras
from kzoo.task import Task

SINGLE_INPUT = "inputs"
SINGLE_OUTPUT = "outputs"
BatchArrays = dict[str, np.ndarray]
# TensorFlow makes capitals in names of arguments small.
_ARGUMENT = re.compile(r"[a-z][a-z0-9_]*")


@dataclasses.dataclass(frozen=True)
class Interface:
    """What a model takes and answers.

    Attributes:
        inputs: Shape and dtype of every input by name, the batch dimension free.
        structure: Names of the inputs in the structure that the model is called with: one, a list or a dict.
        class_names: One name per class, in the order of the probabilities; empty unless the model classifies.
        multi_label: Whether each of these is a label that is given or not, rather than one of all.
        feature_names: Names of the entries of a single input's rows, or empty.
        absent: By input name, what stands for it in a tf.Example that does not have it; the others must be there.
    """

    inputs: Mapping[str, tf.TensorSpec]
    structure: Any
    class_names: tuple[str, ...] = ()
    feature_names: tuple[str, ...] = ()
    absent: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    multi_label: bool = False

    @functools.cached_property
    def arguments(self) -> dict[str, str]:
        """For each input, a name that a Python function's argument and a graph's node can have: its own if it can."""
        own = {name for name in self.inputs if _is_argument(name)}
        others = (made for number in range(2 * len(self.inputs)) if (made := f"input_{number}") not in own)
        return {name: name if name in own else next(others) for name in self.inputs}

    def pack(self, values: Mapping[str, Any]) -> Any:
        """Values by input name in the structure that the model is called with."""
        return tf.nest.map_structure(lambda name: values[name], self.structure)

    def call(self, model: keras.Model, values: Mapping[str, Any]) -> dict[str, tf.Tensor]:
        """The model's own outputs in inference mode, by name.

        Args:
            model: The model.
            values: Tensors or arrays by input name.

        Returns:
            Tensors by output name: a single output is called "outputs", several without names of their own "outputs_0",
            "outputs_1" and so on.

        Raises:
            ExportError: The outputs are nested.
        """
        answer = model(self.pack(values), training=False)
        if isinstance(answer, Mapping):
            # Sorted, as TensorFlow has them wherever it makes a list of a dict.
            return _tensors({str(name): answer[name] for name in sorted(answer)})
        if not isinstance(answer, list | tuple):
            return _tensors({SINGLE_OUTPUT: answer})
        names = list(getattr(model, "output_names", ()))
        if len(set(names)) != len(answer):  # none, or one layer that is called twice
            names = [f"{SINGLE_OUTPUT}_{number}" for number in range(len(answer))]
        return _tensors(dict(zip(names, answer, strict=True)))


def interface_of(
    model: keras.Model, examples: Any, *, task: Task | None = None, class_names: Sequence[str] | None = None
) -> tuple[Interface, BatchArrays]:
    """What a model takes and answers, and examples as it takes them.

    Args:
        model: The model; one that does not declare its inputs goes by the examples.
        examples: Raw rows in the structure that the model is called with: an array, a list or a dict of arrays. A
            DataFrame stands for one array, or by its columns for several inputs.
        task: The task, or None.
        class_names: Names of the classes where there is no task, or None.

    Returns:
        The interface, and the examples as arrays by input name, of equally many rows.

    Raises:
        ExportError: The examples do not fit the model, or the classes are given twice.
    """
    if task is not None and class_names is not None:
        raise ExportError("Both task and class_names are given; the task has the class names, so give one of them.")
    declared = _declared_inputs(model)
    structure, values = _undeclared(examples) if declared is None else _matched(declared, examples)
    for name in values:
        _check_text(name, "The name of an input", no_zeros=True)
    arrays = {name: array_of(value, name) for name, value in values.items()}
    if not arrays or any(not len(array) for array in arrays.values()):
        raise ExportError("examples has no rows; give a few rows of raw inputs, such as data.x_train[:64].")
    tensors = {} if declared is None else dict(zip(tf.nest.flatten(structure), tf.nest.flatten(declared), strict=True))
    specs = {name: _spec(name, array, tensors.get(name)) for name, array in arrays.items()}
    arrays = {name: fitted(array, name, specs[name]) for name, array in arrays.items()}
    if len({len(array) for array in arrays.values()}) > 1:
        rows = {name: len(array) for name, array in arrays.items()}
        raise ExportError(f"The examples differ in their number of rows: {rows}; give as many for every input.")
    names = tuple(task.class_names if task else class_names or ())
    columns = task.table.columns if task is not None and task.table is not None else ()
    absent = {column.name: "" if column.is_text else float("nan") for column in columns}
    for name in names:
        _check_text(name, "The name of a class")
    multi_label = task is not None and task.kind == "multi-label"
    return Interface(specs, structure, names, _feature_names(task, specs), absent, multi_label), arrays


@contextlib.contextmanager
def declared_batch_said(model: keras.Model) -> Iterator[None]:
    """Within, an `ExportError` says as well that the model declares the size of its batches, where it does.

    It may be the reason: most models that declare one take any, and some do not, such as those of a stateful layer.
    """
    try:
        yield
    except ExportError as error:
        declared = [tensor.shape[0] for tensor in getattr(model, "inputs", None) or () if tensor.shape]
        sizes = [size for size in declared if size is not None]
        if not sizes:
            raise
        raise type(error)(
            f"{error} The model declares batches of {sizes[0]} rows, but a server answers batches of any size; build "
            "it with keras.Input(shape), without batch_shape, batch_size and stateful layers."
        ) from error


def _check_text(name: Any, what: str, *, no_zeros: bool = False) -> None:
    """Refuse what cannot be a name in a request or an answer.

    Args:
        name: The name.
        what: What it is the name of.
        no_zeros: Whether it ends for the server at a zero byte, as keys of JSON objects do.

    Raises:
        ExportError: It is no text that has a form in UTF-8.
    """
    if not isinstance(name, str):
        raise ExportError(f"{what} is {name!r}, a {type(name).__name__}; expected text.")
    if (no_zeros and "\0" in name) or any("\ud800" <= letter <= "\udfff" for letter in name):
        raise ExportError(f"{what} is {name!r}, which has a character that no request can hold; give it another.")


def _is_argument(name: str) -> bool:
    return bool(_ARGUMENT.fullmatch(name)) and not keyword.iskeyword(name) and name != "self"


def _tensors(outputs: dict[str, Any]) -> dict[str, tf.Tensor]:
    for name, value in outputs.items():
        _check_text(name, "The name of an output", no_zeros=True)
        if isinstance(value, Mapping | list | tuple) or not hasattr(value, "dtype"):
            raise ExportError(
                f"The output {name!r} is a {type(value).__name__}; the outputs of an export must be flat: one tensor, "
                "or a list or dict of tensors."
            )
        if not isinstance(value, tf.Tensor | np.ndarray):
            raise ExportError(f"The output {name!r} is a {type(value).__name__}; a server answers with dense tensors.")
        if json_dtype(tf.as_dtype(value.dtype)) is None:
            raise ExportError(
                f"The output {name!r} is {tf.as_dtype(value.dtype).name}, which the server cannot write as JSON; cast "
                f"it to one of {json_dtypes_text()}."
            )
    return outputs


def _declared_inputs(model: keras.Model) -> Any:
    """The inputs of a functional or built sequential model in their structure; None where it declares none."""
    if not getattr(model, "inputs", None):
        return None
    # What a sequential model takes is one tensor, though it says so only in a list.
    declared = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
    if isinstance(declared, Mapping | list | tuple):
        parts = declared.values() if isinstance(declared, Mapping) else declared
        if any(isinstance(part, Mapping | list | tuple) for part in parts):
            raise ExportError(
                "The inputs of the model are nested; the inputs of an export must be flat: one, or a list or dict of "
                "them. Wrap the model in one that has such inputs."
            )
    return declared


def _matched(declared: Any, examples: Any) -> tuple[Any, dict[str, Any]]:
    """The structure of a model's inputs by name, and the examples for each of them."""
    if isinstance(declared, Mapping):
        structure: Any = {key: str(key) for key in declared}
    elif not isinstance(declared, list | tuple):
        structure = SINGLE_INPUT
    else:
        structure = [SINGLE_INPUT] if len(declared) == 1 else [tensor.name for tensor in declared]
    names = tf.nest.flatten(structure)
    if len(set(names)) < len(names):
        raise ExportError(f"The inputs are called {names}; give them different names.")
    if isinstance(examples, Mapping) and len(examples) == 1 and structure in (SINGLE_INPUT, [SINGLE_INPUT]):
        # A single input goes by the name that the examples give it.
        ((name, value),) = examples.items()
        return tf.nest.map_structure(lambda _: str(name), structure), {str(name): value}
    return structure, dict(zip(names, _parts(names, declared, examples), strict=True))


def _parts(names: list[str], declared: Any, examples: Any) -> list[Any]:
    """The examples for each of a model's inputs, in their order."""
    columns = getattr(examples, "columns", None)
    if isinstance(examples, Mapping) or (columns is not None and len(names) > 1):
        keys = [str(key) for key in (examples if columns is None else columns)]
        if set(keys) != set(names):
            called = "a dict with the keys" if isinstance(declared, Mapping) else "inputs called"
            raise ExportError(f"examples has {sorted(keys)}, but the model takes {called} {sorted(names)}; use these.")
        given = dict(zip(keys, (examples[key] for key in (examples if columns is None else columns)), strict=True))
        return [given[name] for name in names]
    if len(names) == 1:
        alone = isinstance(examples, list | tuple) and len(examples) == 1 and _fits(examples[0], declared)
        return [examples[0] if alone else examples]
    if isinstance(declared, Mapping) and list(declared) != sorted(declared):
        raise ExportError(f"The model takes a dict with the keys {sorted(names)}; give examples as such a dict.")
    if not isinstance(examples, list | tuple) or len(examples) != len(names):
        found = f"{len(examples)} arrays" if isinstance(examples, list | tuple) else f"a {type(examples).__name__}"
        raise ExportError(
            f"The model has {len(names)} inputs, {sorted(names)}, but examples is {found}; give a list or dict of "
            f"{len(names)} arrays."
        )
    return list(examples)


def _fits(value: Any, declared: Any) -> bool:
    """Whether a value alone is the examples of a model's one input, and not the first of its rows."""
    (tensor,) = tf.nest.flatten(declared)
    return is_array(value) and len(np.shape(value)) == len(tensor.shape)


def _undeclared(examples: Any) -> tuple[Any, dict[str, Any]]:
    """Structure and examples of a model that does not declare its inputs."""
    if isinstance(examples, Mapping):
        if any(isinstance(value, Mapping) for value in examples.values()):
            raise ExportError("examples is nested; the inputs of an export must be flat: one, or a list or dict.")
        return {key: str(key) for key in examples}, {str(key): value for key, value in examples.items()}
    if isinstance(examples, list | tuple) and any(isinstance(value, Mapping) for value in examples):
        raise ExportError("examples is nested; the inputs of an export must be flat: one, or a list or dict.")
    if isinstance(examples, list | tuple) and examples and all(is_array(value) for value in examples):
        names = [f"input_{number}" for number in range(len(examples))]
        return (tuple(names) if isinstance(examples, tuple) else names), dict(zip(names, examples, strict=True))
    return SINGLE_INPUT, {SINGLE_INPUT: examples}


def _spec(name: str, array: np.ndarray, tensor: Any) -> tf.TensorSpec:
    if tensor is None:
        dtype = tf.string if array.dtype.kind in "OUS" else tf.as_dtype(array.dtype)
        return tf.TensorSpec([None, *array.shape[1:]], _wire(name, tf.float32 if dtype == tf.float64 else dtype))
    if not tensor.shape:
        raise ExportError(f"Input {name!r} has no batch dimension; a server answers batches of rows.")
    # A sequential model without keras.Input declares the batch size of its first batch, and takes any.
    return tf.TensorSpec([None, *tensor.shape[1:]], _wire(name, tf.as_dtype(tensor.dtype)))


def _wire(name: str, dtype: tf.DType) -> tf.DType:
    """What an input travels as; a model casts what it takes."""
    wire = json_dtype(dtype)
    if wire is None:
        raise ExportError(
            f"Input {name!r} is {dtype.name}, which the server cannot read from JSON; let the model take one of "
            f"{json_dtypes_text()}, and cast it."
        )
    return wire


def _feature_names(task: Task | None, specs: Mapping[str, tf.TensorSpec]) -> tuple[str, ...]:
    """The task's column names, where they can name the features of a tf.Example."""
    if task is None or len(specs) > 1:
        return ()
    names = task.feature_names
    shape = next(iter(specs.values())).shape
    return names if len(set(names)) == len(names) and shape[1:] == (len(names),) else ()

"""What a model takes and answers, flat and by name, as signatures need it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from kzoo.export.errors import ExportError
from kzoo.task import Task

if TYPE_CHECKING:
    import keras

SINGLE_INPUT = "inputs"
SINGLE_OUTPUT = "outputs"
BatchArrays = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Interface:
    """What a model takes and answers.

    Attributes:
        inputs: Shape and dtype of every input by name, the batch dimension free.
        structure: Names of the inputs in the structure that the model is called with: one, a list or a dict.
        class_names: One name per class, in the order of the probabilities; empty unless the model classifies.
        feature_names: Names of the entries of a single input's rows, or empty.
    """

    inputs: Mapping[str, tf.TensorSpec]
    structure: Any
    class_names: tuple[str, ...] = ()
    feature_names: tuple[str, ...] = ()

    def pack(self, values: Mapping[str, Any]) -> Any:
        """Values by input name in the structure that the model is called with."""
        return tf.nest.map_structure(lambda name: values[name], self.structure)

    def arrays(self, examples: Any) -> BatchArrays:
        """Examples as arrays by input name, in the dtypes of the inputs.

        Args:
            examples: Rows in the structure that the model is called with.

        Returns:
            Arrays of equally many rows.

        Raises:
            ExportError: They do not fit the inputs.
        """
        names, values = tf.nest.flatten(self.structure), tf.nest.flatten(examples)
        arrays = {name: _cast(value, name, self.inputs[name]) for name, value in zip(names, values, strict=True)}
        if len({len(array) for array in arrays.values()}) > 1:
            rows = {name: len(array) for name, array in arrays.items()}
            raise ExportError(f"The examples differ in their number of rows: {rows}; give as many for every input.")
        return arrays

    def call(self, model: keras.Model, values: Mapping[str, Any]) -> dict[str, tf.Tensor]:
        """The model's own outputs in inference mode, by name.

        Args:
            model: The model.
            values: Tensors or arrays by input name.

        Returns:
            Tensors by output name; a single output is called "outputs".

        Raises:
            ExportError: Two outputs have one name.
        """
        answer = model(self.pack(values), training=False)
        if isinstance(answer, Mapping):
            return dict(answer)
        if not isinstance(answer, list | tuple):
            return {SINGLE_OUTPUT: answer}
        names = list(getattr(model, "output_names", ())) or [f"{SINGLE_OUTPUT}_{i}" for i in range(len(answer))]
        if len(set(names)) != len(answer):
            raise ExportError(f"The outputs are called {names}; give the {len(answer)} of them different names.")
        return dict(zip(names, answer, strict=True))


def interface_of(
    model: keras.Model, examples: Any, *, task: Task | None, class_names: Sequence[str] | None
) -> Interface:
    """What a model takes and answers.

    Args:
        model: The model; one that has not been built yet goes by the examples.
        examples: Raw rows in the structure that the model is called with: an array, a list or a dict of arrays.
        task: The task, or None.
        class_names: Names of the classes where there is no task, or None.

    Returns:
        The interface.

    Raises:
        ExportError: The examples do not fit the model, its batch dimension is fixed, or the classes are given twice.
    """
    if task is not None and class_names is not None:
        raise ExportError("Both task and class_names are given; the task has the class names, so give one of them.")
    if not tf.nest.flatten(examples) or any(np.shape(value)[:1] in ((), (0,)) for value in tf.nest.flatten(examples)):
        raise ExportError("examples has no rows; give a few rows of raw inputs, such as data.x_train[:64].")
    symbolic = _symbolic_inputs(model)
    structure = _structure(examples, symbolic)
    names, values = tf.nest.flatten(structure), tf.nest.flatten(examples)
    if symbolic and len(symbolic) != len(values):
        raise ExportError(f"The model has {len(symbolic)} inputs, but examples has {len(values)} arrays.")
    specs = {name: _spec(name, value, symbolic) for name, value in zip(names, values, strict=True)}
    return Interface(
        inputs=specs,
        structure=structure,
        class_names=tuple(task.class_names if task else class_names or ()),
        feature_names=_feature_names(task, specs),
    )


def _symbolic_inputs(model: keras.Model) -> dict[str, Any]:
    """The inputs that a functional or built sequential model declares; a subclassed model declares none."""
    inputs = getattr(model, "inputs", None) or []
    if len(inputs) == 1:
        return {SINGLE_INPUT: inputs[0]}
    return {tensor.name: tensor for tensor in inputs}


def _structure(examples: Any, symbolic: Mapping[str, Any]) -> Any:
    if isinstance(examples, Mapping):
        return {name: name for name in sorted(examples)}
    if isinstance(examples, list | tuple) and all(isinstance(value, np.ndarray) for value in examples):
        names = list(symbolic) if len(symbolic) == len(examples) else [f"input_{i}" for i in range(len(examples))]
        return names
    return SINGLE_INPUT


def _spec(name: str, value: Any, symbolic: Mapping[str, Any]) -> tf.TensorSpec:
    array = np.asarray(value)
    if not symbolic:
        dtype = tf.float32 if array.dtype == np.float64 else _dtype(array)
        return tf.TensorSpec([None, *array.shape[1:]], dtype, name=name)
    # A dict of examples may use names of its own for a single input.
    tensor = next(iter(symbolic.values())) if len(symbolic) == 1 else symbolic.get(name)
    if tensor is None:
        raise ExportError(f"examples has {name!r}, but the model's inputs are {sorted(symbolic)}.")
    if tensor.shape[0] is not None:
        raise ExportError(
            f"Input {name!r} has a fixed batch dimension of {tensor.shape[0]}, but a server answers batches of any "
            "size; build the model with keras.Input(shape) instead of batch_shape or batch_size."
        )
    return tf.TensorSpec(tensor.shape, tensor.dtype, name=name)


def _dtype(array: np.ndarray) -> tf.DType:
    return tf.string if array.dtype.kind in "OUS" else tf.as_dtype(array.dtype)


def _cast(value: Any, name: str, spec: tf.TensorSpec) -> np.ndarray:
    array = np.asarray(value)
    if spec.dtype == tf.string:
        return np.asarray(tf.constant(array.tolist() if array.dtype == object else array).numpy(), object)
    wanted = spec.dtype.as_numpy_dtype
    if not np.can_cast(array.dtype, wanted, "same_kind"):
        raise ExportError(f"The examples of {name!r} are {array.dtype}, but the model takes {spec.dtype.name}.")
    if not spec.shape.is_compatible_with(array.shape):
        raise ExportError(f"The examples of {name!r} have shape {array.shape}; the model takes {tuple(spec.shape)}.")
    return array.astype(wanted)


def _feature_names(task: Task | None, specs: Mapping[str, tf.TensorSpec]) -> tuple[str, ...]:
    """The task's column names, where they can name the features of a tf.Example."""
    if task is None or len(specs) > 1:
        return ()
    names = task.feature_names
    shape = next(iter(specs.values())).shape
    return names if len(set(names)) == len(names) and shape[1:] == (len(names),) else ()

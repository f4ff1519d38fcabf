"""Every layer of Keras: by itself, with every argument that can be another one, and in several places of a model."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
from keras_catalog import classes, functions, others, parameters, required
from small_models import CLASSES, INPUTS, TARGETS, descent, quiet, split
from subjects import Subject
from trial_outcomes import Group

layers = keras.layers

NEEDED = {
    "units": 4,
    "filters": 3,
    "kernel_size": 2,
    "rate": 0.4,
    "stddev": 0.3,
    "size": 2,
    "output_size": 2,
    "num_heads": 2,
    "key_dim": 3,
    "head_dim": 3,
    "num_query_heads": 4,
    "num_key_value_heads": 2,
    "input_dim": 8,
    "output_dim": 3,
    "axes": -1,
    "n": 2,
    "dims": (1,),
    "height": 6,
    "width": 6,
    "num_tokens": 8,
    "num_bins": 5,
    "max_number": 4,
    "value_range": (0, 1),
    "factor": 0.4,
    "height_factor": 0.3,
    "width_factor": 0.3,
    "pool_size": 2,
    "scale": 0.5,
    "function": keras.ops.sin,
    "activation": "tanh",
    "output_shape": 4,
}
"""Arguments without a default, by name."""

CHOICES = {
    "*activation": ("relu", "softmax"),
    "*padding": ("same", "causal", ((1, 0),)),
    "*data_format": ("channels_first",),
    "*interpolation": ("nearest",),
    "*fill_mode": ("constant", "wrap"),
    "*_initializer": ("ones",),
    "*_regularizer": ("l2",),
    "*_constraint": ("non_neg",),
    "*_mode": ("int", "count", "min", "concat"),
    "mode": ("horizontal", "sum", "ave"),
    "*axis": (1,),
    "*value_range": ((0, 1),),
    "max_value": 0.5,
    "mean": 0.2,
    "variance": 2.0,
    "noise_shape": ((1, 6),),
    "scale": 0.5,
    "offset": 0.1,
    "pool_size": 3,
    "strides": 2,
    "dilation_rate": 2,
    "depth_multiplier": 2,
    "groups": 3,
    "seed": 3,
    "*vocabulary": (["a b", "b"],),
    "bias_axes": ("b",),
    "shared_axes": ([1],),
    "lora_rank": 2,
    "value_dim": 2,
    "rms_scaling": True,
}
"""Other values of arguments whose default does not tell, by name or by how it ends."""

OF_ANY_LAYER = {
    "trainable": False,
    "dtype": ("float64", "mixed_bfloat16"),
    "activity_regularizer": "l2",
    "name": "own_name",
}
"""Arguments that every layer takes."""

SPECIAL: dict[str, Callable[..., Any]] = {
    "Bidirectional": lambda **more: layers.Bidirectional(layers.LSTM(3, return_sequences=True), **more),
    "TimeDistributed": lambda **more: layers.TimeDistributed(layers.Dense(3, activation="relu"), **more),
    "SpectralNormalization": lambda **more: layers.SpectralNormalization(layers.Dense(4), **more),
    "RNN": lambda **more: layers.RNN(layers.LSTMCell(3), **more),
    "StackedRNNCells": lambda **more: layers.RNN(
        layers.StackedRNNCells([layers.GRUCell(3), layers.LSTMCell(2)], **more)
    ),
    "Pipeline": lambda **more: layers.Pipeline([layers.Rescaling(2.0), layers.Rescaling(1.0, 0.5)], **more),
    "EinsumDense": lambda **more: layers.EinsumDense("ab,bc->ac", 4, **more),
    "CategoryEncoding": lambda **more: layers.CategoryEncoding(**{"num_tokens": 8, **more}),
    "RandomPosterization": lambda **more: layers.RandomPosterization(**{"factor": 4, **more}),
    "Reshape": lambda **more: layers.Reshape((2, -1), **more),
    "Discretization": lambda **more: layers.Discretization(**{"bin_boundaries": [-0.5, 0.0, 0.4], **more}),
    "IntegerLookup": lambda **more: layers.IntegerLookup(**{"vocabulary": [1, 2, 5], **more}),
    "StringLookup": lambda **more: layers.StringLookup(**{"vocabulary": ["a b", "b", "d d"], **more}),
    "TextVectorization": lambda **more: layers.TextVectorization(
        **{"vocabulary": ["a", "b", "c"], "output_sequence_length": 3, **more}
    ),
    "MelSpectrogram": lambda **more: layers.MelSpectrogram(
        **{"fft_length": 16, "sequence_stride": 8, "num_mel_bins": 4, "sampling_rate": 100, **more}
    ),
    "STFTSpectrogram": lambda **more: layers.STFTSpectrogram(
        **{"frame_length": 4, "frame_step": 2, "fft_length": 8, **more}
    ),
} | {
    name: functools.partial(lambda name, **more: layers.RNN(getattr(layers, name)(3, **more)), name)
    for name in ("LSTMCell", "GRUCell", "SimpleRNNCell")
}
"""Layers that cannot be made of values by argument name: of other layers, or of values that must fit each other."""


def _second(x: Any) -> Any:
    """Another tensor of the same kind."""
    is_float = keras.backend.standardize_dtype(x.dtype).startswith("float")
    return layers.Rescaling(-0.5, 0.3)(x) if is_float else keras.ops.flip(x, 1)


FORMS: dict[str, Callable[[Any, Any], Any]] = {
    "one": lambda layer, x: layer(x),
    "two in a list": lambda layer, x: layer([x, _second(x)]),
    "two": lambda layer, x: layer(x, _second(x)),
    "three": lambda layer, x: layer(x, _second(x), x),
}
"""How a layer is called with what comes before it."""


@dataclasses.dataclass(frozen=True)
class Way:
    """One way to use a layer.

    Attributes:
        kind: Of `small_models.INPUTS`.
        form: Of `FORMS`.
        shape: Of its output, but for the rows.
    """

    kind: str
    form: str
    shape: tuple[int, ...]

    @property
    def is_float(self) -> bool:
        """Whether something that is trained may stand before it."""
        return INPUTS[self.kind].dtype.kind == "f"


def maker(name: str) -> Callable[..., Any]:
    """What makes a layer; keyword arguments are given on."""
    made = SPECIAL.get(name) or getattr(layers, name)
    return functools.partial(made, **required(made, NEEDED))


OF_IDS = frozenset(("input_dim", "vocabulary", "num_tokens"))
"""Arguments of layers that look things up: fractions are no use to them."""
MOST_WAYS = 3


def ways(name: str) -> Iterator[Way]:
    """The ways in which a layer can be called with a batch, the first of each kind of input.

    Args:
        name: Of the layer.
    """
    make, looks_up = maker(name), OF_IDS & parameters(getattr(layers, name)).keys()
    axes = re.search(r"(\d)D", name)
    for kind, rows in INPUTS.items():
        if (looks_up and rows.dtype.kind == "f") or (axes and rows.ndim < int(axes[1]) + 2):
            continue
        for form, call in FORMS.items():
            try:
                with quiet():
                    output = call(make(), keras.ops.convert_to_tensor(rows[:4]))
                shape, dtype = tuple(output.shape), keras.backend.standardize_dtype(output.dtype)
            except Exception:
                continue
            if len(shape) > 1 and shape[0] == 4 and dtype not in ("string", "bool"):
                yield Way(kind, form, shape[1:])
                break


def model(make: Callable[[], Any], way: Way, place: str) -> keras.Model:
    """A compiled model with a layer in it.

    Args:
        make: Makes the layer.
        way: How it is used.
        place: "first", "inner" after a layer that is trained, or "last" as the output.
    """
    rows = INPUTS[way.kind]
    inputs = keras.Input(rows.shape[1:], dtype=rows.dtype.name if rows.dtype.kind in "fi" else "string")
    hidden = inputs if place == "first" else layers.Dense(rows.shape[-1], activation="tanh")(inputs)
    hidden = FORMS[way.form](make(), hidden)
    if place == "last":
        made = keras.Model(inputs, hidden)
        made.compile(descent(), "mse", metrics=["mae", "accuracy"])
        return made
    if len(hidden.shape) > 2:
        hidden = layers.Flatten()(hidden)
    made = keras.Model(inputs, layers.Dense(CLASSES, activation="softmax")(hidden))
    made.compile(descent(), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return made


def is_random(name: str) -> bool:
    """Whether a layer draws random numbers."""
    return "seed" in parameters(getattr(layers, name))


def variants(name: str) -> dict[str, Callable[[], Any]]:
    """What makes a layer as plain as can be and then with each other argument, by label."""
    make = maker(name)
    found = {"plain": make}
    for argument, value in others(getattr(layers, name), CHOICES):
        found[f"{argument}={value!r}"] = functools.partial(make, **{argument: value})
    for argument, values in OF_ANY_LAYER.items():
        for value in values if isinstance(values, tuple) else (values,):
            found[f"{argument}={value!r}"] = functools.partial(make, **{argument: value})
    return found


def groups(name: str) -> Iterator[Group]:
    """The trials of a layer: every argument in the first way, every way and place with the plain layer."""
    found = list(itertools.islice(ways(name), MOST_WAYS))
    if not found:
        return
    first, makers = found[0], variants(name)
    random = is_random(name)
    place = "inner" if first.is_float else "first"
    builds = {label: functools.partial(model, make, first, place) for label, make in makers.items()}
    yield Group(builds, *_data(first), same_draws=not random)
    for way in found:
        places = {each: functools.partial(model, makers["plain"], way, each) for each in _places(way)}
        yield Group(places, *_data(way), same_draws=not random)
        if way.is_float:
            targets = _targets(way.shape)
            last = {"last": functools.partial(model, makers["plain"], way, "last")}
            yield Group(last, *split(INPUTS[way.kind], targets), same_draws=not random)


def _places(way: Way) -> tuple[str, ...]:
    return ("first", "inner") if way.is_float else ("first",)


def _data(way: Way) -> tuple[Any, Any]:
    return split(INPUTS[way.kind], TARGETS["ids"])


def _targets(shape: tuple[int, ...]) -> np.ndarray:
    rows = len(TARGETS["ids"])
    return np.random.default_rng(0).uniform(-1, 1, (rows, *shape)).astype(np.float32)


def merged_by_function(name: str) -> Iterator[Group]:
    """The trials of a function that merges tensors, such as `keras.layers.add`."""
    function = getattr(layers, name)

    def build() -> keras.Model:
        inputs = keras.Input((6,))
        left, right = layers.Dense(4)(inputs), layers.Dense(4, activation="tanh")(inputs)
        merged = function([left, right], **required(function, NEEDED))
        made = keras.Model(inputs, layers.Dense(CLASSES, activation="softmax")(merged))
        made.compile(descent(), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return made

    yield Group({"plain": build}, *split(INPUTS["features"], TARGETS["ids"]))


def subjects() -> list[Subject]:
    """One for each layer of the installed Keras."""
    found = [
        Subject(f"layers.{name}", functools.partial(groups, name))
        for name, each in classes("layers").items()
        if issubclass(each, keras.Layer)
    ]
    merging = [name for name, each in functions("layers").items() if "inputs" in inspect.signature(each).parameters]
    return found + [Subject(f"layers.{name}", functools.partial(merged_by_function, name)) for name in merging]

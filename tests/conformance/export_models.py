"""A small model around every public layer of Keras, found by introspection, with rows to export it with."""

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

L = keras.layers
rng = np.random.default_rng(0)
ROWS = 12
VARIANTS = ("alone", "between")

# What a required argument gets, whichever layer has it.
ARGUMENTS = {
    "units": 4, "filters": 4, "kernel_size": 2, "pool_size": 2, "size": 2, "rate": 0.3, "stddev": 0.2, "scale": 0.5,
    "input_dim": 9, "output_dim": 4, "num_heads": 2, "head_dim": 4, "num_query_heads": 4, "num_key_value_heads": 2,
    "key_dim": 3, "dims": (2, 1), "n": 3, "target_shape": (-1, 2), "output_size": 2, "groups": 2, "height": 6,
    "width": 6, "num_bins": 5, "bin_boundaries": [-0.5, 0.0, 0.5], "num_tokens": 9, "factor": 0.2, "seed": 1,
    "max_value": 5, "function": keras.ops.tanh, "activation": "relu", "data_format": None, "num_freq_bands": 3,
    "height_factor": 0.2, "width_factor": 0.2, "axes": 1, "equation": "ab,bc->ac", "output_shape": 4, "l2": 0.01,
    "value_range": (0, 1), "min_value": -1.0, "seeds": 3,
}  # fmt: skip
PICTURES = (8, 8, 3)
FLOATS = [(6,), (6, 4), PICTURES, (4, 6, 6, 2)]


def floats(*shape: int, scale: float = 1.0) -> Callable[[], np.ndarray]:
    return lambda: (scale * rng.normal(size=(ROWS, *shape))).astype("float32")


def integers(*shape: int, below: int = 9) -> Callable[[], np.ndarray]:
    return lambda: rng.integers(0, below, (ROWS, *shape)).astype("int64")


def words(*shape: int) -> Callable[[], np.ndarray]:
    return lambda: rng.choice(np.array([b"red apple", b"pear", b"blue sky"], object), (ROWS, *shape))


def adapted(layer: Any, values: Any) -> Any:
    layer.adapt(values)
    return layer


@dataclasses.dataclass(frozen=True)
class Subject:
    """A layer to export.

    Attributes:
        make: Makes the layer, adapted where it learns from data.
        inputs: Each draws an array of rows for one input.
        call: How the layer is called with the inputs.
    """

    make: Callable[[], Any]
    inputs: tuple[Callable[[], np.ndarray], ...]
    call: Callable[..., Any] = lambda layer, *inputs: layer(inputs[0] if len(inputs) == 1 else list(inputs))


def pair(layer: Any, one: Any, other: Any) -> Any:
    return layer(one, other)


TEXTS = np.array(["red apple", "pear", "blue sky"])
SPECIAL = {
    "Attention": Subject(L.Attention, (floats(5, 4), floats(6, 4))),
    "AdditiveAttention": Subject(L.AdditiveAttention, (floats(5, 4), floats(6, 4))),
    "MultiHeadAttention": Subject(lambda: L.MultiHeadAttention(2, 3), (floats(5, 4), floats(6, 4)), pair),
    "GroupedQueryAttention": Subject(lambda: L.GroupQueryAttention(4, 4, 2), (floats(5, 4), floats(6, 4)), pair),
    "GroupQueryAttention": Subject(lambda: L.GroupQueryAttention(4, 4, 2), (floats(5, 4), floats(6, 4)), pair),
    "Bidirectional": Subject(lambda: L.Bidirectional(L.LSTM(3)), (floats(6, 4),)),
    "CategoryEncoding": Subject(lambda: L.CategoryEncoding(9, "count"), (integers(4),)),
    "ConvLSTM1D": Subject(lambda: L.ConvLSTM1D(3, 2), (floats(4, 6, 2),)),
    "ConvLSTM2D": Subject(lambda: L.ConvLSTM2D(3, 2), (floats(3, 5, 5, 2),)),
    "ConvLSTM3D": Subject(lambda: L.ConvLSTM3D(2, 2), (floats(2, 4, 4, 4, 2),)),
    "Discretization": Subject(lambda: adapted(L.Discretization(num_bins=4), floats(1)()), (floats(3),)),
    "Dot": Subject(lambda: L.Dot(axes=1), (floats(4), floats(4))),
    "EinsumDense": Subject(lambda: L.EinsumDense("ab,bc->ac", 5, bias_axes="c"), (floats(6),)),
    "Embedding": Subject(lambda: L.Embedding(9, 4, mask_zero=True), (integers(5),)),
    "GroupNormalization": Subject(lambda: L.GroupNormalization(2), (floats(6),)),
    "HashedCrossing": Subject(lambda: L.HashedCrossing(7, output_mode="one_hot"), (integers(), integers())),
    "Hashing": Subject(lambda: L.Hashing(7, output_mode="one_hot"), (words(1),)),
    "IntegerLookup": Subject(lambda: adapted(L.IntegerLookup(output_mode="multi_hot"), np.arange(7)), (integers(3),)),
    "Normalization": Subject(lambda: adapted(L.Normalization(), 3 + 2 * floats(6)()), (floats(6),)),
    "MelSpectrogram": Subject(lambda: L.MelSpectrogram(32, sequence_length=32, num_mel_bins=8), (floats(64),)),
    "Permute": Subject(lambda: L.Permute((2, 1)), (floats(3, 4),)),
    "RNN": Subject(lambda: L.RNN([L.LSTMCell(3), L.GRUCell(4)]), (floats(6, 4),)),
    "RandomPosterization": Subject(lambda: L.RandomPosterization(4), (floats(*PICTURES),)),
    "RepeatVector": Subject(lambda: L.RepeatVector(3), (floats(4),)),
    "Reshape": Subject(lambda: L.Reshape((-1, 2)), (floats(6),)),
    "ReversibleEmbedding": Subject(lambda: L.ReversibleEmbedding(9, 4), (integers(5),)),
    "STFTSpectrogram": Subject(lambda: L.STFTSpectrogram("log", 8, 4, 8), (floats(32, 1),)),
    "SpectralNormalization": Subject(lambda: L.SpectralNormalization(L.Dense(4)), (floats(6),)),
    "StringLookup": Subject(lambda: adapted(L.StringLookup(output_mode="one_hot"), TEXTS), (words(1),)),
    "TextVectorization": Subject(lambda: adapted(L.TextVectorization(9, output_mode="tf_idf"), TEXTS), (words(),)),
    "TimeDistributed": Subject(lambda: L.TimeDistributed(L.Dense(3, "relu")), (floats(6, 4),)),
}
"""Layers whose arguments or inputs nothing can guess, or that have to learn from data first."""

CELLS = tuple(name for name in dir(L) if name.endswith("Cell"))
NO_LAYER_OF_A_MODEL = {
    "Layer": "the base class",
    "Wrapper": "the base class of layers around layers",
    "InputLayer": "what keras.Input makes",
    "Pipeline": "a chain of layers outside of a model",
    "StackedRNNCells": "cells of an RNN, which is here with two",
    "Equalization": "gives a symbolic tensor back as it is, so that no functional model can have it",
    "MaxNumBoundingBoxes": "takes boxes beside pictures, in nested dicts",
    "FlaxLayer": "needs Flax",
    "JaxLayer": "needs JAX",
    "TorchModuleWrapper": "needs PyTorch",
    "TFSMLayer": "a SavedModel from a file, which has no layers",
}


def layer_names() -> list[str]:
    """Every public layer of the installed Keras, each class once."""
    found = {}
    for name, value in sorted(vars(L).items()):
        if inspect.isclass(value) and issubclass(value, keras.Layer) and value not in found.values():
            found[name] = value
    return [name for name in found if name not in NO_LAYER_OF_A_MODEL and not name.endswith("Cell")]


def representative(names: list[str]) -> list[str]:
    """The first layer of each of the packages that Keras' own layers are in, by their names."""
    first: dict[str, str] = {}
    for name in names:
        first.setdefault(getattr(L, name).__module__.rsplit(".", 1)[0], name)
    return list(first.values())


def subject(name: str) -> Subject:
    """How a layer is made and called: as the table says, or as its signature and a few tries tell."""
    if name in SPECIAL:
        return SPECIAL[name]
    kind = getattr(L, name)
    required = [
        parameter.name
        for parameter in inspect.signature(kind.__init__).parameters.values()
        if parameter.default is parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ]
    options = {argument: ARGUMENTS[argument] for argument in required if argument != "self"}
    # Layers for pictures take a batch of rows for one picture.
    shapes = [PICTURES] if "image_preprocessing" in kind.__module__ else FLOATS
    candidates = [(floats(*shape),) for shape in shapes] + [(floats(5, 4), floats(5, 4)), (integers(5),), (words(1),)]
    for inputs in candidates:
        found = Subject(lambda: kind(**options), inputs)
        if all(works(found, variant) for variant in VARIANTS):
            return found
    raise LookupError(f"no inputs found that {name} takes; add it to the table")


def works(found: Subject, variant: str) -> bool:
    """Whether Keras itself builds a model around a layer, answers with it and traces it with a batch of any size."""
    try:
        model = model_around(found, variant)
        traced = tf.function(model, autograph=False).get_concrete_function(
            [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in model.inputs]
        )
    except Exception:
        return False
    return all(output.shape.rank and output.shape[0] is None for output in tf.nest.flatten(traced.structured_outputs))


def model_around(found: Subject, variant: str) -> keras.Model:
    """A model that has the layer alone, or with normalisation, batch norm and dense layers around it."""
    arrays = [draw() for draw in found.inputs]
    kinds = ["string" if array.dtype == object else array.dtype.name for array in arrays]
    inputs = [
        keras.Input(array.shape[1:], dtype=kind, name=f"in_{i}")
        for i, (array, kind) in enumerate(zip(arrays, kinds, strict=True))
    ]
    hidden = [normalised(tensor) if variant == "between" else tensor for tensor in inputs]
    output = found.call(found.make(), *hidden)
    outputs = output if isinstance(output, list | tuple) else [output]
    if variant == "between":
        outputs = [followed(tensor) for tensor in outputs]
    model = keras.Model(inputs if len(inputs) > 1 else inputs[0], outputs if len(outputs) > 1 else outputs[0])
    model(arrays if len(arrays) > 1 else arrays[0])
    return as_trained(model)


def normalised(tensor: Any) -> Any:
    if not keras.backend.is_float_dtype(tensor.dtype):
        return tensor
    tensor = L.Normalization(mean=0.3, variance=2.0)(tensor)
    tensor = L.BatchNormalization()(L.Dense(tensor.shape[-1], activation="relu")(tensor))
    return L.BatchNormalization()(L.Dense(tensor.shape[-1])(tensor))


def followed(tensor: Any) -> Any:
    if not keras.backend.is_float_dtype(tensor.dtype) or len(tensor.shape) < 2 or tensor.shape[-1] is None:
        return tensor
    return L.Dense(3, activation="softmax")(L.BatchNormalization()(L.Rescaling(0.5, 0.1)(tensor)))


def as_trained(model: keras.Model) -> keras.Model:
    """Weights as a training leaves them: zeros hide a wrong sign. Those of adapted layers stay."""
    kept = {id(weight) for layer in model.layers if hasattr(layer, "adapt") for weight in layer.weights}
    draw = np.random.default_rng(1)
    for weight in model.weights:
        if id(weight) in kept or not keras.backend.is_float_dtype(weight.dtype):
            continue
        last, shape = weight.path.split("/")[-1], tuple(weight.shape)
        if last == "moving_variance":
            weight.assign(draw.uniform(0.3, 3, shape))
        elif last == "gamma":
            weight.assign(draw.uniform(0.5, 1.5, shape))
        else:
            weight.assign(draw.normal(size=shape) / np.sqrt(max(1, np.prod(shape[:-1]))))
    return model

"""Searches as users of keras-tuner write them: hypermodels that know nothing of us, with data that need no download."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import keras
import keras_tuner
import numpy as np
import tensorflow as tf

layers = keras.layers
Search = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Example:
    """A search.

    Attributes:
        hypermodel: Makes the hypermodel, given what `search` will be given.
        data: Makes the arguments of `search`, with so many rows to train on.
        rows: How many there are.
        trials: In all.
        epochs: Of each trial, where the hypermodel does not say.
        objective: What is searched for.
        still: Values of hyperparameters with which no random numbers are drawn while a model is trained.
    """

    hypermodel: Callable[[Search], Any]
    data: Callable[[int], Search]
    rows: int
    trials: int
    epochs: int = 5
    objective: Any = "val_accuracy"
    still: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def _adam(hp: Any) -> keras.optimizers.Optimizer:
    return keras.optimizers.Adam(hp.Float("learning_rate", 1e-4, 1e-2, sampling="log"))


def _classifies(model: keras.Model, hp: Any) -> keras.Model:
    model.compile(_adam(hp), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def _arrays(x: Any, y: Any, rows: int) -> Search:
    """Rows to train on, and half as many to validate on."""

    def part(of: Any, where: slice) -> Any:
        return keras.tree.map_structure(lambda each: each[where], of)

    train, held_out = slice(rows), slice(rows, rows + rows // 2)
    return {"x": part(x, train), "y": part(y, train), "validation_data": (part(x, held_out), part(y, held_out))}


class Dense(keras_tuner.HyperModel):
    """Tunes batch size and epochs in `fit`, as keras-tuner's documentation shows."""

    def build(self, hp: Any) -> keras.Model:
        model = keras.Sequential([keras.Input((64,))])
        for index in range(hp.Int("layers", 1, 3)):
            model.add(layers.Dense(hp.Int(f"units_{index}", 16, 128, step=16), activation="relu"))
        if rate := hp.Float("dropout", 0.0, 0.5, step=0.1):
            model.add(layers.Dropout(rate))
        model.add(layers.Dense(10, activation="softmax"))
        return _classifies(model, hp)

    def fit(self, hp: Any, model: keras.Model, *args: Any, **kwargs: Any) -> Any:
        batch_size, epochs = hp.Choice("batch_size", [16, 32, 64, 128]), hp.Int("epochs", 4, 12)
        return model.fit(*args, **{**kwargs, "batch_size": batch_size, "epochs": epochs})


def digits(rows: int, *, flat: bool) -> Search:
    """Handwritten digits of scikit-learn, 8 x 8."""
    import sklearn.datasets

    found = sklearn.datasets.load_digits()
    images = (found.data if flat else found.images[..., None]).astype(np.float32) / 16
    return _arrays(images, found.target, rows)


def first_steps(hp: Any) -> keras.Model:
    """What a first tutorial has: a model that is built by its first batch, of as many layers as are tuned."""
    model = keras.Sequential([layers.Flatten()])
    for index in range(hp.Int("layers", 1, 3)):
        units = hp.Int(f"units_{index}", min_value=32, max_value=256, step=32)
        model.add(layers.Dense(units, activation=hp.Choice("activation", ["relu", "tanh"])))
    if hp.Boolean("dropout"):
        model.add(layers.Dropout(0.25))
    model.add(layers.Dense(10, activation="softmax"))
    return _classifies(model, hp)


def stripes(rows: int, *, size: int) -> Search:
    """Coloured images of stripes, whose class is how wide these are."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 4, rows + rows // 2)
    where = np.arange(size)[None, :] + rng.integers(0, size, len(y))[:, None]
    lines = np.sin(where * (0.5 + 0.5 * y[:, None]))[:, None, :, None]
    images = 0.5 + 0.2 * lines + 0.2 * rng.normal(size=(len(y), size, size, 3))
    return _arrays(np.clip(images, 0, 1).astype(np.float32), y, rows)


def augmented(hp: Any) -> keras.Model:
    """A small convolutional network that trains on flipped, turned and moved images."""
    inputs = keras.Input((16, 16, 3))
    x = inputs
    if hp.Boolean("augment", default=True):
        x = layers.RandomFlip("horizontal")(x)
        x = layers.RandomRotation(hp.Float("rotation", 0.02, 0.2))(x)
        x = layers.RandomTranslation(0.1, 0.1)(x)
    for index in range(2):
        x = layers.Conv2D(hp.Int(f"filters_{index}", 8, 32, step=8), 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Flatten()(x)
    return _classifies(keras.Model(inputs, layers.Dense(4, activation="softmax")(x)), hp)


WORDS, LENGTH = 300, 24


def sentences(rows: int) -> Search:
    """Sequences of word numbers, with zeros at the end, whose class is which of two words comes first."""
    rng = np.random.default_rng(1)
    count = rows + rows // 2
    x = rng.integers(3, WORDS, (count, LENGTH))
    first, second = rng.integers(0, LENGTH // 2, count), rng.integers(LENGTH // 2, LENGTH - 4, count)
    y = rng.integers(0, 2, count)
    x[np.arange(count), first], x[np.arange(count), second] = 1 + y, 2 - y
    x[np.arange(LENGTH)[None, :] >= rng.integers(LENGTH - 4, LENGTH + 1, count)[:, None]] = 0
    return _arrays(x, y, rows)


def recurrent(hp: Any) -> keras.Model:
    """Embedding and LSTM."""
    model = keras.Sequential([keras.Input((LENGTH,), dtype="int64")])
    model.add(layers.Embedding(WORDS, hp.Int("embedding", 8, 32, step=8), mask_zero=True))
    model.add(layers.LSTM(hp.Int("units", 8, 32, step=8)))
    model.add(layers.Dropout(hp.Float("dropout", 0.0, 0.4)))
    model.add(layers.Dense(1, activation="sigmoid"))
    model.compile(_adam(hp), "binary_crossentropy", metrics=["accuracy"])
    return model


TOWNS = ("bern", "lyon", "oslo", "porto", "riga", "turin")


def table(rows: int) -> Search:
    """A table of numbers and names, in batches of a `tf.data.Dataset`, since `fit` takes no arrays of texts."""
    rng = np.random.default_rng(2)
    count = rows + rows // 2
    numbers, town = rng.normal(20, 8, (count, 4)).astype(np.float32), rng.integers(0, len(TOWNS), count)
    y = (numbers[:, 0] + 6 * (town % 3) + rng.normal(0, 3, count) > 26).astype(np.float32)
    x = {"numbers": numbers, "town": np.array(TOWNS)[town][:, None]}

    def batches(where: slice) -> tf.data.Dataset:
        part = {name: tf.constant(each[where]) for name, each in x.items()}
        return tf.data.Dataset.from_tensor_slices((part, y[where])).batch(32)

    return {"x": batches(slice(rows)), "validation_data": batches(slice(rows, None))}


class Table(keras_tuner.HyperModel):
    """Encodes a table within the model: numbers normalised, names looked up and embedded.

    Args:
        search: What `search` is given, to learn the scale of the numbers from.
    """

    def __init__(self, search: Search) -> None:
        super().__init__()
        self.numbers = search["x"].map(lambda x, _: x["numbers"])

    def build(self, hp: Any) -> keras.Model:
        inputs = {
            "numbers": keras.Input((4,), name="numbers"),
            "town": keras.Input((1,), dtype="string", name="town"),
        }
        scaled = layers.Normalization()
        scaled.adapt(self.numbers)
        town = layers.StringLookup(vocabulary=TOWNS)(inputs["town"])
        town = layers.Flatten()(layers.Embedding(len(TOWNS) + 1, hp.Int("embedding", 2, 8))(town))
        hidden = layers.Concatenate()([scaled(inputs["numbers"]), town])
        for index in range(hp.Int("layers", 1, 2)):
            hidden = layers.Dense(hp.Int(f"units_{index}", 16, 128, step=16), activation="relu")(hidden)
        model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(hidden))
        model.compile(_adam(hp), "binary_crossentropy", metrics=["accuracy"])
        return model


def transferred(hp: Any) -> keras.Model:
    """A frozen network of keras.applications, without what it has learned, and a small head."""
    backbone = keras.applications.MobileNet((32, 32, 3), alpha=0.25, include_top=False, weights=None, pooling="avg")
    backbone.trainable = False
    inputs = keras.Input((32, 32, 3))
    x = backbone(layers.Rescaling(2.0, -1.0)(inputs), training=False)
    x = layers.Dropout(hp.Float("dropout", 0.0, 0.4))(x)
    x = layers.Dense(hp.Int("units", 16, 64, step=16), activation="relu")(x)
    return _classifies(keras.Model(inputs, layers.Dense(4, activation="softmax")(x)), hp)


def pairs(rows: int) -> Search:
    """Images with measurements, whose targets are a class and a number."""
    found = stripes(rows, size=16)
    rng = np.random.default_rng(3)

    def extended(images: np.ndarray, kind: np.ndarray) -> tuple[dict[str, Any], dict[str, Any]]:
        measured = rng.normal(size=(len(kind), 5)).astype(np.float32)
        size = (measured[:, :1] + kind[:, None]).astype(np.float32)
        return {"image": images, "measured": measured}, {"kind": kind, "size": size}

    x, y = extended(found["x"], found["y"])
    return {"x": x, "y": y, "validation_data": extended(*found["validation_data"])}


def two_of_each(hp: Any) -> keras.Model:
    """Two inputs and two outputs, with a loss each."""
    inputs = {"image": keras.Input((16, 16, 3), name="image"), "measured": keras.Input((5,), name="measured")}
    seen = layers.Conv2D(hp.Int("filters", 8, 24, step=8), 3, activation="relu")(inputs["image"])
    seen = layers.GlobalAveragePooling2D()(seen)
    hidden = layers.Concatenate()([seen, layers.Dense(hp.Int("units", 8, 32, step=8))(inputs["measured"])])
    hidden = layers.Dense(32, activation="relu")(hidden)
    outputs = {
        "kind": layers.Dense(4, activation="softmax", name="kind")(hidden),
        "size": layers.Dense(1, name="size")(hidden),
    }
    model = keras.Model(inputs, outputs)
    model.compile(
        _adam(hp),
        loss={"kind": "sparse_categorical_crossentropy", "size": "mse"},
        loss_weights={"kind": 1.0, "size": hp.Float("weight of size", 0.1, 1.0)},
        metrics={"kind": ["accuracy"], "size": ["mae"]},
    )
    return model


EXAMPLES: Mapping[str, Example] = {
    "batch size and epochs in HyperModel.fit, digits": Example(
        lambda search: Dense(), lambda rows: digits(rows, flat=True), 1190, 30, still={"dropout": 0.0}
    ),
    "first steps, digits": Example(
        lambda search: first_steps, lambda rows: digits(rows, flat=False), 1190, 20, still={"dropout": False}
    ),
    "convnet with augmentation, made images": Example(
        lambda search: augmented, lambda rows: stripes(rows, size=16), 800, 8
    ),
    "LSTM, made sentences": Example(lambda search: recurrent, sentences, 800, 8, still={"dropout": 0.0}),
    "table with StringLookup and embeddings, made": Example(Table, table, 1000, 16),
    "frozen MobileNet, made images": Example(
        lambda search: transferred, lambda rows: stripes(rows, size=32), 400, 4, epochs=4, still={"dropout": 0.0}
    ),
    "two inputs and two outputs, made": Example(
        lambda search: two_of_each, pairs, 800, 10, objective=keras_tuner.Objective("val_kind_accuracy", "max")
    ),
}
"""By name."""

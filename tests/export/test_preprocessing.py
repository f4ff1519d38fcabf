"""Layers that learn from data, look up, decode or assert: exported as they are, and asked with real rows only."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from folded import shaken

from kzoo.export import ExportError, Runner
from kzoo.export.exporter import write_version
from kzoo.export.gate.checks import problems_of
from kzoo.export.interface import interface_of

L = keras.layers
rng = np.random.default_rng(0)
WORDS = np.array(["red apple", "green pear", "blue sky"] * 8)
NUMBERS = rng.normal(3, 2, (24, 1)).astype("float32")


def adapted(layer, data):
    layer.adapt(data)
    return layer


class Decoding(L.Layer):
    """Takes PNG files; empty ones are an error."""

    def call(self, files):
        def decoded(file):
            return tf.ensure_shape(tf.cast(tf.io.decode_png(file, channels=3), tf.float32), (6, 6, 3))

        return tf.map_fn(decoded, files, fn_output_signature=tf.TensorSpec((6, 6, 3), tf.float32))

    def compute_output_spec(self, files):
        return keras.KerasTensor((None, 6, 6, 3), "float32")


class Parsing(L.Layer):
    """Takes numbers as text; blank ones are an error."""

    def call(self, texts):
        return tf.strings.to_number(texts)

    def compute_output_spec(self, texts):
        return keras.KerasTensor(texts.shape, "float32")


class Positive(L.Layer):
    """Asserts that what it takes is above 0."""

    def call(self, x):
        with tf.control_dependencies([tf.debugging.assert_positive(x)]):
            return tf.math.log(x)


class Checked(L.Layer):
    """Asserts what it takes and what it gives, by itself and by TensorFlow's checks."""

    def call(self, x):
        tf.debugging.assert_greater(x, 0.0)
        return tf.debugging.check_numerics(keras.ops.log(x), "not positive")


class HiddenTable(L.Layer):
    """Has a table where neither Keras nor TensorFlow looks for one."""

    def __init__(self):
        super().__init__()
        initializer = tf.lookup.KeyValueTensorInitializer(["a", "b"], [1.0, 2.0])
        self.pair = (L.StringLookup(vocabulary=["a", "b"]), tf.lookup.StaticHashTable(initializer, 0.0))

    def call(self, x):
        return keras.ops.cast(self.pair[0](x), "float32") + self.pair[1].lookup(x)

    def compute_output_spec(self, x):
        return keras.KerasTensor(x.shape, "float32")


def pngs():
    pictures = rng.integers(0, 255, (20, 6, 6, 3)).astype("uint8")
    return np.array([tf.io.encode_png(picture).numpy() for picture in pictures], object)


AB = np.array([["a"], ["b"]] * 9)
THREES = np.array([[3], [5], [7]] * 6)


def each(function, dtype, *shape):
    """A lambda layer that maps a function over files."""
    spec = tf.TensorSpec(shape, dtype)
    return L.Lambda(
        lambda files: tf.map_fn(lambda file: tf.ensure_shape(function(file), shape), files, fn_output_signature=spec),
        output_shape=shape,
        dtype=dtype,
    )


def at_once(function, dtype, *shape):
    """A lambda layer that takes all texts at once."""
    return L.Lambda(function, output_shape=shape, dtype=dtype)


LAYERS = {
    "text, adapted": lambda: (adapted(L.TextVectorization(20, output_sequence_length=4), WORDS), WORDS),
    "text, tf-idf": lambda: (adapted(L.TextVectorization(20, output_mode="tf_idf"), WORDS), WORDS),
    "text, own functions": lambda: (
        adapted(L.TextVectorization(20, standardize=tf.strings.lower, split=lambda x: tf.strings.split(x, " "),
                                    output_mode="multi_hot"), WORDS),
        WORDS,
    ),
    "text, n-grams": lambda: (adapted(L.TextVectorization(ngrams=2, output_mode="count"), WORDS), WORDS),
    "text, characters": lambda: (adapted(L.TextVectorization(split="character", output_mode="count"), WORDS), WORDS),
    "strings, masked": lambda: (adapted(L.StringLookup(mask_token="", oov_token="?", num_oov_indices=3), AB), AB),
    "strings, tf-idf": lambda: (adapted(L.StringLookup(output_mode="tf_idf"), AB), AB),
    "integers, masked": lambda: (
        adapted(L.IntegerLookup(mask_token=0, num_oov_indices=2, oov_token=-5), THREES), THREES),
    "hashing, masked": lambda: (L.Hashing(7, output_mode="count", mask_value=3), THREES),
    "decoding in a lambda": lambda: (
        each(lambda file: tf.image.resize(tf.io.decode_png(file, channels=3), (5, 5)), "float32", 5, 5, 3),
        pngs()),
    "decoding any image": lambda: (
        each(lambda file: tf.cast(tf.io.decode_image(file, 3, expand_animations=False), "float32"), "float32", 6, 6, 3),
        pngs()),
    "raw numbers": lambda: (
        at_once(lambda files: tf.reshape(tf.io.decode_raw(files, tf.float32), (-1, 4)), "float32", 4),
        np.array([row.tobytes() for row in rng.normal(size=(9, 4)).astype("float32")], object)),
    "lines of a table": lambda: (
        at_once(lambda lines: tf.stack(tf.io.decode_csv(lines, [[0.0], [0.0]]), -1), "float32", 2),
        np.array(["1.5,2", "3,4"] * 5)),
    "numbers are checked": lambda: (Checked(), np.abs(NUMBERS) + 0.1),
    "strings, adapted": lambda: (adapted(L.StringLookup(output_mode="one_hot"), ["a", "b"]), AB),
    "strings, inverted": lambda: (L.StringLookup(vocabulary=["a", "b"], invert=True), np.array([[1], [2]] * 9)),
    "strings, all known": lambda: (L.StringLookup(vocabulary=["a", "b"], num_oov_indices=0, output_mode="one_hot"), AB),
    "integers, adapted": lambda: (
        adapted(L.IntegerLookup(output_mode="one_hot"), np.arange(5)), np.arange(5)[:, None]),
    "integers, all known": lambda: (
        L.IntegerLookup(vocabulary=[10, 20], num_oov_indices=0, output_mode="one_hot"), np.array([[10], [20]] * 9)),
    "hashing": lambda: (L.Hashing(7, output_mode="one_hot", salt=3), AB),
    "bins, adapted": lambda: (adapted(L.Discretization(num_bins=4, output_mode="one_hot"), NUMBERS), NUMBERS),
    "categories": lambda: (L.CategoryEncoding(5, "multi_hot"), rng.integers(0, 5, (20, 3))),
    "normalisation, adapted": lambda: (adapted(L.Normalization(), NUMBERS), NUMBERS),
    "normalisation, inverted": lambda: (L.Normalization(mean=[2.0], variance=[3.0], invert=True), NUMBERS),
    "decoding": lambda: (Decoding(), pngs()),
    "parsing": lambda: (Parsing(), np.array([["1.5"], ["2"]] * 9)),
    "asserting": lambda: (Positive(), np.abs(NUMBERS) + 0.1),
    "hidden tables": lambda: (HiddenTable(), AB),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_exports_and_answers_as_the_model(name, tmp_path):
    layer, examples = LAYERS[name]()
    dtype = "string" if examples.dtype.kind in "OU" else examples.dtype.name
    inputs = keras.Input(examples.shape[1:], dtype=dtype)
    hidden = layer(inputs)
    text = layer(examples[:1]).dtype == "string"  # Keras takes what an inverted lookup answers for integers
    if text:
        model = keras.Model(inputs, hidden)
    else:
        hidden = L.Flatten()(hidden if keras.backend.is_float_dtype(hidden.dtype) else L.Embedding(30, 3)(hidden))
        model = shaken_after(layer, keras.Model(inputs, L.Dense(2)(L.BatchNormalization()(L.Dense(4)(hidden)))))
    interface, rows = interface_of(model, examples)
    own = {key: np.asarray(value) for key, value in interface.call(model, rows).items()}
    folding, expectation = write_version(model, interface, rows, own, tmp_path, "m")
    assert len(folding.folded) >= (not text)
    with Runner(tmp_path) as runner:
        assert problems_of(runner, expectation) == []
        answer = runner.run("serving_default", rows)["outputs"]
    if text:
        assert answer.tolist() == own["outputs"].tolist()
    else:
        np.testing.assert_allclose(answer, own["outputs"], atol=1e-6 * max(10.0, float(np.abs(answer).max())))


def shaken_after(layer, model):
    """The model with other weights, but what the layer has learned."""
    learned = [np.asarray(weight) for weight in layer.weights]
    shaken(model)
    layer.set_weights(learned)
    return model


def test_a_table_that_nothing_holds_is_told(tmp_path):
    initializer = tf.lookup.KeyValueTensorInitializer(["a", "b"], [1.0, 2.0])
    table = tf.lookup.StaticHashTable(initializer, 0.0)
    inputs = keras.Input((1,), dtype="string")
    model = keras.Model(inputs, L.Lambda(lambda x: table.lookup(x), output_shape=(1,), dtype="float32")(inputs))
    interface, rows = interface_of(model, AB)
    own = {key: np.asarray(value) for key, value in interface.call(model, rows).items()}
    with pytest.raises(ExportError, match="The model uses something that cannot be saved: .*untracked"):
        write_version(model, interface, rows, own, tmp_path, "m")


def good(model, examples, directory):
    """Whether an export of a model answers as the model does."""
    interface, rows = interface_of(model, examples)
    own = {key: np.asarray(value) for key, value in interface.call(model, rows).items()}
    _, expectation = write_version(model, interface, rows, own, directory, "m")
    with Runner(directory) as runner:
        return problems_of(runner, expectation) == []


def test_a_vocabulary_in_a_file(tmp_path):
    file = tmp_path / "vocabulary.txt"
    file.write_text("a\nb\n")
    inputs = keras.Input((1,), dtype="string")
    model = keras.Model(inputs, L.Flatten()(L.Embedding(4, 2)(L.StringLookup(vocabulary=str(file))(inputs))))
    assert good(model, AB, tmp_path / "export")
    assert (tmp_path / "export" / "assets" / "vocabulary.txt").read_text() == "a\nb\n"
    file.unlink()
    with pytest.raises(ExportError, match="The file vocabulary.txt that a layer of the model was made with is gone"):
        good(model, AB, tmp_path / "again")


COLUMNS = {
    "age": np.arange(18.0),
    "kind": np.array(["a", "b"] * 9),
    "size": np.arange(18) % 4,
    "x": np.arange(18.0) * 2,
}


@pytest.fixture(scope="module")
def feature_space():
    kinds = {
        "age": "float_normalized",
        "kind": "string_categorical",
        "size": "integer_categorical",
        "x": "float_discretized",
    }
    space = keras.utils.FeatureSpace(kinds, crosses=[("kind", "size")], crossing_dim=8, output_mode="concat")
    space.adapt(tf.data.Dataset.from_tensor_slices(COLUMNS).batch(6))
    return space


class OfColumns(keras.Model):
    def __init__(self, space):
        super().__init__()
        self.space, self.dense = space, L.Dense(2)

    def call(self, columns):
        return self.dense(self.space(columns))


@pytest.mark.filterwarnings("ignore:.*The structure of `inputs` doesn't match")
def test_a_feature_space_that_the_model_is_built_on(feature_space, tmp_path):
    model = keras.Model(feature_space.get_inputs(), L.Dense(2)(feature_space.get_encoded_features()))
    assert good(model, COLUMNS, tmp_path)


def test_a_feature_space_inside_of_a_model(feature_space, tmp_path):
    """Keras finds its tables by the dict of its preprocessors, TensorFlow does not."""
    assert good(OfColumns(feature_space), {name: column[:, None] for name, column in COLUMNS.items()}, tmp_path)


def test_crossed_columns_and_weights_of_categories(tmp_path):
    kind, size = keras.Input((1,), dtype="string", name="kind"), keras.Input((1,), dtype="int64", name="size")
    share = keras.Input((1,), name="share")
    crossed = L.HashedCrossing(8, output_mode="one_hot")((kind, size))
    counted = L.CategoryEncoding(9, "count")(size, count_weights=share)
    model = keras.Model([kind, size, share], L.Dense(2)(L.Concatenate()([crossed, counted])))
    assert good(model, {"kind": AB, "size": THREES, "share": NUMBERS[:18]}, tmp_path)


def test_text_that_is_padded_to_the_longest_of_its_batch_is_told(tmp_path):
    inputs = keras.Input((), dtype="string")
    words = adapted(L.TextVectorization(), ["red apple", "blue sky above"])
    model = keras.Model(inputs, L.GlobalAveragePooling1D()(L.Embedding(20, 3)(words(inputs))))
    interface, rows = interface_of(model, ["red apple", "blue sky above"] * 9)
    own = {key: np.asarray(value) for key, value in interface.call(model, rows).items()}
    _, expectation = write_version(model, interface, rows, own, tmp_path, "m")
    with Runner(tmp_path) as runner:
        problems = " ".join(problems_of(runner, expectation))
    assert "depends on how many others are in its batch" in problems and "output_sequence_length" in problems


class Sampling(L.Layer):
    def __init__(self):
        super().__init__()
        self.seed = keras.random.SeedGenerator(1)

    def call(self, x):
        return x + keras.random.normal(keras.ops.shape(x), seed=self.seed)


class OwnSampling(L.Layer):
    def call(self, x):
        return x + tf.random.normal(tf.shape(x))


@pytest.mark.parametrize("layer", [Sampling, OwnSampling])
def test_random_numbers_are_named(layer, tmp_path):
    model = keras.Sequential([keras.Input((1,)), L.Dense(2), layer()])
    interface, rows = interface_of(model, NUMBERS)
    own = {key: np.asarray(value) for key, value in interface.call(model, rows).items()}
    _, expectation = write_version(model, interface, rows, own, tmp_path, "m")
    with Runner(tmp_path) as runner:
        problems = " ".join(problems_of(runner, expectation))
    assert ("draws random numbers" in problems) or ("differs from the Keras model's" in problems)


def test_layers_for_augmentation_export(tmp_path):
    augmentation = [L.RandomFlip(), L.RandomRotation(0.1), L.RandomHue(0.2), L.RandomGrayscale(), L.RandomContrast(0.2)]
    rest = [L.Rescaling(1 / 255), L.Conv2D(4, 3), L.BatchNormalization(), L.ReLU(), L.Flatten(), L.Dense(2)]
    model = shaken(keras.Sequential([keras.Input((6, 6, 3)), *augmentation, *rest]))
    pictures = rng.uniform(0, 255, (20, 6, 6, 3)).astype("float32")
    interface, rows = interface_of(model, pictures)
    own = {key: np.asarray(value) for key, value in interface.call(model, rows).items()}
    folding, expectation = write_version(model, interface, rows, own, tmp_path, "m")
    assert len(folding.folded) == 2
    with Runner(tmp_path) as runner:
        assert problems_of(runner, expectation) == []

"""Models that users bring: not from the zoo, subclassed, with several inputs and outputs."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kzoo
from kzoo.export import Runner
from kzoo.export.errors import AnswersDifferError
from kzoo.export.examples_proto import serialize_rows

ROWS = np.random.default_rng(0).normal(size=(20, 4)).astype("float32")
SIZES = np.arange(20, dtype="int64")[:, None]


class Subclassed(keras.Model):
    """Two inputs in a dict, two outputs in a dict, built by its first call."""

    def __init__(self):
        super().__init__()
        self.norm, self.dense = keras.layers.BatchNormalization(), keras.layers.Dense(2)

    def call(self, inputs, training=False):
        x = self.norm(inputs["rows"], training=training) * keras.ops.cast(inputs["sizes"], "float32")
        return {"scores": self.dense(x), "total": keras.ops.sum(x, axis=-1)}


def functional():
    rows, sizes = keras.Input((4,), name="rows"), keras.Input((1,), name="sizes", dtype="int64")
    x = keras.layers.Concatenate()([rows, keras.layers.Rescaling(0.1)(sizes)])
    x = keras.layers.BatchNormalization()(keras.layers.Dense(8, "relu")(x))
    scores, total = keras.layers.Dense(2, name="scores")(x), keras.layers.Dense(1, name="total")(x)
    return keras.Model([rows, sizes], [scores, total])


def sequential_of_models():
    inner = keras.Sequential([keras.layers.Dense(5, "relu"), keras.layers.BatchNormalization()], name="inner")
    return keras.Sequential([keras.Input((4,)), inner, keras.layers.Dense(1)])


def ask(version, signature, inputs):
    with Runner(version) as runner:
        return runner.run(signature, inputs)


def test_a_subclassed_model_with_dicts(tmp_path):
    model, inputs = Subclassed(), {"rows": ROWS, "sizes": SIZES}
    version = kzoo.export_model(model, tmp_path, examples=inputs)
    answer, expected = ask(version, "serving_default", inputs), model(inputs)
    assert set(answer) == {"scores", "total"}
    for name, values in answer.items():
        np.testing.assert_allclose(values, expected[name], atol=1e-5)


def test_a_model_that_its_first_batch_has_built_answers_batches_of_any_size(tmp_path):
    hidden = [keras.layers.Dense(8, "relu"), keras.layers.BatchNormalization()]
    model = keras.Sequential([*hidden, keras.layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(ROWS, np.arange(20) % 3, batch_size=10, verbose=0)
    # Keras declares the size of that batch.
    assert model.inputs[0].shape == (10, 4)
    model.save(tmp_path / "model.keras")
    for number, each in enumerate((model, keras.models.load_model(tmp_path / "model.keras"))):
        version = kzoo.export_model(each, tmp_path / str(number), examples=ROWS, class_names=["ant", "bee", "cat"])
        for rows in (1, 7, 20):
            answer = ask(version, "serving_default", {"inputs": ROWS[:rows]})
            np.testing.assert_allclose(answer["probabilities"], model(ROWS[:rows]), atol=1e-5)


def test_a_functional_model_with_lists(tmp_path):
    model = functional()
    version = kzoo.export_model(model, tmp_path, examples=[ROWS, SIZES])
    answer = ask(version, "numeric", {"rows": ROWS[:5], "sizes": SIZES[:5]})
    for values, name in zip(model([ROWS[:5], SIZES[:5]]), ("scores", "total"), strict=True):
        np.testing.assert_allclose(answer[name], values, atol=1e-5)
    assert "regress" not in kzoo.export.Runner(version).signatures


def test_regression_is_asked_by_tf_examples_too(tmp_path):
    model = sequential_of_models()
    version = kzoo.export_model(model, tmp_path, examples=ROWS)
    answer = ask(version, "regress", {"inputs": serialize_rows({"inputs": ROWS})})
    np.testing.assert_allclose(answer["outputs"], model(ROWS), atol=1e-5)


def test_a_text_model_with_a_vocabulary(tmp_path):
    text = np.array([["red ant"], ["bee"], ["blue bee ant"]], object)
    words = keras.layers.TextVectorization(vocabulary=["ant", "bee"], output_mode="multi_hot")
    model = keras.Sequential([keras.Input((1,), dtype="string"), words, keras.layers.Dense(2, "softmax")])
    version = kzoo.export_model(model, tmp_path, examples=text, class_names=("ant", "bee"))
    expected = np.asarray(model(tf.constant(text.tolist())))
    for signature in ("serving_default", "numeric"):
        answer = ask(version, signature, {"inputs": text})
        np.testing.assert_allclose(answer["probabilities"], expected, atol=1e-6)
    assert kzoo.check(version) == {version: []}


def test_a_single_sigmoid_and_a_single_example(tmp_path):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, "sigmoid")])
    version = kzoo.export_model(model, tmp_path, examples=ROWS[:1], class_names=("no", "yes"))
    answer = ask(version, "serving_default", {"inputs": ROWS})
    np.testing.assert_allclose(answer["probabilities"][:, 1:], model(ROWS), atol=1e-6)


def test_a_model_that_answers_otherwise_once_it_is_compiled_is_exported_as_predict_has_it(tmp_path):
    # The pixels between pixels are whole numbers step by step, and TensorFlow leaves that out of a graph.
    pixels = np.random.default_rng(0).integers(0, 255, (20, 20, 24, 3)).astype("uint8")
    inputs = keras.Input((20, 24, 3), dtype="uint8")
    features = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(keras.layers.Resizing(8, 8)(inputs)))
    model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(features))
    predicted = model.predict(pixels, verbose=0)
    assert np.abs(model(pixels) - predicted).max() > 1e-4
    version = kzoo.export_model(model, tmp_path, examples=pixels, class_names=["ant", "bee", "cat"])
    answer = ask(version, "serving_default", {"inputs": pixels})["probabilities"]
    np.testing.assert_allclose(answer, predicted, atol=1e-6)


def test_a_model_that_is_another_one_each_time_it_is_compiled_is_refused(tmp_path):
    factors = iter(np.linspace(1, 2, 100))
    model = keras.Sequential([keras.Input((4,)), keras.layers.Lambda(lambda x: x * next(factors))])
    with pytest.raises(AnswersDifferError, match="differs from the Keras model's"):
        kzoo.export_model(model, tmp_path, examples=ROWS)

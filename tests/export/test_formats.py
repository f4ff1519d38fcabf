"""Other formats of an export, written by Keras and run in their own runtimes, where those are installed."""

import importlib.util
import json
import re
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from folded import shaken

import kzoo
from kzoo.export import ExportError
from kzoo.export.formats import runtimes
from kzoo.export.formats.runtimes import KNOWN, known_formats
from kzoo.export.formats.writing import write_formats
from kzoo.export.gate.format_checks import format_problems
from kzoo.export.gate.gate import Expectation, first_rows
from kzoo.export.inference import answers
from kzoo.export.interface import interface_of
from kzoo.export.layout import CARD

L = keras.layers
rng = np.random.default_rng(0)
X = rng.normal(2, 3, (20, 4)).astype("float32")
INSTALLED = [
    name for name, each in KNOWN.items() if all(importlib.util.find_spec(module) is not None for module in each.modules)
]
formats = pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.skipif(name not in INSTALLED, reason="not installed")) for name in KNOWN],
)


def classifier():
    norm = L.Normalization(mean=X.mean(axis=0), variance=X.var(axis=0))
    hidden = [L.Dense(8), L.BatchNormalization(), L.ReLU()]
    return shaken(keras.Sequential([keras.Input((4,)), norm, *hidden, L.Dense(3, "softmax")]))


def of_two():
    return shaken(keras.Sequential([keras.Input((4,)), L.Dense(1, "sigmoid")]))


def convolutions():
    layers = [L.Rescaling(0.1), L.Conv2D(4, 3), L.BatchNormalization(), L.ReLU(), L.MaxPooling2D()]
    return shaken(keras.Sequential([keras.Input((8, 8, 1)), *layers, L.Flatten(), L.Dense(2)]))


def two_of_each():
    one, other = keras.Input((4,), name="second"), keras.Input((2,), name="first")
    both = L.Concatenate()([one, other])
    return shaken(keras.Model([one, other], [L.Dense(2, name="b")(both), L.Dense(2, name="a")(both)]))


def many_outputs():
    """Keras and TensorFlow order "o11" before "o2" in some places, and in others not."""
    inputs = keras.Input((4,))
    return shaken(
        keras.Model(inputs, [L.Dense(2, name=f"o{number}")(inputs) for number in (3, 11, 1, 2, 10, *range(4, 10))])
    )


def attention():
    inputs = keras.Input((5, 4))
    return keras.Model(inputs, L.MultiHeadAttention(2, 3)(inputs, inputs))


def denormalised():
    return keras.Sequential([keras.Input((4,)), L.Normalization(mean=[3.0], variance=[4.0], invert=True)])


MODELS = {
    "classes": (classifier, X, ("ant", "bee", "cat")),
    "two classes": (of_two, X, ("no", "yes")),
    "pictures": (convolutions, rng.normal(size=(20, 8, 8, 1)).astype("float32"), None),
    "two inputs, two outputs": (two_of_each, [X, X[:, :2]], None),
    "eleven outputs": (many_outputs, X, None),
    "attention": (attention, rng.normal(size=(20, 5, 4)).astype("float32"), None),
    "normalisation, inverted": (denormalised, X, None),
}


def written(model, examples, directory, names, class_names=None):
    interface, rows = interface_of(model, examples, class_names=class_names)
    own = {key: np.asarray(value) for key, value in interface.call(model, rows).items()}
    write_formats(model, directory, [KNOWN[name] for name in names])
    numeric = first_rows(answers.expected_numeric(own, interface))
    return Expectation((), first_rows(rows), numeric, 1e-5, tuple(class_names or ()), formats=tuple(names))


@formats
@pytest.mark.parametrize("which", MODELS)
def test_a_format_answers_as_the_model(name, which, tmp_path):
    model, examples, class_names = MODELS[which]
    expectation = written(model(), examples, tmp_path, [name], class_names)
    assert list(format_problems(tmp_path, expectation)) == []
    assert "openvino_telemetry" not in sys.modules


@formats
def test_a_format_that_answers_otherwise_is_refused(name, tmp_path):
    model = classifier()
    expectation = written(model, X, tmp_path, [name])
    shaken(model)
    other = {"outputs": np.asarray(model(X))[:17][:, ::-1]}
    (problem,) = format_problems(tmp_path, Expectation((), expectation.inputs, other, 1e-5, formats=(name,)))
    assert f"The {name} file answers otherwise than the model, by 0." in problem
    wrong = {"outputs": np.zeros((17, 2), "float32")}
    (problem,) = format_problems(tmp_path, Expectation((), expectation.inputs, wrong, 1e-5, formats=(name,)))
    assert "in shape" in problem


@formats
def test_a_file_that_does_not_run_is_refused_in_one_line(name, tmp_path):
    expectation = written(classifier(), X, tmp_path, [name])
    (tmp_path / KNOWN[name].file).write_bytes(b"no model")
    (problem,) = format_problems(tmp_path, expectation)
    assert problem.startswith(f"The {name} file does not run in its own runtime: ") and "\n" not in problem


@formats
def test_what_a_format_has_no_operations_for_is_refused_in_one_line(name, tmp_path):
    words = L.TextVectorization(vocabulary=["a", "b"], output_mode="multi_hot")
    model = keras.Sequential([keras.Input((1,), dtype="string"), words, L.Dense(2)])
    try:
        (told,) = format_problems(tmp_path, written(model, np.array([["a"], ["b b"]]), tmp_path, [name]))
    except ExportError as error:
        told = str(error)
    assert re.match(f"The (model cannot be written as {name}|{name} file does not run in its own runtime): ", told)
    assert told.endswith(". Leave this format out.") and "\n" not in told


def test_a_format_that_is_not_known_or_not_installed(monkeypatch):
    with pytest.raises(ExportError, match="There is no format 'tflite'; there are onnx, litert, openvino"):
        known_formats(["tflite"])
    monkeypatch.setattr(runtimes.importlib.util, "find_spec", lambda module: None if "openvino" in module else module)
    with pytest.raises(ExportError, match=r"needs openvino, which is not installed: pip install 'kzoo\[openvino\]'"):
        known_formats(["openvino"])
    with pytest.raises(ExportError, match="There is no format 'tflite'"):
        kzoo.export_model(of_two(), "nowhere", examples=X, formats=["tflite"])
    assert not Path("nowhere").exists()


@pytest.mark.skipif(not INSTALLED, reason="none is installed")
def test_an_export_with_formats(tmp_path):
    path = kzoo.export_model(classifier(), tmp_path, examples=X, class_names=("a", "b", "c"), formats=INSTALLED)
    assert json.loads((path / CARD).read_text())["formats"] == {name: KNOWN[name].file.as_posix() for name in INSTALLED}
    assert kzoo.check(path) == {path: []}
    (path / KNOWN[INSTALLED[0]].file).write_bytes(b"damaged")
    (problem,) = kzoo.check(path)[path]
    assert problem.startswith("formats/model.")

"""Names and forms of inputs, and what the outputs of a signature are: written and run in this process."""

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from folded import shaken

from kzoo.export import ExportError, Runner
from kzoo.export.exporter import write_version
from kzoo.export.gate.checks import problems_of
from kzoo.export.interface import interface_of
from kzoo.export.traced import trace

L = keras.layers
X = np.random.default_rng(0).normal(size=(20, 3)).astype("float32")


def exported(model, examples, directory, **options):
    """Its interface, a runner, and the model's own answers."""
    interface, rows = interface_of(model, examples, **options)
    own = {name: np.asarray(value) for name, value in interface.call(model, rows).items()}
    _, expectation = write_version(model, interface, rows, own, directory, "m")
    runner = Runner(directory)
    assert problems_of(runner, expectation) == []
    return interface, runner, own


def two_inputs(one, other):
    inputs = [keras.Input((1,), name=one), keras.Input((1,), name=other)]
    return shaken(keras.Model(inputs, L.Dense(2)(L.Concatenate()(inputs))))


NAMES = [
    ("petal.length", "petal.width"),
    ("a-b", "c"),
    ("age of user", "income"),
    ("class", "size"),
    ("self", "other"),
    ("1st", "2nd"),
    ("Age", "age"),
    ("Age", "Size"),
    ("größe", "input_0"),
    ("_private", "inputs"),
    ("kg (raw)", "100%"),
]


@pytest.mark.parametrize("names", NAMES)
def test_names_that_no_python_argument_can_have(names, tmp_path):
    model = two_inputs(*names)
    examples = {names[0]: X[:, :1], names[1]: X[:, 1:2]}
    interface, runner, own = exported(model, examples, tmp_path)
    with runner:
        for signature in ("serving_default", "numeric"):
            assert set(runner.signatures[signature].inputs) == set(names)
            np.testing.assert_allclose(runner.run(signature, examples)["outputs"], own["outputs"], atol=1e-6)
    assert set(interface.inputs) == set(names)


def test_an_argument_has_the_inputs_own_name_where_it_can(tmp_path):
    exported(two_inputs("a", "b-c"), {"a": X[:, :1], "b-c": X[:, 1:2]}, tmp_path)
    loaded = tf.saved_model.load(tmp_path).signatures["numeric"]
    assert loaded(a=tf.constant(X[:, :1]), input_0=tf.constant(X[:, 1:2]))["outputs"].shape == (20, 2)


def keyed(**keys):
    inputs = {key: keras.Input((1,), name=name) for key, name in keys.items()}
    return keras.Model(inputs, L.Subtract()([inputs[min(keys)], inputs[max(keys)]]))


@pytest.mark.filterwarnings("ignore:When providing `inputs` as a dict")
@pytest.mark.parametrize("keys", [{"a": "z", "b": "y"}, {"b": "a", "a": "b"}, {"b": "one", "a": "two"}])
def test_a_dict_of_inputs_goes_by_its_keys(keys, tmp_path):
    _, runner, _ = exported(keyed(**keys), {"a": X[:, :1], "b": X[:, 1:2]}, tmp_path)
    with runner:
        answer = runner.run("numeric", {"a": X[:, :1], "b": X[:, 1:2]})["outputs"]
    np.testing.assert_allclose(answer, X[:, :1] - X[:, 1:2], atol=1e-6)


class OfKeys(keras.Model):
    def __init__(self, keys):
        super().__init__()
        self.all_keys = keys

    def call(self, columns):
        first, *others = (columns[key] for key in self.all_keys)
        return {str(key): first - other for key, other in zip(self.all_keys[1:], others, strict=True)}


@pytest.mark.parametrize(
    "keys",
    [("a/b", "c:d"), ("", 'say "x"', "new\nline"), ("b64", "instances", "signature_name"), ("A", "a", "_a", "名前")],
)
def test_keys_of_a_dict_are_any_text(keys, tmp_path):
    """Names of layers cannot have a slash, keys can; they are names of inputs and of outputs."""
    columns = {key: X[:, number % 3, None] * (number + 1) for number, key in enumerate(keys)}
    _, runner, own = exported(OfKeys(keys), columns, tmp_path)
    with runner:
        answer = runner.run("numeric", columns)
    assert set(answer) == set(keys[1:])
    for key, values in answer.items():
        np.testing.assert_allclose(values, own[key])


@pytest.mark.parametrize("key", ["\ud800", "zero\0byte"])
def test_keys_that_no_request_can_hold_are_refused_in_one_line(key):
    with pytest.raises(ExportError, match="The name of an input is .*, which has a character that no request can hold"):
        interface_of(OfKeys((key, "a")), {key: X, "a": X})
    interface, rows = interface_of(OfKeys(("a", "b")), {"a": X, "b": X})
    with pytest.raises(ExportError, match="The name of an output is .*, which has a character"):
        interface.call(Answering(lambda columns: {key: columns["a"]}), rows)


@pytest.mark.parametrize("names", [(1, 2), (b"no", b"yes"), ("no", None), ("no", "\udc00")])
def test_classes_without_a_text_for_a_name_are_refused_in_one_line(names):
    with pytest.raises(ExportError, match="The name of a class is .*(expected text|no request can hold)"):
        interface_of(one_input((2,)), X[:, :2], class_names=names)


@pytest.mark.filterwarnings("ignore:When providing `inputs` as a dict")
def test_the_names_of_the_layers_are_not_those_of_a_dict():
    with pytest.raises(ExportError, match=r"has \['y', 'z'\], but the model takes a dict with the keys \['a', 'b'\]"):
        interface_of(keyed(a="z", b="y"), {"z": X[:, :1], "y": X[:, 1:2]})


def one_input(shape=(3,), dtype="float32"):
    inputs = keras.Input(shape, dtype=dtype)
    return keras.Model(inputs, L.Identity()(inputs))


FRAME = pd.DataFrame(X, columns=["a", "b", "c"])
FORMS = {
    "lists": (X.tolist(), X),
    "tuples": (tuple(map(tuple, X.tolist())), X),
    "rows in a list": (list(X), X),
    "one array in a list": ([X], X),
    "a tensor": (tf.constant(X), X),
    "a table": (FRAME, X),
    "a table of several types": (FRAME.astype({"a": object}), X),
    "a name of its own": ({"x": X}, X),
    "another precision": (X.astype("float64"), X),
    "half precision": (tf.cast(X, tf.bfloat16), np.asarray(tf.cast(tf.cast(X, tf.bfloat16), tf.float32))),
    "integers": ([[1, 2, 3]], np.array([[1, 2, 3]], "float32")),
}


@pytest.mark.parametrize("form", FORMS)
def test_examples_of_one_input(form):
    given, expected = FORMS[form]
    _, rows = interface_of(one_input(), given)
    ((name, array),) = rows.items()
    assert name == ("x" if form == "a name of its own" else "inputs")
    assert array.dtype == "float32"
    np.testing.assert_array_equal(array, expected)


@pytest.mark.parametrize(
    "given",
    [
        [X[:, :1], X[:, 1:2]],
        (X[:, :1], X[:, 1:2]),
        [tf.constant(X[:, :1]), tf.constant(X[:, 1:2])],
        [X[:, :1].tolist(), X[:, 1].tolist()],
        {"p": X[:, 0], "q": X[:, 1:2]},
        FRAME.rename(columns={"a": "p", "b": "q"})[["q", "p"]],
    ],
    ids=["list", "tuple", "tensors", "lists", "dict", "table"],
)
def test_examples_of_two_inputs(given):
    interface, rows = interface_of(two_inputs("p", "q"), given)
    assert interface.structure == ["p", "q"]
    np.testing.assert_array_equal(rows["p"], X[:, :1])
    np.testing.assert_array_equal(rows["q"], X[:, 1:2])


def test_text_in_every_form():
    for given in (
        ["a", "b"],
        np.array(["a", "b"]),
        np.array([b"a", "b"], object),
        pd.Series(["a", "b"]),
        [["a"], ["b"]],
    ):
        _, rows = interface_of(one_input((1,), "string"), given)
        assert rows["inputs"].tolist() == [[b"a"], [b"b"]]


def test_integers_that_fit():
    _, rows = interface_of(one_input((2,), "uint8"), [[1, 255]])
    assert rows["inputs"].dtype == "uint8"
    with pytest.raises(ExportError, match="are int64, but the model takes uint8"):
        interface_of(one_input((2,), "uint8"), [[1, 256]])


REFUSED = {
    "nothing": (one_input, [], "examples has no rows"),
    "a number": (one_input, 3.0, "are a float; expected an array"),
    "rows of two sizes": (one_input, [[1.0, 2.0, 3.0], [1.0]], "make no array"),
    "a data set": (one_input, tf.data.Dataset.from_tensors(X), "expected an array"),
    "text for numbers": (one_input, [["a", "b", "c"]], "the model takes float32"),
    "nothing in a text": (lambda: one_input((1,), "string"), [["a"], [None]], "hold None; the model takes text"),
    "dates": (one_input, np.zeros((2, 3), "datetime64[s]"), r"are datetime64\[s\], but"),
    "one of two": (lambda: two_inputs("p", "q"), [X[:, :1]], "has 2 inputs, .* but examples is 1 arrays"),
    "an array for two": (lambda: two_inputs("p", "q"), X, "but examples is a ndarray; give a list or dict of 2"),
    "other names": (lambda: two_inputs("p", "q"), {"p": X, "r": X}, r"but the model takes inputs called \['p', 'q'\]"),
    "unlike numbers of rows": (lambda: two_inputs("p", "q"), [X[:, :1], X[:5, :1]], "differ in their number of rows"),
    "another shape": (one_input, X[:, :2], r"have shape \(20, 2\); the model takes \(None, 3\)"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_examples_that_do_not_fit_are_told_in_one_line(name):
    model, examples, message = REFUSED[name]
    with pytest.raises(ExportError, match=message) as caught:
        interface_of(model(), examples)
    assert "\n" not in str(caught.value)


class Nested(keras.Model):
    def call(self, inputs):
        return inputs[0]["u"] + inputs[1]


class Answering(keras.Model):
    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def call(self, inputs):
        return self.answer(inputs)


def test_nested_inputs_are_refused():
    with pytest.raises(ExportError, match="inputs of an export must be flat"):
        interface_of(Nested(), [{"u": X}, X])
    inputs = {"a": [keras.Input((3,)), keras.Input((3,))]}
    with pytest.raises(ExportError, match="inputs of the model are nested"):
        interface_of(keras.Model(inputs, L.Add()(inputs["a"])), {"a": [X, X]})


@pytest.mark.parametrize(
    "answer",
    [lambda x: {"a": [x, x]}, lambda x: [x, (x, x)], lambda x: [x, None], lambda x: tf.RaggedTensor.from_tensor(x)],
    ids=["nested", "tuple in a list", "nothing", "ragged"],
)
def test_outputs_that_are_not_flat_and_dense_are_refused(answer):
    model = Answering(answer)
    interface, rows = interface_of(model, X)
    with pytest.raises(ExportError, match="The output '.*' is a "):
        interface.call(model, rows)


def test_one_layer_called_twice_gives_two_outputs(tmp_path):
    dense, one, other = L.Dense(2), keras.Input((3,), name="one"), keras.Input((3,), name="other")
    model = shaken(keras.Model([one, other], [dense(one), dense(other)]))
    _, runner, _ = exported(model, [X, 2 * X], tmp_path)
    with runner:
        answer = runner.run("numeric", {"one": X, "other": 2 * X})
    for number, expected in enumerate(model([X, 2 * X])):
        np.testing.assert_allclose(answer[f"outputs_{number}"], expected, atol=1e-6)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "bfloat16", "float16"])
def test_layers_in_half_precision(policy, tmp_path):
    inputs = keras.Input((3,))
    hidden = L.Dense(64, activation="relu", dtype=policy)(L.BatchNormalization(dtype=policy)(inputs))
    outputs = {"half": L.Dense(1, dtype=policy)(hidden), "full": L.Dense(1, dtype="float32")(hidden)}
    model = shaken(keras.Model(inputs, outputs))
    _, runner, own = exported(model, X, tmp_path)
    with runner:
        for signature in runner.signatures.values():
            assert {tensor.dtype for tensor in signature.outputs.values()} == {tf.float32}
        for name, answer in runner.run("numeric", {"inputs": X}).items():
            np.testing.assert_allclose(answer, own[name].astype("float32"), rtol=2e-2, atol=2e-2)


def test_many_layers_in_half_precision(tmp_path):
    hidden = inputs = keras.Input((3,))
    for _ in range(8):
        norm = L.BatchNormalization(dtype="mixed_bfloat16")
        hidden = L.ReLU()(norm(L.Dense(64, dtype="mixed_bfloat16")(hidden)))
    exported(shaken(keras.Model(inputs, L.Dense(2, dtype="mixed_bfloat16")(hidden))), X, tmp_path)


def test_a_cast_to_half_precision_inside_is_seen_too(tmp_path):
    model = one_input()
    model = keras.Model(model.input, keras.ops.cast(keras.ops.sin(keras.ops.cast(model.output, "bfloat16")), "float32"))
    exported(model, X, tmp_path)
    interface, _ = interface_of(model, X)
    assert trace(model, interface).rounding == 4e-2
    assert trace(one_input(), interface).rounding == 0


def test_inputs_in_half_precision_travel_as_float32(tmp_path):
    model = shaken(keras.Sequential([keras.Input((3,), dtype="bfloat16"), L.Dense(1, dtype="bfloat16")]))
    _, runner, _ = exported(model, X, tmp_path)
    with runner:
        assert {t.dtype for s in ("numeric", "regress") for t in runner.signatures[s].outputs.values()} == {tf.float32}
        assert runner.signatures["numeric"].inputs["inputs"].dtype == tf.float32


@pytest.mark.parametrize(("factor", "least", "most"), [(1, 1e-5, 1e-5), (1e4, 2e-5, 1e-3), (1e7, 1e-3, 1e-3)])
def test_what_a_model_makes_of_rounding_is_allowed(factor, least, most, tmp_path):
    """Differences of large numbers: what they round to is amplified."""
    model = Answering(lambda x: keras.ops.sin(x * factor))
    interface, rows = interface_of(model, X)
    own = {name: np.asarray(value) for name, value in interface.call(model, rows).items()}
    _, expectation = write_version(model, interface, rows, own, tmp_path, "m")
    assert least <= expectation.tolerance <= most

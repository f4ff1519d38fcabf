"""How an export says that it is asked: requests that can be sent as they are, in the card, in files and in OpenAPI."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from tasks import make_task

import kzoo
from kzoo.export import Runner
from kzoo.export.asking import LARGEST, asked_signatures, show_newest, write_requests
from kzoo.export.card import SHOWN
from kzoo.export.exporter import write_version
from kzoo.export.interface import interface_of
from kzoo.export.layout import CARD, CARD_TEXT, GOLDEN, OPENAPI, REQUESTS
from kzoo.export.openapi import write_openapi

L = keras.layers
rng = np.random.default_rng(0)
X = rng.normal(size=(20, 3)).astype("float32")


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def test_every_signature_has_a_request_that_is_answered_as_shown(exported):
    description, card = read(exported / OPENAPI), read(exported / CARD)
    bodies, answers = description["components"]["requestBodies"], description["components"]["responses"]
    assert list(card["requests"]) == ["serving_default", "numeric", "classify"]
    for name, asked in card["requests"].items():
        body = read(exported / REQUESTS / f"{name}.json")
        shown = bodies[asked["method"]]["content"]["application/json"]["examples"][name]["value"]
        answer = answers[asked["method"]]["content"]["application/json"]["examples"][name]["value"]
        assert body == asked["request"] == shown
        assert answer == asked["answer"]
        assert asked["file"] == f"requests/{name}.json"
        if asked["method"] == "predict":
            assert kzoo.predict(exported, body) == answer


def test_the_answers_are_the_golden_ones(exported):
    golden = {each["request"]["signature_name"]: each["answer"]["outputs"] for each in read(exported / GOLDEN)}
    asked = read(exported / CARD)["requests"]
    for number, row in enumerate(asked["serving_default"]["answer"]["predictions"]):
        # Fewer rows at once may be rounded in another way.
        assert row["label"] == golden["serving_default"]["label"][number]
        assert row["probabilities"] == pytest.approx(golden["serving_default"]["probabilities"][number], abs=1e-6)
        assert asked["numeric"]["answer"]["predictions"][number] == pytest.approx(golden["numeric"][number], abs=1e-6)
        classes, scores = zip(*asked["classify"]["answer"]["results"][number], strict=True)
        assert list(classes) == golden["classify"]["classes"][number]
        assert scores == pytest.approx(golden["classify"]["scores"][number], abs=1e-6)


def test_a_person_reads_the_columns_and_classes_in_their_order(exported, task):
    text, card = (exported / CARD_TEXT).read_text(), read(exported / CARD)
    assert "| columns, in their order | a, b, c, d |" in text
    assert "| classes, in the order of the probabilities | ant, bee, cat |" in text
    assert "`serving_default`: `POST /v1/models/insects:predict`" in text
    assert (exported / REQUESTS / "classify.json").read_text() in text
    assert card["feature_names"] == list(task.feature_names)
    schemas = read(exported / OPENAPI)["components"]["schemas"]
    row = schemas["serving_default.request"]["properties"]["instances"]["items"]
    assert [entry["title"] for entry in row["prefixItems"]] == ["a", "b", "c", "d"]
    assert schemas["ClassName"]["enum"] == ["ant", "bee", "cat"]
    probabilities = schemas["numeric.answer"]["anyOf"][0]["properties"]["predictions"]["items"]
    assert [entry["title"] for entry in probabilities["prefixItems"]] == ["ant", "bee", "cat"]


def test_beside_the_versions_stands_how_the_newest_is_asked(exported, tmp_path):
    base = exported.parent
    assert read(base / "request.json") == read(exported / REQUESTS / "serving_default.json")
    assert (base / "openapi.json").read_text() == (exported / OPENAPI).read_text()
    assert {path.name for path in (base / "requests").iterdir()} == {
        path.name for path in (exported / REQUESTS).iterdir()
    }
    # A newer one that answers numbers: what only the older one has is gone, and what is older stays so.
    for number, text in ((2, "old"), (10, "new")):
        (tmp_path / str(number) / REQUESTS).mkdir(parents=True)
        (tmp_path / str(number) / OPENAPI).write_text(text)
        (tmp_path / str(number) / REQUESTS / "serving_default.json").write_text(text)
    (tmp_path / "requests").mkdir()
    (tmp_path / "requests" / "classify.json").write_text("older")
    show_newest(tmp_path)
    assert (tmp_path / "request.json").read_text() == (tmp_path / "openapi.json").read_text() == "new"
    assert [path.name for path in (tmp_path / "requests").iterdir()] == ["serving_default.json"]


def test_a_version_that_says_nothing_leaves_what_is_there(tmp_path):
    (tmp_path / "1").mkdir()
    (tmp_path / "request.json").write_text("{}")
    show_newest(tmp_path)
    assert (tmp_path / "request.json").read_text() == "{}"


class Answering(keras.Model):
    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def call(self, inputs):
        return self.answer(inputs)


def two_inputs():
    size, kind = keras.Input((2,), name="size"), keras.Input((1,), name="kind of", dtype="int64")
    return keras.Model([size, kind], L.Dense(1)(L.Concatenate()([size, keras.ops.cast(kind, "float32")])))


def pictures(side, classes):
    inputs = keras.Input((side, side, 3), dtype="uint8")
    hidden = L.GlobalAveragePooling2D()(L.Rescaling(1 / 255)(inputs))
    return keras.Model(inputs, L.Dense(classes, "softmax")(hidden))


def images(side):
    return rng.integers(0, 255, (17, side, side, 3)).astype("uint8")


MANY = tuple(f"class {number}" for number in range(300))
WITH_GAPS = np.where(np.arange(20)[:, None] < 3, np.float32(np.nan), X)
TEXTS = np.array(["é 名前", b"\xff\x00"] * 9, object)
KINDS = {
    "two inputs": (two_inputs, {"size": X[:, :2], "kind of": np.arange(20)[:, None]}, {}),
    "pictures": (lambda: pictures(4, 3), images(4), {"class_names": ("a", "b", "a")}),
    "large pictures, many classes": (lambda: pictures(48, 300), images(48), {"class_names": MANY}),
    "texts and bytes": (lambda: Answering(lambda x: {"text": x, "size": tf.strings.length(x)}), TEXTS, {}),
    "missing values": (lambda: Answering(lambda x: tf.where(tf.math.is_nan(x), 0.0, x)), WITH_GAPS, {}),
    "flags, no text": (lambda: Answering(lambda x: {"label": tf.logical_not(x)}), X[:, :1] > 0, {}),
    "any length": (lambda: keras.Sequential([keras.Input((None, 3)), L.GlobalMaxPooling1D()]), X[:, None], {}),
    "numbers of a table": (
        lambda: keras.Sequential([keras.Input((3,)), L.Dense(1)]),
        X,
        {"task": make_task("regression", X, feature_names=("x (m)", "y", "z"))},
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_description_is_valid_and_its_examples_fit_it(kind, tmp_path):
    model, examples, options = KINDS[kind]
    model = model()
    interface, rows = interface_of(model, examples, **options)
    own = {name: np.asarray(value) for name, value in interface.call(model, rows).items()}
    write_version(model, interface, rows, own, tmp_path, "m")
    with Runner(tmp_path) as runner:
        signatures = asked_signatures(runner, rows, own, interface.feature_names)
        for each in signatures:
            if each.method == "predict":
                answered = kzoo.export.inference.prediction.answer_request(runner, json.loads(each.body))
                assert answered == each.answer
    names = {"feature_names": interface.feature_names, "class_names": interface.class_names}
    write_openapi(tmp_path, "my model", signatures, description="", exported="2026-01-01T00:00:00+00:00", **names)
    write_requests(tmp_path, signatures)
    description = read(tmp_path / OPENAPI)
    assert "/v1/models/my%20model/versions/{version}:predict" in description["paths"]
    check_example_files(description, tmp_path)
    assert list(interface.inputs) == [tensor.name for tensor in signatures[0].inputs]
    pytest.importorskip("openapi_spec_validator").validate(description)
    check_examples(description, signatures)


def check_example_files(description, directory):
    for body in description["components"]["requestBodies"].values():
        for example in body["content"]["application/json"]["examples"].values():
            if "externalValue" in example:
                text = (directory / OPENAPI).parent.joinpath(example["externalValue"]).read_text()
                assert len(text) > LARGEST / 2 > SHOWN and text.startswith("{")


def check_examples(description, signatures):
    jsonschema = pytest.importorskip("jsonschema")
    for each in signatures:
        for part, value in (("request", each.request), ("answer", each.answer)):
            schema = {"$ref": f"#/components/schemas/{each.name}.{part}", "components": description["components"]}
            jsonschema.Draft202012Validator(schema).validate(value)
            broken = {"request": {**value, "instances": [["wrong"]], "examples": 3}, "answer": {}}[part]
            assert not jsonschema.Draft202012Validator(schema).is_valid(broken)


def test_rows_without_missing_values_are_shown_first(tmp_path):
    interface, rows = interface_of(Answering(lambda x: x), WITH_GAPS)
    model = Answering(lambda x: tf.where(tf.math.is_nan(x), 0.0, x))
    own = {"outputs": np.asarray(model(WITH_GAPS))}
    write_version(model, interface, rows, own, tmp_path, "m")
    with Runner(tmp_path) as runner:
        serving, *_ = asked_signatures(runner, rows, own, ())
    assert serving.is_short
    np.testing.assert_array_equal(np.float32(serving.request["instances"]), WITH_GAPS[3:5])

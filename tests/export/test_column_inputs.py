"""Exports of tables: columns by name, encoded in the graph as they were for training."""

import json

import hypothesis
import hypothesis.strategies as st
import keras
import numpy as np
import pytest
import tensorflow as tf

import kzoo
from kzoo.export.column_inputs import InGraph, check_encoding, columns_of
from kzoo.tables.columns import Column
from kzoo.tables.encoders import encode
from kzoo.tables.learning import learn
from kzoo.task import Task

ROWS = 90
COLUMNS = (
    Column("age", "number"),
    Column("work class", "category"),
    Column("town", "category"),
    Column("keen", "boolean"),
    Column("when", "date", date_format="%m/%d/%Y %I:%M %p"),
    Column("class", "text"),
    Column("story", "text"),
)


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    words = np.array(["private", "self", "", "Été", "rare"], dtype=object)
    return {
        "age": np.where(rng.random(ROWS) < 0.2, np.nan, rng.normal(40, 9, ROWS)),
        "work class": words[np.minimum(4, rng.integers(0, 30, ROWS) // 7)],
        "town": [
            ("", "Été 2", f"town {row % 13}", "rare")[min(row // 11, 2) if row < 89 else 3] for row in range(ROWS)
        ],
        "keen": np.array(["True", "False", ""], dtype=object)[rng.integers(0, 3, ROWS)],
        "when": [f"{1 + row % 12}/{1 + row % 28}/{1990 + row} {1 + row % 12}:0{row % 10} PM" for row in range(ROWS)],
        "class": [("the quick fox", "The DOG, quick", "")[row % 3] for row in range(ROWS)],
        # Of more tokens than have a number each.
        "story": [" ".join(f"W{number % 150}" for number in rng.integers(0, 10**6, row)) for row in range(ROWS)],
    }


@pytest.fixture(scope="module")
def encoding(frame):
    return learn(frame, COLUMNS)


def task_of(encoding, x, **fields):
    width = len(encoding.features)
    return Task(
        input_shape=(width,),
        input_dtype="float32",
        train_rows=len(x),
        input_mean=tuple(x.mean(axis=0).tolist()),
        input_variance=tuple((x.var(axis=0) + 0.1).tolist()),
        feature_names=encoding.features,
        table=encoding,
        **fields,
    )


@pytest.fixture(scope="module")
def classifier(frame, encoding):
    x = encoding.encode(frame)
    task = task_of(encoding, x, kind="classification", class_names=("no", "yes"))
    keras.utils.set_random_seed(1)
    model = kzoo.create_model("mlp", task, units=16)
    model.fit(x, np.arange(ROWS, dtype=np.int32) % 2, epochs=2, verbose=0)
    return model, task


@pytest.fixture(scope="module")
def published(classifier, frame, encoding, tmp_path_factory):
    model, task = classifier
    x = encoding.encode(frame)
    return kzoo.export_model(model, tmp_path_factory.mktemp("exports") / "people", task=task, examples=x[:20])


def as_rows(columns):
    rows = zip(*columns.values(), strict=True)
    return [
        dict(zip(columns, (each if isinstance(each, str) else float(each) for each in row), strict=True))
        for row in rows
    ]


def test_raw_rows_are_answered_as_encoded_ones(published, classifier, frame, encoding):
    columns = columns_of({name: values[:30] for name, values in frame.items()}, encoding)
    # Among them each column missing, and with a word that training has not seen.
    assert encoding.codes and len(columns["age"]) == 30 + 1 + 2 * 6
    answers = kzoo.predict(published, {"instances": as_rows(columns)})["predictions"]
    expected = classifier[0].predict(encoding.encode(columns), verbose=0)
    np.testing.assert_allclose([each["probabilities"] for each in answers], expected, atol=1e-5)
    assert kzoo.check(published) == {published: []}


def test_features_of_an_example_may_be_absent(published, classifier, frame, encoding):
    asked = {"signature_name": "classify", "examples": [{"age": 40.5, "work class": "self"}, {}]}
    found = [dict(row) for row in kzoo.predict(published, asked)["results"]]
    nothing = ["", ""]
    columns = {name: nothing for name in frame} | {"age": [40.5, np.nan], "work class": ["self", ""]}
    expected = classifier[0].predict(encoding.encode(columns), verbose=0)
    np.testing.assert_allclose([[row["no"], row["yes"]] for row in found], expected, atol=1e-5)


def test_the_request_beside_the_export_names_the_columns(published):
    request = json.loads((published.parent / "request.json").read_text())
    assert list(request["instances"][0]) == [column.name for column in COLUMNS]
    assert kzoo.predict(published, request)["predictions"]


def test_a_regression_takes_columns_too(frame, encoding, tmp_path):
    x = encoding.encode(frame)
    task = task_of(encoding, x, kind="regression", target_mean=(3.0,), target_scale=(2.0,))
    model = kzoo.create_model("linear_regression", task)
    # Columns as they are, in any order and with others among them.
    given = {"other": [0] * 20, **{name: frame[name][:20] for name in reversed(frame)}}
    path = kzoo.export_model(model, tmp_path / "prices", task=task, examples=given)
    answer = kzoo.predict(path, {"signature_name": "regress", "examples": [{"age": 30.5}]})
    empty = {name: [""] for name in frame} | {"age": [30.5]}
    assert answer["results"][0] == pytest.approx(float(model(encoding.encode(empty))[0, 0]), rel=1e-5)


def test_examples_that_do_not_fit_are_refused(classifier, frame, tmp_path):
    model, task = classifier
    with pytest.raises(kzoo.ExportError, match="examples lacks the column 'keen'"):
        less = {name: values for name, values in frame.items() if name != "keen"}
        kzoo.export_model(model, tmp_path / "people", task=task, examples=less)
    with pytest.raises(kzoo.ExportError, match=r"has the shape \[3, 2\]"):
        kzoo.export_model(model, tmp_path / "people", task=task, examples=np.zeros((3, 2)))
    with pytest.raises(kzoo.ExportError, match="examples has no rows"):
        kzoo.export_model(model, tmp_path / "people", task=task, examples={name: [] for name in frame})


def test_an_encoding_that_differs_in_the_graph_is_refused(frame, encoding, monkeypatch):
    monkeypatch.setattr(InGraph, "is_word", lambda self, values, words: 1 - by_words(self, values, words))
    with pytest.raises(kzoo.ExportError, match="would be served as"):
        check_encoding(columns_of(frame, encoding), encoding)


def test_many_columns_are_encoded_by_few_operations():
    names = [f"c{number}" for number in range(300)]
    values = {name: [1.0, float(number % 2) or np.nan] for number, name in enumerate(names)}
    many = learn(values, [Column(name, "number") for name in names])
    assert len(many.features) == 450
    specs = {name: tf.TensorSpec([None], tf.float32) for name in names}
    graph = (
        tf.function(lambda given: encode(many, given, InGraph()), autograph=False).get_concrete_function(specs).graph
    )
    assert len(graph.get_operations()) < 300 + 60
    check_encoding(columns_of(values, many), many)


def test_topics_that_differ_in_the_graph_are_refused(frame, encoding, monkeypatch):
    assert encoding.features[-65:-1] == tuple(f"story topic {number + 1}" for number in range(64))
    monkeypatch.setattr(
        InGraph, "token_sum", lambda self, values, words, vectors: sums(self, values, words[::-1], vectors)
    )
    with pytest.raises(kzoo.ExportError, match="The feature 'story topic"):
        check_encoding(columns_of(frame, encoding), encoding)


def test_a_code_that_differs_in_the_graph_is_refused(frame, encoding, monkeypatch):
    monkeypatch.setattr(InGraph, "place", lambda self, values, words: place(self, values, words[1:]))
    with pytest.raises(kzoo.ExportError, match="The feature 'town' would be served as"):
        check_encoding(columns_of(frame, encoding), encoding)


by_words, place, sums = InGraph.is_word, InGraph.place, InGraph.token_sum

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@hypothesis.settings(max_examples=20, deadline=None)
@hypothesis.given(st.data())
def test_any_rows_are_encoded_in_the_graph_as_in_numpy(frame, encoding, data):
    near = {name: st.sampled_from([str(each) for each in values]) for name, values in frame.items() if name != "age"}
    columns = {name: data.draw(st.lists(ANY_TEXT | some, min_size=8, max_size=8)) for name, some in near.items()}
    columns["age"] = data.draw(st.lists(st.floats(width=32, allow_infinity=False), min_size=8, max_size=8))
    check_encoding(columns_of(columns, encoding), encoding)

import json

import pytest

from kzoo.cli import arguments


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), ("0.5", 0.5), ("1e-3", 1e-3), ("true", True), ("No", False), ("relu", "relu"), ("1.", 1.0)],
)
def test_literals(text, value):
    assert arguments.literal(text) == value
    assert type(arguments.literal(text)) is type(value)


def test_ranges():
    assert arguments.ranges(["units=8:64", "optimizer=adam,sgd"]) == {
        "units": {"low": 8, "high": 64},
        "optimizer": {"values": ["adam", "sgd"]},
    }


@pytest.mark.parametrize("damage", ["", "{", '{"format": 1}', '{"format": 99}', "[]"])
def test_a_damaged_description_of_a_run(searched, damage):
    description = searched.directory / "RUN" / "kzoo.json"
    kept = description.read_text()
    description.write_text(damage)
    try:
        result = searched("export", "RUN", "--name", "wine")
    finally:
        description.write_text(kept)
    assert result.exit_code == 1
    assert "kzoo.json" in str(result.exception)
    json.loads(kept)


@pytest.mark.parametrize(
    ("field", "value"),
    [("constant", "x"), ("constant", [1]), ("columns", "x"), ("columns", None), ("test_share", "x"), ("kind", 3)],
)
@pytest.mark.parametrize("arguments", [("report", "RUN"), ("export", "RUN", "--name", "wine")])
def test_a_description_of_a_run_with_a_value_of_another_type(searched, field, value, arguments):
    description = searched.directory / "RUN" / "kzoo.json"
    kept = description.read_text()
    fields = json.loads(kept)
    (fields["data"] if field in fields["data"] else fields)[field] = value
    description.write_text(json.dumps(fields))
    try:
        result = searched(*arguments)
    finally:
        description.write_text(kept)
    assert result.exit_code == 1
    assert f"kzoo.json: not a description of a search ({field} is " in str(result.exception)


@pytest.mark.parametrize(
    ("field", "value", "words"), [("model", "x", "No model is called"), ("fixed", {"a": 1}, "No hyperparameter")]
)
def test_a_model_that_is_not_there_any_more_is_not_exported(searched, field, value, words):
    description = searched.directory / "RUN" / "kzoo.json"
    kept = description.read_text()
    description.write_text(json.dumps({**json.loads(kept), field: value}))
    try:
        result = searched("export", "RUN", "--name", "wine")
    finally:
        description.write_text(kept)
    assert (result.exit_code, words in str(result.exception)) == (1, True)

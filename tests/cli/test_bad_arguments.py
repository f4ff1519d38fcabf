import json

import pytest

from kzoo.cli import arguments


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("search", "mlpp", "--data", "wine"), ("MODEL", "did you mean mlp")),
        (("search", "mlp", "--data", "wein"), ("--data", "wein")),
        (("search", "mlp", "--data", "missing.csv"), ("--data", "missing.csv", "no such file")),
        (("search", "mlp"), ("--data",)),
        (("search", "mlp", "--data", "wine", "--trials", "0"), ("--trials",)),
        (("search", "mlp", "--data", "wine", "--fix", "units"), ("--fix", "NAME=VALUE")),
        (("search", "mlp", "--data", "wine", "--fix", "unit=3"), ("unit", "units")),
        (("search", "mlp", "--data", "wine", "--fix", "units=many"), ("units",)),
        (("search", "mlp", "--data", "wine", "--range", "units=a:b"), ("--range",)),
        (("search", "mlp", "--data", "wine", "--range", "units=64:8"), ("units",)),
        (("search", "convnet", "--data", "wine"), ("convnet takes images",)),
        (("search", "softmax_regression", "--data", "diabetes"), ("classification only",)),
        (("search", "mlp", "--data", "wine", "--image-size", "8"), ("--image-size", "HEIGHTxWIDTH")),
        (("search", "mlp", "--data", "wine", "--engine", "warp"), ("engine", "auto")),
        (("search", "mlp", "--data", "wine", "--objective", "val_r2"), ("'val_r2' is not recorded", "val_f1")),
        (("search", "mlp", "--data", "diabetes", "--balance"), ("--balance", "is for classes; the task is regression")),
        (("search", "mlp", "--data", "wine", "--target-scale", "log"), ("target_scale= is for numbers to predict",)),
        (("search", "mlp", "--data", "diabetes", "--merge-rare", "4"), ("merge_rare= is for classes",)),
        (("search", "mlp", "--data", "wine", "--group", "ash"), ("group= is for tables",)),
        (
            ("search", "mlp", "--data", "t.csv", "--time", "a", "--folds", "3"),
            ("--folds", "that --time keeps apart"),
        ),
        (("search", "mlp", "--data", "wine", "--test-share", "1"), ("test_share is 1",)),
        (("search", "mlp", "--data", "wine", "--trial-timeout", "0"), ("--trial-timeout",)),
        (("search", "mlp", "--data", "wine", "--workers", "0"), ("--workers",)),
        (("search", "mlp", "--data", "wine", "--ray", "somewhere"), ("--ray", "HOST:PORT")),
        (("models", "mpl"), ("mlp",)),
        (("export", "nowhere", "--name", "x"), ("nowhere",)),
        (("export", "nowhere", "--name", "../x"), ("--name",)),
        (("report", "nowhere"), ("nowhere holds no search", "kzoo search MODEL")),
        (("report", "nowhere", "--live"), ("nowhere holds no search",)),
        (("report", "nowhere", "--port", "8600"), ("--port", "it is for --live")),
        (("report", "nowhere", "--live", "--csv", "x"), ("--live", "leave out --csv")),
        (("report", "nowhere", "--live", "--port", "70000"), ("--port", "65535")),
        (("predict", "nowhere", "missing.json"), ("missing.json",)),
    ],
)
def test_says_what_is_wrong(kzoo, command, words):
    result = kzoo(*command)
    assert result.exit_code in (1, 2)
    # The panel of an error is as wide as the screen, so that its lines are broken at any word.
    said = " ".join((result.stderr + str(result.exception)).replace("│", " ").split())
    for word in words:
        assert word in said
    assert not (kzoo.directory / "runs").exists() or not any((kzoo.directory / "runs").rglob("journal.jsonl"))


def test_a_request_that_is_not_json(kzoo):
    (kzoo.directory / "request.json").write_text('{"instances": [1, 2')
    result = kzoo("predict", "anything", "request.json")
    assert "not JSON" in str(result.exception)
    assert "line 1" in str(result.exception)


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

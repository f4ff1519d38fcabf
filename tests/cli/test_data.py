import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def table(tmp_path):
    random = np.random.default_rng(1)
    rows = 150
    frame = pd.DataFrame(
        {
            "Id": range(1, rows + 1),
            "a column with a name that is much too long": random.normal(size=rows),
            "colour": random.choice(["red", "[bold]white[/]", "blue"], rows),
            "seen": pd.date_range("2024-01-01", periods=rows).astype(str),
            "note": [f"a sentence with {n} words or so in it" for n in range(rows)],
            "kind": random.choice(["rose", "tulip"], rows),
        }
    )
    frame.loc[3, "kind"] = None
    frame.to_csv(tmp_path / "t.csv", index=False, sep=";")
    return frame


@pytest.mark.parametrize("width", [60, 80, 140])
def test_the_screen_holds_what_was_found(kzoo, table, width):
    result = kzoo("data", "t.csv", "--target", "kind", columns=width)
    assert result.exit_code == 0
    lines = [line.rstrip() for line in result.stdout.splitlines()]
    assert max(map(len, lines)) <= width
    words = " ".join(" ".join(lines).split())
    for each in (
        "t.csv: 149 rows, 5 columns (1 left out, 1 number, 1 category, 1 date, 1 text).",
        "Target kind: 2 classes: ",
        "Split: 89 rows to train on, 30 to validate by, 30 for the test.",
        "- Fields are separated by semicolons.",
        "- 1 row without a target is left out, row 4.",
        "- The test has 30 rows only",
        "Column 'seen' is a date and rows come in its order",
        "Next: kzoo search mlp --data t.csv --target kind",
    ):
        assert each in words
    assert any(line.startswith("Id") and "left out" in line for line in lines)


def test_without_a_target_it_lists_the_columns_and_asks(kzoo, table):
    result = kzoo("data", "t.csv")
    assert "6 columns" in result.stdout and result.stdout.rstrip().endswith("kzoo data t.csv --target COLUMN")


def test_json_has_all(kzoo, table):
    found = kzoo.json("data", "t.csv", "--target", "kind", "--drop", "note", "--column", "colour=text", "--keep", "Id")
    assert [each["kind"] for each in found["columns"]] == ["number", "number", "text", "date", "left out"]
    assert found["columns"][3] == {
        "name": "seen",
        "kind": "date",
        "reason": "written as 2024-01-01",
        "date_format": "%Y-%m-%d",
        "missing": 0,
        "distinct": 149,
        "example": "2024-01-01",
    }
    assert found["rows"] == 149 and sum(found["targets"][0]["classes"].values()) == 149
    assert found["split"] == {"train": 89, "validation": 30, "test": 30} and len(found["remarks"]) == 2
    number = kzoo.json("data", "t.csv", "--target", "a column with a name that is much too long")["targets"][0]
    assert number["kind"] == "regression" and number["quartiles"][2] == pytest.approx(table.iloc[:, 1].median())


def test_many_columns_are_cut_short(kzoo, tmp_path):
    values = np.random.default_rng(1).normal(size=(50, 90))
    pd.DataFrame(values).add_prefix("x").to_csv(tmp_path / "wide.csv", index=False)
    assert "... and 29 columns (29 numbers); --json has all." in kzoo("data", "wide.csv", "--target", "x0").stdout


def test_names_and_arrays_are_described(kzoo, tmp_path):
    shown = kzoo("data", "wine").stdout
    assert "wine: 178 rows of 13 float32 numbers." in shown and "3 classes" in shown
    np.savez(tmp_path / "a.npz", x=np.zeros((20, 4)), y=np.arange(20.0) / 3)
    assert "Target: numbers." in kzoo("data", "a.npz").stdout
    assert kzoo.json("data", "wine")["split"] == {"train": 106, "validation": 36, "test": 36}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["t.csv", "--target", "knid"], 1, "t.csv: target: no column is called 'knid'; did you mean 'kind'?"),
        (["gone.csv"], 1, "gone.csv: no such file"),
        (["t.csv", "--column", "seen"], 2, "'seen' is not of the form NAME=KIND"),
        (["t.csv", "--column", "seen=float"], 2, "'float' is no kind of a column"),
        (["wien"], 1, "did you mean wine"),
    ],
)
def test_errors_are_one_line(kzoo, table, arguments, code, message):
    result = kzoo("data", *arguments)
    said = str(result.exception) if code == 1 else " ".join(result.output.replace("│", " ").split())
    assert result.exit_code == code and message in said


def test_it_starts_without_tensorflow(process, table):
    result = process(
        "data", "t.csv", "--target", "kind", env={**__import__("os").environ, "PYTHONPROFILEIMPORTTIME": "1"}
    )
    assert result.returncode == 0 and "kzoo.tables.survey" in result.stderr
    assert not [line for line in result.stderr.splitlines() if line.split("|")[-1].strip() in ("tensorflow", "keras")]


def test_the_split_asked_for_is_shown_and_the_warnings_agree(kzoo, tmp_path):
    random = np.random.default_rng(1)
    rows = 200
    frame = pd.DataFrame(
        {
            "patient_id": random.integers(0, 50, rows),
            "a": random.normal(size=rows),
            "seen": pd.date_range("2024-01-01", periods=rows).astype(str),
            "y": random.choice(["no", "yes"], rows),
        }
    )
    frame.loc[199, ["a", "patient_id", "y"]] = frame.loc[0, ["a", "patient_id", "y"]]
    frame.to_csv(tmp_path / "t.csv", index=False)
    plain = kzoo.json("data", "t.csv", "--target", "y", "--test-share", "0.3", "--validation-share", "0.1")
    assert plain["split"] == {"train": 120, "validation": 20, "test": 60}
    assert any("(--time seen)" in each for each in plain["warnings"])
    assert any("(--group patient_id)" in each for each in plain["warnings"])
    timed = kzoo.json("data", "t.csv", "--target", "y", "--time", "seen", "--drop", "seen")
    assert timed["split"] == {"train": 120, "validation": 40, "test": 40}
    assert [each["kind"] for each in timed["columns"]] == ["category", "number", "left out"]
    assert timed["remarks"] == [
        "Split by time in 'seen': trained from 2024-01-01 on, validated from 2024-04-30 on, tested from 2024-06-09 on."
    ]
    assert timed["warnings"][0] == (
        "1 row of validation and test is a copy of one to train on, which makes these too easy; delete those that are "
        "mistakes."
    )
    assert not any("--time" in each or "--group" in each for each in timed["warnings"])
    shown = kzoo("data", "t.csv", "--target", "y", "--group", "patient_id", "--split-seed", "3").stdout
    assert "Next: kzoo search mlp --data t.csv --target y --split-seed 3 --group patient_id" in shown
    assert "Split in whole groups of 'patient_id'" in shown


def test_what_a_search_makes_of_the_target_is_shown(kzoo, tmp_path):
    random = np.random.default_rng(1)
    a = random.normal(size=600)
    frame = pd.DataFrame({"a": a, "price": np.exp(2 * a + 8), "one": 3})
    frame["genre"] = np.array(["old", "war", "love", "old|war", "war|love", "old|love"])[np.arange(600) % 6]
    frame.to_csv(tmp_path / "t.csv", index=False)
    assert "its logarithm is learned" in kzoo.json("data", "t.csv", "--target", "price")["remarks"][-1]
    plain = kzoo.json("data", "t.csv", "--target", "price", "--target-scale", "linear")
    assert not any("logarithm" in each for each in plain["remarks"])
    labels = kzoo.json("data", "t.csv", "--target", "genre", "--kind", "multi-label")["targets"][0]["labels"]
    assert labels == {"love": 300, "old": 300, "war": 300}
    shown = kzoo("data", "t.csv", "--target", "genre").stdout
    assert "Target genre: 3 labels, of which a row has several: " in shown
    refused = kzoo("data", "t.csv", "--target", "one").stdout
    assert "A search refuses this: t.csv: the target is '3' in every row" in " ".join(refused.split())
    refused = kzoo.json("data", "t.csv", "--target", "price", "--kind", "ranking")["warnings"][0]
    assert refused.startswith("A search refuses this: kind is 'ranking'; expected 'classification'")


def test_a_target_is_shown_as_the_kind_that_is_asked_for(kzoo, tmp_path):
    random = np.random.default_rng(0)
    rings, noise = np.repeat(np.arange(1, 17), [10] * 15 + [1]), random.normal(size=151)
    pairs = random.choice(["a", "b", "a/b"], 151)
    pd.DataFrame({"x": noise, "rings": rings, "pair": pairs}).to_csv(tmp_path / "t.csv", index=False)
    classes = kzoo.json("data", "t.csv", "--target", "rings")
    assert classes["targets"][0]["kind"] == "classification" and "Too few rows" in classes["warnings"][0]
    numbers = kzoo.json("data", "t.csv", "--target", "rings", "--kind", "regression")
    assert numbers["targets"][0]["quartiles"][-1] == 16 and not any("Too few" in each for each in numbers["warnings"])
    assert kzoo.json("data", "t.csv", "--target", "pair")["targets"][0]["kind"] == "classification"
    labels = kzoo.json("data", "t.csv", "--target", "pair", "--kind", "multi-label")["targets"][0]
    assert set(labels["labels"]) == {"a", "b"}

"""A table with columns of every kind, from the file to the answers of an export, by the command."""

import csv
import dataclasses
import io
import json
import re

import numpy as np
import pytest

from kzoo.cli.run import Run
from kzoo.cli.source import Source
from kzoo.datasets import load_dataset

ROWS = 120


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(2)
    lines = ["id;age;work class;since;income"]
    for row in range(ROWS):
        age = "" if row % 9 == 0 else f"{rng.normal(40, 9):.1f}".replace(".", ",")
        work = ["private", "self", "NA"][rng.integers(0, 3)]
        lines.append(
            f"p{row:03d};{age};{work};{1 + row % 28}.{1 + row % 12}.20{10 + row % 9};{['low', 'high'][row % 2]}"
        )
    return "\n".join(lines) + "\n"


@pytest.fixture
def people(kzoo, table):
    (kzoo.directory / "people.csv").write_text(table, encoding="utf-8")
    return kzoo


def answers(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_from_the_file_to_the_answers(people):
    arguments = ("--trials", 1, "--epochs", 1, "--out", "RUN", "--fix", "layers=1", "--column", "since=date")
    split = ("--time", "since", "--test-share", 0.25, "--split-seed", 3)
    searched = people("search", "mlp", "--data", "people.csv", "--target", "income", *arguments, *split)
    assert searched.exit_code == 0
    assert "Split by time in 'since': trained from 1.1.2010 on" in searched.stdout
    assert "id (an id" in searched.stdout.replace("\n", " ")
    assert people("export", "RUN", "--name", "people").exit_code == 0

    request = json.loads((people.directory / "saved_models" / "people" / "request.json").read_text())
    assert list(request["instances"][0]) == ["age", "work class", "since"]
    by_request = json.loads(people("predict", "saved_models/people", "saved_models/people/request.json").stdout)

    # Rows without a target, in another order of columns and with others among them; the first is one of the request.
    first = request["instances"][0]
    lines = [
        "work class,since,note,age",
        f"{first['work class']},{first['since']},x,{first['age']}",
        ",,y,",
        "?,soon,,1",
    ]
    (people.directory / "new.csv").write_text("\n".join(lines) + "\n")
    result = people("predict", "saved_models/people", "new.csv", "--out", "answers.csv")
    assert "3 answers are in answers.csv" in result.stdout
    found = answers((people.directory / "answers.csv").read_text())
    assert [*found[0]] == ["label", "probabilities: high", "probabilities: low"]
    assert [float(found[0][f"probabilities: {name}"]) for name in ("high", "low")] == pytest.approx(
        by_request["predictions"][0]["probabilities"], abs=1e-6
    )
    assert answers(people("predict", "saved_models/people", "new.csv").stdout) == found
    (people.directory / "kept.csv").write_text("old")
    (people.directory / "link.csv").symlink_to("kept.csv")
    people("predict", "saved_models/people", "new.csv", "--out", "link.csv")
    assert answers((people.directory / "kept.csv").read_text()) == found
    assert (people.directory / "link.csv").is_symlink()

    # With what tells which row an answer is of, as it is written there.
    beside = answers(people("predict", "saved_models/people", "new.csv", "--with", "note", "--with", "#4").stdout)
    assert [*beside[0]] == ["note", "age", *found[0]]
    assert [(row["note"], row["age"]) for row in beside] == [("x", str(first["age"])), ("y", ""), ("", "1")]
    assert [{name: row[name] for name in found[0]} for row in beside] == found
    (people.directory / "labelled.csv").write_text("label,age,since,work class\nhigh,3,,\n")
    printed = people("predict", "saved_models/people", "labelled.csv", "--with", "label").stdout
    assert printed.startswith("label,answer: label,probabilities: high,probabilities: low\nhigh,")
    result = people("predict", "saved_models/people", "new.csv", "--with", "nota")
    assert result.exit_code == 1 and "did you mean 'note'" in str(result.exception)

    # How good the answers are, where a column says what is right.
    truth = people("predict", "saved_models/people", "people.csv", "--truth", "income").stdout.splitlines()
    assert re.fullmatch(r"\d+ rows: accuracy 0?\.?\d+, loss .*", truth[0]) and truth[1].startswith("in its test, ")
    said = people("predict", "saved_models/people", "new.csv", "--truth", "note", "--out", "judged.csv").stdout
    assert said.splitlines()[:3] == [
        "3 answers are in judged.csv",
        "2 rows: accuracy 0",
        "1 row without a right answer passed over",
    ]
    (people.directory / "empty.csv").write_text("age,since,work class,y\n3,,,\n")
    result = people("predict", "saved_models/people", "empty.csv", "--truth", "y")
    assert result.exit_code == 1 and "No row says what is right" in str(result.exception)

    (people.directory / "less.csv").write_text("age,since\n1,2.3.2011\n")
    result = people("predict", "saved_models/people", "less.csv", "--out", "other.csv")
    assert result.exit_code == 1 and "'work class'" in str(result.exception)
    (people.directory / "words.csv").write_text("age,since,work class\n3,,\nold,,\n")
    result = people("predict", "saved_models/people", "words.csv", "--out", "other.csv")
    assert "line 3, column 'age'" in str(result.exception)
    # Nothing half-written.
    assert not list(people.directory.glob("*other.csv*"))


def test_all_that_describes_the_data_is_kept_with_a_run(tmp_path):
    task = load_dataset("iris").task
    source = Source(
        *("people.csv", ("a", "b"), (8, 9), "regression", {"a": "number"}, ("c",), ("d",), ("-9", "a=?")),
        *(0.1, 0.3, 7, "e", "f", "g", "log"),
    )
    run = Run("mlp", source, "f", task, 3, 1, "val_loss")
    run.write(tmp_path)
    assert Run.read(tmp_path) == run
    assert (
        source.options()
        == (
            "--data people.csv --target a --target b --drop c --keep d --missing -9 --missing a=? --column a=number "
            "--image-size 8x9 --kind regression --validation-share 0.1 --test-share 0.3 --split-seed 7 --group e "
            "--time f --part g --target-scale log"
        ).split()
    )
    assert "--group" not in Source("iris").options()
    other = dataclasses.replace(run, data=dataclasses.replace(source, split_seed=8))
    assert run.differences(other)[0].startswith("data people.csv")


def test_what_stands_for_a_missing_value_does_in_an_export_too(people):
    lines = [f"{(-999, '<1', row % 50)[row % 3 if row % 3 < 2 else 2]},{row % 7},{row % 2}" for row in range(90)]
    (people.directory / "codes.csv").write_text("\n".join(["age,b,y", *lines]))
    asked = ("--data", "codes.csv", "--target", "y", "--missing", -999, "--missing", "age=<1", "--trials", 1)
    searched = people("search", "mlp", *asked, "--epochs", 1, "--out", "CODES")
    assert searched.exit_code == 0 and "numbers" in searched.stdout
    assert people("export", "CODES", "--name", "codes").exit_code == 0
    (people.directory / "new.csv").write_text("age,b\n-999.0,3\n<1,3\n,3\n4,3\n")
    first, *others, last = people("predict", "saved_models/codes", "new.csv").stdout.splitlines()[1:]
    assert others == [first, first] and last != first
    request = {"instances": [{"age": age, "b": 3} for age in (-999, None, 4)]}
    (people.directory / "new.json").write_text(json.dumps(request).replace("null", "NaN"))
    found = json.loads(people("predict", "saved_models/codes", "new.json").stdout)["predictions"]
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--group", "wage"), "did you mean 'age'"),
        (("--part", "work class"), "'private' names no part"),
        (("--validation-share", "0.7", "--test-share", "0.4"), "--validation-share + --test-share is 1.1"),
        (("--column", "agee=number"), "did you mean 'age'"),
        (("--column", "age"), "NAME=KIND"),
        (("--drop", "wage"), "did you mean 'age'"),
        (("--drop", "age", "--keep", "age"), "decide for one"),
        (("--missing", "wage=-1"), "missing: no column is called 'wage'; did you mean 'age'"),
        (("--missing", "age="), "missing: a word is empty"),
    ],
)
def test_wishes_that_cannot_be(people, options, message):
    result = people("search", "mlp", "--data", "people.csv", "--target", "income", *options)
    assert result.exit_code == 2 and message in " ".join(result.stderr.split())


def test_an_export_of_images_takes_no_table(people):
    from pathlib import Path

    digits = Path(__file__).parents[2] / "saved_models" / "digits"
    result = people("predict", digits, "people.csv")
    assert result.exit_code == 1 and "takes no rows of named columns" in str(result.exception)

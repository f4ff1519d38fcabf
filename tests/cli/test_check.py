import json
import shutil

import pytest

import kzoo as library


@pytest.fixture
def damaged(exported, tmp_path):
    base = shutil.copytree(exported.directory / "saved_models" / "wine", tmp_path / "wine")
    shutil.copytree(base / "1", base / "2")
    weights = base / "2" / "variables" / "variables.data-00000-of-00001"
    weights.write_bytes(weights.read_bytes()[:-100])
    return base


def test_an_export_that_is_whole(exported):
    result = exported("check", "saved_models/wine")
    assert result.exit_code == 0
    assert result.stdout == "saved_models/wine/1: files unchanged, answers as exported\n"
    assert exported.json("check", "saved_models/wine/1") == [{"path": "saved_models/wine/1", "problems": []}]


def test_a_damaged_version(kzoo, damaged):
    result = kzoo("check", "wine")
    assert result.exit_code == 1
    assert result.stdout == "wine/1: files unchanged, answers as exported\n"
    (line,) = result.stderr.splitlines()
    assert line.startswith("wine/2: variables/variables.data-00000-of-00001 is damaged")
    assert kzoo("check", "wine/1").exit_code == 0


def test_a_damaged_version_as_json(kzoo, damaged):
    result = kzoo("check", "wine", "--json")
    assert result.exit_code == 1
    assert [len(each["problems"]) for each in json.loads(result.stdout)] == [0, 1]


def test_nothing_to_check(kzoo):
    result = kzoo("check", "nowhere")
    assert result.exit_code == 1
    assert "nowhere does not exist" in str(result.exception)


def test_the_command_puts_all_it_knows_on_the_card(exported):
    version = exported.directory / "saved_models" / "wine" / "1"
    card = json.loads((version / "assets.extra/kzoo/card.json").read_text())["model"]
    data = library.load_dataset("wine")
    assert card["family"] == "mlp"
    assert card["hyperparameters"]["optimizer"] in ("adam", "sgd", "rmsprop", "momentum")
    assert not any("one_minus" in name for name in card["hyperparameters"])
    assert card["data"]["fingerprint"] == data.fingerprint
    assert card["data"]["licence"] == "CC BY 4.0"
    assert set(card["metrics"]) == {"validation", "test"}
    assert 0 <= card["metrics"]["test"]["accuracy"] <= 1
    assert "of the search RUN, seed 1" in card["training"]

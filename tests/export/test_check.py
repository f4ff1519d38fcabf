"""What an export carries, and what is found when it is damaged after it was published."""

import json
import shutil

import pytest

import kzoo
from kzoo.export import Runner
from kzoo.export.layout import ALLOWED_BATCH_SIZES, CARD, CARD_TEXT, GOLDEN, MANIFEST, WARMUP
from kzoo.export.warmup import read_warmup


@pytest.fixture
def copy(exported, tmp_path):
    return shutil.copytree(exported, tmp_path / "7")


def problems(copy):
    ((version, found),) = kzoo.check(copy).items()
    assert version == copy
    return found


def test_an_export_is_whole_wherever_it_is_copied(exported, copy):
    assert kzoo.check(exported.parent) == {exported: []}
    assert problems(copy) == []


@pytest.mark.parametrize("name", ["variables/variables.data-00000-of-00001", "saved_model.pb", str(WARMUP)])
@pytest.mark.parametrize("harm", ["truncated", "a flipped bit"])
def test_damage_is_found_and_named(copy, name, harm):
    path = copy / name
    content = bytearray(path.read_bytes())
    if harm == "truncated":
        content = content[:-7]
    else:
        content[len(content) // 2] ^= 1
    path.write_bytes(content)
    (problem,) = problems(copy)
    assert problem.startswith(name)


def test_files_that_are_missing_or_too_many(copy):
    (copy / GOLDEN).unlink()
    (copy / "assets.extra" / "more").write_text("")
    assert [problem.split(" ")[0] for problem in problems(copy)] == [
        "assets.extra/kzoo/golden.json",
        "assets.extra/more",
    ]
    (copy / MANIFEST).write_text("{")
    assert "cannot be read" in problems(copy)[0]
    (copy / MANIFEST).unlink()
    assert "not a complete export" in problems(copy)[0]


def test_answers_that_have_changed(copy):
    kept = json.loads((copy / GOLDEN).read_text())
    answer = next(each["answer"] for each in kept if each["request"]["signature_name"] == "numeric")
    answer["outputs"][0][0] += 0.01
    (copy / GOLDEN).write_text(json.dumps(kept))
    manifest = json.loads((copy / MANIFEST).read_text())
    del manifest["files"][GOLDEN.as_posix()]
    (copy / MANIFEST).write_text(json.dumps(manifest))
    assert "was not there" in problems(copy)[0]
    from kzoo.export.golden import golden_problems

    with Runner(copy) as runner:
        assert list(golden_problems(runner)) == ["Signature 'numeric' does not answer as when the model was published."]


def test_no_export_is_said(tmp_path):
    with pytest.raises(kzoo.ExportError, match="no version of an export"):
        kzoo.check(tmp_path)


def test_warm_up_has_every_signature_at_every_batch_size(exported):
    sizes = {}
    for name, inputs in read_warmup(exported):
        sizes.setdefault(name, []).append(len(next(iter(inputs.values()))))
    assert sizes == dict.fromkeys(("serving_default", "numeric", "classify"), list(ALLOWED_BATCH_SIZES))


def test_the_model_card(rows, task, model, tmp_path):
    card = kzoo.ModelCard(
        description="Tells insects apart.", family="mlp", data="insects",
        hyperparameters={"units": 16, "a|b": 0.12345678},
        metrics={"test": {"accuracy": 0.987654}, "validation": {"accuracy": 1.0, "loss": 0.1}}, rows={"training": 1200},
    )  # fmt: skip
    path = kzoo.export_model(model, tmp_path / "insects", task=task, examples=rows, card=card)
    record = json.loads((path / CARD).read_text())
    assert record["hyperparameters"]["units"] == 16
    assert record["class_names"] == list(task.class_names)
    assert record["folded"]
    assert record["versions"]["tensorflow"]
    assert record["signatures"]["numeric"]["outputs"] == ["probabilities: float32 [any, 3]"]
    text = (path / CARD_TEXT).read_text()
    for line in ("# insects", "| rows | 1,200 training |", "| test | 0.9877 |  |", "| a\\|b | 0.1235 |", "not known"):
        assert line in text

"""The process that checks, run in this one on a good export and on what is none."""

import dataclasses
import importlib
import io
import json
import shutil
import sys

import pytest

from kzoo.export.gate.gate import GO, VERDICT, Expectation, first_rows
from kzoo.export.layout import GOLDEN


@pytest.fixture
def verdict(monkeypatch, tmp_path):
    """What is found of an export; None where nothing is."""
    # The module takes Keras from the process that it is made for.
    monkeypatch.setitem(sys.modules, "keras", sys.modules.get("keras"))
    process = importlib.import_module("kzoo.export.gate.process")
    monkeypatch.undo()

    def of(directory, expectation, word=GO):
        monkeypatch.setattr(sys, "stdin", io.StringIO(word))
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        expectation.write(scratch)
        process.main(str(directory), str(scratch))
        path = scratch / VERDICT
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    return of


@pytest.fixture
def expectation(model, rows, task):
    outputs = first_rows({"probabilities": model.predict(rows, verbose=0)})
    signatures, names = ("serving_default", "numeric", "classify"), tuple(task.class_names)
    return Expectation(signatures, first_rows({"inputs": rows}), outputs, 1e-4, names, ("a", "b", "c", "d"))


def test_a_good_export_is_found_good_and_keeps_golden_answers(verdict, exported, expectation, tmp_path):
    copy = shutil.copytree(exported, tmp_path / "1")
    published = (copy / GOLDEN).read_bytes()
    (copy / GOLDEN).unlink()
    found = verdict(copy, expectation)
    assert found["problems"] == []
    assert {each["name"] for each in found["signatures"]} == set(expectation.signatures)
    # Signatures have no order, nor have the features of an example, so that its bytes may differ.
    kept, before = (
        {each["request"]["signature_name"]: each["answer"] for each in json.loads(text)}
        for text in ((copy / GOLDEN).read_bytes(), published)
    )
    assert kept == before


def test_a_fault_is_told_and_nothing_is_kept_of_what_was_answered(verdict, exported, expectation, tmp_path):
    copy = shutil.copytree(exported, tmp_path / "1")
    (copy / GOLDEN).unlink()
    outputs = {name: array + 0.01 for name, array in expectation.outputs.items()}
    (problem, *_), signatures = verdict(copy, dataclasses.replace(expectation, outputs=outputs)).values()
    assert "differs from the Keras model's by 0.01" in problem and signatures == []
    assert not (copy / GOLDEN).exists()


def test_a_format_that_does_not_run_is_told(verdict, exported, expectation):
    (problem,) = verdict(exported, dataclasses.replace(expectation, formats=("onnx",)))["problems"]
    assert problem.startswith("The onnx file does not run in its own runtime")


def test_what_does_not_load_is_told(verdict, expectation, tmp_path):
    found = verdict(tmp_path, expectation)
    assert len(found["problems"]) == 1 and str(tmp_path) in found["problems"][0] and found["signatures"] == []


@pytest.mark.parametrize("word", ["", "stop\n"])
def test_nothing_is_looked_at_where_nobody_asks(verdict, expectation, tmp_path, word):
    assert verdict(tmp_path, expectation, word) is None

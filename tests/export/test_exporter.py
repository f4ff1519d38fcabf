import subprocess

import numpy as np
import pytest
import tensorflow as tf
from tasks import make_task

import kzoo
from kzoo.export import Runner, list_versions
from kzoo.export.errors import ExportError


def test_an_export_answers_as_the_model_does(exported, model, rows, task):
    answer = kzoo.predict(exported.parent, {"inputs": rows.tolist()})["outputs"]
    expected = model.predict(rows, verbose=0)
    np.testing.assert_allclose(answer["probabilities"], expected, atol=1e-6)
    assert answer["label"] == [task.class_names[i] for i in expected.argmax(1)]
    assert set(answer) == {"probabilities", "label"}


def test_an_export_is_a_version_and_nothing_else_that_the_server_would_read(exported):
    assert exported.name == "1"
    assert (exported / "saved_model.pb").is_file()
    beside = {path.name for path in exported.parent.iterdir() if not path.name.startswith(".")}
    assert beside == {"1", "request.json", "requests", "openapi.json"}


def test_the_gate_is_a_process_of_its_own_wherever_it_is_started(model, task, rows, tmp_path, monkeypatch):
    monkeypatch.setattr("kzoo.export.gate.gate.subprocess", subprocess)
    # A file of the working directory is not taken for the module of that name.
    (tmp_path / "json.py").write_text("raise SystemExit('not this one')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    assert kzoo.export_model(model, "iris", task=task, examples=rows).name == "1"


def test_a_gate_that_takes_too_long_is_told(model, task, rows, tmp_path, monkeypatch):
    monkeypatch.setattr("kzoo.export.gate.gate._TIMEOUT", 1e-3)
    with pytest.raises(ExportError, match="did not answer within"):
        kzoo.export_model(model, tmp_path / "iris", task=task, examples=rows)


def test_nothing_is_logged_of_a_directory_that_is_renamed(model, task, rows, tmp_path, caplog):
    """As a notebook shows it, where the root logger has a handler."""
    caplog.set_level("INFO")
    assert kzoo.export_model(model, tmp_path / "iris", task=task, examples=rows).name == "1"
    assert not [record for record in caplog.records if record.name == "tensorflow"]


def test_signatures(exported):
    with Runner(exported) as runner:
        shapes = {
            name: {tensor.name: (tensor.dtype.name, tensor.shape) for tensor in signature.outputs.values()}
            for name, signature in runner.signatures.items()
        }
        inputs = {name: list(signature.inputs.values()) for name, signature in runner.signatures.items()}
    probabilities = ("float32", (None, 3))
    assert shapes == {
        "serving_default": {
            "probabilities": probabilities,
            "label": ("string", (None,)),
        },
        "numeric": {"probabilities": probabilities},
        "classify": {"classes": ("string", (None, 3)), "scores": probabilities},
    }
    for name in ("serving_default", "numeric"):
        assert [(t.name, t.dtype.name, t.shape) for t in inputs[name]] == [("inputs", "float32", (None, 4))]
    assert [(t.name, t.dtype.name, t.shape) for t in inputs["classify"]] == [("inputs", "string", (None,))]


def test_weights_are_stored_once(exported, model):
    stored = (exported / "variables" / "variables.data-00000-of-00001").stat().st_size
    bytes_of_weights = sum(4 * int(np.prod(weight.shape)) for weight in model.weights)
    # What comes on top is the checkpoint's description of its objects.
    assert bytes_of_weights - 200 < stored < bytes_of_weights + 10_000


KINDS = [(name, kind) for name in kzoo.list_models() for kind in kzoo.zoo.registry.get_family(name).kinds]


# What ends in labels is the same for all.
@pytest.mark.parametrize(("name", "kind"), [each for each in KINDS if each[1] != "multi-label" or each[0] == "mlp"])
def test_every_model_exports(name, kind, rows, pictures, tmp_path):
    x = pictures if kzoo.zoo.registry.get_family(name).images_only else rows
    model = kzoo.create_model(name, make_task(kind, x))
    directory = kzoo.export_model(model, tmp_path / name, task=make_task(kind, x), examples=x)
    answer = kzoo.predict(directory, {"instances": x[:5].tolist(), "signature_name": "numeric"})["predictions"]
    expected = model.predict(x[:5], verbose=0)
    np.testing.assert_allclose(answer, expected, rtol=1e-5, atol=1e-6)
    assert list_versions(tmp_path / name) == [1]


def test_an_export_restores_weights_but_does_not_save_them(exported, rows):
    with Runner(exported) as runner:
        operations = {node.op for function in runner.graph.library.function for node in function.node_def}
    assert "RestoreV2" in operations
    assert "SaveV2" not in operations
    loaded = tf.saved_model.load(exported)
    assert loaded.signatures["numeric"](inputs=tf.constant(rows))["probabilities"].shape == (len(rows), 3)

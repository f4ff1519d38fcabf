"""Every public layer and activation of the installed Keras, exported: the same answers, or a refusal with a reason."""

import inspect
import warnings

import export_models
import keras
import numpy as np
import pytest
from export_models import VARIANTS, L, Subject, floats, layer_names, model_around, representative, subject

from kzoo.export import ExportError, Runner
from kzoo.export.exporter import write_version
from kzoo.export.folding.proof import difference
from kzoo.export.gate.checks import problems_of
from kzoo.export.gate.gate import DIFFERS
from kzoo.export.inference.answers import check_outputs
from kzoo.export.interface import interface_of

NAMES = layer_names()
FAST = representative(NAMES)
REFUSED: dict[str, str] = {}
"""Layers that no export can have, with words of the reason."""


def exported(model, examples, directory):
    """What `export_model` writes, checked by the gate's checks, in this process."""
    interface, rows = interface_of(model, examples)
    own = {name: np.asarray(value) for name, value in interface.call(model, rows).items()}
    check_outputs(own, interface)
    for fold in (True, False):
        (directory / str(fold)).mkdir()
        folding, expectation = write_version(model, interface, rows, own, directory / str(fold), "m", fold)
        runner = Runner(directory / str(fold))
        problems = problems_of(runner, expectation)
        if not any(DIFFERS in problem for problem in problems):
            break
    if problems:
        raise ExportError(" ".join(problems))
    return folding, interface, runner


def changed(rows, factor):
    return {name: array * np.float32(factor) if array.dtype.kind == "f" else array for name, array in rows.items()}


def assert_exports_as_it_answers(found, variant, directory):
    """Export a model around a layer; new rows, extreme ones too, get the model's own answers."""
    model = model_around(found, variant)
    draws = [[draw() for draw in found.inputs] for _ in range(2)]
    examples, new = (draw if len(draw) > 1 else draw[0] for draw in draws)
    folding, interface, runner = exported(model, examples, directory)
    assert "failed" not in folding.reason
    assert "Error" not in folding.reason
    _, rows = interface_of(model, new)
    with runner:
        for factor in (1, 0.01, -30, 300, -1e4):
            asked = changed(rows, factor)
            expected, nudged = (
                {name: np.asarray(value) for name, value in interface.call(model, each).items()}
                for each in (asked, changed(asked, 1 + 2.0**-20))
            )
            answer = runner.run("numeric" if "numeric" in runner.signatures else "serving_default", asked)
            assert set(answer) == set(expected)
            for name, value in answer.items():
                assert difference(value, expected[name], nudged[name]) < (1e-5 if factor == 1 else 2e-4), (name, factor)
    return folding


def shared(names, fast):
    """Names for pytest: the fast ones run always."""
    return [pytest.param(name, marks=() if name in fast else pytest.mark.conformance_full) for name in names]


@pytest.fixture(autouse=True)
def alike_and_quiet(monkeypatch):
    """The same rows whichever tests run; layers of Keras warn of what is lost to them, which is theirs to say."""
    monkeypatch.setattr(export_models, "rng", np.random.default_rng(0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", shared(NAMES, FAST))
def test_layer(name, variant, tmp_path):
    if name in REFUSED:
        with pytest.raises(ExportError, match=REFUSED[name]):
            assert_exports_as_it_answers(subject(name), variant, tmp_path)
    else:
        assert_exports_as_it_answers(subject(name), variant, tmp_path)


NO_ACTIVATION = {
    "get": "finds activations",
    "serialize": "names activations",
    "deserialize": "finds activations",
    "glu": "halves the width, which Keras' layers do not know",
    "threshold": "needs arguments",
}
ACTIVATIONS = sorted(
    name for name, value in vars(keras.activations).items() if inspect.isfunction(value) and name not in NO_ACTIVATION
)


@pytest.mark.parametrize("name", shared(ACTIVATIONS, ACTIVATIONS[::8]))
def test_activation(name, tmp_path):
    function = getattr(keras.activations, name)

    def call(layer, tensor):
        tensor = L.BatchNormalization()(layer(L.Rescaling(0.1)(tensor)))
        tensor = L.Dense(6, activation=function)(L.BatchNormalization()(L.Dense(6)(L.Activation("tanh")(tensor))))
        return L.Activation(function)(L.Activation("tanh")(tensor))

    found = Subject(lambda: L.Dense(6, activation=name), (floats(6),), call)
    assert len(assert_exports_as_it_answers(found, "alone", tmp_path).folded) >= 2


def test_every_layer_is_here_or_named_with_a_reason():
    missing = [name for name in export_models.NO_LAYER_OF_A_MODEL if not hasattr(L, name)]
    assert missing == []
    assert len(NAMES) > 100
    assert set(export_models.SPECIAL) - set(dir(L)) <= {"GroupedQueryAttention", "ReversibleEmbedding"}

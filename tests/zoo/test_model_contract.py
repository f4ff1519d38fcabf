"""What every registered family has to hold; a new one is tested with no word added here."""

import keras
import keras_tuner
import numpy as np
import pytest

from kzoo.zoo.creation import create_model
from kzoo.zoo.hypermodel import create_hypermodel
from kzoo.zoo.hyperparameters import Boolean, Choice
from kzoo.zoo.registry import get_family, list_models

MODELS = list_models()
# What ends in labels is the same for all.
KINDS = [(name, kind) for name in MODELS for kind in get_family(name).kinds if kind != "multi-label" or name == "mlp"]
HYPERPARAMETERS = [(name, declared.name) for name in MODELS for declared in get_family(name).space]
NORMED = [name for name in MODELS if "norm" in get_family(name).space]

# Narrow and flat, so that models stay small where only the plumbing is under test.
SMALL = {"units": 4, "filters": 3, "layers": 1, "stages": 1}


def small(name):
    return {key: value for key, value in SMALL.items() if key in get_family(name).space}


def extremes(declared):
    if isinstance(declared, Choice):
        return declared.values
    return (False, True) if isinstance(declared, Boolean) else (declared.low, declared.high)


@pytest.mark.parametrize(("name", "hyperparameter"), HYPERPARAMETERS)
def test_builds_at_both_ends_of_every_range_and_for_every_choice(name, hyperparameter, examples_for):
    declared = get_family(name).space[hyperparameter]
    x, _, task = examples_for(name, codes=declared.for_codes)
    parent = {declared.when.parent: declared.when.values[0]} if declared.when else {}
    for value in extremes(declared):
        model = create_model(name, task, **{**small(name), **parent, hyperparameter: value})
        outputs = task.num_classes or task.num_targets
        assert model.output_shape == (None, outputs)
        assert np.isfinite(np.asarray(model(x))).all()


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_learns_and_survives_saving(name, kind, examples_for, tmp_path):
    x, y, task = examples_for(name, kind)
    keras.utils.set_random_seed(1)
    width = {key: value for key, value in small(name).items() if key in ("units", "filters")}
    model = create_model(name, task, learning_rate=0.01, **width)
    # Few steps, which take less than a graph for them; that there is one is seen under keras-tuner.
    model.run_eagerly = True
    losses = model.fit(x, y, batch_size=len(x), epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    model.run_eagerly = False
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict_on_batch(x), model.predict_on_batch(x))
    assert loaded.evaluate(x, y, verbose=0) == pytest.approx(model.evaluate(x, y, verbose=0))


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_takes_raw_inputs_and_answers_in_raw_units(name, kind, examples_for):
    x, _, task = examples_for(name, kind)
    model = create_model(name, task, **small(name))
    assert model.input_shape == (None, *task.input_shape)
    assert model.inputs[0].dtype == task.input_dtype
    normalised = keras.Model(model.inputs, model.get_layer("input_normalization").output).predict_on_batch(x)
    axes = tuple(range(x.ndim - 1))
    np.testing.assert_allclose(normalised.mean(axes), 0, atol=1e-4)
    np.testing.assert_allclose(normalised.std(axes), 1, atol=1e-3)
    answers = model.predict_on_batch(x)
    if kind == "classification":
        np.testing.assert_allclose(answers.sum(-1), 1, rtol=1e-5)
    elif kind == "multi-label":
        assert answers.shape == (len(x), 3) and answers.min() > 0 and answers.max() < 1
    else:
        assert abs(answers.mean() - np.mean(task.target_mean)) < 3 * max(task.target_scale)


@pytest.mark.parametrize(("name", "kind"), [each for each in KINDS if not get_family(each[0]).images_only])
def test_codes_are_looked_up(name, kind, examples_for, tmp_path):
    x, y, task = examples_for(name, kind, codes=True)
    x[:, :4] = 30.0
    words = x[:, 4].astype(int) % 3
    y = {
        "classification": words,
        "multi-label": np.eye(3, dtype="float32")[words],
        "regression": np.stack([x[:, 4], x[:, 5]], axis=1) * 200 + 800,
    }[kind]
    keras.utils.set_random_seed(1)
    given = {key: value for key, value in {"units": 16, "dropout": 0.0}.items() if key in get_family(name).space}
    model = create_model(name, task, learning_rate=0.03, decay="none", **given)
    model.fit(x, y, batch_size=8, epochs=20, verbose=0)
    answers = model.predict_on_batch(x)
    if kind != "regression":
        assert (answers.argmax(axis=1) == words).all()
    else:
        assert np.abs(answers - y).mean() < 0.7 * np.abs(y - y.mean(axis=0)).mean()
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "model.keras").predict_on_batch(x), answers)
    assert len(create_hypermodel(name, task).space) - len(create_hypermodel(name, examples_for(name)[2]).space) == len(
        [declared for declared in get_family(name).space if declared.for_codes]
    )


@pytest.mark.parametrize("norm", ["before", "after", "none"])
@pytest.mark.parametrize("name", NORMED)
def test_only_what_batch_norm_follows_has_no_bias(name, norm, examples_for):
    _, _, task = examples_for(name)
    depth = {key: 2 for key in ("layers", "stages", "blocks") if key in get_family(name).space}
    model = create_model(name, task, norm=norm, **{**small(name), **depth})
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert bool(norms) == (norm != "none")
    biases = [layer for layer in model.layers if hasattr(layer, "use_bias")]
    assert len(biases) >= 2
    for layer in biases:
        followed = any(norm_layer.input is layer.output for norm_layer in norms)
        assert layer.use_bias != followed, layer.name


@pytest.mark.parametrize("norm", ["before", "after"])
@pytest.mark.parametrize("name", NORMED)
def test_batch_norm_stands_where_it_is_asked_for(name, norm, examples_for):
    _, _, task = examples_for(name)
    model = create_model(name, task, norm=norm, **small(name))
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    activations = [layer for layer in model.layers if isinstance(layer, keras.layers.Activation)]
    if norm == "after":
        assert all(any(layer.input is act.output for act in activations) for layer in norms)
    else:
        assert not any(any(layer.input is act.output for act in activations) for layer in norms)
    assert len(norms) >= len(activations)


@pytest.mark.parametrize("name", MODELS)
def test_tunes_under_keras_tuner(name, examples_for, tmp_path):
    x, y, task = examples_for(name)
    ranges = {key: {"low": low, "high": 2 * low} for key, low in small(name).items()}
    hypermodel = create_hypermodel(name, task, ranges=ranges)
    tuner = keras_tuner.RandomSearch(
        hypermodel, objective="val_loss", max_trials=1, seed=3, directory=tmp_path, project_name="random"
    )
    tuner.search(x, y, validation_data=(x, y), epochs=1, verbose=0)
    (trial,) = tuner.oracle.get_best_trials()
    assert np.isfinite(trial.score)
    assert {"optimizer", "batch_size"} <= set(trial.hyperparameters.values)
    assert set(trial.hyperparameters.values) <= set(hypermodel.values(trial.hyperparameters))

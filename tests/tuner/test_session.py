"""What the user has set of Keras lasts through a search, whose trials begin with names as those of a new process."""

import keras
import numpy as np
import pytest
from small import DATA, build

from tuners.session import clear_session


@pytest.fixture(autouse=True)
def as_they_were():
    yield
    keras.config.set_dtype_policy("float32")
    keras.config.enable_interactive_logging()
    keras.config.enable_traceback_filtering()
    keras.config.enable_flash_attention()


@pytest.mark.parametrize("engine", ["fit", "auto"])
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "float64"])
def test_trials_have_the_users_precision(search, policy, engine):
    keras.config.set_dtype_policy(policy)
    built = []

    def noted(hp):
        model = build(hp)
        built.append({layer.dtype_policy.name for layer in model.layers})
        return model

    made = search(noted, max_trials=2, engine=engine)
    made.search(**DATA, epochs=1)
    assert {layer.dtype_policy.name for layer in made.get_best_models()[0].layers} == {policy}
    assert built[1:] and all(names == {policy} for names in built)
    assert keras.config.dtype_policy().name == policy


def test_the_engines_train_in_the_users_precision_as_fit_does(search, tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    curves = []
    for engine in ("fit", "auto"):
        made = search(max_trials=2, engine=engine, directory=tmp_path / engine)
        made.search(**DATA, epochs=2, shuffle=False)
        curves.append([trial.metrics.get_best_value("val_loss") for trial in made.oracle.trials.values()])
    np.testing.assert_allclose(*curves, rtol=1e-3)


def test_nothing_that_was_set_is_forgotten_but_names_are():
    keras.config.disable_interactive_logging()
    keras.config.disable_traceback_filtering()
    keras.config.disable_flash_attention()
    keras.layers.Dense(1)
    clear_session()
    assert not keras.config.is_interactive_logging_enabled()
    assert not keras.config.is_traceback_filtering_enabled()
    assert keras.config.is_flash_attention_enabled() is False
    assert keras.layers.Dense(1).name == "dense"


def test_what_was_not_set_follows_what_a_model_sets():
    clear_session()
    keras.config.set_floatx("float64")
    try:
        assert keras.layers.Dense(1).dtype_policy.name == "float64"
    finally:
        keras.config.set_floatx("float32")


def test_custom_objects_are_those_of_the_scope_around_the_search(search):
    def doubled(x):
        return 2 * x

    def of_a_config(hp):
        # As a model of a file has it.
        layer = keras.layers.Dense.from_config({"units": hp.Int("units", 2, 4), "activation": config})
        model = keras.Sequential([keras.Input((4,)), layer, keras.layers.Dense(2, activation="softmax")])
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    config = {"class_name": "function", "config": "doubled", "module": "builtins", "registered_name": "function"}
    with keras.saving.custom_object_scope({"doubled": doubled}):
        made = search(of_a_config, max_trials=2)
        made.search(**DATA, epochs=1)
        assert made.get_best_models()
        assert keras.saving.get_registered_object("doubled") is doubled
    assert keras.saving.get_registered_object("doubled") is None

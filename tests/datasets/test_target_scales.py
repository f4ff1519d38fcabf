"""Targets that are learned by their logarithm, and answered in their units."""

import keras
import keras_tuner
import numpy as np
import pytest
from scipy import stats

import kzoo
from kzoo.datasets import DataError
from kzoo.datasets.target_scales import skewness
from tuners.engine.choice import Engines

rng = np.random.default_rng(0)
ROWS = 500
X = rng.normal(size=(ROWS, 3))
SKEWED = np.exp(1.2 * X[:, 0] + 0.1 * rng.normal(size=ROWS) + 8)


def test_skewness_is_scipys():
    assert skewness(SKEWED) == pytest.approx(stats.skew(SKEWED))
    assert skewness(np.full(9, 3.0)) == 0


def test_a_skewed_target_is_learned_by_its_logarithm_and_that_is_told():
    data = kzoo.load_dataset((X, SKEWED))
    assert data.task.log_target and data.remarks[0].startswith("The target is skewed (")
    assert data.task.target_mean[0] == pytest.approx(np.log(data.y_train).mean(), abs=1e-4)
    assert np.isin(data.y_train, SKEWED.astype(np.float32)).all()
    assert kzoo.Task.from_dict(data.task.to_dict()) == data.task
    plain = kzoo.load_dataset((X, SKEWED), target_scale="linear")
    assert not plain.task.log_target and not plain.remarks and plain.fingerprint == data.fingerprint


@pytest.mark.parametrize(
    "y",
    [
        rng.normal(100, 9, ROWS),
        rng.exponential(1, ROWS) - 0.01,
        np.where(X[:, 0] > 2, 1e3, X[:, 1] + 9),
        np.stack([SKEWED] * 2, 1),
    ],
)
def test_others_are_learned_as_they_are(y):
    assert not kzoo.load_dataset((X, y)).task.log_target


def test_few_rows_are_learned_as_they_are():
    assert not kzoo.load_dataset((X[:-1], SKEWED[:-1])).task.log_target


def test_logarithms_can_be_asked_for():
    y = X[:, 0] + 9
    assert kzoo.load_dataset((X, y), target_scale="log").task.log_target
    with pytest.raises(DataError, match=r"the target is -\d.* somewhere; only numbers above 0"):
        kzoo.load_dataset((X, y - 9), target_scale="log")
    with pytest.raises(DataError, match="is for numbers to predict"):
        kzoo.load_dataset("iris", target_scale="log")
    with pytest.raises(DataError, match="target_scale is 'sqrt'"):
        kzoo.load_dataset((X, y), target_scale="sqrt")


def test_answers_and_metrics_are_in_the_targets_units():
    data = kzoo.load_dataset((X, SKEWED))
    keras.utils.set_random_seed(1)
    hypermodel = kzoo.create_hypermodel("linear_regression", data.task, metrics=["r2"], fixed={"learning_rate": 0.05})
    hp = keras_tuner.HyperParameters()
    model, engines = hypermodel.build(hp), Engines("numpy")
    with engines.answering(model):
        validation = (data.x_val, data.y_val)
        found = hypermodel.fit(
            hp, model, data.x_train, data.y_train, validation_data=validation, epochs=15, verbose=0
        ).history
    assert engines.uses[-1].engine == "numpy"
    answers = model.predict(data.x_val, verbose=0)[:, 0]
    assert found["val_mean_absolute_error"][-1] == pytest.approx(np.abs(answers - data.y_val).mean(), rel=1e-4)
    r2 = 1 - ((answers - data.y_val) ** 2).sum() / ((data.y_val - data.y_val.mean()) ** 2).sum()
    assert found["val_r2"][-1] == pytest.approx(r2, abs=1e-3) and r2 > 0.8
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(model.loss))
    assert float(again(data.y_val[:, None], answers[:, None])) == pytest.approx(found["val_loss"][-1], rel=1e-4)

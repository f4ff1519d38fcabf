"""Metrics that the numpy engine does not have written out are what `model.fit` reports all the same."""

import keras
import numpy as np
import pytest
from side_by_side import assert_same, trained

from kzoo.zoo import metrics
from tuners.engine.choice import Engines

rng = np.random.default_rng(0)
X = rng.normal(size=(44, 4)).astype(np.float32)
IDS = (np.arange(44) % 3).astype(np.int32)
GIVEN = (X[:, :2] > 0).astype(np.float32)
NUMBERS = (X[:, :2] * 3 + 5).astype(np.float32)


def model(width, activation, loss, found):
    network = keras.Sequential([keras.Input((4,)), keras.layers.Dense(width, activation=activation)])
    network.compile("sgd", loss, metrics=found())
    return network


@pytest.mark.parametrize(
    ("y", "width", "activation", "loss", "found"),
    [
        (
            *(IDS, 3, "softmax", "sparse_categorical_crossentropy"),
            lambda: [
                "accuracy",
                metrics.AUC(3),
                metrics.PRAUC(3),
                metrics.BalancedAccuracy(3),
                metrics.MacroF1(3),
                keras.metrics.SparseTopKCategoricalAccuracy(2),
            ],
        ),
        (
            *(GIVEN, 2, "sigmoid", "binary_crossentropy"),
            lambda: [
                metrics.AUC(2, multi_label=True),
                metrics.MacroF1(2, multi_label=True),
                keras.metrics.AUC(thresholds=[0.2, 0.5, 0.7]),
                keras.metrics.Precision(),
                keras.metrics.F1Score(threshold=0.5),
            ],
        ),
        (
            *(NUMBERS, 2, None, "mse"),
            lambda: [
                "mae",
                keras.metrics.RootMeanSquaredError(),
                metrics.R2((5.0, 5.0), (3.0, 3.0)),
                keras.metrics.R2Score(),
            ],
        ),
    ],
)
def test_are_the_same_by_every_engine(y, width, activation, loss, found):
    validation = (X[30:], y[30:])
    assert_same(
        *(lambda: model(width, activation, loss, found), X[:30], y[:30]),
        **{"validation_data": validation, "epochs": 2, "batch_size": 8, "engines": ("numpy",)},
    )


def test_trials_with_the_same_metric_share_it_and_do_not_disturb_each_other():
    engines = Engines("numpy")

    def build():
        return model(3, "softmax", "sparse_categorical_crossentropy", lambda: [metrics.AUC(3)])

    given = {"validation_data": (X[30:], IDS[30:]), "epochs": 2, "batch_size": 8}
    first, second = (trained(engines, build, X[:30], IDS[:30], **given) for _ in range(2))
    assert first.epochs == second.epochs
    # What evaluates the model afterwards goes on with its own.
    assert second.model.evaluate(X[30:], IDS[30:], verbose=0)[1] == pytest.approx(
        second.epochs[-1]["val_auc"], abs=1e-6
    )

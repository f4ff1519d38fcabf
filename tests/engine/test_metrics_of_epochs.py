"""Metrics that the numpy engine does not have written out are what `model.fit` reports all the same."""

import keras
import numpy as np
import pytest
from side_by_side import assert_same, trained

from kzoo.zoo import metrics
from tuners.engine.choice import Engines
from tuners.engine.declined import Declined
from tuners.engine.numpy_engine.metrics import EpochMetric, EpochMetrics, is_by_examples

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


@pytest.mark.parametrize(
    ("y", "width", "activation", "loss", "metric"),
    [
        (GIVEN, 2, "sigmoid", "binary_crossentropy", keras.metrics.BinaryCrossentropy),
        (GIVEN, 2, "softmax", "categorical_crossentropy", keras.metrics.CategoricalCrossentropy),
        (IDS, 3, "softmax", "sparse_categorical_crossentropy", keras.metrics.SparseCategoricalCrossentropy),
    ],
)
def test_cross_entropies_of_certain_answers_are_those_of_their_logits(y, width, activation, loss, metric):
    """Keras looks behind a head: a probability that rounds to 0 costs what its logit says."""

    def build():
        made = model(width, activation, loss, lambda: [metric()])
        made.set_weights([np.full((4, width), 30.0) * np.arange(1, width + 1), np.zeros(width)])
        made.optimizer.learning_rate = 1e-3
        return made

    given = {"validation_data": (X[30:], y[30:]), "epochs": 1, "batch_size": 8}
    engines = Engines("auto")
    fit, fast = (trained(each, build, X[:30], y[:30], **given) for each in (Engines("fit"), engines))
    assert engines.uses[-1].engine == "numpy"
    name = f"val_{metric().name}"
    assert fit.epochs[0][name] > 5
    assert fast.epochs[0][name] == pytest.approx(fit.epochs[0][name], rel=1e-4)


@pytest.mark.parametrize(
    ("metric", "told"),
    [
        (lambda: keras.metrics.CosineSimilarity(axis=0), False),
        (lambda: keras.metrics.ConcordanceCorrelation(axis=0), False),
        (keras.metrics.CosineSimilarity, True),
        (keras.metrics.R2Score, True),
        (keras.metrics.AUC, True),
        (keras.metrics.MeanAbsoluteError, True),
    ],
)
def test_a_metric_of_which_examples_are_together_is_left_to_others(metric, told):
    made = metric()
    made.update_state(NUMBERS[:4], NUMBERS[:4])
    assert is_by_examples(made, GIVEN, 2) is told
    if told:
        EpochMetrics().of(made, GIVEN, 2, None)
    else:
        with pytest.raises(Declined, match="depends on which examples are in a batch together"):
            EpochMetrics().of(made, GIVEN, 2, None)


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


def test_another_metric_of_the_same_name_is_tried_anew(monkeypatch):
    engines = Engines("numpy")
    given = {"validation_data": (X[30:], NUMBERS[30:]), "epochs": 1, "batch_size": 8}

    def train(metric):
        trained(engines, lambda: model(2, None, "mse", lambda: [metric(name="m")]), X[:30], NUMBERS[:30], **given)
        return engines.uses[-1].engine

    assert train(keras.metrics.R2Score) == "numpy"
    monkeypatch.setattr(EpochMetric, "__call__", lambda self, y, values: 7.0)
    assert train(keras.metrics.CosineSimilarity) == "fit"

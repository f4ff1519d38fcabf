import json

import keras
import keras_tuner
import numpy as np
import pytest
from sklearn import metrics as sklearn

import kzoo
from kzoo.zoo import metrics
from kzoo.zoo.hypermodel import balanced_weights

rng = np.random.default_rng(0)


def drawn(classes, rows=700):
    ids = rng.integers(0, classes, rows) if classes > 2 else (rng.random(rows) < 0.1).astype(int)
    logits = rng.normal(size=(rows, classes)) * 2 + 1.5 * np.eye(classes)[ids] - 2 * np.arange(classes)
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return ids, (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)


def told(metric, y, answers, weights=None):
    for start in range(0, len(y), 300):
        rows = slice(start, start + 300)
        metric.update_state(y[rows], answers[rows], None if weights is None else weights[rows])
    return float(metric.result())


@pytest.mark.parametrize("classes", [2, 4])
def test_of_classes_are_scikit_learns(classes):
    ids, shares = drawn(classes)
    one = np.eye(classes)[ids]
    ranked = (ids, shares[:, 1]) if classes == 2 else (one, shares)
    assert told(metrics.AUC(classes), ids, shares) == pytest.approx(sklearn.roc_auc_score(*ranked), abs=1e-3)
    assert told(metrics.PRAUC(classes), ids, shares) == pytest.approx(
        sklearn.average_precision_score(*ranked), abs=2e-3
    )
    taken = shares.argmax(axis=1)
    assert told(metrics.BalancedAccuracy(classes), ids[:, None], shares) == pytest.approx(
        sklearn.balanced_accuracy_score(ids, taken)
    )
    f1 = sklearn.f1_score(ids, taken, average="macro")
    assert told(metrics.MacroF1(classes), ids, shares) == pytest.approx(f1)


def test_of_labels_are_scikit_learns():
    answers = rng.random((700, 3)).astype(np.float32)
    given = (rng.random(answers.shape) < answers**2).astype(np.float32)
    assert told(metrics.AUC(3, multi_label=True), given, answers) == pytest.approx(
        sklearn.roc_auc_score(given, answers), abs=1e-3
    )
    f1 = sklearn.f1_score(given, answers > 0.5, average="macro", zero_division=0)
    assert told(metrics.MacroF1(3, multi_label=True), given, answers) == pytest.approx(f1)


def test_r2_is_scikit_learns_far_from_zero_and_with_weights():
    y = rng.normal([3000, 0.2], [1, 0.01], (400, 2)).astype(np.float32)
    answers = (y + rng.normal(0, [0.5, 0.002], y.shape)).astype(np.float32)
    weights = rng.random(400)
    metric = metrics.R2((3000.0, 0.2), (1.0, 0.01))
    assert told(metric, y, answers, weights) == pytest.approx(
        sklearn.r2_score(y, answers, sample_weight=weights), abs=1e-4
    )


def test_classes_that_are_not_there_do_not_count():
    ids, shares = drawn(4)
    some = ids < 2
    expected = np.mean([sklearn.roc_auc_score(ids[some] == each, shares[some][:, each]) for each in (0, 1)])
    assert told(metrics.AUC(4), ids[some], shares[some]) == pytest.approx(expected, abs=1e-3)
    assert np.isnan(told(metrics.AUC(4), np.zeros(9, int), shares[:9]))


@pytest.mark.parametrize(
    "metric",
    [metrics.AUC(3), metrics.PRAUC(2, multi_label=True), metrics.BalancedAccuracy(3), metrics.R2((1.0,), (2.0,))],
)
def test_they_are_made_again_from_what_keras_writes(metric):
    again = keras.saving.deserialize_keras_object(json.loads(json.dumps(keras.saving.serialize_keras_object(metric))))
    assert again.get_config() == metric.get_config() and again.sums.shape == metric.sums.shape


def test_objectives_by_the_names_that_people_use():
    task = kzoo.load_dataset("iris").task
    assert [task.objective_named(each) for each in ("AUC", "val_pr_auc", "log-loss", "acc")] == [
        "val_auc",
        "val_pr_auc",
        "val_loss",
        "val_accuracy",
    ]
    assert kzoo.load_dataset("diabetes").task.objective_named("rmse") == "val_root_mean_squared_error"
    with pytest.raises(ValueError, match="'r2' is not recorded; there are val_accuracy, val_loss, val_auc"):
        task.objective_named("r2")


def test_what_is_asked_for_is_compiled_once():
    task = kzoo.load_dataset("iris").task
    hypermodel = kzoo.create_hypermodel("softmax_regression", task, metrics=("val_auc", "auc", "accuracy", "loss"))
    model = hypermodel.build(keras_tuner.HyperParameters())
    assert [each.name for each in model._compile_metrics._user_metrics] == ["accuracy", "auc"]  # noqa: SLF001
    with pytest.raises(ValueError, match="'gini' is not recorded"):
        kzoo.create_hypermodel("mlp", task, metrics=("gini",))


def test_balanced_classes_weigh_the_same():
    y = np.repeat([0, 1, 2], [80, 15, 5]).astype(np.int32)
    weights = balanced_weights(y)
    assert [weights[each] * (y == each).sum() for each in (0, 1, 2)] == pytest.approx([100 / 3] * 3)
    with pytest.raises(ValueError, match="needs y as an array of class ids"):
        balanced_weights(None)
    with pytest.raises(ValueError, match="balance is for classes; the task is regression"):
        kzoo.create_hypermodel("mlp", kzoo.load_dataset("diabetes").task, balance=True)


def test_a_rare_class_is_found_with_balance():
    x = rng.normal(size=(900, 2))
    y = (x[:, 0] + rng.normal(size=900) > 2.2).astype(int)
    data = kzoo.load_dataset((x, y))
    hypermodel = kzoo.create_hypermodel(
        "softmax_regression",
        data.task,
        metrics=["balanced_accuracy"],
        balance=True,
        fixed={"learning_rate": 0.05},
    )
    keras.utils.set_random_seed(1)
    hp = keras_tuner.HyperParameters()
    validation = (data.x_val, data.y_val)
    model = hypermodel.build(hp)
    history = hypermodel.fit(hp, model, data.x_train, data.y_train, validation_data=validation, verbose=0, epochs=3)
    # Without it nearly all are taken for the usual class: 0.5.
    assert history.history["val_balanced_accuracy"][-1] > 0.7

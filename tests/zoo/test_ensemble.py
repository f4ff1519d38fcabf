import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import kzoo
from kzoo.zoo import heads
from kzoo.zoo.ensemble import averaged, candidates


def squared(target):
    return lambda answers: float(np.mean((answers - target) ** 2))


TARGET = np.array([1.0, 2.0, 3.0, 4.0])


def test_models_whose_errors_cancel_are_averaged_by_how_much_they_err():
    answers = np.stack([TARGET + 1, TARGET - 3, TARGET + 5])
    best, *_ = candidates(answers, squared(TARGET), rounds=8)
    np.testing.assert_allclose(best, [0.75, 0.25, 0])


def test_a_model_that_no_other_helps_stands_alone():
    best, *_ = candidates(np.stack([TARGET, TARGET + 1]), squared(TARGET))
    np.testing.assert_allclose(best, [1, 0])


@given(arrays(np.float64, (3, 4), elements=st.floats(-5, 5)))
def test_the_first_candidate_is_never_worse_than_the_first_model(answers):
    loss = squared(TARGET)
    found = candidates(answers, loss)
    losses = [loss(np.tensordot(weights, answers, axes=1)) for weights in found]
    assert losses[0] <= loss(answers[0]) + 1e-12 and np.all(np.diff(losses) >= -1e-9)
    assert all(weights.sum() == pytest.approx(1) and weights.min() >= 0 for weights in found)


@pytest.fixture(scope="module")
def data():
    return kzoo.load_dataset("wine")


def trained(data, seed, epochs, **values):
    keras.utils.set_random_seed(seed)
    model = kzoo.create_model("mlp", data.task, units=16, **values)
    model.fit(data.x_train, data.y_train, epochs=epochs, verbose=0)
    return model


@pytest.fixture(scope="module")
def models(data):
    return [trained(data, 1, 12), trained(data, 2, 12, norm="none"), trained(data, 3, 1)]


def test_an_ensemble_answers_with_the_weighted_mean_and_is_exported(models, data, tmp_path):
    answers = np.stack([model.predict(data.x_test, verbose=0) for model in models])
    alone = models[0].evaluate(data.x_val, data.y_val, verbose=0, return_dict=True)
    found = kzoo.ensemble(models, data)
    together = found.model.evaluate(data.x_val, data.y_val, verbose=0, return_dict=True)
    assert kzoo.ensemble(models, data, objective="auc").weights == found.weights
    assert together["loss"] < alone["loss"] and together["accuracy"] >= alone["accuracy"]
    expected = np.tensordot(found.weights, answers, axes=1)
    np.testing.assert_allclose(found.model.predict(data.x_test, verbose=0), expected, atol=1e-6)
    path = kzoo.export_model(found.model, tmp_path / "wine", task=data.task, examples=data.x_test)
    served = kzoo.predict(path, {"inputs": data.x_test.tolist(), "signature_name": "numeric"})["outputs"]
    np.testing.assert_allclose(served, expected, atol=1e-6)


def test_the_objective_never_gets_worse_either(data):
    """The second model is surer, which makes the loss less, and has a row wrong."""

    def sure(share, wrong):
        answers = np.full((len(data.y_val), 3), (1 - share) / 2, "float32")
        answers[np.arange(len(answers)), (data.y_val + wrong) % 3] = share
        return fixed(answers, data)

    models = [sure(0.4, wrong=0), sure(0.9, wrong=np.arange(len(data.y_val)) == 0)]
    by_loss, by_accuracy = (kzoo.ensemble(models, data, objective=f"val_{name}") for name in ("loss", "accuracy"))
    accuracy = [
        each.model.evaluate(data.x_val, data.y_val, verbose=0, return_dict=True)["accuracy"]
        for each in (by_loss, by_accuracy)
    ]
    assert by_loss.weights[1] > 0.5 and accuracy[0] < 1
    assert by_accuracy.weights == (1, 0) and accuracy[1] == 1


def fixed(answers, data):
    """A model that has learned its answers to the validation rows by heart."""
    inputs = keras.Input(data.x_val.shape[1:])
    rows = keras.ops.convert_to_tensor(data.x_val)
    distances = keras.ops.sum((inputs[:, None] - rows[None]) ** 2, axis=-1)
    model = keras.Model(inputs, keras.ops.take(keras.ops.convert_to_tensor(answers), keras.ops.argmin(distances, 1), 0))
    model.compile(loss=heads.loss(data.task), metrics=heads.metrics(data.task))
    return model


def test_one_model_stays_what_it_is(models, data):
    assert averaged(models[:1]) is models[0]
    assert kzoo.ensemble(models[:1], data).weights == (1.0,)


@pytest.mark.parametrize("loss", ["binary_crossentropy", keras.losses.BinaryCrossentropy()])
def test_models_of_others_with_a_loss_by_its_name(loss):
    data = kzoo.load_dataset("breast_cancer")
    inputs = keras.Input(data.x_val.shape[1:])
    models = []
    for answer in (0.2, 0.9):
        model = keras.Model(inputs, keras.ops.zeros_like(inputs[:, :1]) + answer)
        model.compile(loss=loss)
        models.append(model)
    share = data.y_val.mean()
    found = kzoo.ensemble(models, data, objective="loss")
    assert 0.2 * found.weights[0] + 0.9 * found.weights[1] == pytest.approx(share, abs=0.02)


def test_wrong_arguments(models, data):
    with pytest.raises(ValueError, match="models is empty"):
        kzoo.ensemble([], data)
    with pytest.raises(ValueError, match=r"val_best' is not recorded; there are val_accuracy, val_loss"):
        kzoo.ensemble(models, data, objective="val_best")

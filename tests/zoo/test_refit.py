import keras
import keras_tuner
import numpy as np
import pytest

import kzoo

VALUES = {"optimizer": "adam", "adam/learning_rate": 0.01, "batch_size": 16, "weight_decay": 1e-4, "decay": "none"}


@pytest.fixture(scope="module")
def data():
    return kzoo.load_dataset("wine")


@pytest.fixture(scope="module")
def hypermodel(data):
    return kzoo.create_hypermodel("softmax_regression", data.task)


def test_several_seeds_are_averaged_in_one_model(data, hypermodel, tmp_path):
    alone = [kzoo.refit(hypermodel, VALUES, data, epochs=2, seeds=[seed]) for seed in (1, 2)]
    together = kzoo.refit(hypermodel, VALUES, data, epochs=2, seeds=(1, 2))
    answers = [model.predict(data.x_test, verbose=0) for model in (*alone, together)]
    np.testing.assert_allclose(answers[2], (answers[0] + answers[1]) / 2, atol=1e-6)
    assert together.evaluate(data.x_test, data.y_test, verbose=0, return_dict=True)["accuracy"] > 0.5
    path = kzoo.export_model(together, tmp_path / "wine", task=data.task, examples=data.x_test)
    found = kzoo.predict(path, {"inputs": data.x_test.tolist(), "signature_name": "numeric"})["outputs"]
    np.testing.assert_allclose(found, answers[2], atol=1e-6)


def test_validation_rows_are_learned_too(data, hypermodel, monkeypatch):
    seen = []
    fit = type(hypermodel).fit

    def watched(self, hp, model, x, y, **options):
        seen.append((len(x), len(y), self.task.train_rows))
        return fit(self, hp, model, x, y, **options)

    monkeypatch.setattr(type(hypermodel), "fit", watched)
    kzoo.refit(hypermodel, VALUES, data, epochs=1)
    rows = len(data.x_train) + len(data.x_val)
    assert seen == [(rows, rows, rows)]


def test_the_weights_are_the_mean_of_the_last_epochs(data, hypermodel, monkeypatch):
    weights = []

    class Watched(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            weights.append(self.model.get_weights())

    fit = type(hypermodel).fit

    def watched(self, hp, model, x, y, callbacks, **options):
        return fit(self, hp, model, x, y, callbacks=[Watched(), *callbacks], **options)

    monkeypatch.setattr(type(hypermodel), "fit", watched)
    model = kzoo.refit(hypermodel, VALUES, data, epochs=7)
    assert len(weights) == 7
    for number, found in enumerate(model.get_weights()):
        np.testing.assert_allclose(found, np.mean([each[number] for each in weights[-5:]], axis=0), atol=1e-6)


def test_a_rehearsal_finds_the_epochs_by_rows_that_it_has_not_learned(data, hypermodel):
    poor = {**VALUES, "adam/learning_rate": 1e-4}
    good = kzoo.rehearse(hypermodel, VALUES, data, epochs=6)
    assert kzoo.rehearse(hypermodel, poor, data, epochs=6).loss > good.loss
    # At such a rate every epoch is better than the last.
    assert kzoo.rehearse(hypermodel, poor, data, epochs=3).epochs == 3


def test_what_the_search_has_found_answers_too_where_a_rehearsal_is_worse(data, hypermodel):
    good = {**VALUES, "adam/learning_rate": 0.05}
    found = kzoo.refit(hypermodel, good, data, epochs=6)
    poor = {**VALUES, "adam/learning_rate": 1e-4}
    alone = kzoo.refit(hypermodel, poor, data, epochs=2)
    answers = [model.predict(data.x_test, verbose=0) for model in (found, alone)]
    both = kzoo.retrain(hypermodel, poor, data, epochs=2, best_epoch=2, found=found)
    assert both.with_found and both.rehearsed > both.found
    np.testing.assert_allclose(both.model.predict(data.x_test, verbose=0), sum(answers) / 2, atol=1e-6)
    again = kzoo.retrain(hypermodel, good, data, epochs=6, best_epoch=5, found=alone)
    assert not again.with_found and again.epochs >= 5
    assert kzoo.retrain(hypermodel, poor, data, epochs=1).found is None


def test_training_that_diverges_is_told_and_not_answered_with(data, hypermodel):
    wild = {**VALUES, "optimizer": "sgd", "sgd/learning_rate": 1e30}
    found = kzoo.create_model("softmax_regression", data.task)
    with pytest.raises(FloatingPointError, match="seed 1 diverged within 2 epochs"):
        kzoo.retrain(hypermodel, wild, data, epochs=2, best_epoch=2, found=found)


def test_learning_rate_decay_goes_by_epochs_as_in_the_search(data):
    hypermodel = kzoo.create_hypermodel("softmax_regression", data.task, epochs=4)
    values = {**VALUES, "decay": "exponential", "exponential/final_share": 0.1}
    model = kzoo.refit(hypermodel, values, data, epochs=4)
    # More rows are more steps in an epoch; the share is reached after the search's epochs all the same.
    assert float(model.optimizer.learning_rate) == pytest.approx(0.01 * 0.1, rel=1e-4)
    assert hypermodel.task == data.task
    half = kzoo.refit(hypermodel, values, data, epochs=2)
    assert float(half.optimizer.learning_rate) == pytest.approx(0.01 * 0.1**0.5, rel=1e-4)


def test_decay_ends_with_the_epochs_that_are_trained(data):
    hypermodel = kzoo.create_hypermodel("softmax_regression", data.task, epochs=20)
    hp = keras_tuner.HyperParameters()
    hp.values = {**VALUES, "decay": "exponential", "exponential/final_share": 0.1}
    model = hypermodel.build(hp)
    hypermodel.fit(hp, model, data.x_train, data.y_train, epochs=2, verbose=0)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.01 * 0.1, rel=1e-4)
    other = hypermodel.build(hp)
    other.compile(keras.optimizers.Adam(0.5), other.loss)
    hypermodel.fit(hp, other, data.x_train, data.y_train, epochs=1, verbose=0)
    assert float(other.optimizer.learning_rate) == 0.5


def test_wrong_arguments(data, hypermodel):
    with pytest.raises(ValueError, match="epochs is 0"):
        kzoo.refit(hypermodel, VALUES, data, epochs=0)
    with pytest.raises(ValueError, match="without repeats"):
        kzoo.refit(hypermodel, VALUES, data, epochs=1, seeds=(1, 1))

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

    def fit(self, hp, model, x, y, **options):
        seen.append((len(x), len(y), options))

    monkeypatch.setattr(type(hypermodel), "fit", fit)
    kzoo.refit(hypermodel, VALUES, data, epochs=7)
    rows = len(data.x_train) + len(data.x_val)
    assert seen == [(rows, rows, {"epochs": 7, "verbose": 0})]


def test_learning_rate_decay_goes_by_epochs_as_in_the_search(data):
    hypermodel = kzoo.create_hypermodel("softmax_regression", data.task, epochs=4)
    values = {**VALUES, "decay": "exponential", "exponential/final_share": 0.1}
    model = kzoo.refit(hypermodel, values, data, epochs=4)
    # More rows are more steps in an epoch; the share is reached after the search's epochs all the same.
    assert float(model.optimizer.learning_rate) == pytest.approx(0.01 * 0.1, rel=1e-4)
    assert hypermodel.task == data.task


def test_wrong_arguments(data, hypermodel):
    with pytest.raises(ValueError, match="epochs is 0"):
        kzoo.refit(hypermodel, VALUES, data, epochs=0)
    with pytest.raises(ValueError, match="without repeats"):
        kzoo.refit(hypermodel, VALUES, data, epochs=1, seeds=(1, 1))

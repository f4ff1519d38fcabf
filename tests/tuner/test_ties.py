"""Equal accuracies are told apart by the loss: the epoch that is kept, the best trial, and the study on disk."""

import keras
import keras_tuner
import numpy as np
import pytest

import tuners
from tuners.engine.best_epoch import BestEpoch
from tuners.engine.results import averaged
from tuners.strategy.scores import tie_breaker

# Accuracy and loss of each epoch, by trial.
TRIALS = ([(0.8, 0.5), (0.9, 0.40), (0.9, 0.30), (0.9, 0.35)], [(0.9, 0.2)], [(0.9, 0.25)], [(0.7, 0.1)])


@pytest.mark.parametrize("objective", ["val_accuracy", "val_loss"])
def test_of_equal_trials_the_one_with_the_least_loss_is_best(tmp_path, objective):
    oracle = tuners.CoarseToFineOracle(objective, max_trials=4, seed=1)
    oracle._set_project_dir(tmp_path, "ties")  # noqa: SLF001
    hp = keras_tuner.HyperParameters()
    hp.Float("x", 0, 1)
    oracle.update_space(hp)
    for epochs in TRIALS:
        trial = oracle.create_trial("here")
        for step, (accuracy, loss) in enumerate(epochs):
            oracle.update_trial(trial.trial_id, {"val_accuracy": accuracy, "val_loss": loss}, step=step)
        trial.status = "COMPLETED"
        oracle.end_trial(trial)
    order = ["0001", "0002", "0000", "0003"] if objective == "val_accuracy" else ["0003", "0001", "0002", "0000"]
    assert [trial.trial_id for trial in oracle.get_best_trials(4)] == order
    study = tuners.Study.load(tmp_path / "ties")
    assert [trial.trial_id for trial in study.best] == order
    assert study.trials[0].best_epoch == 3


def test_of_equal_epochs_the_weights_of_the_least_loss_are_kept():
    found = BestEpoch(keras_tuner.Objective("val_accuracy", "max"), lambda *_: None)
    for epoch, (accuracy, loss) in enumerate(TRIALS[0]):
        found.weights_now = lambda epoch=epoch: [epoch]
        found.on_epoch_end(epoch, {"val_accuracy": accuracy, "val_loss": loss})
    assert found.weights == [2]


def test_of_equal_trials_the_one_with_the_least_loss_keeps_its_weights(tmp_path):
    def build(hp):
        bias = keras.initializers.Constant(hp.Float("certainty", 1, 3, default=1.5))
        head = keras.layers.Dense(1, "sigmoid", kernel_initializer="zeros", bias_initializer=bias)
        model = keras.Sequential([keras.Input((1,)), head])
        model.compile(keras.optimizers.SGD(0.0), "binary_crossentropy", metrics=["accuracy"])
        return model

    x, y = np.zeros((4, 1), np.float32), np.ones((4, 1), np.float32)
    options = {"max_trials": 3, "keep_checkpoints": 1, "directory": tmp_path, "project_name": "run", "seed": 1}
    given = [{"certainty": each} for each in (1.0, 2.0, 3.0)]
    search = tuners.CoarseToFineSearch(build, objective="val_accuracy", initial=given, **options)
    search.search(x, y, validation_data=(x, y), epochs=1, verbose=0)
    assert [each.score for each in tuners.Study.load(tmp_path / "run").trials] == [1.0] * 3
    assert search.get_best_models()[0].layers[0].bias.numpy() == [3.0]


def test_of_equal_means_of_executions_that_with_the_least_loss_has_the_mean_of_the_bests():
    def epochs(accuracies, losses):
        return [{"val_accuracy": one, "val_loss": other} for one, other in zip(accuracies, losses, strict=True)]

    executions = epochs((0.5, 0.25), (0.5, 0.25)), epochs((0.25, 0.5), (0.5, 0.25))
    found = averaged(executions, keras_tuner.Objective("val_accuracy", "max"))
    assert found == epochs((0.375, 0.5), (0.5, 0.25))


@pytest.mark.parametrize(
    "name", ["val_f1", "val_pr_auc", "val_balanced_accuracy", "val_r2", "val_auc_3", "val_macro_f1"]
)
def test_directions_that_keras_tuner_does_not_know(name):
    assert tuners.CoarseToFineOracle(name).objective.direction == "max"
    assert tuners.CoarseToFineOracle([name, "val_loss"]).objective.objectives[0].direction == "max"
    with pytest.raises(ValueError, match="[Cc]ould not infer"):
        tuners.CoarseToFineOracle("val_regret")


def test_what_breaks_ties():
    assert [tie_breaker(name) for name in ("val_accuracy", "accuracy", "val_loss", "loss", "val_f1")] == [
        *("val_loss", "loss", "", "", "val_loss")
    ]

import keras
import keras_tuner
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from kzoo.datasets import load_dataset
from kzoo.task import Task
from kzoo.zoo.creation import create_model
from kzoo.zoo.hypermodel import create_hypermodel
from kzoo.zoo.optimizers import learning_rate_schedule
from kzoo.zoo.registry import register_model


@pytest.mark.parametrize("decay", ["none", "exponential", "inverse_time", "cosine"])
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "rmsprop", "adam"])
def test_every_optimizer_learns_under_every_decay(optimizer, decay, examples):
    x, y, task = examples("classification", False)
    keras.utils.set_random_seed(1)
    model = create_model("softmax_regression", task, optimizer=optimizer, decay=decay, learning_rate=0.05, epochs=6)
    losses = model.fit(x, y, batch_size=8, epochs=6, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_optimizers_get_their_own_hyperparameters(examples):
    _, _, task = examples("classification", False)
    adam = create_model("mlp", task).optimizer
    assert (adam.beta_1, adam.beta_2, adam.epsilon) == (0.9, 0.999, 1e-8)
    momentum = create_model("mlp", task, optimizer="momentum", momentum=0.95, nesterov=True).optimizer
    assert (momentum.momentum, momentum.nesterov) == (0.95, True)
    assert create_model("mlp", task, optimizer="sgd").optimizer.momentum == 0
    assert create_model("mlp", task, optimizer="rmsprop", rho=0.99).optimizer.rho == 0.99


def test_batch_norm_options_reach_its_layers(examples):
    _, _, task = examples("classification", False)
    model = create_model("mlp", task, **{"batch_norm/momentum": 0.75, "batch_norm/epsilon": 1e-4})
    layer = model.get_layer("hidden_1_norm")
    assert (layer.momentum, layer.epsilon) == (0.75, 1e-4)


def test_weight_decay_shrinks_kernels_only(examples):
    x, y, task = examples("classification", False)
    model = create_model("mlp", task, units=4, norm="after", weight_decay=0.5, learning_rate=1.0, optimizer="sgd")
    before = {weight.path: weight.numpy() for weight in model.trainable_variables}
    zeros = [keras.ops.zeros_like(weight) for weight in model.trainable_variables]
    model.optimizer.apply(zeros, model.trainable_variables)
    for weight in model.trainable_variables:
        share = 0.5 if weight.path.endswith("kernel") else 1.0
        np.testing.assert_allclose(weight.numpy(), share * before[weight.path], rtol=1e-6)


@pytest.mark.parametrize(
    ("decay", "expected"),
    [
        ({"decay": "exponential", "exponential/final_share": 0.01}, [0.1, 0.01, 0.001]),
        ({"decay": "inverse_time", "inverse_time/decay_rate": 0.5}, [0.1, 0.1 / 3.5, 0.1 / 6]),
        ({"decay": "cosine"}, [0.1, 0.05, 0.0]),
    ],
)
def test_decay_is_laid_out_over_the_epochs(decay, expected):
    values = {"optimizer": "sgd", "sgd/learning_rate": 0.1, "batch_size": 32, **decay}
    schedule = learning_rate_schedule(values, train_rows=320, epochs=10)
    got = [float(schedule(step)) for step in (0, 50, 100)]
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-8)


def test_batch_size_is_tuned_and_can_be_fixed(examples):
    _, _, task = examples("classification", False)
    hp = keras_tuner.HyperParameters()

    class Asked:
        def fit(self, *args, **kwargs):
            return args, kwargs

    fixed = create_hypermodel("mlp", task, fixed={"batch_size": 48, "decay": "none"})
    assert fixed.fit(hp, Asked(), 1, batch_size=7, epochs=2) == ((1,), {"batch_size": 48, "epochs": 2})
    assert "batch_size" not in hp
    assert create_hypermodel("mlp", task).fit(hp, Asked()) == ((), {"batch_size": 32})
    assert "batch_size" in hp
    assert fixed.only_fits


def test_hyperband_epochs_set_the_horizon_of_decay(examples):
    _, _, task = examples("classification", False)
    hypermodel = create_hypermodel("softmax_regression", task, fixed={"decay": "cosine"}, epochs=40)
    hp = keras_tuner.HyperParameters()
    assert hypermodel.build(hp).optimizer.get_config()["learning_rate"]["config"]["decay_steps"] == 40
    hp.values["tuner/epochs"] = 3
    assert hypermodel.build(hp).optimizer.get_config()["learning_rate"]["config"]["decay_steps"] == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"priority": 5}, "priority is 5; expected 1"),
        ({"fixed": {"optimizer": "sgd", "momentum": 0.9}}, "momentum has no effect"),
        ({"fixed": {"optimiser": "sgd"}}, "did you mean optimizer"),
        ({"ranges": {"units": {"low": 600}}}, "not 600 to 512"),
        ({"fixed": {"embedding_width": 4}}, "embedding_width has no effect: the task has no category"),
    ],
)
def test_wrong_arguments_are_named(examples, arguments, message):
    _, _, task = examples("classification", False)
    with pytest.raises(ValueError, match=message):
        create_hypermodel("mlp", task, **arguments)


@pytest.mark.parametrize("name", ["diabetes", "breast_cancer"])
def test_linear_models_are_as_good_at_their_defaults_as_scikit_learns(name):
    data = load_dataset(name)
    regression = data.task.kind == "regression"
    keras.utils.set_random_seed(1)
    model = create_model("linear_regression" if regression else "softmax_regression", data.task)
    model.fit(data.x_train, data.y_train, epochs=20, verbose=0)
    found = model.evaluate(data.x_test, data.y_test, verbose=0, return_dict=True)
    peer = make_pipeline(StandardScaler(), Ridge() if regression else LogisticRegression(max_iter=1000))
    peer.fit(data.x_train, data.y_train)
    if regression:
        error = peer.predict(data.x_test).ravel() - data.y_test.ravel()
        assert found["root_mean_squared_error"] <= 1.03 * np.sqrt((error**2).mean())
    else:
        assert found["accuracy"] >= peer.score(data.x_test, data.y_test) - 0.01


def test_a_family_is_refused_a_task_that_it_cannot_learn(examples):
    _, _, tabular = examples("regression", False)
    with pytest.raises(ValueError, match="softmax_regression is for classification only, not regression; try"):
        create_model("softmax_regression", tabular)
    with pytest.raises(ValueError, match="convnet takes images"):
        create_model("convnet", tabular)
    with pytest.raises(ValueError, match="No model is called 'resnett'; did you mean resnet"):
        create_model("resnett", tabular)


def test_a_name_is_registered_once():
    with pytest.raises(ValueError, match="'mlp' is registered already"):
        register_model("mlp", description="another")(lambda task, values: None)


@pytest.mark.parametrize("shape", [(), ("wide",), (4, {"b64": 3}), [4.5]])
def test_a_shape_is_whole_numbers(shape):
    with pytest.raises(ValueError, match="Task.input_shape is .*; expected whole numbers"):
        Task("classification", shape, "float32", 9, (0.0,), (1.0,), class_names=("a", "b"))

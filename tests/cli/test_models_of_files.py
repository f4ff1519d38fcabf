"""`kzoo search ./mine.py:build`: models of the user's own, from the search to the answer."""

import json
import sys
import textwrap

import pytest

from kzoo.cli.run import Run
from kzoo.zoo.registry import get_family, list_models
from tuners import Study

MINE = """
    import keras, keras_tuner, kzoo
    from kzoo.zoo.blocks import raw_inputs
    from kzoo.zoo.heads import head
    from kzoo.zoo.hyperparameters import Int

    def build(hp, task):
        layers = [keras.Input(task.input_shape), keras.layers.Dense(hp.Int("units", 4, 8), "relu")]
        model = keras.Sequential([*layers, keras.layers.Dense(task.num_classes, "softmax")])
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    def plain(hp):
        model = keras.Sequential([keras.Input((13,)), keras.layers.Dense(3, "softmax")])
        bits = keras.metrics.SparseCategoricalCrossentropy("bits")
        model.compile("adam", "sparse_categorical_crossentropy", metrics=[bits])
        return model

    class Mine(keras_tuner.HyperModel):
        def build(self, hp):
            return plain(hp)

    @kzoo.register_model("wide", space=(Int(name="width", low=4, high=8, default=4, priority=2),), description="wide")
    def wide(task, values):
        inputs, x = raw_inputs(task)
        return keras.Model(inputs, head(keras.layers.Dense(values["width"], "relu")(x), task))

    class OwnEpochs(Mine):
        def fit(self, hp, model, *args, **kwargs):
            return model.fit(*args, epochs=hp.Int("epochs", 3, 4), verbose=0, **kwargs)

    class OwnLoop(Mine):
        def fit(self, hp, model, x, y, validation_data, **kwargs):
            model.train_on_batch(x, y)
            return {"val_loss": model.evaluate(*validation_data, verbose=0)[0]}

    def nothing(hp):
        keras.Sequential()

    def other(hp):
        model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3)])
        model.compile("adam", "mse")
        return model

    def three(a, b, c):
        pass
    numbers = [1, 2]
"""
SEARCH = ("--data", "wine", "--trials", 1, "--epochs", 1)


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """Where the file is; what it registers is forgotten afterwards, and that others may be imported from there."""
    made = tmp_path_factory.mktemp("own")
    (made / "mine.py").write_text(textwrap.dedent(MINE))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kzoo.zoo.registry._FAMILIES", {name: get_family(name) for name in list_models()})
        patch.setattr("sys.path", list(sys.path))
        yield made


@pytest.fixture(autouse=True)
def mine(kzoo, directory, request):
    """The command in that directory, and the run of each test."""
    kzoo.directory = directory
    return f"RUN-{len(request.node.name)}-{hash(request.node.name) % 10**6}"


def test_a_function_goes_all_the_way(kzoo, mine):
    result = kzoo("search", "./mine.py:build", *SEARCH, "--out", mine)
    assert "tuned     units" in result.stdout
    assert f"Next: kzoo export {mine} --name wine-mine --trust" in result.stdout
    refused = str(kzoo("export", mine, "--name", "own").exception)
    assert "mine.py:build, a program that export has to run" in refused
    assert not (kzoo.directory / "saved_models").exists()
    exported = kzoo.json("export", mine, "--name", "own", "--trust", "--refit")
    assert exported["metrics"]["test"]["accuracy"] >= 0
    answer = kzoo("predict", "saved_models/own", "saved_models/own/request.json").stdout
    assert json.loads(answer)["predictions"][0]["label"].startswith("class_")
    card = next((kzoo.directory / "saved_models/own").rglob("model_card.json")).read_text()
    assert json.loads(card)["family"] == "mine.py:build"
    assert str(kzoo.directory) not in card


def test_a_fit_of_ones_own_may_tune_its_epochs_or_train_by_itself(kzoo, mine):
    kzoo("search", "mine.py:OwnEpochs", *SEARCH, "--out", mine)
    (trial,) = Study.load(kzoo.directory / mine).completed
    assert len(trial.history["val_loss"]) == trial.values["epochs"] == 3
    shown = kzoo("search", "mine.py:OwnLoop", *SEARCH, "--epochs", 5, "--out", f"{mine}-loop").stdout
    assert "1 trial finished" in shown and "saved" not in shown


@pytest.mark.parametrize(("name", "objective"), [("plain", "val_loss"), ("Mine", "val_loss"), ("wide", "val_accuracy")])
def test_what_else_may_be_in_a_file(kzoo, mine, name, objective):
    kzoo("search", f"mine.py:{name}", *SEARCH, "--out", mine)
    study = Study.load(kzoo.directory / mine)
    assert (study.objective, len(study.completed)) == (objective, 1)
    assert Run.read(kzoo.directory / mine).family == (name == "wide")


def test_a_family_of_ones_own_has_what_the_zoos_have(kzoo, mine):
    fixed = kzoo("search", "mine.py:wide", *SEARCH, "--fix", "width=5", "--range", "optimizer=adam,sgd", "--out", mine)
    assert "fixed     width 5" in fixed.stdout
    refused = kzoo("search", "mine.py:plain", *SEARCH, "--fix", "width=5", "--out", f"{mine}-other")
    assert (refused.exit_code, "say it in mine.py itself" in refused.stderr) == (2, True)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("missing", "mine.py has no missing; it has build, plain, Mine, wide, OwnEpochs"),
        ("nothing", "is a return missing?"),
        ("other", "fails on the data, inputs (13,) of float32 and targets of 3 classes"),
        ("three", "takes (a, b, c); expected a function of hp"),
        ("numbers", "numbers is list, not a function"),
    ],
)
def test_what_does_not_fit_is_told_before_a_search_begins(kzoo, mine, name, words):
    result = kzoo("search", f"mine.py:{name}", *SEARCH, "--out", mine)
    assert words in str(result.exception)
    assert not (kzoo.directory / mine).exists()


def test_a_file_that_does_not_run(kzoo, mine):
    (kzoo.directory / "broken.py").write_text("import keras\nkeras.nothing\n")
    result = kzoo("search", "broken.py", *SEARCH)
    assert str(result.exception).startswith("broken.py, line 2: AttributeError: ")
    (kzoo.directory / "ends.py").write_text("import sys\nsys.exit(0)\n")
    assert str(kzoo("search", "ends.py", *SEARCH).exception) == "ends.py, line 2: SystemExit: 0"


def test_what_lies_beside_a_file_may_be_imported_when_a_model_is_built(kzoo, mine):
    (kzoo.directory / "beside.py").write_text(textwrap.dedent(MINE[: MINE.index("class Mine")]))
    (kzoo.directory / "late.py").write_text("def build(hp):\n    import beside\n    return beside.plain(hp)\n")
    assert "1 trial finished" in kzoo("search", "late.py", *SEARCH, "--out", mine).stdout


def test_an_objective_of_ones_own(kzoo, mine):
    asked = kzoo("search", "mine.py:plain", *SEARCH, "--objective", "val_bits", "--out", mine)
    assert "--objective val_bits:max or val_bits:min" in asked.stderr
    kzoo("search", "mine.py:plain", *SEARCH, "--objective", "val_bits:min", "--out", mine)
    refused = kzoo("export", mine, "--name", "own", "--trust", "--top", 2)
    assert "shares cannot be chosen by val_bits" in refused.stderr
    assert Study.load(kzoo.directory / mine).direction == "min"

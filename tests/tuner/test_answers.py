"""Every form of answer that keras-tuner takes from `run_trial` and `HyperModel.fit`."""

import keras
import keras_tuner
import numpy as np
import pytest
from small import DATA, X, Y, build

import tuners
from tuners.engine.results import averaged, epochs_of

LOSS = keras_tuner.Objective("val_loss", "min")


def history(**curves):
    made = keras.callbacks.History()
    made.history = curves
    return made


FORMS = {
    "float": (0.5, 0.5),
    "int": (1, 1.0),
    "numpy": (np.float32(0.5), 0.5),
    "numpy int": (np.int64(2), 2.0),
    "array of one": (np.array([0.5]), 0.5),
    "dict": ({"val_loss": 0.5, "note": "text is left out"}, 0.5),
    "floats": ([0.25, 0.75], 0.5),
    "dicts": ([{"val_loss": 0.25}, {"val_loss": np.float64(0.75)}], 0.5),
    "History": (history(loss=[3, 2, 1], val_loss=[0.9, 0.5, 0.7]), 0.5),
    # The best epochs are not the same: the average is that of the results, as keras-tuner documents it.
    "Histories": ([history(val_loss=[0.9, 0.3, 0.7]), history(val_loss=[0.7, 0.9, 0.8, 0.9])], 0.5),
    "mixed": ([history(val_loss=[0.9, 0.3]), 0.7], 0.5),
    "vectors beside it": (history(val_loss=[0.5], f1=[np.array([0.1, 0.2])]), 0.5),
    "validated every other epoch": (history(loss=[4, 3, 2, 1], val_loss=[0.7, 0.5]), 0.5),
}


class Answers(tuners.CoarseToFineSearch):
    def run_trial(self, trial, answer, verbose=0):
        trial.hyperparameters.Float("x", 0, 1)
        return answer(self, trial) if callable(answer) else answer


@pytest.fixture
def answering(tmp_path):
    def make(**options):
        return Answers(**{"objective": LOSS, "max_trials": 1, "directory": tmp_path, "project_name": "run", **options})

    return make


@pytest.mark.parametrize("form", FORMS)
def test_each_form_gives_its_score(answering, form):
    answer, score = FORMS[form]
    made = answering()
    made.search(answer, verbose=0)
    (trial,) = made.oracle.trials.values()
    assert (trial.status, trial.score) == ("COMPLETED", pytest.approx(score))


@pytest.mark.parametrize("form", FORMS)
def test_each_form_gives_keras_tuners_score(form, tmp_path):
    """keras-tuner itself, where it takes the form."""

    class Theirs(keras_tuner.RandomSearch):
        def run_trial(self, trial, answer):
            trial.hyperparameters.Float("x", 0, 1)
            return answer

    if form in ("numpy int", "array of one", "vectors beside it", "dict", "validated every other epoch"):
        pytest.skip("keras-tuner fails here")
    made = Theirs(objective=LOSS, max_trials=1, directory=tmp_path)
    made.oracle.verbose = 0
    made.search(FORMS[form][0])
    assert next(iter(made.oracle.trials.values())).score == pytest.approx(FORMS[form][1])


def test_metrics_reported_by_hand_count(answering):
    def reports(tuner, trial):
        for step, value in enumerate((0.9, 0.5, 0.7)):
            tuner.oracle.update_trial(trial.trial_id, {"val_loss": value}, step=step)

    made = answering(max_trials=2)
    with pytest.warns(DeprecationWarning, match="Please remove the call"):
        made.search(reports, verbose=0)
    assert [(trial.score, trial.best_step) for trial in made.oracle.trials.values()] == [(0.5, 1)] * 2


def test_an_objective_that_was_left_open_is_a_number_to_minimize(answering):
    made = answering(objective=None, max_trials=3)
    made.search(lambda tuner, trial: trial.hyperparameters.get("x"), verbose=0)
    best = made.oracle.get_best_trials()[0]
    assert best.score == min(trial.hyperparameters.get("x") for trial in made.oracle.trials.values())
    assert made.oracle.objective.name == "default_objective"


def test_several_objectives(answering):
    objective = ["val_loss", keras_tuner.Objective("gain", "max")]
    made = answering(objective=objective)
    made.search({"val_loss": 3.0, "gain": 1.0}, verbose=0)
    assert made.oracle.trials["0000"].score == 2.0


@pytest.mark.parametrize(
    ("objective", "answer", "error", "message"),
    [
        (LOSS, None, keras_tuner.errors.FatalTypeError, r"return value of Tuner.run_trial\(\) is None. Did you forget"),
        (LOSS, "good", keras_tuner.errors.FatalTypeError, r"Tuner.run_trial\(\) to be one of float, dict"),
        (LOSS, [], keras_tuner.errors.FatalTypeError, "to be one of float, dict"),
        (LOSS, [0.5, None], keras_tuner.errors.FatalTypeError, "Did you forget to return the metrics"),
        (LOSS, np.ones(3), keras_tuner.errors.FatalTypeError, "to be one of float, dict"),
        (LOSS, {"loss": 1.0}, keras_tuner.errors.FatalValueError, "the specified objective, val_loss"),
        (LOSS, history(loss=[1.0]), keras_tuner.errors.FatalValueError, "the specified objective, val_loss"),
        (LOSS, {"val_loss": np.ones(3)}, keras_tuner.errors.FatalValueError, "'val_loss' is no single number"),
        (None, {"val_loss": 1.0}, keras_tuner.errors.FatalTypeError, "to be a single float when `objective` is left"),
        (None, history(loss=[1.0]), keras_tuner.errors.FatalTypeError, "to be a single float when `objective` is left"),
    ],
)
def test_what_is_no_answer_ends_the_search(answering, objective, answer, error, message):
    with pytest.raises(error, match=message):
        answering(objective=objective, max_trials=5).search(answer, verbose=0)


def test_an_average_has_the_curves_and_the_average_of_the_best():
    one, other = history(val_loss=[4.0, 1.0, 3.0], loss=[8.0, 6.0, 4.0]), history(val_loss=[2.0, 4.0], loss=[2.0, 1.0])
    epochs = epochs_of([one, other], LOSS)
    # Of one the second epoch is the best, of the other the first.
    assert epochs == [{"val_loss": 3.0, "loss": 5.0}, {"val_loss": 1.5, "loss": 3.5}]
    assert averaged([epochs], LOSS) == epochs


class Repeated(keras_tuner.HyperModel):
    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def build(self, hp):
        return build(hp)

    def fit(self, hp, model, *args, **kwargs):
        return self.answer([model.fit(*args, **kwargs) for _ in range(2)])


@pytest.mark.parametrize(
    ("answer", "objective"),
    [
        (lambda found: found, "val_loss"),
        (lambda found: found[-1], "val_loss"),
        (lambda found: [each.history["val_loss"][-1] for each in found], "val_loss"),
        (lambda found: np.mean(found[-1].history["val_loss"]), None),
    ],
)
def test_a_hypermodel_answers_in_each_form_as_well(search, answer, objective):
    made = search(Repeated(answer), objective=objective, max_trials=2)
    made.search(**DATA, epochs=1, verbose=0)
    assert [trial.status for trial in made.oracle.trials.values()] == ["COMPLETED"] * 2
    assert made.get_best_models()


@pytest.mark.parametrize("engine", ["fit", "auto"])
def test_a_metric_that_is_a_vector_does_not_end_a_trial(search, engine):
    def scored(hp):
        model = build(hp)
        f1 = keras.metrics.F1Score(name="f1")
        model.compile("adam", "categorical_crossentropy", metrics=[f1, "accuracy"])
        return model

    made = search(scored, max_trials=1, engine=engine, executions_per_trial=2)
    one_hot = keras.utils.to_categorical(Y)
    made.search(X, one_hot, validation_data=(X, one_hot), epochs=2)
    (trial,) = made.oracle.trials.values()
    assert trial.status == "COMPLETED"
    assert set(trial.metrics.metrics) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    vector = search(scored, objective=keras_tuner.Objective("val_f1", "max"), engine=engine, project_name="vector")
    with pytest.raises(keras_tuner.errors.FatalValueError, match="'val_f1' is no single number.*macro"):
        vector.search(X, one_hot, validation_data=(X, one_hot), epochs=1)


def test_what_a_tuner_returns_can_be_used_by_a_subclass(search, tmp_path):
    class Halved(tuners.CoarseToFineSearch):
        def run_trial(self, trial, *args, **kwargs):
            kwargs["batch_size"] = trial.hyperparameters.Choice("batch_size", [16, 32])
            found = super().run_trial(trial, *args, **kwargs)
            assert [type(each).__name__ for each in found] == ["History"] * 2
            return [each.history["val_loss"][-1] / 2 for each in found]

    made = Halved(build, "val_loss", 2, 1, directory=tmp_path, executions_per_trial=2)
    made.search(**DATA, epochs=1, verbose=0)
    assert all(0 < trial.score < 1 for trial in made.oracle.trials.values())
    assert made.get_best_models()[0].evaluate(*DATA["validation_data"], verbose=0)


def test_an_oracle_that_says_stopped_is_told_no_more(tmp_path):
    class Stops(keras_tuner.oracles.RandomSearchOracle):
        def update_trial(self, trial_id, metrics, step=0):
            super().update_trial(trial_id, metrics, step)
            return "STOPPED"

    oracle = Stops(objective="val_loss", max_trials=1)
    oracle.verbose = 0
    tuners.FastTuner(oracle, build, directory=tmp_path).search(**DATA, epochs=3, verbose=0)
    (trial,) = oracle.trials.values()
    assert len(trial.metrics.get_history("val_loss")) == 1


def test_no_hypermodel_without_a_run_trial(tmp_path):
    with pytest.raises(ValueError, match="Received `hypermodel=None`"):
        tuners.CoarseToFineSearch(objective="val_loss")
    hp = keras_tuner.HyperParameters()
    hp.Float("x", 0, 1)
    made = tuners.CoarseToFineSearch(objective="val_loss", hyperparameters=hp, directory=tmp_path)
    with pytest.raises(ValueError, match="Received `hypermodel=None`"):
        made.search(**DATA)


def test_weights_follow_the_scores_of_an_oracle_that_gives_its_own(tmp_path):
    class Narrow(tuners.CoarseToFineOracle):
        def score_trial(self, trial):
            # Above every accuracy, so that it cannot be compared with one.
            trial.score = 100 + trial.hyperparameters.get("units")
            trial.best_step = 0

    oracle = Narrow("val_accuracy", 5, 1)
    made = tuners.FastTuner(oracle, build, keep_checkpoints=1, directory=tmp_path)
    made.search(**DATA, epochs=1, verbose=0)
    units = [trial.hyperparameters.get("units") for trial in oracle.trials.values()]
    assert made.get_best_models()[0].layers[0].units == max(units) > units[0]


@pytest.mark.parametrize("engine", ["fit", "auto"])
def test_nothing_is_added_to_the_arguments_of_the_search(search, tmp_path, capsys, engine):
    class Quiet(keras_tuner.HyperModel):
        def build(self, hp):
            return build(hp)

        def fit(self, hp, model, *args, **kwargs):
            assert set(kwargs) == {"x", "y", "validation_data", "callbacks"}
            model.fit(*args, **kwargs)
            return model.fit(*args, verbose=0, **kwargs)

    made = search(Quiet(), max_trials=1, engine=engine)
    made.search(**DATA)
    assert made.oracle.trials["0000"].status == "COMPLETED", made.oracle.trials["0000"].message
    assert capsys.readouterr().out == ""

    class Own(tuners.CoarseToFineSearch):
        def run_trial(self, trial, rows, verbose="not given"):
            return trial.hyperparameters.Float("x", 0, rows) if verbose == "not given" else float(verbose)

    own = Own(max_trials=1, directory=tmp_path, project_name="own")
    own.search(2)
    assert own.oracle.trials["0000"].status == "COMPLETED"
    own = Own(max_trials=1, directory=tmp_path, project_name="told")
    own.search(2, verbose=1)
    assert own.oracle.trials["0000"].score == 1.0


def test_hyperband_finds_the_weights_of_every_trial(tmp_path):
    class GoesOn(tuners.FastTuner):
        def run_trial(self, trial, *args, **kwargs):
            values = trial.hyperparameters.values
            if "tuner/trial_id" in values:
                assert self.load_model(self.oracle.get_trial(values["tuner/trial_id"])).built
            return super().run_trial(trial, *args, **kwargs)

    oracle = keras_tuner.oracles.HyperbandOracle(objective="val_loss", max_epochs=4, factor=2, seed=1)
    made = GoesOn(oracle, build, keep_checkpoints=1, directory=tmp_path)
    made.search(**DATA, verbose=0)
    assert {trial.status for trial in oracle.trials.values()} == {"COMPLETED"}

"""Fails when keras-tuner changes the private corner that `tuners.private_apis` stands on."""

import keras_tuner
import pytest

import tuners
from tuners.private_apis import project_directory, set_project_directory

ORACLES = {
    "ours": lambda: tuners.CoarseToFineOracle(objective="val_loss"),
    "keras-tuner's": lambda: keras_tuner.oracles.RandomSearchOracle(objective="val_loss"),
}


class Nothing(keras_tuner.Tuner):
    def run_trial(self, trial, **_):
        return trial.hyperparameters.Float("x", 0.0, 1.0)


@pytest.fixture(params=ORACLES)
def oracle(request):
    return ORACLES[request.param]()


def test_no_directory_before_a_tuner_has_told(oracle):
    assert project_directory(oracle) is None


def test_the_directory_is_the_tuners(oracle, tmp_path):
    tuner = Nothing(oracle=oracle, directory=tmp_path, project_name="here")
    assert project_directory(oracle) == tmp_path / "here"
    assert str(project_directory(oracle)) == tuner.project_dir


def test_an_oracle_told_by_us_is_as_one_told_by_a_tuner(tmp_path):
    told, by_tuner = ORACLES["keras-tuner's"](), ORACLES["keras-tuner's"]()
    set_project_directory(told, tmp_path / "here")
    Nothing(oracle=by_tuner, directory=tmp_path, project_name="here")
    assert project_directory(told) == project_directory(by_tuner)
    # keras-tuner's own oracle saves itself where it was told.
    told.save()
    assert (tmp_path / "here" / "oracle.json").exists()


def test_a_relative_directory_stays_where_it_was(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    oracle = ORACLES["ours"]()
    set_project_directory(oracle, "here")
    monkeypatch.chdir("/")
    assert project_directory(oracle) == tmp_path / "here"

"""Searches on other data that an oracle learns from, from disk."""

import json
import os
import zlib

import keras_tuner
import pytest
from oracle_without_tuner import flat_space, oracle_in, told

import tuners
from tuners.past_searches import past_searches
from tuners.private_apis import project_directory
from tuners.store.journal import FILE, JournalError
from tuners.store.records import FOREIGN, replay


def height(values):
    return -((values["x"] - 0.6) ** 2) - 0.5 * (values["kind"] == "b")


@pytest.fixture(scope="module")
def past(tmp_path_factory):
    """Two searches in one directory: one for more of a score, one for less of a loss."""
    directory = tmp_path_factory.mktemp("past")
    for name, options, score in (
        ("scores", {}, height),
        ("deeper/losses", {"objective": keras_tuner.Objective("loss", "min")}, lambda values: 3 - height(values)),
    ):
        oracle = oracle_in(directory / name, seed=5, max_trials=12, **options)
        for _ in range(12):
            told(oracle, score)
    return directory


def values_of(oracle, trials, score=height):
    return [told(oracle, score).hyperparameters.values for _ in range(trials)]


def test_what_others_have_found_is_where_it_begins(asked, past):
    plain, taught = asked("plain"), asked("taught", learn_from=past)
    assert height(values_of(taught, 2)[1]) > max(height(values_of(plain, 2)[1]), -0.01)
    one = asked("one", learn_from=[tuners.Study.load(past / "scores"), past / "deeper/losses"])
    assert values_of(one, 2)[1].keys() == {"x", "kind"}


def test_a_search_that_goes_on_needs_them_no_more(asked, past, tmp_path):
    expected = values_of(asked("whole", learn_from=past), 6)
    begun = asked("broken", learn_from=past)
    found = values_of(begun, 3)
    assert [*found, *values_of(asked("broken"), 3)] == expected


def test_directories_that_hold_searches(past):
    names = {source.name: len(source.trials) for source in past_searches(past)}
    assert names == {"scores": 12, "deeper/losses": 12}
    losses = next(each for each in past_searches([past]) if each.name != "scores")
    best = max(losses.trials, key=lambda trial: trial.score)
    assert best.score == pytest.approx(height(best.values) - 3)
    with pytest.raises(FileNotFoundError, match="no directory"):
        past_searches(past / "nowhere")
    (past / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"holds no search: there is no journal\.jsonl in it or below"):
        past_searches(past / "empty")


def test_searches_of_keras_tuner_are_learned_from_too(tmp_path):
    tuner = keras_tuner.RandomSearch(
        lambda hp: None, objective=keras_tuner.Objective("score", "max"), max_trials=4, seed=1,
        hyperparameters=flat_space(), directory=tmp_path, project_name="random",
    )  # fmt: skip
    for _ in range(4):
        told(tuner.oracle, height)
    tuner.save()
    (source,) = past_searches(tmp_path)
    assert source.name == "random"
    assert [each.score for each in source.trials] == [height(each.values) for each in source.trials]


def test_results_that_are_known_from_elsewhere(asked, tell):
    values = [{"x": x / 10, "kind": kind} for x in range(11) for kind in "ab"]
    study = tuners.Study.from_results("score", "max", [(each, height(each)) for each in values] + [({"x": 1.0}, None)])
    assert study.best[0].values == {"x": 0.6, "kind": "a"} and study.trials[-1].status == "INVALID"
    assert height(values_of(asked("taught", learn_from=study), 2)[1]) > -0.01
    assert tell(asked("known", earlier=study), height).hyperparameters.values not in values[:-2]
    with pytest.raises(ValueError, match="direction is 'up'; expected 'min' or 'max'"):
        tuners.Study.from_results("score", "up", [])


def test_of_many_searches_the_latest_are_taken(monkeypatch, past):
    monkeypatch.setattr("tuners.past_searches.MOST", 1)
    for seconds, name in ((10**9, "deeper/losses"), (2 * 10**9, "scores")):
        for file in (FILE, FOREIGN):
            os.utime(past / name / file, (seconds, seconds))
    with pytest.warns(UserWarning, match="the last 1 of the 2 searches"):
        assert [each.name for each in past_searches(past)] == ["scores"]


def test_of_many_trials_the_best_and_the_latest_are_kept(monkeypatch, past):
    monkeypatch.setattr("tuners.past_searches.MOST_TRIALS", 4)
    study = tuners.Study.load(past / "scores")
    kept = [each.values for each in past_searches(study)[0].trials]
    assert study.best[0].values in kept and study.trials[-1].values in kept and len(kept) == 4


def test_one_that_cannot_be_read_is_passed_over_among_others(past, tmp_path):
    newer = json.dumps({"kind": "header", "format": 99, "objective": {"score": "max"}, "seed": 1})
    oracle = oracle_in(tmp_path / "newer", flat_space())
    told(oracle, 1.0)
    path = project_directory(oracle) / FILE
    lines = path.read_text().splitlines()
    path.write_text("\n".join([f"{zlib.crc32(newer.encode()):08x} {newer}", *lines[1:]]) + "\n")
    with pytest.raises(JournalError, match="this version reads up to"):
        past_searches(tmp_path / "newer")
    told(oracle_in(tmp_path / "good"), 1.0)
    with pytest.warns(UserWarning, match="newer is passed over"):
        assert [each.name for each in past_searches(tmp_path)] == ["good"]


@pytest.mark.parametrize(
    "learned", [[{"name": 1, "trials": []}], [{"name": "a", "trials": [{"values": {"x": []}, "score": 1}]}], [{}]]
)
def test_a_header_that_is_none_is_refused(learned):
    header = {"kind": "header", "format": 1, "objective": {"s": "max"}, "seed": 1, "learned_from": learned}
    with pytest.raises(JournalError, match="record 1 is not of a search"):
        replay([header])
    header["learned_from"] = [{"name": "a", "trials": [{"values": {"x": 1}, "score": None}]}]
    assert replay([header]).header == header

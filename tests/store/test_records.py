"""What a search writes into its journal is what is read from it."""

import json
import os
import sys
import time

import keras_tuner
import pytest
from keras_tuner.engine.trial import Trial
from written_records import HEADER, record

from tuners.store.journal import FILE, JournalError, encode, in_use, read_journal
from tuners.store.records import FOREIGN, JournalWriter, SearchState, TrialState, replay

SPACE = [{"class_name": "Float", "config": {"name": "x", "min_value": 0.0, "max_value": 2.0}}]
ENGINES = {"used": ["fit"], "refusals": {"numpy": "it drops out"}, "executions": [0.5], "parameters": 9, "worker": "w"}


def trial(trial_id, x, *, score=None, status="RUNNING", message=None):
    parameters = keras_tuner.HyperParameters()
    parameters.Float("x", 0.0, 2.0)
    parameters.values["x"] = x
    made = Trial(parameters, trial_id, status, message)
    if score is not None:
        made.metrics.register("val_loss", "min")
        made.metrics.update("val_loss", score, step=4)
        made.score, made.best_step = score, 4
    return made


def opened(directory, **header):
    writer = JournalWriter({**HEADER, **header})
    writer.load(directory)
    writer.open(directory)
    return writer


def kinds(directory):
    return [record["kind"] for record in read_journal(directory)]


def test_a_search_is_read_as_it_was_written(tmp_path):
    writer = opened(tmp_path)
    assert writer.writing
    writer.write_space(SPACE)
    good, bad, late = trial("a", 0.5, score=0.25, status="COMPLETED"), trial("b", 1.0, status="FAILED"), trial("c", 2.0)
    for number, each in enumerate((good, bad, late)):
        writer.write_created(each, number, {"x": each.hyperparameters.values["x"] / 2})
    # A value that was replaced by the one it stands for.
    good.hyperparameters.values["x"] = 0.75
    writer.write_ended(good, 0, {"x": 0.25}, runs=2, seconds=1.5, engines=ENGINES, again=False)
    writer.write_ended(bad, 1, {"x": 0.5}, runs=1, seconds=None, engines={}, again=True)
    writer.write_stopped("it is good enough")
    writer.close()
    assert not writer.writing

    found = JournalWriter(HEADER).load(tmp_path)
    assert found.header == {"kind": "header", "format": 1, **HEADER}
    assert (found.space, found.stopped, found.about) == (SPACE, "it is good enough", {})
    assert (found.end_order, found.unfinished) == (["a"], ["b", "c"])
    first, second, third = found.trials.values()
    state = good.get_state()
    del state["hyperparameters"]
    elapsed = first.elapsed
    assert first == TrialState("a", 0, {"x": 0.25}, {"x": 0.75}, state, 2, 1.5, elapsed, ENGINES)
    assert 0 < elapsed <= second.elapsed == found.elapsed < 60
    assert second == TrialState("b", 1, {"x": 0.5}, {"x": 1.0}, None, 1, None, second.elapsed, {})
    assert third == TrialState("c", 2, {"x": 1.0}, {"x": 2.0})
    assert good.get_state()["hyperparameters"], "the trial itself keeps its space"


def test_a_space_is_written_where_it_has_changed_alone(tmp_path):
    writer = opened(tmp_path)
    wider = [*SPACE, {"class_name": "Boolean", "config": {"name": "deep"}}]
    for space in (SPACE, SPACE, wider, wider):
        writer.write_space(space)
    writer.close()
    again = opened(tmp_path)
    again.write_space(wider)
    again.close()
    assert kinds(tmp_path) == ["header", "space", "space"]
    assert again.load(tmp_path).space == wider


def test_nothing_is_written_before_the_first_trial(tmp_path):
    writer = JournalWriter(HEADER)
    assert writer.load(tmp_path / "run") == SearchState()
    writer.about = {"rows": 7}
    writer.write_space(SPACE)
    assert not writer.writing and list(tmp_path.iterdir()) == []
    writer.open(None)
    writer.close()
    assert JournalWriter(HEADER).load(None) == SearchState()
    assert not writer.writing and list(tmp_path.iterdir()) == []


def test_each_part_of_a_search_says_what_it_is_of_under_one_header(tmp_path):
    for rows in (7, 8):
        writer = JournalWriter(HEADER)
        writer.load(tmp_path)
        writer.about = {"rows": rows}
        writer.open(tmp_path)
        writer.open(tmp_path)
        writer.close()
    assert kinds(tmp_path) == ["header", "about", "about"]
    assert writer.load(tmp_path).about == {"rows": 7}, "it is read once"
    assert JournalWriter(HEADER).load(tmp_path).about == {"rows": 8}
    assert json.loads((tmp_path / FOREIGN).read_text()) == {"journal": FILE}


def test_a_header_that_was_damaged_is_written_again(tmp_path):
    (tmp_path / FILE).write_bytes(encode({"kind": "about", "about": {"rows": 7}}))
    opened(tmp_path).close()
    assert kinds(tmp_path) == ["about", "header"]
    assert JournalWriter(HEADER).load(tmp_path).about == {"rows": 7}


def test_a_writer_that_was_closed_goes_on(tmp_path):
    writer = opened(tmp_path)
    writer.write_stopped("for now")
    writer.close()
    writer.close()
    writer.open(tmp_path)
    writer.write_stopped("for good")
    writer.close()
    assert kinds(tmp_path)[0] == "header" and kinds(tmp_path).count("stopped") == 2
    assert JournalWriter(HEADER).load(tmp_path).stopped == "for good"


def test_a_search_that_another_has_taken_on_meanwhile_is_not_mixed_with_it(tmp_path):
    opened(tmp_path).close()
    late = JournalWriter(HEADER)
    late.load(tmp_path)
    other = opened(tmp_path)
    other.write_stopped("it is good enough")
    other.close()
    with pytest.raises(JournalError, match=r"another search has gone on here since this one was read; start this"):
        late.open(tmp_path)
    assert not late.writing
    assert in_use(tmp_path) is False, "the journal was given back"
    assert kinds(tmp_path) == ["header", "stopped"]


def test_a_search_of_another_oracle_is_left_alone(tmp_path):
    (tmp_path / FOREIGN).write_text("{}")
    with pytest.raises(JournalError, match=r"another oracle of keras-tuner \(oracle\.json\); .* `overwrite=True`\.$"):
        JournalWriter(HEADER).load(tmp_path)


def test_what_another_oracle_finds_there_is_not_written_twice(tmp_path):
    opened(tmp_path).close()
    (tmp_path / FOREIGN).write_text("kept")
    opened(tmp_path).close()
    assert (tmp_path / FOREIGN).read_text() == "kept"


def test_a_search_for_something_else_is_refused(tmp_path):
    opened(tmp_path).close()
    with pytest.raises(JournalError, match=r"holds a search for {'val_loss': 'min'}, not for {'auc': 'max'}; choose"):
        JournalWriter({"objective": {"auc": "max"}, "seed": 3}).load(tmp_path)


def test_the_time_of_earlier_parts_counts(tmp_path, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])

    def part(trial_id, seconds):
        writer = JournalWriter(HEADER)
        clock[0] += 1000.0  # Before it begins to train.
        writer.load(tmp_path)
        writer.open(tmp_path)
        clock[0] += seconds
        ended = trial(trial_id, 0.5, score=0.25, status="COMPLETED")
        writer.write_ended(ended, 0, {}, runs=1, seconds=1.0, engines={}, again=False)
        assert JournalWriter(HEADER).elapsed == 0.0
        writer.close()
        return writer.elapsed

    assert [part("a", 5.0), part("b", 7.0)] == [5.0, 12.0]
    found = JournalWriter(HEADER).load(tmp_path)
    assert [each.elapsed for each in found.trials.values()] == [5.0, 12.0] and found.elapsed == 12.0


def test_what_has_ended_is_on_the_disk(tmp_path, monkeypatch):
    writer, synced = opened(tmp_path), []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(kinds(tmp_path)[-1]))
    made = trial("a", 0.5, score=0.25, status="COMPLETED")
    writer.write_space(SPACE)
    writer.write_created(made, 0, {})
    assert synced == [], "a search of thousands of trials does not wait for each start"
    writer.write_ended(made, 0, {}, runs=1, seconds=1.0, engines={}, again=False)
    writer.write_stopped("it is good enough")
    writer.close()
    assert synced == ["ended", "stopped"]


def test_a_record_that_no_search_writes_is_refused_by_its_directory(tmp_path):
    (tmp_path / FILE).write_bytes(encode({"kind": "header"}))
    with pytest.raises(JournalError, match=rf"^{tmp_path}: record 1 is not of a search \('seed'\)\.$"):
        JournalWriter(HEADER).load(tmp_path)
    with pytest.raises(JournalError, match=r"^the journal: record 1 is not of a search"):
        replay([{"kind": "header"}])


def test_trials_stand_in_the_order_of_their_numbers_whatever_order_they_end_in():
    records = [record("created", "a", 1), record("ended", "c", 2), record("created", "b", 0), record("ended", "a", 1)]
    search = replay([*records, {"kind": "of a later version"}])
    assert list(search.trials) == ["b", "a", "c"], "c, whose start was damaged, too"
    assert (search.end_order, search.unfinished) == (["c", "a"], ["b"])


def test_the_first_result_of_a_trial_stands_and_a_run_to_be_repeated_is_none():
    again = record("retried", "a", 0, runs=1, seconds=3.0, elapsed=4.0)
    first, second = (record("ended", "a", 0, runs=runs, seconds=1.0, elapsed=5.0 + runs) for runs in (2, 3))
    search = replay([record("created", "a", 0), again])
    assert (search.trials["a"].runs, search.trials["a"].seconds, search.trials["a"].state) == (1, 3.0, None)
    assert search.end_order == [] and search.elapsed == 4.0
    search = replay([record("created", "a", 0), again, first, second])
    assert (search.trials["a"].runs, search.trials["a"].elapsed, search.end_order) == (2, 7.0, ["a"])


def test_what_earlier_versions_did_not_write_is_not_known():
    made = record("ended", "a", 3)
    assert replay([made]).trials == {"a": TrialState("a", 3, {"x": 0.5}, {"x": 1}, made["state"], 1)}
    assert replay([made]).elapsed == 0.0
    running = replay([record("retried", "a", 3)]).trials
    assert running == {"a": TrialState("a", 3, {"x": 0.5}, {"x": 1}, None, 1)}, "its start was damaged"


def test_values_may_be_text_or_nothing_and_objectives_several():
    header = {"kind": "header", "objective": {"auc": "max", "val_loss": "min"}, "seed": 0}
    values = {"kind": "sgd", "decay": None, "deep": True, "x": 0.5, "n": 3}
    search = replay([header, record("created", "a", 0, values=values)])
    assert search.trials["a"].values == values and search.header == header


@pytest.mark.parametrize("score", [None, 3, 0.5, float("inf"), float("nan"), int(sys.float_info.max)])
def test_a_score_may_be_any_number_or_missing(score):
    made = record("ended", "a", 0)
    made["state"] |= {"score": score, "message": "words"}
    if score is None:
        del made["state"]["best_step"]
    search = replay([{"kind": "header", **HEADER, "earlier": [{"values": {"x": 1}, "score": score}]}, made])
    assert search.end_order == ["a"] and len(search.header["earlier"]) == 1

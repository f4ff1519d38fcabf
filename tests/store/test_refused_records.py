import pytest
from written_records import HEADER, record

from tuners.store.journal import JournalError
from tuners.store.records import replay


def ended(**state):
    made = record("ended", "a", 0)
    made["state"] |= state
    return made


def measured(**observation):
    observations = [{"value": [1.0], "step": 0}, {"value": [1.0], "step": 1, **observation}]
    return ended(metrics={"metrics": {"val_loss": {"direction": "min", "observations": observations}}})


def header(**more):
    return {"kind": "header", **HEADER, **more}


FAR = 10**400
REFUSED = {
    "the header has no seed or no objective": [
        header(seed="3"),
        header(seed=0.5),
        header(objective={"a": "min", "b": "up"}),
    ],
    "a search that was learned from has no name": [header(learned_from=[{"name": 3, "trials": []}])],
    "the score of a trial of another search is not a number": [
        header(earlier=[{"values": {}, "score": "high"}]),
        header(earlier=[{"values": {}, "score": 1}, {"values": {}, "score": FAR}]),
        header(learned_from=[{"name": "wine", "trials": [{"values": {}, "score": "high"}]}]),
    ],
    "trial_id is '7'; expected": [record("created", 7, 0)],
    "trial_id is '../a'; expected letters, digits, _ and -": [record("created", "../a", 0), record("ended", "../a", 0)],
    "number, point or values is of the wrong type": [
        record("created", "a", 0.5),
        record("created", "a", 0, point=[]),
        record("created", "a", 0, values=[]),
        record("ended", "a", "0"),
        header(earlier=[{"values": [], "score": 1}]),
    ],
    "point has a coordinate that is not a number": [record("created", "a", 0, point={"x": 1, "y": "high"})],
    "values has a value that is neither text nor a number": [
        record("created", "a", 0, values={"x": 1, "y": []}),
        record("created", "a", 0, values={"x": None, "y": "text", "z": -FAR}),
        header(learned_from=[{"name": "wine", "trials": [{"values": {"x": {}}, "score": None}]}]),
    ],
    "seconds is not a number": [record("ended", "a", 0, seconds="long"), record("ended", "a", 0, seconds=FAR)],
    "the engines of a trial are not text": [
        record("ended", "a", 0, engines={"used": ["fit", 3]}),
        record("ended", "a", 0, engines={"refusals": {"numpy": 3}}),
        record("ended", "a", 0, engines={"worker": 3}),
    ],
    "the executions of a trial are not numbers": [record("ended", "a", 0, engines={"executions": [1.0, "x"]})],
    "the redundant biases of a trial are not names": [record("ended", "a", 0, engines={"redundant_biases": [3]})],
    "the parameters of a trial are not a number": [record("ended", "a", 0, engines={"parameters": 0.5})],
    "what a trial has promised is not a number": [record("ended", "a", 0, engines={"promised": "much"})],
    "the status, message or metrics of a trial are of the wrong kind": [
        ended(status="RUNNING"),
        ended(message=3),
        ended(metrics={"metrics": []}),
    ],
    "the score of a trial is not a number": [ended(score="high"), ended(score=FAR), ended(best_step=None)],
    "the best step of a trial is -1; expected 0 or more": [ended(best_step=-1)],
    "a metric of a trial has a step without a value": [measured(step="0"), measured(value=[]), measured(value=1.0)],
    "a metric of a trial is not a number": [measured(value=[1.0, "x"])],
}


# Python's own words.
REFUSED[""] = [
    record("created", "a" * 65, 0),
    record("created", "a", 0, values={"x": FAR}),
    record("created", "a", 0, point={"x": FAR}),
    record("ended", "a", 0, runs=None),
    record("ended", "a", 0, runs=float("inf")),
    record("ended", "a", 0, elapsed=FAR),
    record("ended", "a", 0, state=[]),
    record("ended", "a", 0, engines=["fit"]),
    measured(value=[FAR]),
    header(objective="val_loss"),
]


@pytest.mark.parametrize(("reason", "last"), [(reason, last) for reason in REFUSED for last in REFUSED[reason]])
def test_a_record_that_no_search_writes_is_refused_with_its_number_and_reason(reason, last):
    with pytest.raises(JournalError) as caught:
        replay([header(), record("created", "0", 0), last], "here")
    assert str(caught.value).startswith(f"here: record 3 is not of a search ({reason}")


@pytest.mark.parametrize("class_name", ["Lambda", "HyperParameters", None])
def test_a_space_holds_hyperparameters_only(class_name):
    with pytest.raises(JournalError, match=rf"the space has {{'class_name': '?{class_name}.*, which is no hyperparam"):
        replay([{"kind": "space", "space": [{"class_name": class_name, "config": {"name": "x"}}]}])


@pytest.mark.parametrize(
    ("class_name", "config"),
    [
        ("Float", {"name": "x", "min_value": 0.0, "max_value": 8.0, "sampling": "log"}),
        ("Float", {"name": "x", "min_value": 0.0, "max_value": 1.0, "step": 0.0}),
        ("Float", {"name": "x", "min_value": 0.0}),
        ("Float", {"name": "x", "min_value": 0.0, "max_value": 1.0, "default": []}),
        ("Choice", {"name": "x", "values": []}),
        ("Choice", {"name": "x", "values": ["a", "b"], "default": []}),
        ("Boolean", {"name": "x", "conditions": ["no"]}),
    ],
)
def test_a_space_that_has_no_place_for_its_defaults_is_refused(class_name, config):
    with pytest.raises(JournalError, match="record 1 is not of a search"):
        replay([{"kind": "space", "space": [{"class_name": class_name, "config": config}]}])

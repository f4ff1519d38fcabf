"""Trials that were stopped: the model of the response goes by what they promised."""

import dataclasses

from surfaces import ordinary, searched

from tuners.insight.response import response_of


def test_the_response_goes_by_promises():
    study = searched(ordinary(), 20)
    promised = [dataclasses.replace(each, score=-9.0, promised=each.score) for each in study.trials[1::2]]
    begun = [trial for pair in zip(study.trials[::2], promised, strict=True) for trial in pair]
    made = response_of(dataclasses.replace(study, trials=tuple(begun)))
    assert made.gains.tolist() == response_of(study).gains.tolist()

"""The faults of the benchmark, each once in a suite: tests/benchmarks/faults.py inflicts them many times."""

import importlib
import random
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "faults.py"


def load():
    # Under a name that the processes which it starts can import as well.
    sys.path.insert(0, str(SCRIPT.parent))
    return importlib.import_module("faults")


faults = load()


@pytest.mark.parametrize("fault", faults.FAULTS, ids=lambda fault: fault.__name__)
def test_fault(fault):
    assert faults.inflict(fault, random.Random(fault.__name__)) == ""


def test_a_trial_costs_the_parent_the_same_at_the_end_of_a_search_as_in_its_middle():
    spans = faults.many_trials(600)
    # The first tenth is left out: its trials are spread over the space, which takes no model.
    assert sum(spans[-3:]) < 2.0 * sum(spans[2:5])

import sys

import pytest
from scripted_search import WORKER, make_tuner

import tuners


@pytest.fixture
def search(tmp_path):
    """Searches with trials that do these deeds, in worker processes; returns the tuner."""

    def run(*deeds, workers=2, oracle=None, **limits):
        made = make_tuner(tmp_path, deeds, **(oracle or {}))
        tuners.search_in_processes(made, [sys.executable, str(WORKER), str(tmp_path)], workers=workers, **limits)
        return made

    return run

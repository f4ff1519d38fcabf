import pytest
from small import build

import tuners


@pytest.fixture
def search(tmp_path):
    def make(hypermodel=build, **options):
        defaults = {
            "objective": "val_accuracy",
            "max_trials": 4,
            "seed": 1,
            "directory": tmp_path,
            "project_name": "run",
        }
        made = tuners.CoarseToFineSearch(hypermodel, **{**defaults, **options})
        made.oracle.verbose = 0
        return made

    return make

import pytest
from surfaces import ordinary, searched

from tuners.insight.response import response_of


@pytest.fixture(scope="session")
def clean():
    """A search of 40 trials with nothing to remark, and the model of its response."""
    study = searched(ordinary(), 40)
    return study, response_of(study)

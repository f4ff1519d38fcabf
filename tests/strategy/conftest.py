import pytest

from tuners.threads import one_thread


@pytest.fixture(scope="module", autouse=True)
def by_one_thread():
    """Matrices are small here: threads would wait for each other, the longer the busier the machine is."""
    with one_thread():
        yield

import pytest
from oracle_without_tuner import oracle_in, told


@pytest.fixture
def asked(tmp_path):
    """Makes an oracle in a directory of this test."""
    return lambda directory="run", space=None, **options: oracle_in(tmp_path / directory, space, **options)


@pytest.fixture
def tell():
    """Runs one trial of an oracle."""
    return told

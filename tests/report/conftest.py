import sys
from pathlib import Path

import pytest

# The browser of the server's page, and studies of known surfaces.
for name in ("serving", "insight"):
    sys.path.append(str(Path(__file__).parents[1] / name))


@pytest.fixture(scope="session")
def study():
    """A search of 40 trials whose learning rates are too low, some of them diverged."""
    from surfaces import ordinary, searched

    return searched(ordinary(diverges=0.7), 40, about={"date": "2026-01-01T00:00:00+00:00"})


@pytest.fixture(scope="session")
def browser():
    from browser import Browser

    with Browser() as made:
        yield made

from pathlib import Path

import pytest
from forked_gates import Gates

EXPORTING = ("cli", "conformance", "docs", "export", "fuzz", "parallel", "serving", "zoo")


@pytest.fixture(scope="session")
def forked_gates():
    """Exports are checked in processes that start sooner than those of users, whose `start_process` this yields."""
    from kzoo.export.gate import gate

    gates, own = Gates(), gate.start_process
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kzoo.export.gate.gate.start_process", gates.start)
        yield own
    gates.close()


def pytest_make_parametrize_id(config, val, argname):
    # A compressed file holds the time it was made at: workers that collect in different seconds would not agree.
    return f"{argname}_of_{len(val)}_bytes" if isinstance(val, bytes) else None


def pytest_collection_modifyitems(items):
    # Before the fixtures of modules, which export, too.
    for item in items:
        if Path(item.path).parent.name in EXPORTING:
            item.fixturenames.insert(0, "forked_gates")

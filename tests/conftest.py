import gc
import subprocess
import types
from pathlib import Path

import hypothesis
import pytest
from forked_python import ForkedPopen, Forks

EXPORTING = ("cli", "conformance", "docs", "examples", "export", "fuzz", "parallel", "serving", "zoo")
STARTING = ("kzoo.export.gate.gate", "kzoo.serving.server", "tuners.parallel.process")
"""Modules that start Python."""
LONG = [
    *("test_model_contract", "test_equality", "test_user_hypermodels", "test_compiled_models", "test_exporter"),
    *("test_examples", "test_exports", "test_embedded_serve", "test_all_at_once_by_engines", "test_executions"),
    *("test_proof", "test_fused", "test_embeddings", "test_numpy_engine"),
]
"""Files that take longest, in the order in which they are begun, so that the workers end together."""

# How long an example takes is the matter of the machine and of what else runs on it.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")


@pytest.fixture(scope="module", autouse=True)
def frozen():
    """Collections, which keras-tuner asks for at every trial, pass over what was imported and made before."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def known_to_be_frozen():
    """Each search asks whether anything is, for which Python counts hundreds of thousands of objects one by one."""
    counted = types.SimpleNamespace(**{**vars(gc), "get_freeze_count": lambda: 1})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tuners.machine.gc", counted)
        yield


@pytest.fixture(scope="session")
def forked_python():
    """Gates, workers and embedded servers are processes that start sooner than those of users."""
    forking = types.SimpleNamespace(**{**vars(subprocess), "Popen": ForkedPopen})
    with pytest.MonkeyPatch.context() as patch:
        for module in STARTING:
            patch.setattr(f"{module}.subprocess", forking)
        yield
    Forks.close()


def pytest_make_parametrize_id(config, val, argname):
    # A compressed file holds the time it was made at: workers that collect in different seconds would not agree.
    return f"{argname}_of_{len(val)}_bytes" if isinstance(val, bytes) else None


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: LONG.index(item.path.stem) if item.path.stem in LONG else len(LONG))
    # Before the fixtures of modules, which export, too.
    for item in items:
        if Path(item.path).parent.name in EXPORTING:
            item.fixturenames.insert(0, "forked_python")

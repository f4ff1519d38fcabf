"""The public names, which are imported when they are first used."""

import ast
import importlib
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

PACKAGES = ("kzoo", "tuners", "kzoo.export", "kzoo.serving", "tuners.parallel")


@pytest.mark.parametrize("name", PACKAGES)
def test_every_name_of_a_stub_is_there(name):
    package = importlib.import_module(name)
    stub = ast.parse(Path(package.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    names = [alias.asname for node in stub.body for alias in node.names]
    assert sorted(names) == sorted(package.__all__) == sorted(dir(package))
    for each in names:
        # A module of the same name would hide what is meant.
        assert not isinstance(getattr(package, each), type(ast)), each


def test_tensorflow_can_be_imported_after_the_zoo_was_listed():
    """Keras that is yet to be imported is no module that others would find half imported."""
    listed = "import sys, kzoo; kzoo.list_models(); assert 'keras' not in sys.modules"
    code = f"{listed}; import tensorflow, keras; keras.layers"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_both_packages_have_the_version_of_the_distribution():
    import kzoo
    import tuners

    assert kzoo.__version__ == tuners.__version__ == version("kzoo")
    for package in (kzoo, tuners):
        assert Path(package.__file__).with_name("py.typed").exists()

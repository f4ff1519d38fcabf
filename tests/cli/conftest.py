import functools
import json
import os
import subprocess
import sys

import forked_python
import pytest
from typer.testing import CliRunner

from kzoo.cli.app import app
from kzoo.cli.console import Failure


class Command:
    """Runs the command in this process, in a directory of its own."""

    def __init__(self, directory):
        self.directory = directory

    def __call__(self, *arguments, columns=80):
        before = os.getcwd()
        os.chdir(self.directory)
        try:
            result = CliRunner().invoke(app, [str(each) for each in arguments], env={"COLUMNS": str(columns)})
        finally:
            os.chdir(before)
        if result.exception is not None and not isinstance(result.exception, SystemExit | Failure):
            raise result.exception
        return result

    def json(self, *arguments):
        return json.loads(self(*arguments, "--json").stdout)


@pytest.fixture
def kzoo(tmp_path):
    return Command(tmp_path)


@pytest.fixture(scope="session")
def searched(tmp_path_factory):
    """A finished search: its directory is RUN below `directory`."""
    command = Command(tmp_path_factory.mktemp("searched"))
    command.result = command("search", "mlp", "--data", "wine", "--trials", 6, "--epochs", 2, "--out", "RUN")
    return command


@pytest.fixture(scope="session")
def exported(searched):
    """The best of that search, exported as saved_models/wine."""
    searched.export_result = searched("export", "RUN", "--name", "wine")
    return searched


@pytest.fixture
def process(tmp_path):
    """Runs the command as a user does, in a process of its own."""

    def run(*arguments, run=subprocess.run, **options):
        command = [sys.executable, "-c", "from kzoo.cli import main; main()", *map(str, arguments)]
        return run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, **options)

    return run


@pytest.fixture
def forked(process):
    """The same, where it would import TensorFlow."""
    return functools.partial(process, run=forked_python.run)

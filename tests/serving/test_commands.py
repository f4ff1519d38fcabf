"""`kzoo serve`, `kzoo promote` and `kzoo prune` as a user runs them."""

import json
import signal
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

from kzoo.cli.app import app
from kzoo.cli.console import Failure

KZOO = [sys.executable, "-c", "from kzoo.cli import main; main()"]


@pytest.fixture
def kzoo(base):
    def run(*arguments):
        return CliRunner().invoke(app, [*map(str, arguments), "--to", str(base.parent)], env={"COLUMNS": "80"})

    return run


@pytest.fixture
def served(base, ports, programs):
    """`kzoo serve` in a process of its own, when it says that the model is available."""
    programs("tensorflow_model_server")
    command = [*KZOO, "serve", "insects", "--to", base.parent, "--host", "0.0.0.0"]
    command += ["--rest-port", str(ports[0]), "--grpc-port", str(ports[1])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.said = []
    for line in process.stdout:
        process.said.append(line)
        if "Ctrl-C" in line:
            break
    yield process
    process.kill()
    process.communicate()


def listens(port):
    import socket

    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_until_it_is_told_to_stop(served, base, ports, number):
    text = "".join(served.said)
    assert "insects is available (tensorflow_model_server)" in text
    url = f"http://127.0.0.1:{ports[0]}/v1/models/insects:predict"
    assert f"curl -d @{base}/request.json {url}" in text
    assert listens(ports[0])
    served.send_signal(number)
    out, err = served.communicate(timeout=20)
    assert (served.returncode, out, err) == (0, "Stopped.\n", "")
    assert not listens(ports[0])


def test_promote_while_it_serves(served, base, kzoo, ports):
    from kzoo.serving import Client

    assert kzoo("promote", "insects", 1).exit_code == 0
    deadline = time.monotonic() + 10
    with Client("insects", port=ports[0]) as client:
        while {each.version for each in client.status()} != {1, 3} and time.monotonic() < deadline:
            time.sleep(0.05)
        assert {each.version for each in client.status()} == {1, 3}
    # A file that a hand has damaged is told of, and what is served goes on.
    (base / "serving" / "models.config").write_text("{")
    time.sleep(0.5)
    assert listens(ports[0])
    served.send_signal(signal.SIGTERM)
    _, err = served.communicate(timeout=20)
    assert err.count("is no configuration of the server") == 1


def test_serve_with_nothing_to_serve_with(base, programs):
    programs()
    result = subprocess.run(
        [*KZOO, "serve", "insects", "--to", base.parent], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert "kzoo predict" in result.stderr


def test_promote_says_what_is_served(kzoo, base):
    assert kzoo("promote", "insects", 1).stdout == "insects: stable is version 1\nServed: 1, 3\n"
    text = kzoo("promote", "insects", 2, "--label", "canary").stdout
    assert text == "insects: canary is version 2\ninsects: stable is version 1\nServed: 1, 2\n"
    text = kzoo("promote", "insects", 2).stdout
    assert text.startswith("insects: stable is version 2 (it was version 1)\n")
    assert (base / "serving" / "compose.yaml").is_file()


def test_promote_and_prune_for_machines(kzoo):
    record = json.loads(kzoo("promote", "insects", 1, "--json").stdout)
    assert record == {"label": "stable", "version": 1, "previous": None, "labels": {"stable": 1}, "served": [1, 3]}
    assert json.loads(kzoo("prune", "insects", "--keep", 1, "--json").stdout) == {"removed": [2]}


def test_prune_says_what_is_gone(kzoo):
    assert kzoo("prune", "insects", "--keep", 1).stdout == "Removed: 1, 2\n"
    assert "Nothing to remove" in kzoo("prune", "insects", "--keep", 1).stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("promote", "insects", 9), "has no version 9"),
        (("promote", "moths", 1), "does not exist"),
        (("prune", "moths", "--keep", 1), "does not exist"),
        (("serve", "moths"), "does not exist"),
    ],
)
def test_failures_are_one_line(kzoo, arguments, words):
    result = kzoo(*arguments)
    assert isinstance(result.exception, Failure)
    assert words in str(result.exception)


@pytest.mark.parametrize(
    "arguments",
    [
        ("promote", "insects", 1, "--label", "beta"),
        ("promote", "insects", "one"),
        ("promote", "../insects", 1),
        ("prune", "insects"),
        ("prune", "insects", "--keep", 0),
        ("serve", "insects", "--rest-port", 99999),
    ],
)
def test_bad_arguments(kzoo, arguments):
    assert kzoo(*arguments).exit_code == 2


def test_promoting_and_serving_import_no_tensorflow(base):
    code = (
        "import sys; from kzoo.cli.app import app; from typer.testing import CliRunner\n"
        f"for command in (['promote', 'insects', '1'], ['serve', 'moths']):\n"
        f"    CliRunner().invoke(app, [*command, '--to', {str(base.parent)!r}])\n"
        "print({'tensorflow', 'keras.src', 'grpc', 'pandas', 'sklearn', 'scipy'} & set(sys.modules) or '')"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == ""

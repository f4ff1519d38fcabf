"""Promotions against servers that take up their configuration in the order of TensorFlow Serving's source."""

import contextlib
import http.client
import http.server
import json
import os
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest
from hollow import hollow_versions
from rest_service import http_server
from typer.testing import CliRunner

from kzoo.cli.app import app
from kzoo.serving import Client, ServingError, promote, prune, read_labels
from kzoo.serving import promotion as promotion_module
from kzoo.serving.configuration import MODELS_IN_CONTAINER, Release
from kzoo.serving.embedded.core import Options, ServerCore
from kzoo.serving.embedded.status import StatusError
from kzoo.serving.releases import read_release, write_current_configuration, write_release

CONFIG = "serving/models.config"


def load(path):
    """Versions have nothing in them; one with a file `broken` does not load."""
    if os.path.exists(f"{path}/broken"):
        raise StatusError("DATA_LOSS", "Can't parse saved_model.pb")
    return SimpleNamespace(signatures={}, close=lambda: None)


class Server:
    """A server on the `models.config` of an export, as in a container, polling often."""

    def __init__(self, base, *, port=0, labels_for_unavailable=True):
        options = Options(
            str(base / CONFIG),
            model_config_file_poll_wait_seconds=0.05,
            file_system_poll_wait_seconds=0.02,
            max_num_load_retries=0,
            allow_version_labels_for_unavailable_models=labels_for_unavailable,
        )
        self.mount = base.parent
        self.core = ServerCore(options, load=load, find=lambda path: path.replace(MODELS_IN_CONTAINER, str(self.mount)))
        self.core.start()
        self.http = http_server(self.core, port)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.address = f"127.0.0.1:{self.http.server_port}"
        self.base = base

    def under(self, label):
        lease = self.core.lease(self.base.name, label=label)
        with lease:
            return lease.version

    def stop(self):
        self.http.shutdown()
        self.http.server_close()
        self.core.stop()


@pytest.fixture
def moths(tmp_path):
    """An export of three hollow versions."""
    base = hollow_versions(tmp_path / "saved_models" / "moths", 1, 2, 3)
    write_current_configuration(base)
    return base


@pytest.fixture
def serve(moths):
    with contextlib.ExitStack() as stack:

        def start(**options):
            server = Server(moths, **options)
            stack.callback(server.stop)
            return server

        yield start


def add(base, version, *files):
    staged = hollow_versions(base / ".staging", version) / str(version)
    for file in files:
        (staged / file).touch()
    staged.rename(base / str(version))


# --- with a server


def test_a_release_reaches_a_running_server(moths, serve):
    write_release(moths, Release({"stable": 2}, (2,)))
    server = serve()
    told = []
    found = promote(moths, 1, servers=[server.address], wait=20, tell=told.append)
    assert (found.labels, found.served, found.left) == ({"stable": 1}, (1, 2), "")
    assert server.under("stable") == 1
    assert told == [
        "To be served: versions 1, 2, with stable at 2.",
        f"Loaded by {server.address}.",
        "The label stable is given to version 1.",
        f"{server.address} answers under stable with it.",
    ]


def test_without_waiting_each_call_does_what_can_be_done(moths, serve):
    write_release(moths, Release({"stable": 1}, (1,)))
    server = serve()
    first = promote(moths, 2, servers=[server.address])
    assert read_labels(moths) == {"stable": 1}
    assert first.left == (
        f"Left: version 2 has to be loaded by {server.address} (not known there yet); the label stable stays at 1 "
        "until then."
    )
    until(lambda: promote(moths, 2, servers=[server.address]).labels == {"stable": 2})
    until(lambda: promote(moths, 2, servers=[server.address]).left == "")
    assert server.under("stable") == 2


def until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it has not happened"
        time.sleep(0.02)


def test_ten_releases_in_a_row_under_load(moths, serve):
    """Clients ask by the label, by a canary and for the newest; none of them ever gets an error."""
    write_release(moths, Release({"stable": 1, "canary": 1}, (1,)))
    server = serve()
    failures, answers, stop = [], [], threading.Event()

    def ask(label):
        with Client("moths", rest_port=server.http.server_port, label=label) as client:
            while not stop.is_set():
                try:
                    answers.append((label, client.served_version()))
                except ServingError as error:
                    failures.append(error)
                time.sleep(0.01)

    threads = [threading.Thread(target=ask, args=(label,)) for label in ("stable", "canary", None, "stable")]
    for thread in threads:
        thread.start()
    for version in range(4, 14):
        add(moths, version)
        label = "canary" if version % 3 == 0 else "stable"
        assert promote(moths, version, label, servers=[server.address], wait=20).left == ""
        assert server.under(label) == version
        if version == 8:
            prune(moths, 3)
    # And back.
    assert promote(moths, 11, servers=[server.address], wait=20).left == ""
    assert promote(moths, 10, servers=[server.address], wait=20).left == ""
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(answers) > 100
    assert [each for label, each in answers if label == "stable"][-1] == 10
    assert read_labels(moths) == {"stable": 10, "canary": 12}


def test_every_replica_has_to_have_it(moths, serve):
    write_release(moths, Release({"stable": 1}, (1,)))
    one, other = serve(), serve()
    both = [one.address, other.address]
    # The other one sees nothing for a while.
    other.mount = "/nowhere"
    found = promote(moths, 2, servers=both, wait=1)
    assert other.address in found.left
    assert one.address not in found.left
    assert read_labels(moths) == {"stable": 1}
    other.mount = one.mount
    assert promote(moths, 2, servers=both, wait=20).left == ""
    assert (one.under("stable"), other.under("stable")) == (2, 2)


def test_a_server_that_discards_its_configuration_gets_out_of_it(moths, serve):
    """What an earlier kzoo has written: a label moved to a version that is not loaded."""
    write_release(moths, Release({"stable": 1}, (1,)))
    server = serve()
    write_release(moths, Release({"stable": 2}, (1, 2)))
    time.sleep(0.3)
    assert [each.version for each in server.core.status("moths")] == [1]
    told = []
    assert promote(moths, 2, servers=[server.address], wait=20, tell=told.append).left == ""
    assert server.under("stable") == 2
    assert "The label stable stood at version 2, which is not loaded" in told[0]


def test_a_label_that_a_server_without_the_option_would_refuse(moths, serve):
    write_release(moths, Release({}, (1,)))
    server = serve(labels_for_unavailable=False)
    write_release(moths, Release({"stable": 2}, (1, 2)))
    time.sleep(0.3)
    assert promote(moths, 2, servers=[server.address], wait=20).left == ""
    assert server.under("stable") == 2


def test_a_version_that_does_not_load(moths, serve):
    write_release(moths, Release({"stable": 1}, (1,)))
    server = serve()
    add(moths, 4, "broken")
    with pytest.raises(ServingError, match=r"could not load version 4: Can't parse saved_model\.pb\. The label stable"):
        promote(moths, 4, servers=[server.address], wait=20)
    assert read_release(moths) == Release({"stable": 1}, (1,))
    assert server.under("stable") == 1
    # Mended, it is tried again, once the server has seen that it was not to be served.
    (moths / "4" / "broken").unlink()
    time.sleep(0.3)
    assert promote(moths, 4, servers=[server.address], wait=20).left == ""
    assert server.under("stable") == 4


def test_a_label_that_stands_at_a_version_that_does_not_load(moths, serve):
    """A label that was not in use is given at once, where no server was asked."""
    write_release(moths, Release({"stable": 1}, (1,)))
    server = serve()
    add(moths, 4, "broken")
    assert promote(moths, 4, "blue", servers=()).labels == {"stable": 1, "blue": 4}
    until(lambda: server.core.status("moths")[0].state == "END")
    with pytest.raises(ServingError, match=r"could not load version 4: .* The label blue stays as it was\.$"):
        promote(moths, 4, "blue", servers=[server.address], wait=20)
    assert promote(moths, 2, "blue", servers=[server.address], wait=20).left == ""
    assert (server.under("stable"), server.under("blue")) == (1, 2)


def test_a_label_on_a_version_that_is_gone(moths, serve):
    write_release(moths, Release({"stable": 1, "canary": 2}, (1, 2)))
    server = serve()
    (moths / "2").rename(moths / ".gone")
    with pytest.raises(ServingError, match="has no version 2"):
        promote(moths, 2, servers=[server.address])
    assert promote(moths, 3, "canary", servers=[server.address], wait=20).left == ""
    assert server.under("canary") == 3


def test_a_label_in_the_way(moths, serve):
    """Another label that has moved to a version that is not loaded, as an earlier kzoo has written it."""
    write_release(moths, Release({"stable": 1, "canary": 1}, (1,)))
    server = serve()
    write_release(moths, Release({"stable": 2, "canary": 1}, (1, 2)))
    found = promote(moths, 3, "canary", servers=[server.address], wait=0.5)
    assert found.left.endswith("In the way is stable at version 2, which is not loaded: promote that first.")
    assert promote(moths, 2, servers=[server.address], wait=20).left == ""
    assert promote(moths, 3, "canary", servers=[server.address], wait=20).left == ""
    assert (server.under("stable"), server.under("canary")) == (2, 3)


def test_pruned_while_a_label_moves(moths, serve):
    """The label has moved in the configuration, and the server has not looked at it yet."""
    write_release(moths, Release({"stable": 1}, (1, 3)))
    server = serve()
    until(lambda: [each.state for each in server.core.status("moths")] == ["AVAILABLE", "AVAILABLE"])
    promote(moths, 3, servers=[server.address])
    assert prune(moths, 1) == [2]
    # It answers under the label at every moment.
    until(lambda: server.under("stable") == 3)


def test_another_promotion_in_between(moths, serve):
    write_release(moths, Release({"stable": 1}, (1,)))
    server = serve()

    def tell(line):
        if line.startswith("Loaded by"):
            write_release(moths, Release({"stable": 3}, (1, 3)))

    with pytest.raises(ServingError, match="Another promotion has given stable to version 3 meanwhile"):
        promote(moths, 2, servers=[server.address], wait=20, tell=tell)
    assert read_labels(moths) == {"stable": 3}


def test_promotions_of_two_labels_at_once(moths, serve):
    write_release(moths, Release({"stable": 1, "canary": 1}, (1,)))
    server = serve()
    found = {}

    def run(version, label):
        found[label] = promote(moths, version, label, servers=[server.address], wait=20)

    threads = [threading.Thread(target=run, args=each) for each in ((2, "stable"), (3, "canary"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each.left for each in found.values()] == ["", ""]
    assert (server.under("stable"), server.under("canary")) == (2, 3)


def test_killed_between_the_steps(moths, serve):
    write_release(moths, Release({"stable": 1}, (1,)))
    server = serve()
    code = (
        "import os, sys, pathlib; from kzoo.serving import promote; "
        "promote(pathlib.Path(sys.argv[1]), 2, servers=[sys.argv[2]], wait=20, "
        "tell=lambda line: line.startswith('Loaded') and os._exit(9))"
    )
    assert subprocess.run([sys.executable, "-c", code, moths, server.address]).returncode == 9
    assert read_release(moths) == Release({"stable": 1}, (1, 2))
    assert server.under("stable") == 1
    assert promote(moths, 2, servers=[server.address], wait=20).left == ""
    assert server.under("stable") == 2


def test_killed_between_the_labels_and_the_configuration(moths, serve):
    write_release(moths, Release({"stable": 1}, (1, 2)))
    server = serve()
    config = (moths / CONFIG).read_text()
    write_release(moths, Release({"stable": 2}, (1, 2)))
    (moths / CONFIG).write_text(config)
    assert promote(moths, 2, servers=[server.address], wait=20).left == ""
    assert server.under("stable") == 2


def test_another_program_at_the_usual_port_is_no_server(moths, monkeypatch):
    handler = http.server.SimpleHTTPRequestHandler
    monkeypatch.setattr(handler, "log_message", lambda *_: None)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        monkeypatch.setattr("kzoo.serving.replicas.LOCAL", f"127.0.0.1:{other.server_port}")
        assert promote(moths, 1).labels == {"stable": 1}
        other.shutdown()


def test_servers_that_are_named_have_to_be_there(moths):
    before = read_release(moths)
    with pytest.raises(ServingError, match="No server answers at 127.0.0.1:1 "):
        promote(moths, 2, servers=["127.0.0.1:1"])
    with pytest.raises(ServingError, match="'here' is not the address of a server; expected HOST:PORT"):
        promote(moths, 2, servers=["here"])
    assert read_release(moths) == before


def test_a_server_of_another_model_is_none(moths, serve, monkeypatch):
    server = serve()
    monkeypatch.setattr("kzoo.serving.replicas.LOCAL", server.address)
    other = moths.with_name("wasps")
    hollow_versions(other, 1)
    assert promote(other, 1).labels == {"stable": 1}
    with pytest.raises(ServingError, match="does not serve wasps"):
        promote(other, 1, servers=[server.address])


# --- without


def test_a_new_label_needs_no_server(moths):
    """`--allow_version_labels_for_unavailable_models`: a label that is not in use may be given to any version."""
    found = promote(moths, 1)
    assert (found.labels, found.served, found.left) == ({"stable": 1}, (1, 3), "")


def test_a_moved_label_waits_for_a_server_that_cannot_be_asked(moths, settled):
    promote(moths, 1)
    found = promote(moths, 2)
    assert (found.labels, found.served) == ({"stable": 1}, (1, 2))
    assert "the label stable stays at 1 until version 2 is loaded" in found.left
    # At once it is too early still; later it is time.
    assert promote(moths, 2).labels == {"stable": 1}
    settled(moths)
    found = promote(moths, 2)
    assert (found.labels, found.served, found.left) == ({"stable": 2}, (1, 2), "")


def test_a_stated_wait(moths, monkeypatch):
    promote(moths, 1)
    slept = []

    def sleep(seconds):
        slept.append((seconds, read_release(moths)))

    monkeypatch.setattr(promotion_module.time, "sleep", sleep)
    assert promote(moths, 2, wait=90).labels == {"stable": 2}
    assert slept == [(90, Release({"stable": 1}, (1, 2)))]


# --- by the command


def run(*arguments):
    return CliRunner().invoke(app, ["promote", *map(str, arguments)], env={"COLUMNS": "80"})


def test_the_command(moths, serve):
    write_release(moths, Release({"stable": 1}, (1,)))
    server = serve()
    port = server.http.server_port
    result = run("moths", 2, "--to", moths.parent, "--rest-port", port, "--wait", 20)
    assert result.exit_code == 0, result
    assert "The label stable is given to version 2." in result.stdout
    assert "Ask for it at /v1/models/moths/labels/stable:predict" in result.stdout
    result = run("moths", 3, "--to", moths.parent, "--server", server.address, "--json", "--wait", 20)
    assert json.loads(result.stdout) == {"labels": {"stable": 3}, "served": [2, 3], "left": ""}


def test_the_command_fails_where_it_has_not_happened_in_time(moths, serve):
    write_release(moths, Release({"stable": 1}, (1,)))
    server = serve()
    server.mount = "/nowhere"
    result = run("moths", 2, "--to", moths.parent, "--server", server.address, "--wait", 0.5)
    assert result.exit_code == 1
    assert "Left: version 2 has to be loaded by" in result.stdout
    assert "Version 2 does not answer under stable after 0.5 seconds." in str(result.exception)
    assert read_labels(moths) == {"stable": 1}


# --- behind a gateway


class Gateway(http.server.BaseHTTPRequestHandler):
    """Lets requests under /models with a token through to a server."""

    address = ""

    def do_GET(self):
        known = self.headers["Authorization"] == "Bearer open sesame"
        status, body = 403, b"{}"
        if known and self.path.startswith("/models/"):
            with contextlib.closing(http.client.HTTPConnection(self.address, timeout=10)) as connection:
                connection.request("GET", self.path.removeprefix("/models"))
                answer = connection.getresponse()
                status, body = answer.status, answer.read()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def test_servers_behind_a_gateway_are_asked_by_its_url_and_a_token(moths, serve):
    write_release(moths, Release({"stable": 2}, (2,)))
    server = serve()
    handler = type("Open", (Gateway,), {"address": server.address})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as gateway:
        threading.Thread(target=gateway.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{gateway.server_port}/models"
        with pytest.raises(ServingError, match="token"):
            promote(moths, 1, servers=[url], wait=20)
        assert read_labels(moths) == {"stable": 2}
        arguments = ["promote", "moths", "1", "--to", str(moths.parent), "--server", url, "--wait", "20"]
        found = CliRunner().invoke(app, arguments, env={"KZOO_TOKEN": "open sesame"})
        gateway.shutdown()
    assert found.exit_code == 0, found.output
    assert server.under("stable") == 1


@pytest.mark.parametrize(
    ("address", "readable"),
    [("0.0.0.0:1", True), ("http://0.0.0.0:1/models", True), ("127.0.0.1:1", False), ("https://0.0.0.0:1", False)],
)
def test_a_token_that_can_be_read_on_the_way_is_told(moths, address, readable):
    arguments = ["promote", "moths", "1", "--to", str(moths.parent), "--server", address, "--token", "open sesame"]
    found = CliRunner().invoke(app, arguments)
    assert found.exit_code == 1
    assert ("The token can be read on the way to" in found.stderr) == readable
    assert "sesame" not in found.output + str(found.exception)


@pytest.mark.parametrize("address", ["server", "server:", ":80", "server:0", "ftp://server", "https://", "http://a?b"])
def test_an_address_of_no_server_is_told(moths, address):
    with pytest.raises(ServingError, match=r"expected (HOST:PORT|https://HOST)"):
        promote(moths, 1, servers=[address])

"""Starting and stopping a server, with stand-ins for the server and for Docker."""

import http.server
import json
import os
import socket
import subprocess
import threading
import time

import pytest

from kzoo.serving import Client, ServingError, promote, serve
from kzoo.serving.compose import health_probe

EVERYWHERE = "0.0.0.0"


def port_arguments(ports):
    return {"rest_port": ports[0], "grpc_port": ports[1]}


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def processes(word):
    """Commands of running processes that hold a word."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            try:
                with open(f"{entry.path}/cmdline", "rb") as file:
                    command = file.read().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if word in command:
                found.append(command)
    return found


def docker_commands(tmp_path):
    return [json.loads(line) for line in (tmp_path / "docker.jsonl").read_text().splitlines()]


def test_the_binary_serves_the_newest_version_and_leaves_nothing(base, ports, programs):
    programs("tensorflow_model_server")
    before = sorted(path for path in base.rglob("*"))
    with serve(base, host=EVERYWHERE, **port_arguments(ports)) as server:
        assert server.launcher == "tensorflow_model_server"
        assert processes(f"--rest_api_port={ports[0]}")
        with server.client() as client:
            assert [(each.version, each.state) for each in client.status()] == [(3, "AVAILABLE")]
        config = next(flag.split("=")[1] for flag in server.command if "model_config_file=" in flag)
    assert not answers(ports[0])
    assert not processes(f"--rest_api_port={ports[0]}")
    assert not os.path.exists(config)
    assert sorted(path for path in base.rglob("*")) == before


def test_promotions_reach_a_running_server(base, ports, programs):
    programs("tensorflow_model_server")
    promote(base, 1)
    with serve(base, host=EVERYWHERE, **port_arguments(ports)) as server, server.client() as client:
        assert {each.version for each in client.status()} == {1, 3}
        promote(base, 2, label="canary")
        server.follow()
        deadline = time.monotonic() + 10
        while {each.version for each in client.status()} != {1, 2} and time.monotonic() < deadline:
            time.sleep(0.05)
        assert {each.version for each in client.status()} == {1, 2}


def test_docker_keeps_to_loopback_and_mounts_for_reading_only(base, ports, programs, tmp_path):
    programs("docker", "tensorflow_model_server")
    with serve(base, **port_arguments(ports)) as server:
        assert server.launcher == "docker"
        with server.client() as client:
            assert client.status()[0].state == "AVAILABLE"
    run = next(each for each in docker_commands(tmp_path) if each[0] == "run")
    published = [run[index + 1] for index, word in enumerate(run) if word == "-p"]
    assert published == [f"127.0.0.1:{ports[0]}:8501", f"127.0.0.1:{ports[1]}:8500"]
    name = run[run.index("--name") + 1]
    assert docker_commands(tmp_path)[-1] == ["rm", "--force", name]
    assert not answers(ports[0])


def test_docker_fetches_the_image_once(base, ports, programs, tmp_path, monkeypatch):
    programs("docker")
    monkeypatch.setenv("KZOO_STANDIN_NO_IMAGE", "ever")
    with pytest.raises(ServingError, match="could not fetch tensorflow/serving"), serve(base, **port_arguments(ports)):
        pass
    assert docker_commands(tmp_path)[-1] == ["pull", "tensorflow/serving"]


def test_the_binary_does_not_open_to_the_network_unasked(base, programs):
    programs("tensorflow_model_server")
    with pytest.raises(ServingError, match="no flag to listen at 127.0.0.1 only. Say --host 0.0.0.0"), serve(base):
        pass


@pytest.mark.parametrize(("there", "words"), [((), "nor is Docker"), (("docker",), "its engine does not answer")])
def test_nothing_to_serve_with(base, programs, monkeypatch, there, words):
    programs(*there)
    monkeypatch.setenv("KZOO_STANDIN_NO_ENGINE", "1")
    with pytest.raises(ServingError, match=words) as caught, serve(base):
        pass
    assert f"kzoo predict {base} {base}/request.json" in str(caught.value)
    assert "install and start Docker" in str(caught.value)


@pytest.mark.parametrize(("which", "option"), [(0, "--rest-port"), (1, "--grpc-port")])
def test_a_port_that_is_taken(base, ports, programs, which, option):
    programs("tensorflow_model_server")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", ports[which]))
        taken.listen()
        wanted = pytest.raises(ServingError, match=f"Port {ports[which]} .* is taken; choose another with {option}")
        with wanted, serve(base, host=EVERYWHERE, **port_arguments(ports)):
            pass


def test_one_port_for_both(base, programs):
    programs("tensorflow_model_server")
    with pytest.raises(ServingError, match="give them different"), serve(base, host=EVERYWHERE, grpc_port=8501):
        pass


def test_no_such_model(tmp_path):
    with pytest.raises(ServingError, match="does not exist; export a model first"), serve(tmp_path / "moths"):
        pass


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("dies", r"ended with code 255. Its last lines:\n.*\n  .*the disk is on fire"),
        ("broken", "could not load version 3 of insects: Read less bytes"),
        ("loading", r"not available after 1.5 seconds \(version 3: LOADING\)"),
    ],
)
def test_a_model_that_does_not_come(base, ports, programs, monkeypatch, mode, words):
    programs("tensorflow_model_server")
    monkeypatch.setenv("KZOO_STANDIN", mode)
    with pytest.raises(ServingError, match=words), serve(base, host=EVERYWHERE, timeout=1.5, **port_arguments(ports)):
        pass
    assert not answers(ports[0])
    assert not processes(f"--rest_api_port={ports[0]}")


def test_a_server_that_dies_later(base, ports, programs):
    programs("tensorflow_model_server")
    with serve(base, host=EVERYWHERE, **port_arguments(ports)) as server:
        server._process.kill()  # noqa: SLF001
        with pytest.raises(ServingError, match="ended with code -9"):
            server.wait()


def test_the_health_probe_of_compose(base, ports, programs, monkeypatch):
    programs("tensorflow_model_server")
    monkeypatch.setenv("PATH", os.environ["PATH"] + ":/usr/bin:/bin")

    def healthy(name):
        probe = health_probe(name, ports[0])
        return subprocess.run(["bash", "-c", probe], capture_output=True, check=False).returncode == 0

    assert not healthy("insects")
    with serve(base, host=EVERYWHERE, **port_arguments(ports)):
        assert healthy("insects")
        assert not healthy("moths")


def test_a_client_of_what_is_no_server(ports):
    class Other(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>hello</html>")

        def log_message(self, *args):
            pass

    server = http.server.HTTPServer(("127.0.0.1", ports[0]), Other)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with Client("insects", port=ports[0]) as client, pytest.raises(ServingError, match="not TensorFlow Serving"):
            client.status()
    finally:
        server.shutdown()
        server.server_close()

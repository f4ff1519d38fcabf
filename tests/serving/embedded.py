"""The embedded server in a thread of the tests, and plain ways to ask it."""

import contextlib
import http.client
import json
import socket
import threading
import time

from kzoo.serving.configuration import DIRECTORY, LOCAL_MODELS, write_local_models
from kzoo.serving.embedded.core import Options, ServerCore
from kzoo.serving.embedded.limits import Limits
from kzoo.serving.embedded.run import bound, http_server
from kzoo.serving.embedded.service import Service
from kzoo.serving.releases import write_current_configuration


class Embedded:
    """A server that runs: its port, the service behind it, and its open connections."""

    def __init__(self, port, service, connections):
        self.port, self.service, self.connections = port, service, connections

    def ask(self, method, target, body=None, **headers):
        """(status, headers, body) of an answer on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        with contextlib.closing(connection):
            connection.request(method, target, body, names)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    def json(self, method, target, body=None, **headers):
        """(status, parsed body)."""
        text = body if isinstance(body, str | bytes | None) else json.dumps(body)
        status, _, answer = self.ask(method, target, text, **headers)
        return status, json.loads(answer)

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)


@contextlib.contextmanager
def embedded(base, limits=None, load=None, hosts=None):
    """Serve an export in a thread."""
    write_local_models(base, write_current_configuration(base))
    options = Options(
        str(base / DIRECTORY / LOCAL_MODELS),
        model_config_file_poll_wait_seconds=0.1,
        file_system_poll_wait_seconds=0.1,
        allow_version_labels_for_unavailable_models=True,
    )
    core = ServerCore(options, load=load)
    core.start()
    wait_until(lambda: all(each.state == "AVAILABLE" for each in core.status(base.name)))
    service = Service(core, limits or Limits())
    with contextlib.closing(bound("127.0.0.1", 0)) as listener:
        server = http_server(service, hosts)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            wait_until(lambda: server.started)
            yield Embedded(listener.getsockname()[1], service, server.server_state.connections)
        finally:
            server.should_exit = True
            thread.join(30)
            service.stop()
            core.stop()
    assert not thread.is_alive()


def wait_until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def read_all(connection):
    """What comes until the other side closes."""
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(1 << 16):
            parts.append(part)
    return b"".join(parts)

"""Connections of the REST client: kept, made again, encrypted, and through a gateway."""

import contextlib
import gc
import json
import multiprocessing
import shutil
import socket
import ssl
import subprocess
import threading
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
import grpc_service
import pytest
from tensorflow_serving.apis import model_service_pb2_grpc

from kzoo.serving import AccessDenied, BadRequest, Client, DeadlineExceeded, ServerUnreachable, ServingError
from kzoo.serving.connections import Connections
from kzoo.serving.endpoint import endpoint

STATUS = {"model_version_status": [{"version": "1", "state": "AVAILABLE", "status": {"error_message": ""}}]}


class Server(ThreadingHTTPServer):
    """Says what its `answer` says; notes the connections that it has had, and what came over them."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, answer=lambda request: (200, STATUS)):
        self.answer, self.requests, self.connections = answer, [], set()
        super().__init__(("127.0.0.1", 0), Handler)

    def get_request(self):
        connection, address = super().get_request()
        self.connections.add(address)
        return connection, address

    def handle_error(self, request, client_address):
        pass


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.requests.append(self)
        answer = self.server.answer(self)
        if answer is None:
            # The connection ends without a word.
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        status, body = answer
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET


@pytest.fixture
def serve():
    with contextlib.ExitStack() as stack:

        def start(*arguments, context=None):
            server = Server(*arguments)
            if context is not None:
                server.socket = context.wrap_socket(server.socket, server_side=True)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            return server

        yield start


def test_a_connection_is_kept(serve):
    server = serve()
    with Client("m", rest_port=server.server_port) as client:
        for _ in range(5):
            assert client.state() == "AVAILABLE"
    assert (len(server.requests), len(server.connections)) == (5, 1)


def test_also_after_a_refusal(serve):
    server = serve(lambda request: (400, {"error": "no"}))
    with Client("m", rest_port=server.server_port) as client:
        for _ in range(3):
            with pytest.raises(BadRequest):
                client.state()
    assert len(server.connections) == 1


def test_threads_share_them(serve):
    server = serve()
    errors = []

    def ask(client):
        try:
            for _ in range(20):
                client.state()
        except ServingError as error:
            errors.append(error)

    with Client("m", rest_port=server.server_port) as client:
        threads = [threading.Thread(target=ask, args=(client,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not errors
    assert len(server.requests) == 160
    assert len(server.connections) <= 8


def test_a_kept_connection_that_was_closed_meanwhile_is_made_again(serve):
    def answer(request):
        # As a server that has lost patience: each connection is closed at its second request.
        request.served = getattr(request, "served", 0) + 1
        return (200, STATUS) if request.served == 1 else None

    server = serve(answer)
    with Client("m", rest_port=server.server_port) as client:
        for _ in range(3):
            assert client.state() == "AVAILABLE"
    # The second and the third were sent once more.
    assert (len(server.requests), len(server.connections)) == (5, 3)


def test_a_request_on_a_new_connection_is_never_sent_twice(serve):
    server = serve(lambda request: None)
    with (
        Client("m", rest_port=server.server_port) as client,
        pytest.raises(ServerUnreachable, match="closed connection without response"),
    ):
        client.state()
    assert len(server.requests) == 1


def test_a_request_that_takes_too_long_is_not_sent_again(serve):
    def answer(request):
        if len(request.server.requests) > 1:
            threading.Event().wait(0.5)
        return 200, STATUS

    server = serve(answer)
    with Client("m", rest_port=server.server_port, timeout=0.2) as client:
        client.state()
        with pytest.raises(DeadlineExceeded):
            client.state()
    assert len(server.requests) == 2


def test_half_an_answer_is_not_asked_for_again(serve):
    def answer(request):
        if len(request.server.requests) == 1:
            return 200, STATUS
        request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        request.wfile.flush()
        return None

    server = serve(answer)
    with Client("m", rest_port=server.server_port) as client:
        client.state()
        with pytest.raises(ServerUnreachable, match="IncompleteRead"):
            client.state()
    assert len(server.requests) == 2


def test_a_large_body_that_is_refused_before_it_is_read():
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def refuse():
            connection, _ = listening.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(2**20):
                    pass

        thread = threading.Thread(target=refuse)
        thread.start()
        connections = Connections(endpoint("127.0.0.1", listening.getsockname()[1]))
        status, _ = connections.request("POST", "/", b"x" * 10_000_000, 10)
        connections.close()
        thread.join()
    assert status == 413


def in_child(client, answers):
    answers.put(client.state())


def test_a_fork_does_not_share_them(serve):
    server = serve()
    with Client("m", rest_port=server.server_port) as client:
        client.state()
        context = multiprocessing.get_context("fork")
        answers = context.Queue()
        child = context.Process(target=in_child, args=(client, answers))
        child.start()
        assert answers.get(timeout=20) == "AVAILABLE"
        child.join()
        client.state()
    assert (len(server.requests), len(server.connections)) == (3, 2)


def test_whoever_forgets_to_close_leaves_no_socket_behind(serve, recwarn):
    server = serve()
    Client("m", rest_port=server.server_port).state()
    gc.collect()
    assert not [each for each in recwarn if "unclosed" in str(each.message)]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for "localhost" that nobody has signed, and its key."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is not here to make a certificate")
    directory = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run(command, cwd=directory, check=True, capture_output=True)
    return directory / "cert.pem", directory / "key.pem"


def test_an_encrypted_connection(serve, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server = serve(context=context)
    trusted = ssl.create_default_context(cafile=certificate[0])
    for options in (
        {"host": "localhost", "rest_port": server.server_port},
        {"host": f"https://localhost:{server.server_port}"},
    ):
        with Client("m", tls=trusted, **options) as client:
            assert client.state() == "AVAILABLE"
            assert client.state() == "AVAILABLE"
        with (
            Client("m", **{**options, "tls": True}) as client,
            pytest.raises(ServerUnreachable, match=r"No encrypted connection .*CERTIFICATE_VERIFY_FAILED.*cafile"),
        ):
            client.state()


def test_an_encrypted_connection_to_a_server_that_has_none(serve):
    server = serve()
    with Client("m", rest_port=server.server_port, tls=True) as client, pytest.raises(ServerUnreachable, match="TLS"):
        client.state()


def test_behind_a_gateway(serve):
    def gateway(request):
        if request.headers["Authorization"] != "Bearer open sesame":
            return 401, {"message": "who are you?"}
        return 200, STATUS

    server = serve(gateway)
    url = f"http://127.0.0.1:{server.server_port}/ml/v2/"
    with Client("m", host=url, token="open sesame", headers={"X-Tenant": "blue"}) as client:
        assert client.state() == "AVAILABLE"
    (request,) = server.requests
    assert request.path == "/ml/v2/v1/models/m"
    assert request.headers["X-Tenant"] == "blue"
    with (
        Client("m", host=url) as client,
        pytest.raises(AccessDenied, match=r"/ml/v2 lets nobody ask m without a token"),
    ):
        client.state()


def test_grpc_is_encrypted_and_lets_in_by_token(certificate):
    class Models(grpc_service.Models):
        def GetModelStatus(self, request, context):
            metadata = dict(context.invocation_metadata())
            if metadata.get("authorization") != "Bearer open sesame":
                context.abort(grpc.StatusCode.UNAUTHENTICATED, "who are you?")
            assert metadata["x-tenant"] == "blue"
            return super().GetModelStatus(request, context)

    server = grpc.server(futures.ThreadPoolExecutor(2))
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(Models(), server)
    chain, key = (path.read_bytes() for path in certificate)
    port = server.add_secure_port("localhost:0", grpc.ssl_server_credentials([(key, chain)]))
    server.start()
    trusted = ssl.create_default_context(cafile=certificate[0])
    options = {"host": "localhost", "grpc_port": port, "headers": {"X-Tenant": "blue"}}
    try:
        with Client("iris", tls=trusted, token="open sesame", **options) as client:
            assert client.state() == "AVAILABLE"
        with Client("iris", tls=trusted, **options) as client, pytest.raises(AccessDenied, match="without a token"):
            client.state()
        with Client("iris", tls=True, timeout=5, **options) as client, pytest.raises(ServerUnreachable):
            client.state()
    finally:
        server.stop(None).wait()


def test_a_redirection_is_told(serve):
    server = serve(lambda request: (302, {"error": "log in elsewhere"}))
    with Client("m", rest_port=server.server_port) as client, pytest.raises(ServingError, match="log in elsewhere"):
        client.state()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"host": "ftp://gateway"}, "is not the URL of a server"),
        ({"host": "https://gateway?x=1"}, "is not the URL of a server"),
        ({"host": "https://gateway:99999"}, "[Pp]ort"),
        ({"host": "https://gateway", "grpc_port": 8500}, "is a URL, which is for REST"),
        ({"token": "a\r\nX-Evil: 1"}, "has characters that do not go into a header"),
        ({"version": 2**63}, r"version is 9223372036854775808; expected a whole number from 0 to 2\*\*63 - 1"),
        ({"version": -1}, "version is -1"),
        ({"version": 1.5}, "version is 1.5"),
    ],
)
def test_arguments_that_cannot_be_meant(options, words):
    with pytest.raises(ValueError, match=words):
        Client("m", **options)


def test_addresses():
    assert str(endpoint("::1", 8501)) == "[::1]:8501"
    assert str(endpoint("https://gateway/ml/", 8501)) == "gateway:443/ml"
    assert str(endpoint("http://[::1]:99", 8501)) == "[::1]:99"
    assert "secret" not in repr(endpoint("h", 1, token="secret"))

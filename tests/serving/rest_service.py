"""TensorFlow Serving's REST API over the embedded server's core, with kzoo's own prediction code behind it."""

import json
import re
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from kzoo.serving.embedded.status import StatusError

ADDRESS = re.compile(r"/v1/models/([^/:]+)(?:/versions/(\d+)|/labels/([^/:]+))?(:predict|/metadata)?")


def described(signature):
    """A signature as the server's metadata have it."""
    parts = {}
    for part, tensors in (("inputs", signature.inputs), ("outputs", signature.outputs)):
        parts[part] = {
            key: {
                "dtype": f"DT_{tensor.dtype.name.upper()}".replace("FLOAT32", "FLOAT"),
                "tensor_shape": {
                    "unknown_rank": tensor.shape is None,
                    "dim": [{"size": str(-1 if size is None else size), "name": ""} for size in tensor.shape or ()],
                },
            }
            for key, tensor in tensors.items()
        }
    return parts


def answer(core, path, body):
    """The answer of a core to a request: an HTTP status and what goes into the body."""
    found = ADDRESS.fullmatch(path)
    if not found:
        return 400, {"error": f"Malformed request: {path}"}
    name, version, label, action = found.groups()
    name, version = urllib.parse.unquote(name), int(version) if version else None
    label = label and urllib.parse.unquote(label)
    try:
        if action is None:
            states = core.status(name, version)
            return 200, {
                "model_version_status": [
                    {
                        "version": str(each.version),
                        "state": each.state,
                        "status": {"error_code": each.code, "error_message": each.message},
                    }
                    for each in states
                ]
            }
        lease = core.lease(name, version, label)
        with lease as runner:
            if action == "/metadata":
                signatures = {key: described(each) for key, each in runner.signatures.items()}
                spec = {"name": name, "signature_name": "", "version": str(lease.version)}
                return 200, {"model_spec": spec, "metadata": {"signature_def": {"signature_def": signatures}}}
            return predicted(runner, body)
    except StatusError as error:
        return error.http_status, {"error": error.message}


def predicted(runner, body):
    from kzoo.export.errors import RequestError
    from kzoo.export.inference.prediction import answer_request

    try:
        return 200, answer_request(runner, json.loads(body))
    except RequestError as error:
        return 400, {"error": str(error)}


def http_server(core, port=0):
    """A server on this machine; run it with `serve_forever`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Else the second part of an answer waits for the client to confirm the first: 40 ms.
        disable_nagle_algorithm = True

        def log_message(self, *_):
            pass

        def do_GET(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, found = answer(core, self.path, body)
            content = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

    return Server(("127.0.0.1", port), Handler)

"""A stand-in for tensorflow_model_server, for tests only: its flags, its REST API, its way with labels.

Answers come from kzoo's own prediction code. KZOO_STANDIN says how it behaves: "" loads and answers, "hollow" takes
every version for loaded and reads none, "loading" never gets done, "broken" cannot load, "dies" ends at once.
"""

import http.server
import json
import os
import re
import sys
import threading
import time
import urllib.parse

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

MODE = os.environ.get("KZOO_STANDIN", "")
# Paths as a container sees them, and where they are here: "/models/x=/tmp/x;...", set by the stand-in for docker.
MOUNTS = dict(pair.split("=", 1) for pair in os.environ.get("KZOO_STANDIN_MOUNTS", "").split(";") if pair)
# All that we use of the flags in the real main.cc.
FLAGS = {
    "port",
    "rest_api_port",
    "model_config_file",
    "model_config_file_poll_wait_seconds",
    "allow_version_labels_for_unavailable_models",
    "monitoring_config_file",
    "max_num_load_retries",
    "enable_batching",
    "batching_parameters_file",
}


def here(path):
    for target, source in MOUNTS.items():
        if path == target or path.startswith(f"{target}/"):
            return source + path[len(target) :]
    return path


class Models:
    """The model that the configuration names, its loaded versions, and the labels."""

    def __init__(self, path):
        self.path, self.labels, self.loaded = path, {}, {}
        self.poll(first=True)

    def poll(self, first=False):
        with open(self.path, encoding="utf-8") as file:
            config = text_format.Parse(file.read(), model_server_config_pb2.ModelServerConfig())
        (model,) = config.model_config_list.config
        self.name = model.name
        base = here(model.base_path)
        there = sorted(int(name) for name in os.listdir(base) if name.isdecimal())
        specific = [each for each in model.model_version_policy.specific.versions if each in there]
        wanted = specific or there[-1:]
        for version in wanted:
            if version not in self.loaded:
                self.loaded[version] = load(os.path.join(base, str(version)))
        for label, version in model.version_labels.items():
            # A label that is in use moves only to a version that is loaded.
            if version in self.loaded or (first and label not in self.labels):
                self.labels[label] = version
        self.loaded = {version: self.loaded[version] for version in wanted}

    def find(self, version, label):
        if label is not None:
            if label not in self.labels:
                raise Refused(400, f"Unrecognized servable version label: {label}")
            version = self.labels[label]
        version = max(self.loaded, default=None) if version is None else int(version)
        if version not in self.loaded or MODE in ("loading", "broken"):
            raise Refused(404, f"Servable not found for request: {self.name}, version {version}")
        return version


class Refused(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def load(directory):
    if MODE:
        return directory
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from kzoo.export.runner import Runner

    return Runner(directory)


def metadata(name, version, runner):
    def tensors(infos):
        return {
            key: {
                "dtype": f"DT_{info.dtype.name.upper()}".replace("FLOAT32", "FLOAT"),
                "tensor_shape": {"dim": [{"size": str(size or -1), "name": ""} for size in info.shape]},
                "name": info.key,
            }
            for key, info in infos.items()
        }

    signatures = {
        each.name: {
            "inputs": tensors(each.inputs),
            "outputs": tensors(each.outputs),
            "method_name": each.method,
            "defaults": {},
        }
        for each in runner.signatures.values()
    }
    return {
        "model_spec": {"name": name, "signature_name": "", "version": str(version)},
        "metadata": {"signature_def": {"signature_def": signatures}},
    }


def status(models, version):
    state = {"loading": "LOADING", "broken": "END"}.get(MODE, "AVAILABLE")
    problem = "Read less bytes than requested" if MODE == "broken" else ""
    code = "OUT_OF_RANGE" if problem else "OK"
    return {
        "model_version_status": [
            {"version": str(each), "state": state, "status": {"error_code": code, "error_message": problem}}
            for each in sorted(models.loaded, reverse=True)
            if version in (None, each)
        ]
    }


class Handler(http.server.BaseHTTPRequestHandler):
    models = None

    def do_GET(self):
        self.answer(None)

    def do_POST(self):
        self.answer(self.rfile.read(int(self.headers["Content-Length"])))

    def answer(self, body):
        try:
            code, value = 200, self.route(body)
        except Refused as refused:
            code, value = refused.code, {"error": str(refused)}
        data = json.dumps(value).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def route(self, body):
        found = re.fullmatch(
            r"/v1/models/(?P<name>[^/:]+)(/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?(?P<verb>/metadata|:predict)?",
            self.path,
        )
        if not found:
            raise Refused(400, f"Malformed request: {self.path}")
        name = urllib.parse.unquote(found["name"])
        if name == "slow":
            time.sleep(1.0)
        if name != self.models.name:
            raise Refused(404, f"Could not find any versions of model {name}")
        verb = found["verb"]
        if verb is None:
            return status(self.models, None if found["version"] is None else int(found["version"]))
        version = self.models.find(found["version"], found["label"])
        if verb == "/metadata":
            return {} if MODE else metadata(name, version, self.models.loaded[version])
        return predict(self.models.loaded[version], json.loads(body))

    def log_message(self, *args):
        pass


def predict(runner, request):
    from kzoo.export.errors import RequestError
    from kzoo.export.prediction import answer_request

    try:
        return answer_request(runner, request)
    except RequestError as error:
        raise Refused(400, str(error)) from None


def parsed(arguments):
    flags = {}
    for argument in arguments:
        name, _, value = argument.removeprefix("--").partition("=")
        if name not in FLAGS:
            sys.exit(f"unknown argument: {argument}")
        flags[name] = value
    return flags


def main():
    flags = parsed(sys.argv[1:])
    print("Building single TensorFlow model", flush=True)
    if MODE == "dies":
        print("Failed to start server. Error: the disk is on fire", flush=True)
        sys.exit(255)
    config = here(flags["model_config_file"])
    assert os.path.isfile(here(flags["monitoring_config_file"]))
    Handler.models = Models(config)
    # Every interface, as the real one.
    server = http.server.ThreadingHTTPServer(("0.0.0.0", int(flags["rest_api_port"])), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    while True:
        time.sleep(0.1)
        Handler.models.poll()


main()

"""Starts TensorFlow Serving on the export that comes with the repository, and asks it by REST and by gRPC.

Needs `tensorflow_model_server` or Docker. With no server it says so, and shows the answer that it would give.

Run: python examples/03_serve.py [directory of an export]
"""

import json
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import kzoo

BASE = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[1] / "saved_models" / "digits").resolve()
NAME, REST, GRPC = BASE.name, 8501, 8500


def server_command() -> list[str] | None:
    """The command that serves the export on this machine only, or None where there is nothing to serve it with."""
    if shutil.which("tensorflow_model_server"):
        return [
            "tensorflow_model_server",
            f"--model_name={NAME}",
            f"--model_base_path={BASE}",
            f"--rest_api_port={REST}",
            f"--port={GRPC}",
        ]
    if shutil.which("docker") and subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0:
        ports = ["-p", f"127.0.0.1:{REST}:8501", "-p", f"127.0.0.1:{GRPC}:8500"]
        mount = ["-v", f"{BASE}:/models/{NAME}:ro", "-e", f"MODEL_NAME={NAME}"]
        return ["docker", "run", "--rm", *ports, *mount, "tensorflow/serving"]
    return None


def wait_until_available(process: subprocess.Popen) -> None:
    """Return when the server says that the model is AVAILABLE."""
    for _ in range(120):
        if process.poll() is not None:
            raise SystemExit(f"The server ended with code {process.returncode}.")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{REST}/v1/models/{NAME}", timeout=2) as answer:
                if "AVAILABLE" in answer.read().decode():
                    return
        except (urllib.error.URLError, ConnectionError):
            pass
        time.sleep(1)
    raise SystemExit("The model is not available after two minutes.")


def ask_by_rest(body: dict) -> dict:
    """The answer to a REST request."""
    url = f"http://127.0.0.1:{REST}/v1/models/{NAME}:predict"
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def ask_by_grpc(rows: list) -> list[str]:
    """The labels that a gRPC request is answered with."""
    import grpc
    import numpy as np
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

    request = predict_pb2.PredictRequest()
    request.model_spec.name = NAME
    request.inputs["inputs"].CopyFrom(tf.make_tensor_proto(np.array(rows, np.float32)))
    with grpc.insecure_channel(f"127.0.0.1:{GRPC}") as channel:
        answer = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, timeout=10)
    return [label.decode() for label in answer.outputs["label"].string_val]


body = json.loads((BASE / "request.json").read_text())
command = server_command()
if command is None:
    print("There is no server here: install tensorflow_model_server, or Docker and `docker pull tensorflow/serving`.")
    print("What it would answer:", [each["label"] for each in kzoo.predict(BASE, body)["predictions"]])
    sys.exit()
print("starting", " ".join(command))
with subprocess.Popen(command) as process:
    try:
        wait_until_available(process)
        print("REST:", [each["label"] for each in ask_by_rest(body)["predictions"]])
        print("gRPC:", ask_by_grpc(body["instances"]))
    finally:
        process.terminate()

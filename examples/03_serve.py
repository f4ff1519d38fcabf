"""Starts TensorFlow Serving on the export that comes with the repository, and asks it by REST and by gRPC.

Needs Docker, or `tensorflow_model_server`, which listens on every address of the machine. With no server it says so,
and shows the answer that it would give.

Run: python examples/03_serve.py [directory of an export]
"""

import json
import shutil
import sys
from pathlib import Path

import kzoo
from kzoo.serving import Client, ServingError, start

base = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[1] / "saved_models" / "digits").resolve()
body = json.loads((base / "request.json").read_text())
host = "127.0.0.1" if shutil.which("docker") else "0.0.0.0"

try:
    with start(base, host=host):
        for client in (Client(base.name), Client(base.name, grpc_port=8500)):
            with client:
                print("the server answers:", list(client.predict(body["instances"])["label"]))
except ServingError as error:
    print(error)
    print("What it would answer:", [each["label"] for each in kzoo.predict(base, body)["predictions"]])

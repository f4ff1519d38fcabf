"""Starts TensorFlow Serving on the export that comes with the repository, and asks it by REST and by gRPC.

Needs Docker. `tensorflow_model_server` by itself listens on every address of the machine, so it is started only where
that is allowed, by start(base, host="0.0.0.0"). With no server the example says so, and shows what would be answered.

Run: python examples/03_serve.py [directory of an export]
"""

import json
import sys
from pathlib import Path

import kzoo
from kzoo.serving import Client, ServingError, start

base = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[1] / "saved_models" / "digits").resolve()
body = json.loads((base / "request.json").read_text())

try:
    with start(base):
        for client in (Client(base.name), Client(base.name, grpc_port=8500)):
            with client:
                print("the server answers:", list(client.predict(body["instances"])["label"]))
except ServingError as error:
    print(error)
    print("What it would answer:", [each["label"] for each in kzoo.predict(base, body)["predictions"]])

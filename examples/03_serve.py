"""Starts TensorFlow Serving on the export that comes with the repository, and asks it by REST and by gRPC.

Needs Docker or `tensorflow_model_server`. With no server it says so, and shows the answer that it would give.

Run: python examples/03_serve.py [directory of an export]
"""

import json
import sys
from pathlib import Path

import numpy as np

import kzoo
from kzoo.serving import Client, ServingError, serve

BASE = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[1] / "saved_models" / "digits").resolve()

request = json.loads((BASE / "request.json").read_text())
rows = np.array(request["instances"])

try:
    with serve(BASE) as server:
        print("started", " ".join(server.command))
        with Client(server.name) as client:
            print("versions:", {each.version: each.state for each in client.status()})
            print("REST:", client.predict(rows)["label"])
        with Client(server.name, protocol="grpc") as client:
            print("gRPC:", client.predict(rows)["label"])
except ServingError as error:
    print(error)
    print("What it would answer:", [each["label"] for each in kzoo.predict(BASE, request)["predictions"]])

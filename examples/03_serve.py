"""Serves the export that comes with the repository, and asks it by REST, and by gRPC where that is spoken.

TensorFlow Serving is taken where it is here (Docker, or `tensorflow_model_server` with host="0.0.0.0"), and else the
embedded server, which speaks the same REST API.

Run: python examples/03_serve.py [directory of an export [port for REST]]
"""

import json
import sys
from pathlib import Path

from kzoo.serving import Client, find_server, start

base = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[1] / "saved_models" / "digits").resolve()
port = int(sys.argv[2]) if len(sys.argv) > 2 else 8501
body = json.loads((base / "request.json").read_text())

server = find_server()
print("served by:", server.kind)
with start(base, rest_port=port, server=server):
    clients = [Client(base.name, rest_port=port)]
    if server.has_grpc:
        clients.append(Client(base.name, grpc_port=8500))
    for client in clients:
        with client:
            print("the server answers:", client.predict(body["instances"])["label"].tolist())

"""A stand-in for docker, for tests only: it runs the stand-in server with the mounts and ports that it is given.

What it is told is noted in the file KZOO_STANDIN_DOCKER; "image inspect" fails while KZOO_STANDIN_NO_IMAGE is there.
"""

import json
import os
import sys
from pathlib import Path


def note(arguments):
    with open(os.environ["KZOO_STANDIN_DOCKER"], "a", encoding="utf-8") as file:
        file.write(json.dumps(arguments) + "\n")


def run(arguments):
    values = {"-p": [], "--mount": [], "--name": []}
    rest = list(arguments)
    while rest[0].startswith("-"):
        option = rest.pop(0)
        if option in values:
            values[option].append(rest.pop(0))
    image, *flags = rest
    assert image == "tensorflow/serving"
    mounts = [dict(part.split("=", 1) for part in each.split(",") if "=" in part) for each in values["--mount"]]
    assert all("readonly" in each.split(",") for each in values["--mount"])
    os.environ["KZOO_STANDIN_MOUNTS"] = ";".join(f"{each['target']}={each['source']}" for each in mounts)
    outside = {inside: out for out, inside in (each.rsplit(":", 1) for each in values["-p"])}
    ports = [f"--rest_api_port={outside['8501'].rsplit(':')[-1]}", f"--port={outside['8500'].rsplit(':')[-1]}"]
    server = str(Path(__file__).with_name("server.py"))
    os.execv(sys.executable, [sys.executable, server, *ports, *flags])


def main():
    command, *arguments = sys.argv[1:]
    note(sys.argv[1:])
    if command == "run":
        run(arguments)
    if command == "image" and os.environ.get("KZOO_STANDIN_NO_IMAGE"):
        sys.exit(1)
    if command == "version" and os.environ.get("KZOO_STANDIN_NO_ENGINE"):
        sys.exit("Cannot connect to the Docker daemon")
    sys.exit(1 if command == "pull" and os.environ.get("KZOO_STANDIN_NO_IMAGE") == "ever" else 0)


main()

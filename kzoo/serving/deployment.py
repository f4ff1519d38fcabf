"""Docker Compose and Kubernetes: the server as a container, with the configuration beside the export."""

from __future__ import annotations

import json
import re
from string import Template

IMAGE = "tensorflow/serving:latest"

POLL_SECONDS = 5
"""Seconds between two looks of a server at its configuration."""

SERVER_OPTIONS = (
    "--model_config_file={directory}/{models}",
    f"--model_config_file_poll_wait_seconds={POLL_SECONDS}",
    # When the server starts, no version is loaded yet, and a label goes to a loaded one only.
    "--allow_version_labels_for_unavailable_models=true",
    "--monitoring_config_file={directory}/monitoring.config",
    # A version that is still being copied is tried again for a minute. By default it is tried again every minute for
    # five, and all the while no other version is loaded; without, it is given up for good at first sight.
    "--max_num_load_retries=20",
    "--load_retry_interval_micros=3000000",
)
"""Options of `tensorflow_model_server`."""

BATCHING_OPTIONS = ("--enable_batching=true", "--batching_parameters_file={directory}/batching.config")
"""With batching, a request of more rows than a batch has is refused: for deployments, not for trying an export."""

NO_BATCHING = (
    "an input has an open dimension beside the batch, and the server puts only requests of one size together: it "
    "refuses others, or pads them, which changes their answers."
)
"""Why some exports are served without batching."""


def server_options(directory: str, models: str = "models.config") -> list[str]:
    """Options that make the server use the configuration in a directory, without batching."""
    return [option.format(directory=directory, models=models) for option in SERVER_OPTIONS]


_COMPOSE = Template("""\
# docker compose -f compose.yaml up: $name on this machine only, REST on 8501, gRPC on 8500.
services:
  "$dns":
    image: $image
    command:
$options
    ports:
      - "127.0.0.1:8501:8501"
      - "127.0.0.1:8500:8500"
    volumes:
      - "..:/models/$name:ro"
    healthcheck:
      # A model's metadata are there once it answers. The image has bash, but no curl.
      test: [CMD, bash, -c, $probe]
      interval: 5s
      timeout: 5s
      retries: 24
    restart: unless-stopped
""")

_KUBERNETES = Template("""\
# kubectl apply -f kubernetes.yaml, after the directory of the export has been copied to the volume.
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: "$dns-models"
spec:
  accessModes: [ReadWriteOnce]
  resources:
    requests:
      storage: 1Gi
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: "$dns"
  labels: {app: "$dns"}
spec:
  replicas: 1
  selector:
    matchLabels: {app: "$dns"}
  template:
    metadata:
      labels: {app: "$dns"}
      annotations:
        prometheus.io/scrape: "true"
        prometheus.io/port: "8501"
        prometheus.io/path: /monitoring/prometheus/metrics
    spec:
      containers:
        - name: serving
          image: $image
          args:
$options
          ports:
            - {name: grpc, containerPort: 8500}
            - {name: rest, containerPort: 8501}
          # A model's status is there while it still loads; its metadata are there once it answers.
          startupProbe:
            httpGet: {path: /v1/models/$name/metadata, port: rest}
            periodSeconds: 5
            failureThreshold: 60
          readinessProbe:
            httpGet: {path: /v1/models/$name/metadata, port: rest}
            periodSeconds: 10
          securityContext:
            allowPrivilegeEscalation: false
            capabilities: {drop: [ALL]}
          resources:
            requests: {cpu: 500m, memory: 512Mi}
          volumeMounts:
            - {name: models, mountPath: /models/$name, readOnly: true}
      volumes:
        - name: models
          persistentVolumeClaim: {claimName: "$dns-models", readOnly: true}
---
apiVersion: v1
kind: Service
metadata:
  name: "$dns"
spec:
  selector: {app: "$dns"}
  ports:
    - {name: grpc, port: 8500, targetPort: grpc}
    - {name: rest, port: 8501, targetPort: rest}
""")


def compose(name: str, *, batching: bool = True) -> str:
    """A Docker Compose file that serves an export on this machine, with batching or a word why not."""
    probe, options = json.dumps(health_probe(name, 8501)), _options(name, indent=6, batching=batching)
    return _COMPOSE.substitute(name=name, dns=_dns(name), image=IMAGE, probe=probe, options=options)


def health_probe(name: str, port: int) -> str:
    """A line of bash that succeeds when a model answers."""
    request = f"GET /v1/models/{name}/metadata HTTP/1.0\\r\\n\\r\\n"
    return f"exec 3<>/dev/tcp/127.0.0.1/{port} && printf '{request}' >&3 && head -1 <&3 | grep -q ' 200 '"


def kubernetes(name: str, *, batching: bool = True) -> str:
    """A volume claim, a deployment and a service that serve an export in a cluster, with batching or a word why not."""
    options = _options(name, indent=12, batching=batching)
    return _KUBERNETES.substitute(name=name, dns=_dns(name), image=IMAGE, options=options)


def _dns(name: str) -> str:
    """A label of the domain name system, which names of Kubernetes' objects are; a service's begins with a letter."""
    words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return (words if words[:1].isalpha() else f"model-{words}")[:50].strip("-")


def _options(name: str, *, indent: int, batching: bool) -> str:
    directory, margin = f"/models/{name}/serving", " " * indent
    batched = [option.format(directory=directory) for option in BATCHING_OPTIONS] if batching else []
    lines = [f'{margin}- "{option}"' for option in (*server_options(directory), *batched)]
    return "\n".join(lines if batching else [*lines, f"{margin}# No batching: {NO_BATCHING}"])

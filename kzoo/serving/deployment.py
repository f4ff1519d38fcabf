"""Docker Compose and Kubernetes: the server as a container, with the configuration beside the export."""

from __future__ import annotations

from string import Template

IMAGE = "tensorflow/serving:latest"

SERVER_OPTIONS = (
    "--model_config_file={directory}/{models}",
    "--model_config_file_poll_wait_seconds=30",
    # A label may be moved to a version that is still being loaded.
    "--allow_version_labels_for_unavailable_models=true",
    "--enable_batching=true",
    "--batching_parameters_file={directory}/batching.config",
    "--monitoring_config_file={directory}/monitoring.config",
)
"""Options of `tensorflow_model_server`; a label that moves is taken up within half a minute."""


def server_options(directory: str, models: str = "models.config") -> list[str]:
    """Options that make the server use the configuration in a directory."""
    return [option.format(directory=directory, models=models) for option in SERVER_OPTIONS]


_COMPOSE = Template("""\
# docker compose -f compose.yaml up: $name on this machine only, REST on 8501, gRPC on 8500.
services:
  $name:
    image: $image
    command:
$options
    ports:
      - "127.0.0.1:8501:8501"
      - "127.0.0.1:8500:8500"
    volumes:
      - "..:/models/$name:ro"
    restart: unless-stopped
""")

_KUBERNETES = Template("""\
# kubectl apply -f kubernetes.yaml, after the directory of the export has been copied to the volume.
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: $dns-models
spec:
  accessModes: [ReadOnlyMany]
  resources:
    requests:
      storage: 1Gi
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: $dns
  labels: {app: $dns}
spec:
  replicas: 1
  selector:
    matchLabels: {app: $dns}
  template:
    metadata:
      labels: {app: $dns}
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
          readinessProbe:
            httpGet: {path: /v1/models/$name, port: rest}
            periodSeconds: 5
          resources:
            requests: {cpu: 500m, memory: 512Mi}
          volumeMounts:
            - {name: models, mountPath: /models/$name, readOnly: true}
      volumes:
        - name: models
          persistentVolumeClaim: {claimName: $dns-models, readOnly: true}
---
apiVersion: v1
kind: Service
metadata:
  name: $dns
spec:
  selector: {app: $dns}
  ports:
    - {name: grpc, port: 8500, targetPort: grpc}
    - {name: rest, port: 8501, targetPort: rest}
""")


def compose(name: str) -> str:
    """A Docker Compose file that serves an export on this machine."""
    return _COMPOSE.substitute(name=name, image=IMAGE, options=_options(name, indent=6))


def kubernetes(name: str) -> str:
    """A volume claim, a deployment and a service that serve an export in a cluster."""
    # Names of objects are labels of the domain name system.
    dns = "".join(each if each.isalnum() else "-" for each in name.lower()).strip("-")[:50]
    return _KUBERNETES.substitute(name=name, dns=dns, image=IMAGE, options=_options(name, indent=12))


def _options(name: str, *, indent: int) -> str:
    return "\n".join(f'{" " * indent}- "{option}"' for option in server_options(f"/models/{name}/serving"))

"""Kubernetes manifests that serve an export: a claim for its files, a deployment and a service.

References:
    https://kubernetes.io/docs/reference/kubernetes-api/
"""

from __future__ import annotations

import json

from kzoo.serving import container, layout

_TEMPLATE = """\
# Serves {name}: kubectl apply -f kubernetes.yaml
# Copy the directory of the versions, with serving/ in it, to the root of the claim's volume. The server finds new
# versions and promotions there by itself.
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: "{app}"
  labels: {{app: "{app}"}}
spec:
  accessModes: [ReadWriteOnce]
  resources:
    requests:
      storage: 1Gi
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: "{app}"
  labels: {{app: "{app}"}}
spec:
  replicas: 1
  selector:
    matchLabels: {{app: "{app}"}}
  template:
    metadata:
      labels: {{app: "{app}"}}
      annotations:
        prometheus.io/scrape: "true"
        prometheus.io/port: "{rest}"
        prometheus.io/path: /monitoring/prometheus/metrics
    spec:
      securityContext:
        runAsNonRoot: true
        runAsUser: 65534
      containers:
        - name: serving
          # Name a version of the image, so that a restart brings no other server.
          image: {image}
          args:
{flags}
          ports:
            - {{name: grpc, containerPort: {grpc}}}
            - {{name: rest, containerPort: {rest}}}
          volumeMounts:
            - name: model
              mountPath: {target}
              readOnly: true
          # The metadata of a model are there when the model is loaded and warmed up.
          startupProbe:
            httpGet: {{path: {probe}, port: rest}}
            periodSeconds: 5
            failureThreshold: 60
          readinessProbe:
            httpGet: {{path: {probe}, port: rest}}
            periodSeconds: 10
          livenessProbe:
            tcpSocket: {{port: grpc}}
            periodSeconds: 20
          resources:
            requests: {{cpu: "1", memory: 512Mi}}
            limits: {{memory: 2Gi}}
          securityContext:
            allowPrivilegeEscalation: false
            capabilities:
              drop: [ALL]
      volumes:
        - name: model
          persistentVolumeClaim:
            claimName: "{app}"
            readOnly: true
---
apiVersion: v1
kind: Service
metadata:
  name: "{app}"
  labels: {{app: "{app}"}}
spec:
  selector: {{app: "{app}"}}
  ports:
    - {{name: grpc, port: {grpc}, targetPort: grpc}}
    - {{name: rest, port: {rest}, targetPort: rest}}
"""


def kubernetes_manifests(name: str) -> str:
    """The text of `kubernetes.yaml`.

    Args:
        name: Name that the model is served under.
    """
    configuration = f"{container.model_path(name)}/{layout.DIRECTORY}"
    flags = [*container.config_flags(configuration), *container.batching_flags(configuration)]
    return _TEMPLATE.format(
        name=" ".join(name.split()),
        app=container.slug(name),
        image=container.IMAGE,
        rest=container.REST_PORT,
        grpc=container.GRPC_PORT,
        target=json.dumps(container.model_path(name)),
        probe=json.dumps(container.metadata_path(name)),
        # In arguments, and only there, $( begins a variable unless the $ is doubled.
        flags="\n".join(f"            - {json.dumps(flag.replace('$', '$$'))}" for flag in flags),
    )

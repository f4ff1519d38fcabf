"""A Docker Compose file that serves an export on this machine.

References:
    https://github.com/compose-spec/compose-spec
"""

from __future__ import annotations

import json

from kzoo.serving import container, layout

_TEMPLATE = """\
# Serves {name} on this machine: docker compose -f compose.yaml up --wait
services:
  "{service}":
    image: {image}
    # On this machine only: the server encrypts and authenticates nothing, so put a proxy before it.
    ports:
      - "127.0.0.1:{rest}:{rest}"
      - "127.0.0.1:{grpc}:{grpc}"
    volumes:
      - type: bind
        source: ..
        target: {target}
        read_only: true
    command:
{flags}
    healthcheck:
      # The metadata of a model are there when the model is loaded. The image has bash, but no curl.
      test:
        - CMD
        - bash
        - -c
        - {probe}
      interval: 5s
      timeout: 5s
      retries: 24
    restart: unless-stopped
"""


def compose_file(name: str) -> str:
    """The text of `compose.yaml`, for the configuration directory beside the versions.

    Args:
        name: Name that the model is served under.
    """
    configuration = f"{container.model_path(name)}/{layout.DIRECTORY}"
    flags = [*container.config_flags(configuration), *container.batching_flags(configuration)]
    return _TEMPLATE.format(
        name=" ".join(name.split()),
        service=container.slug(name),
        image=container.IMAGE,
        rest=container.REST_PORT,
        grpc=container.GRPC_PORT,
        target=_text(container.model_path(name)),
        flags="\n".join(f"      - {_text(flag)}" for flag in flags),
        probe=_text(health_probe(name, container.REST_PORT)),
    )


def health_probe(name: str, port: int) -> str:
    """A line of bash that succeeds when the model is loaded."""
    request = f"GET {container.metadata_path(name)} HTTP/1.0\\r\\n\\r\\n"
    return f"exec 3<>/dev/tcp/127.0.0.1/{port} && printf '{request}' >&3 && head -1 <&3 | grep -q ' 200 '"


def _text(value: str) -> str:
    """A YAML string: JSON's are YAML's too. Compose takes $ for a variable unless it is doubled."""
    return json.dumps(value.replace("$", "$$"))

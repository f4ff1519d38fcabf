"""Everything a server needs to know beside the export, as files to start from."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from kzoo.export.layout import ALLOWED_BATCH_SIZES
from kzoo.serving import layout, models_config
from kzoo.serving.compose import compose_file
from kzoo.serving.kubernetes import kubernetes_manifests


def write_configuration(base_dir: str | os.PathLike[str], *, name: str | None = None) -> list[Path]:
    """Write the configuration of a server next to the versions of an export, as far as it is not there yet.

    `models.config` (versions and labels), `batching.config`, `monitoring.config` (Prometheus), `compose.yaml` and
    `kubernetes.yaml`, all in `<base_dir>/serving/`. What is there may have been changed by hand and stays.

    Args:
        base_dir: Directory of the versions, such as `saved_models/digits`.
        name: Name to serve the model under; the directory's if not given.

    Returns:
        The files that were written.

    Raises:
        ServingError: There is no export.
    """
    base = layout.check_base(base_dir)
    name = name or base.resolve().name
    texts: dict[str, Callable[[], str]] = {
        layout.BATCHING: batching_parameters,
        layout.MONITORING: monitoring_config,
        layout.COMPOSE: lambda: compose_file(name),
        layout.KUBERNETES: lambda: kubernetes_manifests(name),
    }
    with layout.locked(base) as directory:
        missing = [file for file in (layout.MODELS, *texts) if not (directory / file).exists()]
        for file in missing:
            if file == layout.MODELS:
                models_config.write_config(directory, models_config.new_config(name))
            else:
                layout.write_text(directory / file, texts[file]())
    return [directory / file for file in missing]


def batching_parameters() -> str:
    """`BatchingParameters`: requests that come while the cores are busy are answered together.

    References:
        https://www.tensorflow.org/tfx/serving/serving_config, "Batching Configuration".
    """
    largest = ALLOWED_BATCH_SIZES[-1]
    lines = [
        f"# Requests that wait are answered together, up to {largest} rows. A single request of more rows is refused:",
        "# send it in parts, or start the server without --enable_batching.",
        f"max_batch_size {{ value: {largest} }}",
        "# Nobody waits for company: what has come while all threads were busy makes a batch.",
        "batch_timeout_micros { value: 0 }",
        "# When so many batches wait already, requests are refused as UNAVAILABLE instead of piling up.",
        "max_enqueued_batches { value: 100 }",
        "# Batches are padded to these sizes, which the export is warmed up at. The last is max_batch_size.",
        *(f"allowed_batch_sizes: {size}" for size in ALLOWED_BATCH_SIZES),
    ]
    return "\n".join(lines) + "\n"


def monitoring_config() -> str:
    """`MonitoringConfig`: Prometheus finds the server's metrics at its REST port."""
    return 'prometheus_config {\n  enable: true\n  path: "/monitoring/prometheus/metrics"\n}\n'

"""Counts and times of requests, under the names and in the form that TensorFlow Serving gives them to Prometheus.

References:
    `tensorflow_serving/servables/tensorflow/util.cc` (request_count, request_latency) and
    `tensorflow_serving/util/prometheus_exporter.cc`, `PrometheusExporter::GeneratePage`.
"""

from __future__ import annotations

import bisect
import dataclasses
import threading
import time

COUNT = ":tensorflow:serving:request_count"
LATENCY = ":tensorflow:serving:request_latency"
BOUNDS = tuple(10 * 1.8**power for power in range(33))
"""Upper ends of the latency's buckets in microseconds; a last one has none."""


@dataclasses.dataclass
class _Histogram:
    buckets: list[int] = dataclasses.field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    sum: float = 0.0

    def add(self, value: float) -> None:
        self.buckets[bisect.bisect_right(BOUNDS, value)] += 1
        self.sum += value


class Metrics:
    """What has been asked of the server since it started; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, str], int] = {}
        self._latencies: dict[tuple[str, str, str], _Histogram] = {}
        self._started = time.time()

    def record(self, model: str, api: str, status: str, seconds: float, entrypoint: str = "REST") -> None:
        """Count a request, and its time where it was answered.

        Args:
            model: Name of a served model, or "" for any other: a client may ask for any number of those.
            api: "predict", "classify" or "regress", or "" where it is none of them.
            status: Name of the status, such as "OK" or "NOT_FOUND".
            seconds: From when its body had come to its answer.
            entrypoint: By which way it came.
        """
        with self._lock:
            self._counts[model, status] = self._counts.get((model, status), 0) + 1
            if status == "OK":
                self._latencies.setdefault((model, api, entrypoint), _Histogram()).add(seconds * 1e6)

    def page(self) -> str:
        """The counts as Prometheus reads them."""
        # The real server lacks the start, without which counts of a server that was started again add up wrongly.
        lines = ["# TYPE process_start_time_seconds gauge", f"process_start_time_seconds {self._started:.3f}"]
        with self._lock:
            lines.append(f"# TYPE {COUNT} counter")
            for (model, status), count in self._counts.items():
                lines.append(f"{COUNT}{{{_labels(model_name=model, status=status)}}} {count}")
            lines.append(f"# TYPE {LATENCY} histogram")
            for (model, api, entrypoint), histogram in self._latencies.items():
                lines += _histogram(histogram, _labels(model_name=model, API=api, entrypoint=entrypoint))
        return "\n".join(lines) + "\n"


def _histogram(histogram: _Histogram, labels: str) -> list[str]:
    lines, total = [], 0
    for bound, count in zip([*(f"{each:g}" for each in BOUNDS), "+Inf"], histogram.buckets, strict=True):
        total += count
        lines.append(f'{LATENCY}_bucket{{{labels},le="{bound}"}} {total}')
    return [*lines, f"{LATENCY}_sum{{{labels}}} {histogram.sum:g}", f"{LATENCY}_count{{{labels}}} {total}"]


def _labels(**labels: str) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

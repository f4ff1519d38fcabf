"""Requests that come together, answered together: one run of the graph costs little more for many rows than for one.

Requests are put together along the batch only, where they ask the same signature and agree in every other dimension.
They are not padded, neither to each other's size nor to a size of the batch.

References:
    https://github.com/tensorflow/serving/blob/master/tensorflow_serving/batching/README.md, which this follows but for
    padding, and for requests larger than a batch: here they run alone, there they are refused.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np

from kzoo.export.inference.runner import Runner
from kzoo.export.layout import ALLOWED_BATCH_SIZES

Arrays = Mapping[str, np.ndarray]
MOST_ROWS = ALLOWED_BATCH_SIZES[-1]
WAIT_SECONDS = 0.001


class BatchingRunner:
    """A version of an export that answers requests from several threads together; otherwise as its `Runner`.

    Args:
        runner: The version.
        most_rows: Rows of a batch at most; a request of as many or more runs alone.
        wait_seconds: Time that the first request of a batch waits for others.
    """

    def __init__(self, runner: Runner, most_rows: int = MOST_ROWS, wait_seconds: float = WAIT_SECONDS) -> None:
        self._runner = runner
        self._most_rows = most_rows
        self._wait_seconds = wait_seconds
        self._lock = threading.Lock()
        self._open: dict[Hashable, _Batch] = {}

    def __getattr__(self, name: str) -> Any:
        """Everything else is the runner's."""
        return getattr(self._runner, name)

    def run(self, signature: str, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Answer a batch, possibly in a larger one; see `Runner.run`."""
        arrays = {name: np.asarray(value) for name, value in inputs.items()}
        rows = _rows(arrays)
        if rows is None or rows >= self._most_rows:
            return self._runner.run(signature, inputs)
        request = _Request(arrays, rows)
        key = (signature, *sorted((name, array.dtype.str, array.shape[1:]) for name, array in arrays.items()))
        batch, first = self._join(key, request)
        if not first:
            batch.answered.wait()
            return request.answer()
        batch.full.wait(self._wait_seconds)
        with self._lock:
            if self._open.get(key) is batch:
                del self._open[key]
        try:
            batch.run(self._runner, signature)
        finally:
            batch.answered.set()
        return request.answer()

    def _join(self, key: Hashable, request: _Request) -> tuple[_Batch, bool]:
        """The batch that a request is now in, and whether it is the first there, which is the one to run it."""
        with self._lock:
            batch = self._open.get(key)
            if batch is not None and batch.rows + request.rows > self._most_rows:
                batch.full.set()
                batch = None
            first = batch is None
            if batch is None:
                batch = self._open[key] = _Batch()
            batch.requests.append(request)
            if batch.rows == self._most_rows:
                batch.full.set()
        return batch, first


@dataclasses.dataclass
class _Request:
    inputs: Arrays
    rows: int
    outputs: dict[str, np.ndarray] | None = None
    error: BaseException | None = None

    def run(self, runner: Runner, signature: str) -> None:
        try:
            self.outputs = runner.run(signature, self.inputs)
        except BaseException as error:  # raised again in the thread whose request it is
            self.error = error

    def answer(self) -> dict[str, np.ndarray]:
        if self.outputs is None:
            raise self.error or RuntimeError("The batch of this request did not run.")
        return self.outputs


class _Batch:
    def __init__(self) -> None:
        self.requests: list[_Request] = []
        self.full = threading.Event()
        self.answered = threading.Event()

    @property
    def rows(self) -> int:
        return sum(request.rows for request in self.requests)

    def run(self, runner: Runner, signature: str) -> None:
        outputs = self._together(runner, signature) if len(self.requests) > 1 else None
        if outputs is None:
            for request in self.requests:
                request.run(runner, signature)
            return
        ends = np.cumsum([request.rows for request in self.requests])[:-1]
        parts = {name: np.split(array, ends) for name, array in outputs.items()}
        for number, request in enumerate(self.requests):
            request.outputs = {name: arrays[number] for name, arrays in parts.items()}

    def _together(self, runner: Runner, signature: str) -> dict[str, np.ndarray] | None:
        """All answers in one; None where one request spoils them, or an output has no rows."""
        names = self.requests[0].inputs
        inputs = {name: np.concatenate([request.inputs[name] for request in self.requests]) for name in names}
        try:
            outputs = runner.run(signature, inputs)
        except Exception:  # the one that is to blame gets its own error, the others their answers
            return None
        return outputs if all(np.shape(array)[:1] == (self.rows,) for array in outputs.values()) else None


def _rows(arrays: Arrays) -> int | None:
    """The size of the batch; None where the inputs do not agree on one."""
    sizes = {array.shape[0] if array.ndim else None for array in arrays.values()}
    return sizes.pop() if len(sizes) == 1 else None

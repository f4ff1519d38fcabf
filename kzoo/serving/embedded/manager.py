"""Loading and unloading versions until those are loaded that are wanted, with one loaded all the while.

References:
    `tensorflow_serving/core/aspired_versions_manager.cc`, `core/basic_manager.cc`, `core/loader_harness.cc`,
    `core/availability_preserving_policy.cc`, `util/retrier.cc`
"""

from __future__ import annotations

import dataclasses
import enum
import logging
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from kzoo.serving.embedded.serving_map import ServingMap
from kzoo.serving.embedded.states import AVAILABLE, END, LOADING, START, UNLOADING, StateMonitor, VersionState
from kzoo.serving.embedded.status import StatusError

LOG = logging.getLogger(__name__)
T = TypeVar("T")


class HarnessState(enum.Enum):
    """What the manager has done with a version (`LoaderHarness::State`, without the steps that nobody else sees)."""

    NEW = "new"
    LOADING = "loading"
    READY = "ready"
    UNLOADING = "unloading"
    DISABLED = "disabled"
    ERROR = "error"


@dataclasses.dataclass
class Harness:
    """A version that is managed.

    Attributes:
        version: Its number.
        path: Its directory.
        state: What has been done with it.
        aspired: Whether it is wanted.
        cancelled: Whether its load is not to be tried again.
        runner: What answers, while it is loaded.
    """

    version: int
    path: str
    state: HarnessState = HarnessState.NEW
    aspired: bool = True
    cancelled: bool = False
    runner: Any = None


class Action(enum.Enum):
    """What the policy can ask for."""

    LOAD = "load"
    UNLOAD = "unload"


def next_action(harnesses: Iterable[Harness]) -> tuple[Action, Harness] | None:
    """What to do next, one thing at a time (`AvailabilityPreservingPolicy::GetNextAction`).

    Of the versions that are loaded but not wanted the oldest goes, once a wanted one is loaded, or none is wanted, or
    another of them stays. Else the newest wanted one that is new is loaded.
    """
    managed = list(harnesses)
    wanted = [each for each in managed if each.aspired]
    unwanted = [each for each in managed if not each.aspired and each.state is HarnessState.READY]
    served = any(each.state is HarnessState.READY for each in wanted)
    if unwanted and (not wanted or served or len(unwanted) > 1):
        return Action.UNLOAD, min(unwanted, key=lambda each: each.version)
    new = [each for each in wanted if each.state is HarnessState.NEW]
    return (Action.LOAD, max(new, key=lambda each: each.version)) if new else None


class VersionManager:
    """The versions of one model.

    Args:
        name: Name of the model.
        load: Gives a runner, with a method `close`, for the directory of a version, or raises `StatusError`.
        max_num_load_retries: Further attempts at a load that has failed.
        load_retry_interval: Seconds between attempts; none where it is negative.
        monitor: Where states are published.
        stopped: Set when the server ends.

    Attributes:
        serving: The versions that requests find.
    """

    def __init__(
        self,
        name: str,
        load: Callable[[str], Any],
        *,
        max_num_load_retries: int,
        load_retry_interval: float,
        monitor: StateMonitor,
        stopped: threading.Event,
    ) -> None:
        self.name = name
        self.serving = ServingMap()
        self._load = load
        self._retries, self._interval = max_num_load_retries, load_retry_interval
        self._monitor, self._stopped = monitor, stopped
        self._managed: dict[int, Harness] = {}
        self._pending: list[tuple[int, str]] | None = None
        self._lock = threading.Lock()
        self._in_threads = True
        self._load_threads: list[threading.Thread] = []

    def aspire(self, versions: Sequence[tuple[int, str]]) -> None:
        """Ask for these versions and no others (`EnqueueAspiredVersionsRequest`): the last request counts."""
        with self._lock:
            self._pending = list(versions)

    def manage(self) -> None:
        """Do what is next (the body of `manage_state_thread_`); it runs ten times a second."""
        self._flush()
        self._take_pending()
        with self._lock:
            action = next_action(self._managed.values())
            if action is None:
                return
            kind, harness = action
            harness.state = HarnessState.LOADING if kind is Action.LOAD else HarnessState.UNLOADING
            if kind is Action.LOAD and self._in_threads:
                thread = threading.Thread(target=self._load_harness, args=(harness,), name=f"load-{harness.version}")
                self._load_threads.append(thread)
                thread.start()
                return
        # `num_load_threads` and `num_unload_threads` are 0: while a load is tried again, nothing else is done.
        if kind is Action.LOAD:
            self._load_harness(harness)
        else:
            self._unload(harness)

    def end_initial_loads(self) -> None:
        """Load one after another from now on (`ConnectSourcesWithFastInitialLoad`); waits for loads that are on."""
        with self._lock:
            self._in_threads = False
            threads = list(self._load_threads)
        for thread in threads:
            thread.join()

    def unload_all(self) -> None:
        """Unload everything, when nothing else is done any more."""
        self.end_initial_loads()
        self.serving.update({})
        for harness in self._managed.values():
            if harness.runner is not None:
                harness.runner.close()
                harness.runner = None

    def _flush(self) -> None:
        """`FlushServables`: forget what is neither loaded nor wanted."""
        over = (HarnessState.NEW, HarnessState.DISABLED, HarnessState.ERROR)
        with self._lock:
            for harness in list(self._managed.values()):
                if harness.state in over and not harness.aspired:
                    del self._managed[harness.version]

    def _take_pending(self) -> None:
        """`HandlePendingAspiredVersionsRequests` and `ProcessAspiredVersionsRequest`."""
        with self._lock:
            if self._pending is None:
                return
            versions: dict[int, str] = {}
            for version, path in self._pending:
                # Of two spellings of a number the first is managed.
                versions.setdefault(version, path)
            if any(version in versions and not each.aspired for version, each in self._managed.items()):
                # What is wanted again has to be gone first.
                return
            self._pending = None
            for version, harness in self._managed.items():
                if version not in versions:
                    harness.aspired, harness.cancelled = False, True
            # A version that has failed is still wanted, so that it is not tried again.
            new = [Harness(version, path) for version, path in versions.items() if version not in self._managed]
            self._managed.update({harness.version: harness for harness in new})
        for harness in new:
            self._publish(harness, START)

    def _load_harness(self, harness: Harness) -> None:
        """`ApproveLoad`, `ExecuteLoad` and `LoaderHarness::Load`."""
        try:
            # The resources are reserved first, for which the directory is read.
            self._retry(harness, lambda: self._reserve_resources(harness))
            self._publish(harness, LOADING)
            runner = self._retry(harness, lambda: self._load(harness.path))
        except StatusError as error:
            with self._lock:
                harness.state = HarnessState.ERROR
            self._publish(harness, END, error)
            LOG.error("Servable {name: %s version: %d} cannot be loaded: %s", self.name, harness.version, error)
            return
        if harness.cancelled:
            # It is not wanted any more, so that it is not made available even for a moment.
            runner.close()
            with self._lock:
                harness.state = HarnessState.DISABLED
            self._publish(harness, END, StatusError("CANCELLED", "Loading of servable cancelled"))
            return
        with self._lock:
            harness.runner, harness.state = runner, HarnessState.READY
        self._update_serving_map()
        self._publish(harness, AVAILABLE)
        LOG.info("Successfully loaded servable version {name: %s version: %d}", self.name, harness.version)

    def _retry(self, harness: Harness, function: Callable[[], T]) -> T:
        """`Retry`: once, and up to `max_num_load_retries` times again, unless the version is not wanted any more."""
        tries = 0
        while True:
            try:
                return function()
            except StatusError as error:
                tries += 1
                LOG.error("Loading servable: {name: %s version: %d} failed: %s", self.name, harness.version, error)
                if tries > self._retries or harness.cancelled or self._stopped.wait(max(self._interval, 0.0)):
                    raise

    def _reserve_resources(self, harness: Harness) -> None:
        """`EstimateResourceFromPathUsingDiskState` in `servables/tensorflow/util.cc`: what is no directory fails."""
        try:
            with os.scandir(harness.path):
                pass
        except OSError as error:
            code = "NOT_FOUND" if isinstance(error, FileNotFoundError) else "FAILED_PRECONDITION"
            raise StatusError(
                code,
                "Error while attempting to reserve resources to load servable "
                f"{{name: {self.name} version: {harness.version}}}: {harness.path}; {error.strerror}",
            ) from None

    def _unload(self, harness: Harness) -> None:
        """`ExecuteUnload`: out of the map first, closed when the last request has been answered."""
        self._publish(harness, UNLOADING)
        self._update_serving_map()
        harness.runner.close()
        with self._lock:
            harness.runner, harness.state = None, HarnessState.DISABLED
        self._publish(harness, END)
        LOG.info("Done unloading servable version {name: %s version: %d}", self.name, harness.version)

    def _update_serving_map(self) -> None:
        with self._lock:
            runners = {each.version: each.runner for each in self._managed.values() if each.state is HarnessState.READY}
        self.serving.update(runners)

    def _publish(self, harness: Harness, state: str, error: StatusError | None = None) -> None:
        code, message = (error.code, error.message) if error else ("OK", "")
        self._monitor.publish(VersionState(harness.version, state, code, message))

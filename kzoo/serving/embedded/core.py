"""Which versions of a model are served, and by which labels, in the order in which TensorFlow Serving decides it.

It has no HTTP in it. One thread polls the file system for versions, one loads and unloads them, and one polls the
configuration.

References:
    `tensorflow_serving/model_servers/server_core.cc`, `model_servers/server.cc`
"""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from kzoo.serving.embedded.manager import VersionManager
from kzoo.serving.embedded.model_config import ServedModel, read_config, served_model
from kzoo.serving.embedded.serving_map import Lease
from kzoo.serving.embedded.states import AVAILABLE, StateMonitor, VersionState
from kzoo.serving.embedded.status import NotFound, StatusError
from kzoo.serving.embedded.version_source import aspired_versions

LOG = logging.getLogger(__name__)
MANAGE_STATE_INTERVAL = 0.1
"""Seconds between two actions of the manager (`AspiredVersionsManager::Options::manage_state_interval_micros`)."""


@dataclasses.dataclass(frozen=True)
class Options:
    """Options of `tensorflow_model_server`, with its defaults (`model_servers/server.h, Server::Options`).

    Attributes:
        model_config_file: A `ModelServerConfig` of one model, as text.
        model_config_file_poll_wait_seconds: Seconds between two looks at it; 0 for one look only.
        file_system_poll_wait_seconds: Seconds between two looks for versions; 0 for one look, negative for none.
        max_num_load_retries: Further attempts at a load that has failed.
        load_retry_interval_micros: Microseconds between attempts.
        allow_version_labels_for_unavailable_models: Whether a label that is not in use may be given to a version that
            is not loaded.
        servable_versions_always_present: Whether the versions are kept when none is found (an option of `ServerCore`
            that `tensorflow_model_server` leaves off).
    """

    model_config_file: str
    model_config_file_poll_wait_seconds: float = 0
    file_system_poll_wait_seconds: float = 1
    max_num_load_retries: int = 5
    load_retry_interval_micros: int = 60_000_000
    allow_version_labels_for_unavailable_models: bool = False
    servable_versions_always_present: bool = False


class ServerCore:
    """The versions and labels of the one model of a `models.config`.

    `start` it, `lease` a version for every request, and `stop` it.

    Args:
        options: See `Options`.
        load: Gives the runner of a version's directory, or raises `StatusError`; by default TensorFlow loads it.
        find: Where a base path of the configuration is on this machine; by default, where it says.
    """

    def __init__(
        self,
        options: Options,
        *,
        load: Callable[[str], Any] | None = None,
        find: Callable[[str], str] = lambda path: path,
    ) -> None:
        self._options, self._load, self._find = options, load, find
        self._stopped = threading.Event()
        self._monitor = StateMonitor()
        self._manager: VersionManager | None = None
        self._model: ServedModel | None = None
        self._source_lock, self._config_lock = threading.Lock(), threading.Lock()
        self._labels: dict[str, int] = {}
        self._threads: list[threading.Thread] = []
        self._threads_lock = threading.Lock()

    def start(self) -> None:
        """Read the configuration and load what it asks for; returns when a version is available.

        As the real server it waits without end where there is no version, and listens to nobody meanwhile; `stop` in
        another thread ends the wait.

        Raises:
            StatusError: The configuration cannot be read, or the first version that ended its load did not load.
        """
        try:
            # Server::BuildAndStart: a configuration that cannot be read ends the server.
            self.reload(read_config(self._options.model_config_file))
        except BaseException:
            self.stop()
            raise
        if self._options.model_config_file_poll_wait_seconds > 0:
            self._every(self._options.model_config_file_poll_wait_seconds, self._poll_config, "poll-config")

    def stop(self) -> None:
        """End all threads, and unload everything once the leases have been given back."""
        with self._threads_lock:
            self._stopped.set()
            threads = list(self._threads)
        for thread in threads:
            thread.join()
        if self._manager is not None:
            self._manager.unload_all()

    @property
    def names(self) -> list[str]:
        """The name of the model, or nothing while there is no configuration."""
        return [self._model.name] if self._model is not None else []

    def lease(self, name: str, version: int | None = None, label: str | None = None) -> Lease:
        """Take a version for a request, which keeps it loaded: `with core.lease("digits") as runner: ...`.

        Args:
            name: Name of the model.
            version: Number of a version; the newest loaded one where neither it nor a label is given.
            label: Label of a version.

        Returns:
            The lease, whose `with` block gives the runner; it has the `version`.

        Raises:
            StatusError: There is no such label (`ServerCore::GetModelVersionForLabel`).
            NotFound: There is no such model, or the version is not loaded.
        """
        if not name:
            raise StatusError("INVALID_ARGUMENT", "ModelSpec has no name specified.")
        here = name in self.names
        if label is not None:
            if not here or label not in self._labels:
                raise StatusError("INVALID_ARGUMENT", f"Unrecognized servable version label: {label}")
            version = self._labels[label]
        if self._manager is None or not here:
            asked = f"Latest({name})" if version is None else f"Specific({name}, {version})"
            raise NotFound(f"Servable not found for request: {asked}")
        return self._manager.serving.lease(name, version)

    def status(self, name: str, version: int | None = None) -> list[VersionState]:
        """States of versions, the newest first; those that have ended too (`GetModelStatusImpl::GetModelStatus`).

        Args:
            name: Name of the model.
            version: Number of a version, for that one alone.

        Raises:
            NotFound: The server has never heard of it.
        """
        states = self._monitor.states() if name in self.names else []
        if version is not None:
            states = [each for each in states if each.version == version]
            if not states:
                raise NotFound(f"Could not find version {version} of model {name}")
        if not states:
            raise NotFound(f"Could not find any versions of model {name}")
        return states

    def reload(self, config: Any) -> None:
        """Take up a `ModelServerConfig` (`ServerCore::ReloadConfig`): its labels first, then its versions.

        Raises:
            StatusError: It is refused: what was served before still is, by the labels of before.
        """
        with self._config_lock:
            if config.WhichOneof("config") is None:
                LOG.info("Taking no action for empty config.")
                return
            model = served_model(config, self._find)
            if self._model is not None and model.name != self._model.name:
                raise StatusError("UNIMPLEMENTED", f"This server serves {self._model.name} alone, not {model.name}.")
            # A label to a version that is not loaded discards all of it, so that the version is never loaded.
            self._labels = self._label_map(model, config.model_config_list.config[0].version_labels)
            first = self._manager is None
            self._update_source(model)
            if first:
                self._load_initially(model)

    def _label_map(self, model: ServedModel, wanted: Any) -> dict[str, int]:
        """`ServerCore::UpdateModelVersionLabelMap`."""
        labels = {}
        for label, version in wanted.items():
            moved = self._labels.get(label, version) != version
            allowed = self._options.allow_version_labels_for_unavailable_models and not moved
            state = self._monitor.state(version)
            if not allowed and (state is None or state.state != AVAILABLE):
                raise StatusError(
                    "FAILED_PRECONDITION",
                    f"Request to assign label to version {version} of model {model.name}, which is not currently "
                    "available for inference",
                )
            labels[label] = version
        return labels

    def _update_source(self, model: ServedModel) -> None:
        """`FileSystemStoragePathSource::UpdateConfig`; versions are looked for at the next poll."""
        with self._source_lock:
            if self._options.servable_versions_always_present and not aspired_versions(model):
                raise NotFound(
                    f"Unable to find a numerical version path for servable {model.name} at: {model.base_path}"
                )
            self._model = model

    def _load_initially(self, model: ServedModel) -> None:
        """`ConnectAdaptersToManagerAndAwaitModelLoads`."""
        self._manager = VersionManager(
            model.name,
            self._load or _tensorflow_loader(),
            max_num_load_retries=self._options.max_num_load_retries,
            load_retry_interval=self._options.load_retry_interval_micros / 1e6,
            monitor=self._monitor,
            stopped=self._stopped,
        )
        self._every(MANAGE_STATE_INTERVAL, self._manager.manage, "manage-versions")
        if self._options.file_system_poll_wait_seconds > 0:
            self._every(self._options.file_system_poll_wait_seconds, self._poll_file_system, "poll-file-system")
        elif self._options.file_system_poll_wait_seconds == 0:
            self._poll_file_system()
        reached = self._monitor.wait_until_any_available(self._stopped.is_set)
        if reached is None:
            raise StatusError("CANCELLED", "The server was stopped before a version was available.")
        if reached.state != AVAILABLE:
            raise StatusError(
                "UNKNOWN",
                f"1 servable(s) did not become available: {{{{name: {model.name} version: {reached.version}}} due to "
                f"error: {reached.code}: {reached.message}}}, }}",
            )
        self._manager.end_initial_loads()

    def _poll_file_system(self) -> None:
        """`FileSystemStoragePathSource::PollFileSystemAndInvokeCallback`."""
        with self._source_lock:
            assert self._model is not None and self._manager is not None
            try:
                versions = aspired_versions(self._model)
            except StatusError as error:
                LOG.error("FileSystemStoragePathSource encountered a filesystem access error: %s", error.message)
                return
            if not versions and self._options.servable_versions_always_present:
                LOG.error("Refusing to unload all versions for Servable: %s", self._model.name)
                return
            self._manager.aspire(versions)

    def _poll_config(self) -> None:
        """`Server::PollFilesystemAndReloadConfig`: what cannot be taken up now is tried again at the next poll."""
        try:
            self.reload(read_config(self._options.model_config_file))
        except StatusError as error:
            LOG.error("PollFilesystemAndReloadConfig failed to ReloadConfig: %s", error.message)

    def _every(self, seconds: float, function: Callable[[], None], name: str) -> None:
        """Run a function in a thread at once and then again and again (`PeriodicFunction`)."""

        def run() -> None:
            while not self._stopped.is_set():
                began = time.monotonic()
                function()
                self._stopped.wait(max(0.0, seconds - (time.monotonic() - began)))

        with self._threads_lock:
            # Whoever stops the server while it starts waits for all threads that there will be.
            if not self._stopped.is_set():
                thread = threading.Thread(target=run, name=name, daemon=True)
                thread.start()
                self._threads.append(thread)


def _tensorflow_loader() -> Callable[[str], Any]:
    # Imported when the server starts: TensorFlow takes seconds.
    from kzoo.serving.embedded.loading import load_version

    return load_version

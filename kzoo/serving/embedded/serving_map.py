"""The versions that requests find, exchanged as a whole.

References:
    `tensorflow_serving/core/basic_manager.cc, BasicManager::ServingMap` and
    `tensorflow_serving/util/fast_read_dynamic_ptr.h`
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from kzoo.serving.embedded.status import NotFound


class _Snapshot:
    def __init__(self, runners: Mapping[int, Any]) -> None:
        self.runners = dict(runners)
        self.leases = 0


class Lease:
    """A loaded version that stays loaded inside of a `with` block, which gives its runner.

    Attributes:
        version: Number of the version.
    """

    def __init__(self, serving: ServingMap, snapshot: _Snapshot, version: int) -> None:
        self.version = version
        self._serving, self._snapshot = serving, snapshot
        self._returned = False

    def __enter__(self) -> Any:
        """The runner."""
        return self._snapshot.runners[self.version]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Give it back."""
        self.release()

    def release(self) -> None:
        """Give the version back; more than once does no harm."""
        if not self._returned:
            self._returned = True
            self._serving.give_back(self._snapshot)


class ServingMap:
    """Runners by version."""

    def __init__(self) -> None:
        self._snapshot = _Snapshot({})
        self._changed = threading.Condition()

    def update(self, runners: Mapping[int, Any]) -> None:
        """Exchange the versions; new requests find these at once.

        It returns when the last lease of the versions before has been given back, of whichever version that is
        (`FastReadDynamicPtr::Update`), so that what is gone can be closed.
        """
        with self._changed:
            before, self._snapshot = self._snapshot, _Snapshot(runners)
            self._changed.wait_for(lambda: before.leases == 0)

    def lease(self, name: str, version: int | None) -> Lease:
        """Take a version, the newest where none is named.

        Raises:
            NotFound: It is not loaded (`ServingMap::GetUntypedServableHandle`).
        """
        with self._changed:
            runners = self._snapshot.runners
            if version is None and runners:
                version = max(runners)
            if version is None or version not in runners:
                asked = f"Latest({name})" if version is None else f"Specific({name}, {version})"
                raise NotFound(f"Servable not found for request: {asked}")
            self._snapshot.leases += 1
            return Lease(self, self._snapshot, version)

    def give_back(self, snapshot: _Snapshot) -> None:
        """End a lease."""
        with self._changed:
            snapshot.leases -= 1
            if not snapshot.leases:
                self._changed.notify_all()

"""The states of versions as clients see them, and waiting for one.

References:
    `tensorflow_serving/core/servable_state_monitor.cc`
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable

START, LOADING, AVAILABLE, UNLOADING, END = "START", "LOADING", "AVAILABLE", "UNLOADING", "END"


@dataclasses.dataclass(frozen=True)
class VersionState:
    """The state of one version.

    Attributes:
        version: Its number.
        state: "START", "LOADING", "AVAILABLE", "UNLOADING" or "END".
        code: "OK", or the code of what went wrong.
        message: What went wrong, or "".
    """

    version: int
    state: str
    code: str = "OK"
    message: str = ""


class StateMonitor:
    """The last state of every version there has been; one that has ended is remembered."""

    def __init__(self) -> None:
        self._states: dict[int, VersionState] = {}
        self._changed = threading.Condition()

    def publish(self, state: VersionState) -> None:
        """Note a state (`HandleEvent`)."""
        with self._changed:
            self._states[state.version] = state
            self._changed.notify_all()

    def states(self) -> list[VersionState]:
        """All states, the newest version first."""
        with self._changed:
            return [self._states[version] for version in sorted(self._states, reverse=True)]

    def state(self, version: int) -> VersionState | None:
        """The state of a version, or None where it is not known."""
        with self._changed:
            return self._states.get(version)

    def wait_until_any_available(self, cancelled: Callable[[], bool]) -> VersionState | None:
        """Wait until a version is available or has ended, whichever comes first, however long that takes.

        Returns:
            That version (`HasAnyServableInStreamReachedState`: of several the newest), or None where the wait was
            cancelled.
        """
        with self._changed:
            while not cancelled():
                for version in sorted(self._states, reverse=True):
                    if self._states[version].state in (AVAILABLE, END):
                        return self._states[version]
                self._changed.wait(0.1)
        return None

"""Promoting a version: its label moves when the servers have loaded it, so that there is never one that cannot answer.

A server that polls its configuration looks at the labels first. A label that is in use and moves to a version which is
not loaded makes it discard the whole configuration, so that the version is never loaded, however often it looks. So a
promotion has two steps: the version is served beside what was served before, by the old labels; when every server has
loaded it, the label moves. What was under the label stays loaded, which makes going back quick.

A label that is not in use may be given to any version at once, and so may every label before a server starts:
`--allow_version_labels_for_unavailable_models` is among the options that kzoo writes.

References:
    `tensorflow_serving/model_servers/server_core.cc, ServerCore::ReloadConfig` and `UpdateModelVersionLabelMap`
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from kzoo.export.versions import list_versions
from kzoo.serving.configuration import Release, served_name, write_configuration
from kzoo.serving.deployment import POLL_SECONDS
from kzoo.serving.errors import ServingError
from kzoo.serving.ownership import unfinished
from kzoo.serving.releases import (
    LABEL,
    SETTLED,
    is_settled,
    locked_release,
    read_release,
    served_beside,
    with_label,
    write_release,
)
from kzoo.serving.replicas import LOCAL, Replica, find_replicas
from kzoo.serving.transport import VersionStatus

LOOK = 0.25


@dataclasses.dataclass(frozen=True)
class Promotion:
    """How far a promotion has come.

    Attributes:
        labels: Version by label, as it is written now.
        served: Versions that are served, ascending.
        left: What is still to happen, or to be done; empty where every server asked answers under the label with the
            version, and where there is none to ask and the label is written.
    """

    labels: Mapping[str, int]
    served: tuple[int, ...]
    left: str = ""


def promote(
    base: Path,
    version: int,
    label: str = "stable",
    *,
    servers: Sequence[str] | None = None,
    token: str | None = None,
    wait: float = 0.0,
    tell: Callable[[str], None] = lambda line: None,
) -> Promotion:
    """Give a label to a version, as far as that can be done now; call it again, or let it wait, for the rest.

    From the first label on, the versions are served that have a label now or had one before, and no longer whichever
    is newest.

    Args:
        base: Directory of the versions.
        version: Number of a version that exists.
        label: The label, which no other version has afterwards.
        servers: "HOST:PORT" of the REST API of every server, or the URL of a gateway before it; None for the one on
            this machine, if there is one. An empty sequence, or none there, for servers that cannot be asked.
        token: Bearer token of every request to them. It can be read on the way where a URL is not https.
        wait: Seconds to wait until the servers answer under the label with the version. Where none can be asked, the
            seconds that loading may take: the label moves after them.
        tell: Gets a line for each thing that was done.

    Returns:
        How far it has come. A promotion that was ended in between is completed by calling it again.

    Raises:
        ServingError: There is no such version, or the label is not a word; one of the servers named does not answer,
            or could not load the version, which is then not to be served any more.
        OSError: It cannot be written.
    """
    if not LABEL.fullmatch(label):
        raise ServingError(f"{label!r} is not a label; expected a word such as stable or canary.")
    _require(base, version)
    if problem := unfinished(base / str(version)):
        raise ServingError(f"{base / str(version)} is no whole export: {problem} Export or copy it again.")
    replicas = find_replicas(served_name(base), servers, label, token=token)
    promotion = _Promotion(base, version, label, replicas, tell)
    if replicas:
        return promotion.with_servers(wait)
    where = f"at {LOCAL}" if servers is None else "that can be asked"
    tell(f"There is no server of {base.resolve().name} {where}.")
    return promotion.without_server(wait)


class _Promotion:
    def __init__(
        self, base: Path, version: int, label: str, replicas: Sequence[Replica], tell: Callable[[str], None]
    ) -> None:
        self.base, self.version, self.label = base, version, label
        self.replicas, self.tell = replicas, tell
        self.release = Release()
        # What the label was given to when this was looked at last; another promotion may change it.
        self.given: int | None = None

    def without_server(self, wait: float) -> Promotion:
        """Both steps at once where no server can mind; else the second after a time."""
        with locked_release(self.base) as before:
            there = _require(self.base, self.version)
            free = before.labels.get(self.label) in (None, self.version)
            loaded = self.version in before.served and is_settled(self.base)
            if free or loaded:
                self._write(with_label(before, there, self.version, self.label))
                self._tell_label()
                return self._state()
            self.release, self.given = before, before.labels[self.label]
            if self.version not in before.served:
                self._write(served_beside(before, there, self.version))
        self._tell_served()
        if wait <= 0:
            seconds = int(SETTLED)
            return self._state(
                f"Left: the label {self.label} stays at {self.given} until version {self.version} is loaded, since a "
                "server that cannot be asked from here may be reading the configuration, and would discard it. Run "
                f"this again after {seconds} seconds, or with --wait SECONDS, or name the servers with --server "
                "HOST:PORT."
            )
        time.sleep(wait)
        self._move_label()
        return self._state()

    def with_servers(self, wait: float) -> Promotion:
        """Each step as soon as every server is ready for it."""
        deadline = time.monotonic() + wait
        # A server tells of a failed attempt until it makes another.
        earlier = {each.address: each.status(self.version) for each in self.replicas}
        with locked_release(self.base) as before:
            there = _require(self.base, self.version)
            self.release, self.given = before, before.labels.get(self.label)
            if self.version in before.served:
                earlier.clear()
            if self.given != self.version:
                self._write(served_beside(before, there, self.version))
                self._tell_served()
            else:
                # What was ended between the labels and the configuration has to be written still.
                write_configuration(self.base, before)
        while True:
            left = self._look(earlier)
            if not left or time.monotonic() >= deadline:
                return self._state(left)
            time.sleep(LOOK)

    def _look(self, earlier: dict[str, VersionStatus | None]) -> str:
        """Do what can be done now; returns what is left."""
        states = {each.address: each.status(self.version) for each in self.replicas}
        for address, status in states.items():
            if status != earlier.get(address):
                earlier.pop(address, None)
                if status is not None and status.state == "END" and status.error:
                    self._take_back(address, status.error)
        waiting = {address: status for address, status in states.items() if not _is_available(status)}
        under_label = {each.address: each.version_under_label() for each in self.replicas}
        if self.given != self.version:
            self._keep_served()
        if not waiting:
            if self.given != self.version:
                self.tell(f"Loaded by {_list(states)}.")
                self._move_label()
            missing = [address for address, version in under_label.items() if version != self.version]
            if not missing:
                self.tell(f"{_list(states)} answer{'s' * (len(states) == 1)} under {self.label} with it.")
                return ""
            return f"Left: {_list(missing)} will take up the label {self.label}, looking every {POLL_SECONDS} seconds."
        refused = any(status is None or status.state == "END" for status in waiting.values())
        if self.given == self.version and refused and set(under_label.values()) != {self.version, None}:
            # A server that neither has nor loads the version discards a label to it, and the versions with it.
            self._put_label_back(under_label)
        shown = ", ".join(f"{address} ({_shown(status)})" for address, status in waiting.items())
        stays = f"stays at {self.given}" if self.given is not None else "waits"
        return (
            f"Left: version {self.version} has to be loaded by {shown}; the label {self.label} {stays} until then."
            f"{self._in_the_way()}"
        )

    def _in_the_way(self) -> str:
        """Other labels for which a server discards the configuration."""
        labels = {word: number for word, number in read_release(self.base).labels.items() if word != self.label}
        there = list_versions(self.base)
        blocking = [
            f"{word} at version {number}"
            for word, number in labels.items()
            if number in there and not all(_is_available(each.status(number)) for each in self.replicas)
        ]
        return f" In the way is {_list(blocking)}, which is not loaded: promote that first." if blocking else ""

    def _keep_served(self) -> None:
        """Add the version again where the promotion of another label has taken it out meanwhile."""
        if self.version not in read_release(self.base).served:
            with locked_release(self.base) as before:
                there = self._unchanged(before)
                self._write(served_beside(before, there, self.version, keep=before.served))

    def _move_label(self) -> None:
        with locked_release(self.base) as before:
            there = self._unchanged(before)
            self._write(with_label(before, there, self.version, self.label, keep=before.served))
            self.given = self.version
        self._tell_label()

    def _put_label_back(self, under_label: Mapping[str, int | None]) -> None:
        with locked_release(self.base) as before:
            there = self._unchanged(before)
            earlier = next((each for each in under_label.values() if each in there and each != self.version), None)
            labels = {word: number for word, number in before.labels.items() if word != self.label}
            if earlier is not None:
                labels[self.label] = earlier
            self.given = earlier
            self._write(served_beside(Release(labels, before.served), there, self.version, keep=before.served))
        self.tell(
            f"The label {self.label} stood at version {self.version}, which is not loaded: a server discards that. "
            f"It is {f'at {earlier}' if earlier is not None else 'left out'} again until the version is loaded."
        )

    def _take_back(self, address: str, error: str) -> None:
        """Serve the version no more: a server tries one that has failed again only after it was not to be served."""
        taken_back = ""
        with locked_release(self.base) as before:
            if self.version not in before.labels.values():
                self._write(Release(before.labels, tuple(each for each in before.served if each != self.version)))
                taken_back = f" It is not to be served any more; mended, promote it after {POLL_SECONDS} seconds."
        raise ServingError(
            f"{address} could not load version {self.version}: {error}. The label {self.label} stays as it was."
            f"{taken_back}"
        )

    def _unchanged(self, release: Release) -> list[int]:
        if release.labels.get(self.label) != self.given:
            raise ServingError(
                f"Another promotion has given {self.label} to version {release.labels.get(self.label)} meanwhile; it "
                "stays there."
            )
        return _require(self.base, self.version)

    def _write(self, release: Release) -> None:
        write_release(self.base, release)
        self.release = release

    def _state(self, left: str = "") -> Promotion:
        return Promotion(dict(self.release.labels), self.release.served, left)

    def _tell_served(self) -> None:
        labels = ", ".join(f"{word} at {number}" for word, number in sorted(self.release.labels.items()))
        self.tell(f"To be served: versions {_list(self.release.served)}, with {labels or 'no label'}.")

    def _tell_label(self) -> None:
        self.tell(f"The label {self.label} is given to version {self.version}.")


def _require(base: Path, version: int) -> list[int]:
    there = list_versions(base)
    if not base.is_dir():
        raise ServingError(f"{base} does not exist; export a model there first.")
    if version not in there:
        raise ServingError(f"{base} has no version {version}; there are: {_list(there) or 'none'}.")
    return there


def _is_available(status: VersionStatus | None) -> bool:
    return status is not None and status.state == "AVAILABLE"


def _shown(status: VersionStatus | None) -> str:
    if status is None:
        return "not known there yet"
    return f"{status.state}: {status.error}" if status.error else status.state


def _list(values: object) -> str:
    return ", ".join(map(str, values))  # type: ignore[call-overload]

"""The oracle's side of the journal: what is written of a trial, and how a search is taken up again."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keras_tuner.engine.trial import Trial

from tuners.store.journal import FILE, FORMAT, Journal, JournalError, read_journal
from tuners.store.replay import SearchState, replay


class Ledger:
    """Writes the journal of one search.

    Nothing is written, and no lock taken, before the first trial: a worker of a distributed search only reads.

    Args:
        header: What the search was asked for; a journal with another objective is refused.
    """

    def __init__(self, header: Mapping[str, Any]) -> None:
        self.header = {"kind": "header", "format": FORMAT, **header}
        self.state: SearchState | None = None
        self._journal: Journal | None = None
        self._space_size = -1
        self._size = 0
        self._began = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds that the search has run for, those of its earlier parts included."""
        return time.monotonic() - self._began + (self.state.elapsed if self.state else 0.0)

    def load(self, directory: Path | None) -> SearchState:
        """What the journal tells, read once.

        Args:
            directory: Directory of the search.

        Returns:
            The state of the search; an empty one where there is no journal.

        Raises:
            JournalError: The journal is of a newer version or of another search.
        """
        if self.state is None:
            found = directory is not None and (directory / FILE).exists()
            self._size = (directory / FILE).stat().st_size if found and directory else 0
            self.state = replay(read_journal(directory), directory) if found and directory else SearchState()
            self._space_size = len(self.state.space)
            there = self.state.header.get("objective", self.header["objective"])
            if there != self.header["objective"]:
                raise JournalError(
                    f"{directory} holds a search for {there}, not for {self.header['objective']}; choose another "
                    "directory or project_name, or pass overwrite=True."
                )
        return self.state

    def open(self, directory: Path | None) -> None:
        """Take the journal for writing.

        Raises:
            RunLocked: Another process has it.
            JournalError: Another process has written it since it was read.
            OSError: It cannot be written.
        """
        if self._journal is not None or directory is None:
            return
        journal = Journal(directory)
        if self.state is not None and journal.found != self._size:
            journal.close()
            raise JournalError(
                f"{directory}: another search has gone on here since this one was read; start this one again."
            )
        self._journal = journal
        self._began = time.monotonic()
        if self.state is None or not self.state.header:
            self._write(self.header)

    def close(self) -> None:
        """Let others have the journal."""
        if self._journal is not None:
            self._size = self._journal.size()
            self._journal.close()
            self._journal = None

    def write_space(self, space: list[dict[str, Any]]) -> None:
        """The search space, where it has grown."""
        if len(space) != self._space_size:
            self._write({"kind": "space", "space": space})
            self._space_size = len(space)

    def write_created(self, trial: Trial, number: int, point: Mapping[str, float]) -> None:
        """A trial starts."""
        self._write(
            {
                "kind": "created",
                "trial_id": trial.trial_id,
                "number": number,
                "point": dict(point),
                "values": trial.hyperparameters.values,
            }
        )

    def write_ended(
        self, trial: Trial, number: int, point: Mapping[str, float], *, runs: int, seconds: float | None, again: bool
    ) -> None:
        """A trial has ended, or will be run again; on the disk when this returns."""
        state = trial.get_state()
        del state["hyperparameters"]
        record = {
            "kind": "retried" if again else "ended",
            "number": number,
            "point": dict(point),
            "values": trial.hyperparameters.values,
            "runs": runs,
            "seconds": seconds,
            "elapsed": self.elapsed,
            "state": state,
        }
        self._write(record, sync=True)

    def write_stopped(self, reason: str) -> None:
        """The search ends before its trials are used up."""
        self._write({"kind": "stopped", "reason": reason}, sync=True)

    def _write(self, record: dict[str, Any], *, sync: bool = False) -> None:
        if self._journal is not None:
            self._journal.append(record, sync=sync)

"""The display of a search that runs: one bar for the trials, one for the epochs of the trial, the best so far."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import rich.progress
from rich.console import Console

from kzoo.cli.shown import number


class SearchProgress:
    """Shows a search on standard error; pass it to a tuner as `observer`.

    Where standard error is no terminal, each new best is printed as a line and no bar is drawn.

    Args:
        trials: Trials in all, those of an earlier part of the search included.
        finished: Trials that are finished already.
        objective: Name of the metric that is optimised.
        sign: 1 where more is better, -1 where less is.
        best: Best score so far, or None.
        quiet: Show nothing.
    """

    def __init__(
        self, *, trials: int, finished: int, objective: str, sign: int, best: float | None, quiet: bool = False
    ) -> None:
        self.objective, self.sign, self.best = objective, sign, best
        self.trials, self.finished = trials, finished
        self.console = Console(stderr=True, highlight=False, quiet=quiet, soft_wrap=True)
        self.bar = rich.progress.Progress(
            rich.progress.TextColumn("{task.description}"),
            rich.progress.BarColumn(bar_width=None),
            rich.progress.MofNCompleteColumn(),
            rich.progress.TimeElapsedColumn(),
            rich.progress.TextColumn("{task.fields[note]}"),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
            expand=True,
        )
        self.task = self.bar.add_task("trials", total=trials, completed=finished, note=self._note())
        self.epochs = self.bar.add_task("epochs", total=None, note="")

    def __enter__(self) -> SearchProgress:
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def on_epoch(self, trial: Any, epoch: int, epochs: int, logs: Mapping[str, float]) -> None:
        """An epoch of a trial has ended.

        Args:
            trial: The trial.
            epoch: Epochs that have ended, from 1.
            epochs: Epochs of the trial in all.
            logs: Metrics of the epoch.
        """
        value = logs.get(self.objective)
        note = "" if value is None else f"now {number(float(value))}"
        self.bar.update(self.epochs, completed=epoch, total=epochs, note=note)

    def on_trial_end(self, trial: Any) -> None:
        """A trial has ended.

        Args:
            trial: The trial, with its status and score.
        """
        self.finished += 1
        score = trial.score if trial.status == "COMPLETED" else None
        if score is not None and (self.best is None or self.sign * (score - self.best) > 0):
            self.best = score
            self._announce(score, trial.hyperparameters.values)
        elif trial.message and trial.status != "COMPLETED":
            reason = trial.message.strip().splitlines()[-1]
            self.console.print(f"trial {self.finished}: {reason}", markup=False, style="yellow", overflow="ellipsis")
        self.bar.update(self.task, completed=self.finished, note=self._note())
        self.bar.update(self.epochs, completed=0, note="")

    def _announce(self, score: float, values: Mapping[str, Any]) -> None:
        line = f"trial {self.finished:>3} of {self.trials}  {self.objective} {number(score, 4)}"
        self.console.print(line, markup=False)

    def _note(self) -> str:
        return "" if self.best is None else f"best {number(self.best, 4)}"

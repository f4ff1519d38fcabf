"""The display of a search that runs: a bar for the trials with the best so far, and one for each that trains."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import rich.progress
from rich.text import Text

from kzoo.cli.console import console
from kzoo.cli.shown import number, reason, seconds, shown_name, shown_value
from tuners.strategy.scores import goodness, tie_breaker

STOPPING = "Stopping: trials that run come to their end. Ctrl-C again stops at once."


class _Count(rich.progress.MofNCompleteColumn):
    """How many of how many; nothing while that is not known."""

    def render(self, task: rich.progress.Task) -> Text:
        return Text() if task.total is None else super().render(task)


class SearchProgress:
    """Shows a search on standard error; pass it to a tuner as `observer`.

    Each new best is a line with its values. Where standard error is not a terminal, every trial is a line and no bar is
    drawn.

    Args:
        trials: Trials in all, those of an earlier part of the search included.
        objective: Name of the metric that is optimised.
        direction: Which way it is better, "min" or "max".
        ended: The trials that are finished already.
        time_left: Seconds that the search may go on for, or None.
        quiet: Show nothing.

    Attributes:
        finished: Trials that have ended.
        since: How many of them came after the best.
    """

    def __init__(
        self,
        *,
        trials: int,
        objective: str,
        direction: str,
        ended: Sequence[Any] = (),
        time_left: float | None = None,
        quiet: bool = False,
    ) -> None:
        self.objective, self.direction = objective, direction
        self.best: Any = None
        self.since = 0
        for trial in ended:
            self._leads(trial)
        finished = len(ended)
        self.trials, self.finished, self.before, self.time_left = trials, finished, finished, time_left
        self.began = time.monotonic()
        self.console = console(stderr=True, quiet=quiet, soft_wrap=True)
        self.bar = rich.progress.Progress(
            rich.progress.TextColumn("{task.description}"),
            rich.progress.BarColumn(bar_width=None),
            _Count(),
            rich.progress.TimeElapsedColumn(),
            rich.progress.TextColumn("{task.fields[note]}"),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
            expand=True,
        )
        self.task = self.bar.add_task("trials", total=trials, completed=finished, note=self._note())
        self.epochs = self.bar.add_task("epochs", total=None, note="")
        self._workers: dict[int, rich.progress.TaskID] = {}
        self._rows: dict[str, rich.progress.TaskID] = {}
        self._stopping = False

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
        row = self._rows.get(trial.trial_id, self.epochs)
        note = "" if value is None else f"now {number(float(value))}"
        if row != self.epochs:
            note = f"{_name(trial)}, {note}" if note else _name(trial)
        self.bar.update(row, completed=epoch, total=epochs, note=note)

    def on_worker(self, worker: int, state: str, trial: Any) -> None:
        """The state of a worker process has changed.

        Args:
            worker: Its number, from 1.
            state: "starting", "training", "idle", "ending" after the trial that it has, or "given up".
            trial: The trial that it has, or None.
        """
        if worker not in self._workers:
            self.bar.update(self.epochs, visible=False)
            self._workers[worker] = self.bar.add_task(f"worker {worker}", total=None, note="")
        row = self._workers[worker]
        self._rows = {trial_id: other for trial_id, other in self._rows.items() if other != row}
        if state == "ending":
            self.on_stop()
        if trial is None:
            self.bar.reset(row, start=False, total=None, note=state)
            return
        self._rows[trial.trial_id] = row
        if state == "training":
            self.bar.reset(row, total=None, note=_name(trial))
        else:
            self.bar.update(row, note=f"{_name(trial)}, {state}")

    def note(self, line: str, *, anew: bool = False) -> None:
        """Show a line about how the search goes on.

        Args:
            line: The line.
            anew: Whether trials take another time from now on, so that those before tell nothing of it.
        """
        self.console.print(line, markup=False)
        if anew:
            self.time_left, self.began, self.before = self.seconds_left(), time.monotonic(), self.finished
            self.bar.update(self.task, note=self._note())

    def seconds_left(self) -> float | None:
        """Seconds that the search may go on for, or None."""
        return None if self.time_left is None else max(0.0, self.time_left - (time.monotonic() - self.began))

    def on_stop(self) -> None:
        """The search is to end when the trials that run have."""
        if not self._stopping:
            self._stopping = True
            self.console.print(STOPPING, markup=False)

    def on_trial_end(self, trial: Any) -> None:
        """A trial has ended.

        Args:
            trial: The trial, with its status and score.
        """
        self.finished += 1
        score = trial.score if trial.status == "COMPLETED" else None
        leads = self._leads(trial)
        line = f"{_name(trial, len(str(self.trials)))} of {self.trials}  "
        failed = score is None
        said = f"{self.objective} {number(score, 4)}{'' if failed else self._in_units(trial)}"
        line += (reason(trial.message or "") or trial.status.lower()) if failed else said
        if leads:
            line += f"  best so far: {self._values(trial)}"
        if not self.console.is_terminal:
            self.console.print(f"{line}{self._left('  ')}", markup=False)
        elif leads or failed:
            style = "" if leads else "yellow"
            width = self.console.width
            self.console.print(line if len(line) <= width else f"{line[: width - 3]}...", markup=False, style=style)
        self.bar.update(self.task, completed=self.finished, note=self._note())
        self.bar.update(self.epochs, completed=0, note="")

    def _leads(self, trial: Any) -> bool:
        """Whether a trial that has ended is the best so far, of equals that with the least loss."""
        self.since += 1
        if trial.status != "COMPLETED":
            return False
        best = self.best
        if best is None or self._goodness(trial) > self._goodness(best):
            self.best, self.since = trial, 0
        return self.best is not best

    def _goodness(self, trial: Any) -> tuple[float, float]:
        return goodness(trial.score, _at_best(trial, tie_breaker(self.objective)), self.direction)

    def _in_units(self, trial: Any) -> str:
        """The error in the unit of what is predicted, where that is not the objective."""
        metric = "val_root_mean_squared_error"
        value = None if metric == self.objective else _at_best(trial, metric)
        return "" if value is None else f" (RMSE {number(value, 4)})"

    def _values(self, trial: Any) -> str:
        """In what the values of a trial are not the defaults, the most important ones first."""
        values = trial.hyperparameters.values
        defaults = {each.name: each.default for each in trial.hyperparameters.space}
        # As they are shown, since a default comes back from a log scale with another last digit.
        other = [name for name in values if number(values[name]) != number(defaults.get(name))]
        shown = [f"{shown_name(name).rpartition('/')[2]} {number(shown_value(name, values[name]))}" for name in other]
        return ", ".join(shown) or "the defaults"

    def _left(self, before: str = "") -> str:
        """How long the search will still take, as far as it can be told."""
        here = self.finished - self.before
        if not here or self.finished >= self.trials:
            return ""
        gone = time.monotonic() - self.began
        left = gone / here * (self.trials - self.finished)
        limit = self.seconds_left()
        if limit is not None:
            left = min(left, limit)
        return f"{before}{f'about {seconds(left)}' if left >= 10 else 'under 10 s'} left"

    def _note(self) -> str:
        best = "" if self.best is None else f"best {number(self.best.score, 4)}"
        return ", ".join(filter(None, (best, self._left())))


def _at_best(trial: Any, metric: str) -> float | None:
    """A metric in the best epoch of a trial; None where it was not recorded."""
    epochs = trial.metrics.get_history(metric) if trial.metrics.exists(metric) else ()
    return next((float(each.mean()) for each in epochs if each.step == trial.best_step), None)


def _name(trial: Any, width: int = 0) -> str:
    """What a trial is called everywhere: its number from 1."""
    name = str(int(trial.trial_id) + 1) if trial.trial_id.isdecimal() else str(trial.trial_id)
    return f"trial {name:>{width}}" if width else f"trial {name}"

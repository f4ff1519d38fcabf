"""What a search found, in words and a table, or as a JSON record."""

from __future__ import annotations

import collections
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich.table

from kzoo.cli import run
from kzoo.cli.console import Failure, command, console, describe
from kzoo.cli.shown import cell, columns, number, shown_name, shown_value
from kzoo.export.layout import served_name_of

if TYPE_CHECKING:
    from tuners import Study, TrialRecord


REASONS = 4
"""Reasons of engines that are shown."""


def load(directory: Path) -> Study:
    """The study of a run.

    Raises:
        Failure: There is none, or it cannot be read.
    """
    from tuners.study import Study

    try:
        return Study.load(directory)
    except FileNotFoundError:
        raise Failure(
            f"{directory} holds no search; start one with: kzoo search MODEL --data DATA --out {command(directory)}"
        ) from None
    except (OSError, ValueError) as error:
        raise Failure(describe(error)) from None


def record(directory: Path, study: Study) -> dict[str, Any]:
    """The study as plain data, for `--json`."""
    return {
        "run": str(directory),
        "objective": study.objective,
        "direction": study.direction,
        "trials": [_trial_record(trial) for trial in study.trials],
        "best": study.best[0].trial_id if study.best else None,
        "epochs_saved": epochs_saved(directory, study),
    }


def _trial_record(trial: TrialRecord) -> dict[str, Any]:
    return {
        "trial": trial.trial_id,
        "status": trial.status,
        "score": trial.score,
        "best_epoch": trial.best_epoch,
        "hyperparameters": trial.values,
        "shown": {shown_name(name): shown_value(name, value) for name, value in trial.values.items()},
        "message": trial.message,
        "engines": list(trial.engines),
        "refusals": dict(trial.refusals),
    }


def show(directory: Path, study: Study, *, top: int = 10) -> None:
    """Print the best trials, what happened to the others, and the next commands."""
    out = console()
    out.print(headline(directory, study), markup=False)
    if study.best:
        out.print()
        out.print(_table(study.best[:top], study))
        out.print()
        _print_best(study)
    if saved := epochs_saved(directory, study):
        out.print(f"Trials that fell behind were ended early, which saved {saved} epochs.", markup=False)
    for line in [*troubles(study), *trained_by(study)]:
        out.print(line, markup=False)
    if study.best:
        following = command("kzoo", "export", directory, "--name", _serving_name(directory))
        out.print(f"\nNext: {following}", markup=False, soft_wrap=True)


def epochs_saved(directory: Path, study: Study) -> int:
    """Epochs that pruning has left out; 0 where the search was not run by the command, which does not say how many."""
    if not (directory / run.FILE).exists():
        return 0
    epochs = run.Run.read(directory).epochs
    histories = [trial.history.get(study.objective) for trial in study.completed]
    # A journal whose first line is damaged does not say what the objective was.
    return sum(epochs - len(history) for history in histories if history is not None)


def _serving_name(directory: Path) -> str:
    """The name of the data, where the search was run by the command, as far as it goes into an address."""
    name = directory.resolve().name
    if (directory / run.FILE).exists():
        name = Path(run.Run.read(directory).data.source).stem
    return served_name_of(name)


def headline(directory: Path, study: Study) -> str:
    """How many trials there are of each kind, and the best score."""
    counts = collections.Counter(trial.status for trial in study.trials)
    parts = [f"{counts['COMPLETED']} trials finished"]
    parts += [
        f"{counts[status]} {word}"
        for status, word in (("INVALID", "infeasible"), ("FAILED", "failed"), ("RUNNING", "unfinished"))
        if counts[status]
    ]
    return f"{directory}: {', '.join(parts)}" + (
        f"; best {study.objective} {number(study.best[0].score, 4)}" if study.best else ""
    )


def _table(trials: tuple[TrialRecord, ...], study: Study) -> rich.table.Table:
    """The trials, with a column for each hyperparameter that fits into 80 columns and differs among them."""
    names = _columns(trials)
    table = rich.table.Table(box=None, pad_edge=False, padding=(0, 1))
    table.add_column("trial", justify="right")
    table.add_column(study.objective, justify="right")
    for name in names:
        table.add_column(shown_name(name), justify="right", overflow="fold")
    for trial in trials:
        cells = [cell(name, trial.values) for name in names]
        table.add_row(str(trial.number), number(trial.score, 4), *cells)
    return table


def _columns(trials: tuple[TrialRecord, ...]) -> list[str]:
    # Sub-hyperparameters of other choices are for few rows and would push the shared ones off the screen.
    shared = [name for name in columns(trials) if "/" not in name]
    chosen: list[str] = []
    width = 24
    first = ("optimizer", "learning_rate", "batch_size")
    for name in sorted(shared, key=lambda name: (name not in first, first.index(name) if name in first else 0)):
        cells = max(len(cell(name, trial.values)) for trial in trials)
        need = max(cells, len(shown_name(name))) + 2
        if width + need <= 80:
            chosen.append(name)
            width += need
    return chosen


def _print_best(study: Study) -> None:
    best = study.best[0]
    table = rich.table.Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in best.values.items():
        table.add_row(shown_name(name), number(shown_value(name, value)))
    out = console()
    out.print(f"Trial {best.number} is the best:", markup=False)
    out.print(table)


def troubles(study: Study) -> list[str]:
    """What went wrong in the trials, one line per problem."""
    lines = []
    invalid = [trial for trial in study.trials if trial.status == "INVALID"]
    if invalid:
        lines.append(f"{len(invalid)} infeasible: the loss was not finite; the search stays away from them.")
    for trial in [trial for trial in study.trials if trial.status == "FAILED"][:3]:
        last = (trial.message or "no message").strip().splitlines()[-1]
        lines.append(f"Trial {trial.number} failed: {last}")
    return lines


def trained_by(study: Study) -> list[str]:
    """What trained the trials where `model.fit` had to, and why a faster engine did not, one line per reason."""
    counts = collections.Counter(engine for trial in study.trials for engine in trial.engines)
    if not counts["fit"]:
        return []
    shares = [f"{count} by the {engine} engine" for engine, count in counts.items() if engine != "fit"]
    shares.append(f"{counts['fit']} by model.fit")
    lines = [f"Trained: {', '.join(shares)}."]
    by_fit = [trial for trial in study.trials if "fit" in trial.engines]
    reasons = collections.Counter(reason for trial in by_fit for reason in trial.refusals.items())
    lines += [
        f"  the {engine} engine left {count} to others: {reason}"
        for (engine, reason), count in reasons.most_common(REASONS)
    ]
    return lines

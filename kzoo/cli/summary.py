"""What a search found, in words and a table, or as a JSON record."""

from __future__ import annotations

import collections
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich.table

from kzoo.cli import run
from kzoo.cli.console import Failure, command, console, describe
from kzoo.cli.shown import aligned, cell, columns, even, number, shown_name, shown_value
from kzoo.export.layout import served_name_of
from tuners.report.facts import best_line, counts, troubles

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

    if directory.is_file():
        raise Failure(f"{directory} is a file; expected the directory of a search.")
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
    from tuners.report.plain import trial_record

    return {
        "run": str(directory),
        "objective": study.objective,
        "direction": study.direction,
        "trials": [trial_record(trial) for trial in study.trials],
        "best": study.best[0].number if study.best else None,
        "stopped": study.stopped,
        "epochs_saved": epochs_saved(directory, study),
    }


def show(directory: Path, study: Study, *, top: int = 10) -> None:
    """Print the best trials, what happened to the others, and the next commands."""
    asked = run.Run.read(directory) if (directory / run.FILE).exists() else None
    out = console()
    out.print(headline(directory, study), markup=False)
    if study.best:
        out.print()
        _print_table(study.best[:top], study)
        out.print()
        _print_best(study)
    if saved := epochs_saved(directory, study):
        out.print(f"Trials were ended early, which saved {saved} epochs.", markup=False)
    for line in [*troubles(study), *trained_by(study), *no_better(study, asked)]:
        out.print(line, markup=False)
    if study.best:
        out.print(f"\nNext: {following(directory, asked)}", markup=False, soft_wrap=True)


def following(directory: Path, asked: run.Run | None) -> str:
    """What to do with the best of a search."""
    if asked is None:
        return "tuner.get_best_models() in Python, and kzoo.export_model; kzoo export is for what kzoo search made"
    # Not the name of the data alone: a clone has an export of that name, which this would become a version of.
    name = served_name_of(f"{Path(asked.data.source).stem}-{asked.model_name.partition('.py')[0]}")
    return command("kzoo", "export", directory, "--name", name, *(["--trust"] if run.is_own(asked.model) else []))


def no_better(study: Study, asked: run.Run | None) -> list[str]:
    """A line where the search has found nothing better than an answer that is always the same."""
    if asked is None or asked.constant is None or not study.best:
        return []
    best, constant = study.best[0].score, asked.constant
    if best is None or (best > constant if study.direction == "max" else best < constant):
        return []
    always = "the largest class" if asked.task.kind == "classification" else "the mean"
    return [
        f"To look at: the best is as good as always answering {always} ({study.objective} {number(constant, 4)}), or "
        "worse: the data may tell nothing of the target, or the trials were too short."
    ]


def epochs_saved(directory: Path, study: Study) -> int:
    """Epochs that pruning has left out; 0 where the search was not run by the command, which does not say how many."""
    asked = run.Run.read(directory) if (directory / run.FILE).exists() else None
    # A model of the user's own may train as long as it likes.
    if asked is None or run.is_own(asked.model):
        return 0
    histories = [trial.history.get(study.objective) for trial in study.completed]
    # A journal whose first line is damaged does not say what the objective was.
    return sum(asked.epochs - len(history) for history in histories if history is not None)


def headline(directory: Path, study: Study) -> str:
    """How many trials there are of each kind, and the best score."""
    best = f"; best {study.objective} {number(study.best[0].score, 4)}" if study.best else ""
    return f"{directory}: {counts(study)}{best}{f'. {study.stopped}' if study.stopped else ''}"


UNITS = {"val_root_mean_squared_error": "RMSE", "val_mean_absolute_error": "MAE"}
"""Metrics in the unit of what is predicted, and what they are called."""

FIRST = ("optimizer", "learning_rate", "batch_size")
"""Columns that come first."""


def _print_table(trials: tuple[TrialRecord, ...], study: Study) -> None:
    """The trials, with a column for each hyperparameter that differs among them, as many as the screen has room for."""
    found = _cells(trials, study)
    out = console()
    table = rich.table.Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    width, left_out = 0, []
    for title, cells in found.items():
        need = max(map(len, (title, *cells)))
        if width + need > out.width:
            left_out.append(title)
            continue
        width += need + 2
        table.add_column(title, justify="right", no_wrap=True)
    for row in zip(*(cells for title, cells in found.items() if title not in left_out), strict=True):
        table.add_row(*row)
    out.print(table)
    if left_out:
        out.print(f"No room for {', '.join(left_out)}: in a wider window, or with --json.", markup=False)


def _cells(trials: tuple[TrialRecord, ...], study: Study) -> dict[str, list[str]]:
    """Cells of each column by its title."""
    found = {"trial": [str(trial.number) for trial in trials]}
    found[study.objective] = aligned([trial.score for trial in trials])
    for metric, title in UNITS.items():
        values = [trial.history[metric][(trial.best_epoch or 1) - 1] for trial in trials if metric in trial.history]
        if metric != study.objective and len(values) == len(trials):
            found[title] = aligned(values)
    # Those of other choices are for few rows and would push the shared ones off the screen.
    names = [name for name in columns(trials) if "/" not in name]
    for name in sorted(names, key=lambda name: FIRST.index(name) if name in FIRST else len(FIRST)):
        found[shown_name(name)] = even([cell(name, trial.values) for trial in trials])
    return found


def _print_best(study: Study) -> None:
    best = study.best[0]
    table = rich.table.Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in best.values.items():
        table.add_row(shown_name(name), number(shown_value(name, value)))
    out = console()
    out.print(best_line(study), markup=False)
    out.print(table)


def trained_by(study: Study) -> list[str]:
    """What trained the trials where `model.fit` had to, and why a faster engine did not, one line per reason."""
    trained = collections.Counter(engine for trial in study.trials for engine in trial.engines)
    if not trained["fit"]:
        return []
    shares = [f"{count} by the {engine} engine" for engine, count in trained.items() if engine != "fit"]
    shares.append(f"{trained['fit']} by model.fit")
    lines = [f"Trained: {', '.join(shares)}."]
    by_fit = [trial for trial in study.trials if "fit" in trial.engines]
    reasons = collections.Counter(reason for trial in by_fit for reason in trial.refusals.items())
    lines += [
        f"  the {engine} engine left {count} to others: {reason}"
        for (engine, reason), count in reasons.most_common(REASONS)
    ]
    return lines

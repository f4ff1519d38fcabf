"""`kzoo audit RUN --verify TIMES`: the way from the default to the best, trained again from other seeds."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import kzoo
from kzoo.cli import run, studies
from kzoo.cli.console import Failure, console, mendable
from kzoo.cli.effort import Effort
from kzoo.cli.quiet import import_tensorflow
from kzoo.cli.run import Run
from tuners.store.journal import FILE as JOURNAL

if TYPE_CHECKING:
    from tuners import Study

FOLDER = "again"
"""Below a run: searches of a few given configurations, each trained several times."""


def conclude(directory: Path, study: Study) -> Any:
    """What a study teaches, with what was trained again for it."""
    from tuners.insight import conclude as concluded

    return concluded(study, again=trained(directory))


def trained(directory: Path) -> list[Study]:
    """Studies in which configurations of a run were trained again."""
    return [studies.load(path.parent) for path in sorted((directory / FOLDER).glob(f"*/{JOURNAL}"))]


def train_again(directory: Path, study: Study, times: int, *, workers: int | None, trust: bool, quiet: bool) -> None:
    """Train the default, the best, and what lies on the way between them, again; what was begun goes on.

    Args:
        directory: The run.
        study: Its study.
        times: Trainings of each.
        workers: Processes that train, or None.
        trust: Whether the program of a model of somebody's own may run.
        quiet: Show nothing.

    Raises:
        Failure: There is nothing to train, or it cannot be trained.
    """
    asked = _asked(directory, times, trust=trust)
    found = _configurations(directory, study)
    if not quiet:
        console().print(f"Training {len(found)} configurations {times} times each, from other seeds.", markup=False)
    with mendable(kzoo.DataError):
        data = asked.load_data()
    import_tensorflow()
    from kzoo.cli.training import train
    from kzoo.cli.tuner import make_tuner

    digest = hashlib.blake2b(json.dumps(found, sort_keys=True).encode(), digest_size=6).hexdigest()
    place = directory / FOLDER / f"{digest}-{times}"
    with mendable(OSError):
        asked.write(place)
    # Each configuration is trained several times as it is.
    effort = Effort(len(found), workers=workers, reruns=0)
    tuner = make_tuner(asked.hypermodel(), asked, data, place, effort, initial=found)
    if train(tuner, data, asked, place, effort, elapsed=0.0, quiet=quiet):
        raise KeyboardInterrupt


def _asked(directory: Path, times: int, *, trust: bool) -> Run:
    """The run with so many executions, from other seeds."""
    if not (directory / run.FILE).exists():
        raise Failure(f"{directory} was not made by kzoo search, which alone knows its model and data.")
    asked = Run.read(directory)
    if asked.folds:
        raise Failure(f"{directory} was cross-validated: its scores are means over {asked.folds} trainings already.")
    if run.is_own(asked.model) and not trust:
        raise Failure(
            f"{directory} was made with {asked.model}, a program that would run: look at it, and pass --trust."
        )
    return dataclasses.replace(asked, executions=times, seed=(asked.seed + 1) % 2**31, earlier=None, learn_from=())


def _configurations(directory: Path, study: Study) -> list[dict[str, Any]]:
    from tuners.insight.path import to_train_again
    from tuners.insight.response import response_of

    if not study.best or not study.space:
        raise Failure(f"{directory}: no trial has given a result yet.")
    found = to_train_again(study, response_of(study))
    if len(found) < 2 or (found[0] == study.best[0].values and not study.default_stands):
        raise Failure(f"{directory}: no trial was better than the default, so that there is nothing to compare.")
    return found

"""The trials of a search: trained here, in worker processes, or on a cluster, with their progress on the screen."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kzoo.cli.console import Failure, describe
from kzoo.cli.effort import Effort
from kzoo.cli.handover import HandOver
from kzoo.cli.progress import SearchProgress
from kzoo.cli.run import Run, is_own
from kzoo.cli.tuner import MAKER, WORKER, fit_arguments
from tuners.parallel.interrupt import Interrupt
from tuners.store.journal import JournalError

if TYPE_CHECKING:
    from kzoo.datasets import Dataset
    from tuners import CoarseToFineSearch

FitArguments = tuple[tuple[Any, ...], dict[str, Any]]
"""Arguments of `model.fit`, those by place and those by name."""


def train(
    tuner: CoarseToFineSearch,
    data: Dataset,
    asked: Run,
    directory: Path,
    effort: Effort,
    *,
    elapsed: float,
    quiet: bool,
) -> bool:
    """Run a search.

    Args:
        tuner: Its tuner.
        data: Its data.
        asked: The search.
        directory: Its directory.
        effort: How it is run.
        elapsed: Seconds that it has run for already.
        quiet: Show nothing.

    Returns:
        Whether it was interrupted from the keyboard.

    Raises:
        Failure: It cannot go on; what was finished is kept.
    """
    oracle = tuner.oracle
    progress = SearchProgress(
        trials=effort.trials,
        objective=asked.objective,
        direction=asked.better,
        ended=[oracle.trials[name] for name in oracle.end_order],
        time_left=None if effort.max_time is None else effort.max_time - elapsed,
        quiet=quiet,
    )
    tuner.observer = progress
    try:
        with progress:
            _work(tuner, data, asked, directory, effort)
    except KeyboardInterrupt:
        return True
    except (ModuleNotFoundError, ConnectionError, JournalError) as error:
        raise Failure(describe(error)) from None
    except RuntimeError as error:
        raise Failure(_shortened(str(error))) from None
    except OSError as error:
        raise Failure(f"{describe(error)} What was finished is kept; the same command goes on.") from None
    return False


def _shortened(message: str) -> str:
    """The first line of a message, and the last two, in which a traceback says what was wrong."""
    first, *rest = message.strip().splitlines()
    return " ".join([first, *(line.strip() for line in rest[-2:])])


def _work(tuner: CoarseToFineSearch, data: Dataset, asked: Run, directory: Path, effort: Effort) -> None:
    if effort.ray is not None:
        from tuners.parallel.cluster import Needs, search_on_ray

        needs = Needs(effort.trial_cpus, effort.trial_gpus, effort.workers, effort.hard_timeout)
        arguments = _arguments(directory, effort)
        search_on_ray(MAKER, arguments, address=effort.ray, observer=tuner.observer, needs=needs)
        return
    fit = fit_arguments(asked, data, effort)
    if (effort.workers or 1) > 1 or effort.trial_timeout is not None:
        _search_in_workers(tuner, fit, asked, directory, effort, effort.workers or 1)
    elif effort.workers == 1:
        _search_here(tuner, *fit)
    else:
        _search_by_measure(tuner, fit, asked, directory, effort)


def _search_by_measure(
    tuner: CoarseToFineSearch, fit: FitArguments, asked: Run, directory: Path, effort: Effort
) -> None:
    """Begin here, and go on in worker processes where the first trials show that these pay."""
    progress = tuner.observer
    assert isinstance(progress, SearchProgress)
    if is_own(asked.model) and not asked.family:
        # What its `fit` writes to a file of its own, another process would write over.
        effort = dataclasses.replace(effort, alone=effort.alone or f"{asked.model_name} may write files of its own")
    tuner.observer = measured = HandOver(tuner, progress, effort)
    _search_here(tuner, *fit)
    tuner.observer = progress
    if measured.workers == 1:
        return
    from tuners.parallel.pool import NoWorkerError

    try:
        _search_in_workers(tuner, fit, asked, directory, effort, measured.workers)
    except NoWorkerError as error:
        progress.note(f"On in this process: {_shortened(str(error))}", anew=True)
        _search_here(tuner, *fit)


def _search_in_workers(
    tuner: CoarseToFineSearch, fit: FitArguments, asked: Run, directory: Path, effort: Effort, workers: int
) -> None:
    import tuners
    from tuners.folds import facts_of_call

    tuner.oracle.verbose = 0
    tuner.oracle.note_search(facts_of_call(*fit, tuner.folds, asked.executions))
    # Not from the working directory, where a file may have the name of a module.
    command = [sys.executable, "-P", "-m", WORKER, *_arguments(directory, effort)]
    tuners.search_in_processes(tuner, command, workers=workers, trial_timeout=effort.hard_timeout)


def _arguments(directory: Path, effort: Effort) -> list[str]:
    return [str(directory.absolute()), effort.to_json()]


def _search_here(tuner: CoarseToFineSearch, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Search in this process; as with workers, the first Ctrl-C lets the trial that runs come to its end."""

    def stop() -> None:
        tuner.stop_search = True
        assert isinstance(tuner.observer, SearchProgress | HandOver)
        tuner.observer.on_stop()

    with Interrupt(stop) as interrupt:
        tuner.search(*args, **kwargs)
    if interrupt.asked:
        raise KeyboardInterrupt

"""The trials of a search: trained here, in worker processes, or on a cluster, with their progress on the screen."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kzoo.cli.console import Failure, describe
from kzoo.cli.effort import Effort
from kzoo.cli.progress import SearchProgress
from kzoo.cli.run import Run
from kzoo.cli.tuner import MAKER, WORKER, fit_arguments
from tuners.parallel.interrupt import Interrupt
from tuners.store.journal import JournalError

if TYPE_CHECKING:
    from kzoo.datasets import Dataset
    from tuners import CoarseToFineSearch


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
    arguments = [str(directory.absolute()), effort.to_json()]
    if effort.ray is not None:
        from tuners.parallel.cluster import Needs, search_on_ray

        needs = Needs(effort.trial_cpus, effort.trial_gpus, effort.workers, effort.hard_timeout)
        search_on_ray(MAKER, arguments, address=effort.ray, observer=tuner.observer, needs=needs)
    elif (effort.workers or 1) > 1 or effort.trial_timeout is not None:
        import tuners
        from tuners.folds import facts_of_call

        tuner.oracle.verbose = 0
        tuner.oracle.note_search(facts_of_call(*fit_arguments(asked, data, effort), tuner.folds, asked.executions))
        # Not from the working directory, where a file may have the name of a module.
        command = [sys.executable, "-P", "-m", WORKER, *arguments]
        tuners.search_in_processes(tuner, command, workers=effort.workers or 1, trial_timeout=effort.hard_timeout)
    else:
        _search_here(tuner, *fit_arguments(asked, data, effort))


def _search_here(tuner: CoarseToFineSearch, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Search in this process; as with workers, the first Ctrl-C lets the trial that runs come to its end."""

    def stop() -> None:
        tuner.stop_search = True
        assert isinstance(tuner.observer, SearchProgress)
        tuner.observer.on_stop()

    with Interrupt(stop) as interrupt:
        tuner.search(*args, **kwargs)
    if interrupt.asked:
        raise KeyboardInterrupt

"""Searches on other data that a new one learns from, as they are found on disk."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from tuners.store.journal import FILE
from tuners.store.records import FOREIGN
from tuners.strategy.ranking import informative
from tuners.strategy.transfer import Source
from tuners.strategy.warm_start import trials_of
from tuners.study import Study

MOST = 48
"""Searches that are learned from, at most, those written last: a suggestion asks the model of each of them."""

MOST_TRIALS = 60
"""Trials of each, at most: the better half of these, and the latest."""

Past = Study | Source | str | os.PathLike[str]


def past_searches(given: Past | Iterable[Past]) -> list[Source]:
    """What some searches have found, by studies, directories of searches, and directories that hold such directories.

    Args:
        given: One of these, or several. Of a `Study` the trials that have a score and the infeasible ones are taken.

    Raises:
        FileNotFoundError: A directory does not exist, or holds no search.
        ValueError: A search that was named itself cannot be read.

    Warns:
        UserWarning: One of many searches in a directory cannot be read, or there are too many.
    """
    several = [given] if isinstance(given, Study | Source | str | os.PathLike) else list(given)
    found: list[Source] = []
    for each in several:
        if isinstance(each, Source):
            found.append(each)
        elif isinstance(each, Study):
            found.append(source_of(each))
        else:
            found += _in_directory(Path(each))
    return found


def source_of(study: Study, name: str = "") -> Source:
    """The trials of a search that another one on other data can learn from.

    Args:
        study: The search; its objective may be another one.
        name: What people know it by; where none is given it is that of its objective.
    """
    trials = trials_of(study)
    scores = np.array([-math.inf if each.score is None else each.score for each in trials])
    chosen = informative(scores[:, None], scores, MOST_TRIALS)
    return Source(name or study.objective, tuple(trials[each] for each in chosen))


def _in_directory(directory: Path) -> list[Source]:
    if any((directory / file).is_file() for file in (FILE, FOREIGN)):
        return [source_of(_study(directory), directory.name)]
    if not directory.is_dir():
        raise FileNotFoundError(f"{directory} is no directory.")
    written = {path.parent: path.stat().st_mtime for file in (FOREIGN, FILE) for path in directory.rglob(file)}
    if not written:
        raise FileNotFoundError(f"{directory} holds no search: there is no {FILE} in it or below, nor {FOREIGN}.")
    latest = sorted(written, key=lambda path: (written[path], path), reverse=True)
    if len(latest) > MOST:
        warnings.warn(f"learn_from: the last {MOST} of the {len(latest)} searches in {directory}.", stacklevel=4)
    found = []
    for path in latest[:MOST]:
        name = str(path.relative_to(directory))
        try:
            found.append(source_of(_study(path), name))
        except (ValueError, OSError) as error:
            warnings.warn(f"learn_from: {name} is passed over: {error}", stacklevel=4)
    return found


def _study(directory: Path) -> Study:
    """The study of a search of ours, or of keras-tuner's own tuners."""
    return Study.load(directory) if (directory / FILE).is_file() else Study.from_keras_tuner(directory)

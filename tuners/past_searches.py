"""Searches on other data that a new one learns from, as they are found on disk."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from pathlib import Path

from tuners.store.journal import FILE, JournalError
from tuners.strategy.transfer import Source
from tuners.strategy.warm_start import trials_of
from tuners.study import Study

MOST = 48
"""Searches that are learned from, at most, those written last: a suggestion asks the model of each of them."""

Past = Study | Source | str | os.PathLike[str]


def past_searches(given: Past | Iterable[Past]) -> list[Source]:
    """What some searches have found, by studies, directories of searches, and directories that hold such directories.

    Args:
        given: One of these, or several. Of a `Study` the trials that have a score and the infeasible ones are taken.

    Raises:
        FileNotFoundError: A directory does not exist, or holds no search.
        JournalError: A search that was named itself cannot be read.

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
    return Source(name or study.objective, tuple(trials_of(study)))


def _in_directory(directory: Path) -> list[Source]:
    if (directory / FILE).is_file():
        return [source_of(Study.load(directory), directory.name)]
    if not directory.is_dir():
        raise FileNotFoundError(f"{directory} is no directory.")
    journals = sorted(directory.rglob(FILE), key=lambda path: (path.stat().st_mtime, path), reverse=True)
    if not journals:
        raise FileNotFoundError(f"{directory} holds no search: there is no {FILE} in it or below.")
    if len(journals) > MOST:
        warnings.warn(f"learn_from: the last {MOST} of the {len(journals)} searches in {directory}.", stacklevel=4)
    found = []
    for path in journals[:MOST]:
        name = str(path.parent.relative_to(directory))
        try:
            found.append(source_of(Study.load(path.parent), name))
        except (JournalError, OSError) as error:
            warnings.warn(f"learn_from: {name} is passed over: {error}", stacklevel=4)
    return found

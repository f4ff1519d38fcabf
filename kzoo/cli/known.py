"""What a search knows from the start: trials of an earlier one on the same data, and searches on other data."""

from __future__ import annotations

from pathlib import Path

import typer

from kzoo.cli import summary
from kzoo.cli.console import bad_argument, describe
from kzoo.cli.run import FILE, Run
from kzoo.cli.shown import counted
from kzoo.zoo.past_searches import past_searches


def learned(asked: Run) -> dict[str, str]:
    """The line about the searches that are learned from, where there are any.

    Raises:
        BadParameter: A directory has none.
    """
    from tuners.past_searches import past_searches as searches_in

    directories, own = asked.past
    shipped = past_searches(asked.model, asked.task.kind) if own and asked.family else {}
    counts = [f"{counted(len(shipped), 'search', 'searches')} of {asked.model} that come with kzoo"] if shipped else []
    if directories:
        with bad_argument(hint="--learn-from"):
            try:
                found = searches_in(directories)
            except OSError as error:
                raise ValueError(describe(error)) from None
        counts.append(f"{counted(len(found), 'search', 'searches')} of yours")
    return {"learns from": f"{' and '.join(counts)}, as far as they agree with this one"} if counts else {}


def check_earlier(earlier: Path, asked: Run) -> None:
    """Refuse the trials of a search whose scores mean something else.

    Raises:
        BadParameter: They do, or there is no such search.
    """
    study = summary.load(earlier)
    if (earlier / FILE).exists():
        before = Run.read(earlier)
        fields = ("fingerprint", "objective", "epochs", "folds", "executions")
        other = [name for name in fields if getattr(before, name) != getattr(asked, name)]
        if other:
            named = ", ".join("data" if name == "fingerprint" else name for name in other)
            raise typer.BadParameter(
                f"{earlier} has other {named}, so that its scores do not compare.", param_hint="--earlier"
            )
    elif study.objective != asked.objective:
        raise typer.BadParameter(
            f"{earlier} was chosen by {study.objective}, not {asked.objective}.", param_hint="--earlier"
        )

"""What a search knows from the start: trials of an earlier one on the same data, and searches on other data."""

from __future__ import annotations

from pathlib import Path

import typer

from kzoo.cli import summary
from kzoo.cli.console import bad_argument, describe
from kzoo.cli.run import FILE, Run
from kzoo.cli.shown import counted


def learned(asked: Run) -> dict[str, str]:
    """The line about the searches that are learned from.

    Raises:
        BadParameter: There are none.
    """
    from tuners.past_searches import past_searches

    with bad_argument(hint="--learn-from"):
        try:
            found = past_searches(asked.learn_from)
        except OSError as error:
            raise ValueError(describe(error)) from None
    trials = counted(sum(len(each.trials) for each in found), "trial")
    return {
        "learns from": f"{counted(len(found), 'search', 'searches')} with {trials}, as far as they agree with this one"
    }


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

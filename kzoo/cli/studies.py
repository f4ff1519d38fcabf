"""Studies as the commands read them: with what the run knows of itself, and the commands that act on findings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kzoo.cli import run, summary
from kzoo.cli.console import Failure, command, describe
from kzoo.cli.run import Run, parts_of
from kzoo.cli.shown import shown_name

if TYPE_CHECKING:
    from tuners import Study


def load(directory: Path) -> Study:
    """The study of a run, or of a project of keras-tuner's own tuners.

    Raises:
        Failure: There is none, or it cannot be read.
    """
    from tuners.store.journal import FILE
    from tuners.store.records import FOREIGN
    from tuners.study import Study

    if (directory / FILE).exists() or not (directory / FOREIGN).exists():
        return summary.load(directory)
    try:
        return Study.from_keras_tuner(directory)
    except (OSError, ValueError) as error:
        raise Failure(describe(error)) from None


def title(directory: Path) -> str:
    """What a run is called."""
    return directory.resolve().name


def given(directory: Path) -> dict[str, Any]:
    """What a run of the command knows of itself; nothing of other searches."""
    if not (directory / run.FILE).exists():
        return {}
    asked = Run.read(directory)
    return {
        "model": asked.model,
        "data": asked.data.source,
        "fingerprint": asked.fingerprint[:16],
        "task": f"{asked.task.kind}, {asked.task.num_classes} classes" if asked.task.num_classes else asked.task.kind,
        "epochs": asked.epochs,
        "versions": dict(asked.versions),
    }


class Acting:
    """Makes commands of actions.

    Args:
        directory: Directory of the run.
        study: Its study.
    """

    def __init__(self, directory: Path, study: Study) -> None:
        self.directory = directory
        self.names = [shown_name(each["config"]["name"]) for each in study.space]
        self.asked = Run.read(directory) if (directory / run.FILE).exists() else None

    def __call__(self, action: Mapping[str, Any]) -> str:
        """The next search with an action taken, or what to write into a script; "" where neither does it."""
        from tuners.report.actions import in_a_script

        if self.asked is None:
            return in_a_script(action)
        declared = {name: action[name] for name in ("range", "fix") if name in action}
        if declared and not self.asked.family:
            return f"In {parts_of(self.asked.model_name)[0]}: {in_a_script(declared)}"
        changes = _options(action)
        if not changes:
            return ""
        asked, base = self.asked, ["kzoo", "search", self.asked.model, *self.asked.data.options()]
        objective = f"{asked.objective}:{asked.direction}" if asked.direction else asked.objective
        usual = {"--epochs": asked.epochs, "--seed": asked.seed, "--objective": objective}
        usual["--priority"] = asked.priority
        usual |= {"--folds": asked.folds} if asked.folds else {}
        usual |= {"--executions": asked.executions} if asked.executions > 1 else {}
        words = [word for name, value in usual.items() if name not in changes for word in (name, str(value))]
        words += ["--balance"] if asked.balance else []
        words += [word for name, value in asked.fixed.items() for word in ("--fix", f"{name}={_text(value)}")]
        changed = {*action.get("range", {}), *action.get("fix", {})}
        for given_name, fields in asked.ranges.items():
            for name in self._unchanged(given_name, changed):
                words += ["--range", f"{name}={_range(fields)}"]
        for name, values in changes.items():
            words += [word for value in values for word in (name, value)]
        return command(*base, *words, "--out", f"{self.directory}-2")

    def _unchanged(self, name: str, changed: set[str]) -> list[str]:
        # A command takes each hyperparameter once: a short name gives way to the full ones that are not changed.
        stands_for = [each for each in self.names if name in (each, each.rpartition("/")[2])]
        if not changed.intersection({name, *stands_for}):
            return [name]
        return [each for each in stands_for if each not in changed]


def _options(action: Mapping[str, Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, (low, high) in action.get("range", {}).items():
        found.setdefault("--range", []).append(f"{name}={_text(low)}:{_text(high)}")
    for name, value in action.get("fix", {}).items():
        found.setdefault("--fix", []).append(f"{name}={_text(value)}")
    for option in ("trials", "epochs", "executions"):
        if option in action:
            found[f"--{option}"] = [str(action[option])]
    return found


def _range(fields: Mapping[str, Any]) -> str:
    if "values" in fields:
        return ",".join(map(_text, fields["values"]))
    return f"{_text(fields['low'])}:{_text(fields['high'])}"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)

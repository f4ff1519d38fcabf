"""What each engine takes of the installed Keras, as Markdown for the documentation.

Every layer, loss, metric and optimizer is trained once, as plain as can be, by each engine that is named.

Run: python tests/conformance/coverage.py [--kinds layers losses] > engines.md
"""

from __future__ import annotations

import argparse
import importlib.metadata
import itertools
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import layer_subjects
import loss_subjects
import metric_subjects
import optimizer_subjects
from subjects import Subject
from trial_outcomes import Outcome, outcomes

KINDS = {
    "layers": layer_subjects.subjects,
    "losses": loss_subjects.subjects,
    "metrics": metric_subjects.subjects,
    "optimizers": optimizer_subjects.subjects,
}
ENGINES = ("numpy", "graph")
MOST_GROUPS = 9
"""That are tried until one trains: a loss may take none but the last targets."""


def answers(subject: Subject) -> Mapping[str, str] | None:
    """By engine, "yes" or why it declines; None where nothing trains the subject.

    Args:
        subject: Is trained in the first of its forms that can be.
    """
    for group in itertools.islice(subject.groups(), MOST_GROUPS):
        found = {engine: next(iter(outcomes(group.first(1), engine).values())) for engine in ENGINES}
        if not any(outcome.error for outcome in found.values()):
            return {engine: _answer(outcome, engine) for engine, outcome in found.items()}
    return None


def _answer(outcome: Outcome, engine: str) -> str:
    use = outcome.uses[-1]
    reason = " ".join(use.refusals.get(engine, "").split())
    return "yes" if use.engine == engine else reason.replace("|", "/")[:120]


def table(title: str, subjects: list[Subject]) -> Iterator[str]:
    """Lines of a table, with what no engine and no `model.fit` trains beneath it.

    Args:
        title: Stands above it.
        subjects: Its rows.
    """
    found = {subject.name.removeprefix(f"{title}."): answers(subject) for subject in subjects}
    rows = {name: each for name, each in found.items() if each is not None}
    counts = [f"{sum(each[engine] == 'yes' for each in rows.values())} by {engine}" for engine in ENGINES]
    yield f"## {title.capitalize()}"
    yield ""
    yield f"{len(rows)} objects: {', '.join(counts)}. What an engine declines is trained by `model.fit`."
    yield ""
    yield f"| {title} | {' | '.join(ENGINES)} |"
    yield f"|---|{'---|' * len(ENGINES)}"
    yield from (f"| `{name}` | {' | '.join(each[engine] for engine in ENGINES)} |" for name, each in rows.items())
    if left := [f"`{name}`" for name in found if name not in rows]:
        yield ""
        yield f"Not trained by `model.fit` either, as the sweep makes them: {', '.join(left)}."
    yield ""


def main() -> None:
    """Write the tables to standard output."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", nargs="*", choices=KINDS, default=list(KINDS))
    versions = ", ".join(f"{each} {importlib.metadata.version(each)}" for each in ("keras", "tensorflow"))
    print(f"# What each engine takes\n\nWritten by `tests/conformance/coverage.py`; {versions}.\n", flush=True)
    for kind in parser.parse_args().kinds:
        for line in table(kind, KINDS[kind]()):
            print(line, flush=True)


if __name__ == "__main__":
    main()

"""Whether the search could find what it was made for: its trials, its rows of validation, its failures."""

from __future__ import annotations

import collections
import itertools
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from tuners.insight.finding import Finding
from tuners.insight.importance import Importance
from tuners.insight.response import Response, groups_of
from tuners.space.dimensions import Cube
from tuners.space.shown import number, shown_name
from tuners.strategy.luck import is_rate, luck_of_rows

if TYPE_CHECKING:
    from tuners.study import Study

FEWEST_TOGETHER = 10
"""Trials in which two hyperparameters have moved together before it is told."""

FEWEST_MOVES = 8
"""How many of them have other values than most."""

TRIALS_EACH = 2
"""Trials for each hyperparameter below which most have hardly been moved."""

ALIKE = 0.1
"""Share of the errors of the middle trial up to which a lead is small."""

PUBLISHED = {
    (60000, 10000): "MNIST, Fashion-MNIST or KMNIST",
    (50000, 10000): "CIFAR-10 or CIFAR-100",
    (73257, 26032): "SVHN",
    (25000, 25000): "IMDB",
    (8982, 2246): "Reuters",
}
"""Rows of training and of test of data sets that come with a test split, and their names."""


def design(study: Study, cube: Cube) -> Iterator[Finding]:
    """What is wrong with how the search was set up.

    Args:
        study: The study.
        cube: Its space.
    """
    yield from _too_few_trials(study, cube)
    yield from _test_rows(study)
    yield from _small_validation(study)
    yield from _failures(study)
    yield from _redundant_bias(study)
    yield from _moved_together(study, cube)


def dead(response: Response, importances: tuple[Importance, ...]) -> Iterator[Finding]:
    """Hyperparameters that made no difference, where there are enough trials to tell.

    Args:
        response: The model of the study.
        importances: Of its hyperparameters.
    """
    if len(response.study.completed) < 10 * len(importances):
        return
    names = [each.name for each in importances if each.high < 0.01]
    if names and len(names) < len(importances):
        best = response.study.best[0].shown
        words = (
            f"{', '.join(names)} made no difference that {len(response.study.completed)} trials could show: hold "
            f"{'them' if len(names) > 1 else 'it'} fixed in the next search."
        )
        fixed = {name: best[name] for name in names if name in best}
        yield Finding("no effect", "note", words, {"names": names}, {"fix": fixed})


def _too_few_trials(study: Study, cube: Cube) -> Iterator[Finding]:
    tuned, tried = len(groups_of(cube)), len(study.completed)
    if 0 < tried < TRIALS_EACH * tuned and not any(trial.status == "RUNNING" for trial in study.trials):
        count = f"{tried} trial{'s' * (tried > 1)} for {tuned} hyperparameter{'s' * (tuned > 1)}"
        words = (
            f"{count}: most have been moved once or twice. Tune fewer, the learning rate first, or run {4 * tuned} "
            "trials."
        )
        evidence = {"trials": tried, "hyperparameters": tuned}
        yield Finding("too few trials", "important", words, evidence, {"trials": 4 * tuned})


def _test_rows(study: Study) -> Iterator[Finding]:
    name = PUBLISHED.get((study.fact("rows") or 0, study.fact("validation_rows") or 0))
    if name or study.objective.startswith("test_"):
        rows = f"its {study.fact('validation_rows')} rows of validation are the test split of {name}" if name else ""
        words = (
            f"The search chose by test rows: {rows or f'its objective is {study.objective}'}. No honest test is left; "
            "split validation rows off the training rows instead."
        )
        evidence = {"rows": study.fact("rows"), "validation_rows": study.fact("validation_rows")}
        yield Finding("test rows used", "important", words, evidence)


def _small_validation(study: Study) -> Iterator[Finding]:
    """A validation split that cannot tell the best from the middle of the field."""
    rows, scores = study.fact("validation_rows"), [trial.score for trial in study.completed if trial.score is not None]
    if not rows or len(scores) < 8 or not is_rate(study.objective):
        return
    best, middle = max(scores), float(np.median(scores))
    # The middle's, since luck has raised the best's.
    error = luck_of_rows(middle, rows)
    # What the best of so many would lead by if all were the same, about: the expected largest of normal draws.
    luck = error * math.sqrt(2 * math.log(len(scores)))
    # With many rows they are not too few: the trials are alike.
    if best - middle < 1.15 * luck and best < 1 and luck > ALIKE * (1 - middle):
        gap = max(best - middle, 0.25 / rows)
        need = math.ceil(rows * (2 * luck / gap) ** 2)
        words = (
            f"{rows} rows of validation cannot tell the best ({number(best, 4)}) from the middle of the trials "
            f"({number(middle, 4)}): of {len(scores)} trials that are all the same, the luckiest would lead by "
            f"{number(luck, 2)}. About {_round(need)} rows would tell, or cross-validation."
        )
        evidence = {"rows": rows, "difference": best - middle, "by_luck": luck, "needed": need}
        yield Finding("small validation split", "important", words, evidence, {"validation_rows": _round(need)})


def _round(count: int) -> int:
    return int(float(f"{count:.2g}"))


def _redundant_bias(study: Study) -> Iterator[Finding]:
    """Layers whose bias the batch norm behind them takes out again, in the best of the models that have any."""
    model = next((trial for trial in study.best if trial.redundant_biases), None)
    if model is None:
        return
    first, *others = model.redundant_biases
    which = f"{first} and {len(others)} more layers have" if others else f"{first} has"
    words = (
        f"{which} a bias that the batch norm right behind takes out again (trial {model.number}): use_bias=False "
        "trains the same with fewer weights."
    )
    yield Finding("redundant bias", "note", words, {"layers": list(model.redundant_biases)}, {}, (model.number,))


def _moved_together(study: Study, cube: Cube) -> Iterator[Finding]:
    """Hyperparameters that never moved without one another."""
    for one, other in itertools.combinations(cube.dimensions, 2):
        both = [each.values for each in study.completed if one.name in each.values and other.name in each.values]
        if len(both) >= FEWEST_TOGETHER and _together([(each[one.name], each[other.name]) for each in both]):
            names = [shown_name(one.name), shown_name(other.name)]
            words = (
                f"{' and '.join(names)} have moved together in all of {len(both)} trials: what one of them does cannot "
                "be told from what the other does. Tune one of them, or run more trials."
            )
            yield Finding("moved together", "advice", words, {"names": names, "trials": len(both)})


def _together(pairs: list[tuple[Any, Any]]) -> bool:
    """Whether each value comes with one value of the other, and numbers rise or fall together."""
    one, other = zip(*pairs, strict=True)
    if not len(set(one)) == len(set(other)) == len(set(pairs)):
        return False
    # Where both have hardly moved, it is by chance.
    if len(pairs) - collections.Counter(pairs).most_common(1)[0][1] < FEWEST_MOVES:
        return False
    if all(isinstance(each, int | float) and not isinstance(each, bool) for each in (*one, *other)):
        (_, rising), (_, other_rising) = (np.unique(each, return_inverse=True) for each in (one, other))
        return np.array_equal(rising, other_rising) or np.array_equal(rising, rising.max() - other_rising)
    # Values that each trial has alone tell nothing.
    return len(set(pairs)) <= len(pairs) / 3


def _failures(study: Study) -> Iterator[Finding]:
    failed = [trial for trial in study.trials if trial.status == "FAILED"]
    ended = [trial for trial in study.trials if trial.status != "RUNNING"]
    if len(failed) < 2 or len(failed) < 0.1 * len(ended):
        return
    reason, count = collections.Counter(trial.reason for trial in failed).most_common(1)[0]
    words = f"{len(failed)} of {len(ended)} trials failed, {count} with: {reason[:120] or 'no message'}"
    numbers = tuple(trial.number for trial in failed)
    yield Finding("failures", "important", words, {"failed": len(failed), "reason": reason}, {}, numbers)

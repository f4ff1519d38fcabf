"""The same trials by `model.fit` and by an engine, and in what they differ."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import keras
import keras_tuner
import numpy as np
from scipy import stats
from trial_outcomes import Group, Outcome, outcomes

ENGINES = ("auto", "graph", "numpy")
"""What is held against "fit"."""

METRICS = {"rtol": 5e-4, "atol": 2e-5}
WEIGHTS = {"rtol": 5e-4, "atol": 5e-5}
"""How far two trainings may be apart that only round differently: of metrics by epoch, and of weights."""

CANCELLED = 1e-5
"""Likewise, as a share of the largest number of an array."""

OVERFLOWS = 1e18
"""Metrics whose squares overflow, of which nothing can be asked but that they are as large by every engine."""

NUDGES, NUDGE, MOST_ROUNDING = 3, 2.0**-20, 6
"""Trainings from other weights, by how much these differ, as sums do, and how many orders that may grow."""

HALF_NUDGE = 2.0**-9
"""By how much weights differ where a layer computes in half precision."""

DRAWS, UNLIKELY = 40, 1e-4
"""Epochs whose losses are compared where random numbers are drawn, and the p-value of losses distributed otherwise."""


def differences(expected: Outcome, found: Outcome, group: Group) -> Iterator[str]:
    """In what an engine's outcome is not that of `model.fit`, in words.

    Args:
        expected: By `model.fit`.
        found: By an engine.
        group: Of the trial: what may differ.
    """
    for use in found.uses:
        if use.engine == "fit" and not (use.refusals and all(use.refusals.values())):
            yield f"was left to model.fit without a reason: {dict(use.refusals)}"
    if expected.error or found.error:
        if not expected.error:
            yield f"raises where fit trains: {found.error}"
        elif not found.error:
            yield f"trains where fit raises: {expected.error}"
        elif _kind(expected.error) != _kind(found.error):
            yield f"raises {found.error!r} where fit raises {expected.error!r}"
        return
    if set(expected.metrics) != set(found.metrics):
        yield f"metrics are {sorted(found.metrics)}, by fit {sorted(expected.metrics)}"
    if _overflows(expected) and _overflows(found):
        return
    for name in sorted(set(expected.metrics) & set(found.metrics)):
        yield from _of_metric(name, expected.metrics[name], found.metrics[name], group.tolerance)
    yield from _of_weights(expected.weights, found.weights, group.tolerance)
    if group.notes_may_be_more:
        yield from (f"does not come to {each}" for each in expected.notes if each not in found.notes)
    elif expected.notes != found.notes:
        yield from _of_notes(expected.notes, found.notes)


def _overflows(outcome: Outcome) -> bool:
    return any(abs(value) > OVERFLOWS for epochs in outcome.metrics.values() for _, value in epochs)


def _kind(error: str) -> str:
    return error.split(":")[0].split(".")[-1]


def _of_metric(
    name: str, expected: Sequence[tuple[int, float]], found: Sequence[tuple[int, float]], tolerance: float
) -> Iterator[str]:
    if [epoch for epoch, _ in expected] != [epoch for epoch, _ in found]:
        yield f"{name} is of epochs {[epoch for epoch, _ in found]}, by fit {[epoch for epoch, _ in expected]}"
        return
    for (epoch, value), (_, other) in zip(expected, found, strict=True):
        if not _close(value, other, METRICS, tolerance):
            yield f"{name} of epoch {epoch + 1} is {other:.7g}, by fit {value:.7g}"
            return


def _of_weights(expected: Mapping[str, np.ndarray], found: Mapping[str, np.ndarray], tolerance: float) -> Iterator[str]:
    # A model that nobody looked at has the weights of the best epoch alone.
    seen = "stop_training" in found
    expected = {name: value for name, value in expected.items() if seen or name.startswith("best")}
    if list(expected) != list(found):
        yield f"what is left is other than by fit: {sorted(set(found) ^ set(expected))[:4]}"
        return
    for name, value in expected.items():
        other = found[name]
        if value.shape != other.shape or not _close(value, other, WEIGHTS, tolerance):
            gap = (
                np.abs(value * 1.0 - other).max() if value.shape == other.shape else f"{other.shape} for {value.shape}"
            )
            yield f"{name} is apart by {gap} (values up to {np.abs(value).max(initial=0):.3g})"
            return


def _of_notes(expected: Sequence[Any], found: Sequence[Any]) -> Iterator[str]:
    for number in range(max(len(expected), len(found))):
        one, other = (each[number] if number < len(each) else "nothing" for each in (expected, found))
        if not _alike(one, other):
            yield f"note {number + 1} is {other}, by fit {one}"
            return


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(one[name], other[name]) for name in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return _close(one, other, METRICS, 1.0)
    return type(one) is type(other) and one == other


def _close(one: Any, other: Any, within: Mapping[str, float], tolerance: float) -> bool:
    one, other = np.asarray(one), np.asarray(other)
    if one.dtype.kind not in "fc":
        return bool(np.array_equal(one, other))
    scaled = {name: value * tolerance for name, value in within.items()}
    # Small numbers beside large ones are differences of large ones.
    largest = np.abs(one[np.isfinite(one)]).max(initial=0).astype(float)
    scaled["atol"] = max(scaled["atol"], CANCELLED * tolerance * largest)
    return bool(np.allclose(other.astype(float), one.astype(float), equal_nan=True, **scaled))


def compare(group: Group, engines: Iterable[str] = ENGINES, *, unseen: Iterable[str] = ("auto",)) -> list[str]:
    """What differs between `model.fit` and the engines, one line each; nothing where all is the same.

    Args:
        group: The trials.
        engines: Their names. After "auto" come those trials alone that it has not tried the engine on.
        unseen: Those whose models nobody looks at after they were trained.
    """
    by_fit = outcomes(group, "fit")
    by_rounding = Rounding(group, by_fit)
    found: list[str] = []
    by_auto: dict[str, Outcome] = {}
    for engine in engines:
        trials = untried(group, engine, by_auto)
        if all(build is shown_by_auto for build in trials.builds.values()):
            continue
        made = outcomes(trials, engine, looks=engine not in unseen)
        by_auto = made if engine == "auto" and engine not in unseen else by_auto
        for label, outcome in made.items():
            if trials.builds[label] is shown_by_auto:
                continue
            lines = list(differences(by_fit[label], outcome, group))
            if lines and not outcome.error and not by_fit[label].error:
                lines = list(
                    by_rounding.differences(label, outcome) if group.same_draws else _of_draws(group, label, engine)
                )
            if lines:
                found.append(
                    f"[{label}] by {engine} ({', '.join(use.engine for use in outcome.uses)}): {'; '.join(lines[:3])}"
                )
    return found


def untried(group: Group, engine: str, by_auto: Mapping[str, Outcome]) -> Group:
    """The group without the trials that "auto" had trained by an engine, or found the engine to decline.

    What an engine leaves to `model.fit` when it is asked alone is what "auto" leaves to the next: training it once more
    by `model.fit` shows nothing. The others keep their places in the search, by which they are seeded.
    """
    shown = {
        label
        for label, outcome in by_auto.items()
        if not outcome.error and all(use.engine == engine or engine in use.refusals for use in outcome.uses)
    }
    builds = {label: shown_by_auto if label in shown else build for label, build in group.builds.items()}
    return dataclasses.replace(group, builds=builds)


def shown_by_auto() -> keras.Model:
    """Builds nothing, so that its trial fails."""
    raise keras_tuner.errors.FailedTrialError("shown by auto")


class Rounding:
    """How far rounding takes the trials of a group, which for some losses and targets is anywhere.

    Args:
        group: The trials.
        by_fit: What came of them by `model.fit`.
    """

    def __init__(self, group: Group, by_fit: Mapping[str, Outcome]) -> None:
        self._group, self._by_fit = group, by_fit

    def differences(self, label: str, found: Outcome) -> Iterator[str]:
        """In what an outcome differs by more than `model.fit` does from weights that differ in the last places."""
        factor = max(self._factor(label, each[label]) for each in self._nudged)
        if math.isinf(factor):
            return
        loose = dataclasses.replace(self._group, tolerance=self._group.tolerance * factor)
        yield from differences(self._by_fit[label], found, loose)

    @functools.cached_property
    def _nudged(self) -> list[dict[str, Outcome]]:
        found = []
        for seed in range(NUDGES):
            builds = {label: functools.partial(nudged, build, seed) for label, build in self._group.builds.items()}
            by_label = outcomes(dataclasses.replace(self._group, builds=builds), "fit")
            # That `model.fit` trained them is no fault of theirs.
            found.append({label: dataclasses.replace(each, uses=()) for label, each in by_label.items()})
        return found

    def _factor(self, label: str, nudged: Outcome) -> float:
        """Of the tolerance: 1 where rounding stays within it, else an order of magnitude more than it needs."""
        if nudged.error:
            return 1.0
        for power in range(MOST_ROUNDING):
            loose = dataclasses.replace(self._group, tolerance=self._group.tolerance * 10**power)
            if not list(differences(self._by_fit[label], nudged, loose)):
                return 10.0 ** (power + 1) if power else 1.0
        return math.inf


def nudged(build: Callable[[], keras.Model], seed: int) -> keras.Model:
    """A model whose weights are other ones in their last places."""
    model = build()
    random = np.random.default_rng(seed)
    if model.built:
        signs = ((each, random.choice([-1.0, 1.0], each.shape)) for each in model.get_weights())
        # A graph leaves casts to half precision and back out where it can, as a step that is not traced does not.
        by = HALF_NUDGE if {layer.compute_dtype for layer in model.layers} & {"bfloat16", "float16"} else NUDGE
        model.set_weights([each * (1 + sign * by) if each.dtype.kind == "f" else each for each, sign in signs])
    return model


def _of_draws(group: Group, label: str, engine: str) -> Iterator[str]:
    """In what the losses of a random model are distributed in another way, while nothing is learned."""

    def still() -> keras.Model:
        model = group.builds[label]()
        model.optimizer.learning_rate = 0.0
        return model

    kwargs = {**group.kwargs, "epochs": DRAWS, "batch_size": 100}
    alone = dataclasses.replace(group, builds={label: still}, kwargs=kwargs)
    [expected], [found] = (outcomes(alone, each).values() for each in ("fit", engine))
    if expected.error or found.error or set(expected.metrics) != set(found.metrics):
        yield from differences(expected, found, group)
        return
    losses = [[value for _, value in each.metrics["loss"] if np.isfinite(value)] for each in (expected, found)]
    if min(map(len, losses)) < DRAWS / 4:
        yield f"only {[len(each) for each in losses]} of {DRAWS} losses of a model that learns nothing are numbers"
    elif (chance := stats.ks_2samp(*losses).pvalue) < UNLIKELY:
        means = [float(np.mean(each)) for each in losses]
        yield f"losses that nothing is learned from are distributed otherwise (p {chance:.1g}), means {means}"
    for name in sorted(each for each in expected.metrics if each.startswith("val_")):
        yield from _of_metric(name, expected.metrics[name], found.metrics[name], group.tolerance)

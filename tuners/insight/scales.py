"""Spaces that are drawn on the wrong scale, or share what should be each one's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tuners.insight.divergence import is_learning_rate
from tuners.insight.finding import Finding
from tuners.space.dimensions import Cube, Dimension
from tuners.space.shown import number

if TYPE_CHECKING:
    from tuners.study import Study

NEAR_ONE = ("momentum", "beta", "beta_1", "beta_2", "rho", "ema_momentum")
DECADES = ("learning_rate", "lr", "weight_decay", "l1", "l2", "epsilon")
ADAPTIVE, PLAIN = ("adam", "adamw", "nadam", "adamax", "rmsprop", "adagrad", "lion"), ("sgd", "momentum", "nesterov")


def scales(study: Study, cube: Cube) -> Iterator[Finding]:
    """Hyperparameters that are searched on a scale on which equal steps do not matter equally.

    Args:
        study: The study.
        cube: Its space.
    """
    for each in cube.dimensions:
        if each.kind == "choice" or each.scale != "linear":
            continue
        low, high = _ends(each)
        if low is None or high is None:
            continue
        tail = each.name.split("/")[-1].lower()
        if tail in NEAR_ONE and high > 0.95 and high - low > 0.05:
            yield _near_one(each, low, high)
        elif (tail in DECADES or is_learning_rate(each.name)) and low > 0 and high / low >= 30:
            yield _decades(each, low, high)
    yield from _shared_rate(study, cube)


def _ends(dimension: Dimension) -> tuple[float | None, float | None]:
    if not dimension.values:
        return dimension.low, dimension.high
    numbers = [float(each) for each in dimension.values if isinstance(each, int | float)]
    # A handful of listed values is a choice of steps that somebody has made.
    return (min(numbers), max(numbers)) if len(numbers) > 12 else (None, None)


def _near_one(dimension: Dimension, low: float, high: float) -> Finding:
    share = max(0.0, (0.9 - low) / (high - low))
    words = (
        f"{dimension.name} is drawn evenly from {number(low)} to {number(high)}: {100 * share:.0f} % of the draws lie "
        "below 0.9, and what happens near 1 is hardly looked at. Search 1 - "
        f"{dimension.name} on a log scale: scales={{{dimension.name!r}: 'one_minus_log'}}."
    )
    evidence = {"low": low, "high": high, "share_below_0.9": share}
    return Finding("scale", "advice", words, evidence, {"scale": {dimension.name: "one_minus_log"}})


def _decades(dimension: Dimension, low: float, high: float) -> Finding:
    share = (high - high / 10) / (high - low)
    words = (
        f"{dimension.name} is drawn evenly from {number(low)} to {number(high)}: {100 * share:.0f} % of draws lie in "
        f"the last decade. Search it on a log scale: scales={{{dimension.name!r}: 'log'}}."
    )
    evidence = {"low": low, "high": high, "share_in_last_decade": share}
    return Finding("scale", "important", words, evidence, {"scale": {dimension.name: "log"}})


def _shared_rate(study: Study, cube: Cube) -> Iterator[Finding]:
    """One learning rate for optimizers that need rates of their own."""
    optimizers = next((each for each in cube.dimensions if each.name.split("/")[-1] == "optimizer"), None)
    if optimizers is None:
        return
    names = [str(each) for each in optimizers.values]
    plain, adaptive = ([each for each in names if each.lower() in known] for known in (PLAIN, ADAPTIVE))
    for each in cube.dimensions:
        # A rate that bears the name of an optimizer is its own, in a script without conditional scopes, too.
        owned = any(name.lower() in each.name.lower() for name in names)
        applies_to_all = not owned and not any(name == optimizers.name for name, _ in each.conditions)
        if is_learning_rate(each.name) and applies_to_all and plain and adaptive and cube.size > 1:
            words = (
                f"{each.name} has one range for {', '.join(plain + adaptive)}: the best rates of {plain[0]} and "
                f"{adaptive[0]} lie one or two decades apart. Give each optimizer a rate of its own, under "
                "hp.conditional_scope."
            )
            yield Finding("shared learning rate", "advice", words, {"optimizers": names})

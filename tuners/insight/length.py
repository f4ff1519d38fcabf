"""Whether the trials trained for long enough, for too long, and to a steady end."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tuners.insight.finding import Finding
from tuners.insight.noise import late_jump
from tuners.space.dimensions import Cube
from tuners.space.shown import number
from tuners.strategy.luck import is_rate, luck_of_rows

if TYPE_CHECKING:
    from tuners.study import Study
    from tuners.trial_record import TrialRecord

SHORTEST = 8
"""Epochs below which a curve has no quarters to speak of."""

MOST = 0.6
"""Share of the leaders that have to show it."""


UNSTABLE = 0.15
"""Share of what a curve gains that its late epochs jump by where training is unstable."""

HELD_BACK = 1.15
"""How many times as large as the loss of validation that of training is to the end where a model is held back."""


def length(study: Study, cube: Cube) -> Iterator[Finding]:
    """What the curves of the leaders say: of the number of epochs, of over- and underfitting, of a steady end.

    Args:
        study: The study.
        cube: Its space.
    """
    leaders = [trial for trial in study.best[: max(3, len(study.best) // 5)] if study.objective in trial.history]
    longest = max((len(trial.history[study.objective]) for trial in leaders), default=0)
    # What pruning has ended early says nothing of the last epochs.
    full = [trial for trial in leaders if len(trial.history[study.objective]) == longest]
    if longest < SHORTEST or len(full) < 3:
        return
    curves = [_gains(trial, study) for trial in full]
    numbers = tuple(trial.number for trial in full)
    still = _share([_still_improving(curve) for curve in curves])
    early = _share([trial.best_epoch is not None and trial.best_epoch <= max(1, longest // 10) for trial in full])
    over = [_overfitting(trial) for trial in full]
    if still >= MOST:
        yield _too_short(longest, still, numbers)
    elif early >= MOST:
        yield _too_long(longest, early, full, numbers)
    elif _share([each is not None and each >= 0.5 for each in over]) >= MOST:
        yield _overfits(over, numbers, longest)
    elif not _tunes_dropout(cube) and _share([_held_back(trial) for trial in full]) >= MOST:
        yield _underfits(full, numbers)
    if early < MOST:
        yield from _unstable(study, full, numbers)


def _unstable(study: Study, leaders: list[TrialRecord], numbers: tuple[int, ...]) -> Iterator[Finding]:
    """Late epochs that jump, so that the best one was lucky."""
    jump = float(np.median([late_jump(trial, study.objective) or 0.0 for trial in leaders]))
    gained = float(np.median([np.nanmax(curve) - curve[0] for curve in (_gains(trial, study) for trial in leaders)]))
    rows = study.fact("validation_rows")
    if not jump > UNSTABLE * gained:
        return
    # Rows that change sides from epoch to epoch do so in steady training as well; by less than luck it harms no choice.
    if rows and is_rate(study.objective) and jump < luck_of_rows(float(leaders[0].score or 0.0), rows):
        return
    words = (
        f"Late epochs of the leaders jump: their {study.objective} moves by about {number(jump, 2)} from one epoch to "
        f"the next, {100 * jump / max(gained, jump):.0f} % of all that it gained, so that the best epoch was a lucky "
        "one. A learning rate that decays, larger batches or an average of the weights (use_ema) end steadily."
    )
    yield Finding("unstable", "advice", words, {"jump": jump, "gained": gained}, {}, numbers)


def _gains(trial: TrialRecord, study: Study) -> NDArray[np.float64]:
    curve = np.asarray(trial.history[study.objective], float)
    return curve if study.direction == "max" else -curve


def _share(which: list[bool]) -> float:
    return sum(which) / len(which)


def _still_improving(curve: NDArray[np.float64]) -> bool:
    """Whether the last quarter gained over the quarter before, by more than its jumps and by a part of all gained."""
    if not np.isfinite(curve).all():
        return False
    quarter = max(2, len(curve) // 4)
    last, before = curve[-quarter:], curve[-2 * quarter : -quarter]
    gained = float(last.mean() - before.mean())
    jumps = float(np.sqrt(np.mean(np.diff(curve[-2 * quarter :], 2) ** 2) / 6)) if quarter > 1 else 0.0
    whole = float(curve.max() - curve[0])
    beyond_jumps = gained > 2.5 * jumps * math.sqrt(2 / quarter) and gained > 0.04 * whole
    return beyond_jumps and int(curve.argmax()) >= 0.85 * len(curve)


def _overfitting(trial: TrialRecord) -> float | None:
    """Share of the fall of the validation loss that it has lost again by the end, while the training loss fell on."""
    held, own = (np.asarray(trial.history.get(name, ()), float) for name in ("val_loss", "loss"))
    if len(held) < SHORTEST or len(held) != len(own) or not (np.isfinite(held).all() and np.isfinite(own).all()):
        return None
    end = float(held[-max(2, len(held) // 10) :].mean())
    lowest, fell = float(held.min()), float(held[0] - held.min())
    return (end - lowest) / fell if fell > 0 and own[-1] < own[int(held.argmin())] else 0.0


def _tunes_dropout(cube: Cube) -> bool:
    """Whether the search itself has found how much dropout is best, by which the training loss is the larger."""
    return any("dropout" in each.name and free for each, free in zip(cube.dimensions, cube.free, strict=True))


def _held_back(trial: TrialRecord) -> bool:
    """Whether the loss on the training rows stays above that on the rows of validation to the end."""
    held, own = (np.asarray(trial.history.get(name, ()), float) for name in ("val_loss", "loss"))
    if len(held) < SHORTEST or len(held) != len(own) or not (np.isfinite(held).all() and np.isfinite(own).all()):
        return False
    # Early epochs are no sign: their loss is the mean over an epoch in which the weights got better.
    late = len(held) // 2
    return bool(held.min() > 0 and np.all(own[late:] > HELD_BACK * held[late:]))


def _too_short(epochs: int, share: float, numbers: tuple[int, ...]) -> Finding:
    words = (
        f"{100 * share:.0f} % of the leaders were still improving in the last quarter of {epochs} epochs: what is best "
        f"after {epochs} need not be best after more. Train for {2 * epochs}."
    )
    return Finding("too short", "important", words, {"share": share, "epochs": epochs}, {"epochs": 2 * epochs}, numbers)


def _too_long(epochs: int, share: float, leaders: list[TrialRecord], numbers: tuple[int, ...]) -> Finding:
    enough = max(3, 3 * max(trial.best_epoch or 1 for trial in leaders))
    words = (
        f"{100 * share:.0f} % of the leaders were at their best in the first tenth of {epochs} epochs: the rest was "
        f"time for nothing. {min(enough, epochs)} epochs are enough, or a lower learning rate is worth a try."
    )
    evidence = {"share": share, "epochs": epochs}
    return Finding("too long", "advice", words, evidence, {"epochs": min(enough, epochs)}, numbers)


def _overfits(lost: list[float | None], numbers: tuple[int, ...], epochs: int) -> Finding:
    typical = float(np.median([each for each in lost if each is not None]))
    words = (
        f"They overfit: by the last of {epochs} epochs their validation loss has lost {100 * typical:.0f} % of "
        "what it gained, while the training loss fell on. More dropout or weight decay, fewer units or fewer epochs."
    )
    return Finding("overfitting", "advice", words, {"lost": typical, "epochs": epochs}, {}, numbers)


def _underfits(leaders: list[TrialRecord], numbers: tuple[int, ...]) -> Finding:
    ratio = float(np.median([trial.history["loss"][-1] / trial.history["val_loss"][-1] for trial in leaders]))
    words = (
        f"They underfit: to the end the loss on the training rows is above that on the rows of validation ({ratio:.2g} "
        "times), so that they are held back by more than the data ask for. Less dropout, weight decay or augmentation, "
        "or more units."
    )
    return Finding("underfitting", "advice", words, {"ratio": ratio}, {}, numbers)

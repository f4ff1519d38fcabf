"""A study as one of Optuna, which optuna-dashboard opens and Optuna's plots and samplers take."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tuners.space.dimensions import Dimension
from tuners.space.shown import shown_name, shown_value
from tuners.trackers.facts import facts_of, times_of

if TYPE_CHECKING:
    import optuna

    from tuners.study import Study
    from tuners.trial_record import TrialRecord


def write_optuna(study: Study, storage: str | optuna.storages.BaseStorage | None, name: str) -> optuna.Study:
    """Write a study into a storage of Optuna, whole or not at all; see `tuners.Study.to_optuna`."""
    try:
        import optuna
    except ModuleNotFoundError:
        raise ModuleNotFoundError("Optuna is not installed: pip install 'kzoo[optuna]'.", name="optuna") from None
    trials = list(_trials(study))
    direction = "maximize" if study.direction == "max" else "minimize"
    made = optuna.create_study(storage=storage, study_name=name, direction=direction)
    try:
        for label, value in {"objective": study.objective, "seed": study.seed, **study.about}.items():
            made.set_user_attr(label, value)
        made.add_trials(trials)
    except BaseException:
        if storage is not None:  # It was made here a moment ago.
            optuna.delete_study(study_name=name, storage=storage)
        raise
    return made


def _trials(study: Study) -> Iterable[optuna.trial.FrozenTrial]:
    import optuna

    dimensions = {each.name: each for each in (study.cube().dimensions if study.space else ())}
    ranges = {
        shown_name(name): _distribution(dimensions.get(name), name, values)
        for name, values in _tried(study.trials).items()
    }
    for trial in study.trials:
        completed = trial.status == "COMPLETED" and trial.score is not None and math.isfinite(trial.score)
        made = optuna.trial.create_trial(
            state=optuna.trial.TrialState.COMPLETE if completed else optuna.trial.TrialState.FAIL,
            value=trial.score if completed else None,
            params=trial.shown,
            distributions={name: ranges[name] for name in trial.shown},
            user_attrs=facts_of(trial),
            intermediate_values=dict(enumerate(trial.history.get(study.objective, ()), start=1)),
        )
        # Optuna keeps local times without their zone.
        made.datetime_start, made.datetime_complete = (each.replace(tzinfo=None) for each in times_of(study, trial))
        yield made


def _tried(trials: Sequence[TrialRecord]) -> Mapping[str, list[Any]]:
    """The values that each hyperparameter had, by its name."""
    found: dict[str, list[Any]] = {}
    for trial in trials:
        for name, value in trial.values.items():
            found.setdefault(name, []).append(value)
    return found


def _distribution(dimension: Dimension | None, name: str, tried: Sequence[Any]) -> Any:
    """The range of a hyperparameter by the name that people use; it holds what was tried, also before it was changed.

    Optuna's steps and logarithms exclude each other; numbers in bins that are not even are a range of whole or real
    ones, which keeps their order.
    """
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    bins, scale = (dimension.values, dimension.scale) if dimension else ((), "linear")
    ends = list(bins or ((dimension.low, dimension.high) if dimension else ()))
    values = [shown_value(name, each) for each in (*ends, *tried)]
    unordered = dimension is not None and dimension.kind == "choice"
    if unordered or any(isinstance(each, bool | str) for each in values):
        return CategoricalDistribution(list(dict.fromkeys(values)))
    low, high = min(values), max(values)
    log = shown_name(name) == name and low > 0 and (scale == "log" or _geometric(bins))
    if (dimension is not None and dimension.whole) or all(isinstance(each, int) for each in values):
        return IntDistribution(int(low), int(high), log=log, step=1 if log else _step(bins, values))
    return FloatDistribution(float(low), float(high), log=log)


def _geometric(bins: Sequence[Any]) -> bool:
    ratios = [high / low for low, high in zip(bins, bins[1:], strict=False) if low > 0]
    return len(ratios) == len(bins) - 1 > 1 and max(ratios) < 1.01 * min(ratios)


def _step(bins: Sequence[Any], values: Sequence[Any]) -> int:
    """The distance of whole numbers, where it is the same between all of them."""
    steps = {high - low for low, high in zip(bins, bins[1:], strict=False)}
    step = steps.pop() if len(steps) == 1 else 1
    return step if step > 0 and all((each - min(values)) % step == 0 for each in values) else 1

"""Studies of response surfaces that are known: what a search of some trials would have recorded there."""

import dataclasses

import numpy as np

from tuners.space.dimensions import cube_from_space
from tuners.strategy.suggest import Strategy, Suggester
from tuners.strategy.trial_table import TrialTable
from tuners.study import Study, TrialRecord


def real(name, low, high, default, sampling="log", parent=None):
    conditions = [{"class_name": "Parent", "config": {"name": parent[0], "values": [parent[1]]}}] if parent else []
    config = {"name": name, "min_value": low, "max_value": high, "default": default, "sampling": sampling}
    return {"class_name": "Float", "config": {**config, "conditions": conditions}}


def whole(name, low, high, default, sampling="log"):
    config = {"name": name, "min_value": low, "max_value": high, "default": default, "sampling": sampling}
    return {"class_name": "Int", "config": {**config, "conditions": []}}


def choice(name, *values):
    return {"class_name": "Choice", "config": {"name": name, "values": list(values), "conditions": []}}


def ordered(name, *values):
    return {"class_name": "Choice", "config": {"name": name, "values": list(values), "ordered": True, "conditions": []}}


SPACE = (
    real("learning_rate", 1e-5, 1.0, 1e-3),
    whole("units", 8, 512, 64),
    real("dropout", 0.0, 0.6, 0.0, "linear"),
    real("weight_decay", 1e-6, 1e-2, 1e-4),
    choice("norm", "before", "after", "none"),
)

WITHOUT_DROPOUT = tuple(each for each in SPACE if each["config"]["name"] != "dropout")


@dataclasses.dataclass(frozen=True)
class Surface:
    """A score that is a bowl over the unit cube, of a plausible size, with noise.

    Attributes:
        optimum: Position of the best by name, in [0, 1]; 0.5 where not given.
        weights: How much the score falls from the optimum to one unit away, by name; little where not given.
        noise: Standard deviation of a score by luck.
        diverges: Position of the learning rate from which trials diverge.
        top: Best score.
        epochs: Of each trial.
        rise: Epochs in which a curve does most of its way.
        space: Its hyperparameters.
    """

    optimum: dict
    weights: dict
    noise: float = 0.004
    diverges: float = 2.0
    top: float = 0.95
    epochs: int = 20
    rise: float = 3.0
    space: tuple = SPACE

    def gain(self, cube, values):
        """The expected score."""
        fall = 0.0
        for each in cube.dimensions:
            if each.name not in values:
                continue
            position = each.to_unit(values[each.name])
            weight = self.weights.get(each.name, 0.01)
            if each.kind == "choice":
                fall += weight * (each.values.index(values[each.name]) != self.optimum.get(each.name, 0))
            else:
                fall += weight * (position - self.optimum.get(each.name, 0.5)) ** 2
        return self.top - min(fall, 0.6)


def searched(surface, trials=40, seed=1, *, default_first=True, about=None, learner=True):
    """The study of a search of a surface, by our own strategy."""
    cube, rng = cube_from_space(surface.space), np.random.default_rng([7, seed])
    suggester, table, records = Suggester(cube, Strategy(seed)), TrialTable(cube), []
    for number in range(trials):
        if number == 0 and default_first:
            point = cube.to_point({})
        elif learner:
            point = suggester.suggest(number, table.history(), table.pending())
        else:
            point = rng.random(cube.size)
        values = cube.to_values(point)
        record = _trial(surface, cube, number, values, rng)
        table.add(number, values, {e.name: float(p) for e, p in zip(cube.dimensions, point, strict=True)})
        table.finish(number, -np.inf if record.score is None else record.score)
        records.append(record)
    facts = {"epochs": surface.epochs, "rows": 4000, "validation_rows": 4000, **(about or {})}
    return Study("val_accuracy", "max", seed, tuple(records), surface.space, about=facts)


def _trial(surface, cube, number, values, rng):
    rate = next((each for each in cube.dimensions if each.name.endswith("learning_rate") and each.name in values), None)
    if rate is not None and rate.to_unit(values[rate.name]) + rng.normal(0, 0.01) > surface.diverges:
        return TrialRecord(str(number), number + 1, "INVALID", values, message="loss was nan", seconds=1.0)
    score = surface.gain(cube, values) + rng.normal(0, surface.noise)
    steps = np.arange(1, surface.epochs + 1)
    curve = score - 0.5 * (np.exp(-steps / surface.rise) - np.exp(-surface.epochs / surface.rise))
    curve = curve + rng.normal(0, 0.3 * surface.noise, len(steps))
    curve[-1] = score
    curve = np.minimum(curve, score)
    best = int(curve.argmax()) + 1
    loss = 1.2 - curve
    history = {"val_accuracy": tuple(curve), "val_loss": tuple(loss), "loss": tuple(loss - 0.01 * steps / steps[-1])}
    return TrialRecord(
        str(number), number + 1, "COMPLETED", values, float(curve.max()), best, history, seconds=1.0 + number % 3
    )


def trained(surface, study, configurations, times, seed=0):
    """The study of these configurations, each trained so many times."""
    rng, cube, records = np.random.default_rng([11, seed]), study.cube(), []
    for number, values in enumerate(configurations, start=1):
        scores = tuple(surface.gain(cube, values) + rng.normal(0, surface.noise, times))
        mean = float(np.mean(scores))
        records.append(TrialRecord(str(number), number, "COMPLETED", values, mean, 1, executions=scores))
    return dataclasses.replace(study, trials=tuple(records))


ORDINARY = {"learning_rate": 0.5, "units": 0.6, "dropout": 0.3}
WEIGHTS = {"learning_rate": 0.5, "units": 0.15, "dropout": 0.08, "norm": 0.02}


def ordinary(**changes):
    """A surface with its optimum inside of every range."""
    return Surface({**ORDINARY, **changes.pop("optimum", {})}, {**WEIGHTS, **changes.pop("weights", {})}, **changes)


BATCHES = whole("batch_size", 16, 256, 64)


@dataclasses.dataclass(frozen=True)
class Ridge(Surface):
    """A surface that falls where two hyperparameters are not where the one asks the other to be.

    Attributes:
        pair: Their names.
        ridge: How much it falls where one is at the wrong end of its range.
        opposed: Whether the second has to be low where the first is high.
    """

    pair: tuple = ()
    ridge: float = 0.0
    opposed: bool = False

    def gain(self, cube, values):
        if not values.keys() >= {*self.pair}:
            return super().gain(cube, values)
        first, second = (next(e for e in cube.dimensions if e.name == name).to_unit(values[name]) for name in self.pair)
        return super().gain(cube, values) - self.ridge * (first - (1 - second if self.opposed else second)) ** 2


def ridged(first, second, ridge, *, opposed=False, alone=(0.01, 0.01), noise=0.004, batches=BATCHES):
    """A surface on which two hyperparameters hardly count by themselves, or as given, the size of batches among all."""
    surface = ordinary(
        space=(*SPACE, batches),
        optimum={first: 0.5, second: 0.5},
        weights={first: alone[0], second: alone[1]},
        noise=noise,
    )
    return Ridge(**vars(surface), pair=(first, second), ridge=ridge, opposed=opposed)

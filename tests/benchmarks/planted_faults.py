"""How often the audit finds faults that were planted, at three strengths, and what it says of ordinary studies.

    python tests/benchmarks/planted_faults.py [SEEDS]

The studies are of known response surfaces (`tests/insight/surfaces.py`), searched by our own strategy.
"""

import collections
import dataclasses
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "insight"))

import numpy as np
from surfaces import SPACE, WEIGHTS, WITHOUT_DROPOUT, ordinary, real, ridged, searched

from tuners.insight import conclude

STRENGTHS = ("weak", "middle", "strong")


def edge(name, *places):
    return [lambda seed, at=at: searched(ordinary(optimum={name: at}), 40, seed) for at in places]


def diverging(*places):
    return [lambda seed, at=at: searched(ordinary(diverges=at), 40, seed) for at in places]


def short(*rises):
    return [lambda seed, rise=rise: searched(ordinary(rise=rise), 30, seed) for rise in rises]


def long(*epochs):
    def make(seed, epochs):
        study = searched(ordinary(epochs=epochs, rise=0.5, noise=0.01), 30, seed)
        trials = []
        for trial in study.trials:
            curve = np.array(trial.history["val_accuracy"])
            fall = np.where(np.arange(epochs) < 2, 0.0, 0.02 * np.linspace(0, 1, epochs))
            curve = np.minimum(curve, curve[1]) - fall
            history = {**trial.history, "val_accuracy": tuple(curve)}
            trials.append(dataclasses.replace(trial, history=history, best_epoch=int(curve.argmax()) + 1))
        return dataclasses.replace(study, trials=tuple(trials))

    return [lambda seed, each=each: make(seed, each) for each in epochs]


def overfitting(*shares):
    def make(seed, share):
        study = searched(ordinary(), 30, seed)
        steps = np.arange(20)
        held = np.where(steps < 6, 1 - 0.1 * steps, 0.5 + share * 0.5 * (steps - 5) / 14)
        own = tuple(1 / (1 + steps))
        trials = [
            dataclasses.replace(trial, history={**trial.history, "val_loss": tuple(held), "loss": own})
            for trial in study.trials
        ]
        return dataclasses.replace(study, trials=tuple(trials))

    return [lambda seed, share=share: make(seed, share) for share in shares]


def unstable(*swings):
    def make(seed, swing):
        study, rng = searched(ordinary(), 30, seed), np.random.default_rng([5, seed])
        trials = []
        for trial in study.trials:
            curve = np.array(trial.history["val_accuracy"])
            curve[2:] -= np.abs(rng.normal(0, swing, len(curve) - 2))
            history = {**trial.history, "val_accuracy": tuple(curve)}
            at = int(curve.argmax())
            trials.append(dataclasses.replace(trial, history=history, score=float(curve[at]), best_epoch=at + 1))
        return dataclasses.replace(study, trials=tuple(trials))

    return [lambda seed, swing=swing: make(seed, swing) for swing in swings]


def few(*trials):
    return [lambda seed, count=count: searched(ordinary(), count, seed) for count in trials]


def small_validation(*rows):
    def make(seed, count):
        weights = dict.fromkeys(("learning_rate", "units", "dropout", "norm"), 0.05)
        error = np.sqrt(0.4 * 0.95 * 0.05 / count)
        return searched(ordinary(weights=weights, noise=error), 30, seed, about={"validation_rows": count})

    return [lambda seed, count=count: make(seed, count) for count in rows]


def linear(*tops):
    def make(seed, top):
        space = (*SPACE, real("momentum", 0.0, top, 0.9, "linear"))
        return searched(ordinary(space=space, optimum={"momentum": 0.6}), 30, seed)

    return [lambda seed, top=top: make(seed, top) for top in tops]


def same_job(*ridges):
    def make(seed, ridge):
        return searched(ridged("dropout", "batch_size", ridge), 40, seed)

    return [lambda seed, ridge=ridge: make(seed, ridge) for ridge in ridges]


def wide(*decades):
    def make(seed, decades):
        rate = real("learning_rate", 10 ** (-decades / 2), 10 ** (decades / 2), 1.0)
        steep = {"learning_rate": WEIGHTS["learning_rate"] * (decades / 5) ** 2}
        return searched(ordinary(space=(rate, *SPACE[1:]), weights=steep), 40, seed)

    return [lambda seed, each=each: make(seed, each) for each in decades]


def held_back(*ratios):
    def make(seed, ratio):
        study = searched(ordinary(space=WITHOUT_DROPOUT), 30, seed)
        trials = [
            dataclasses.replace(
                trial, history={**trial.history, "loss": tuple(ratio * np.array(trial.history["val_loss"]))}
            )
            for trial in study.trials
        ]
        return dataclasses.replace(study, trials=tuple(trials))

    return [lambda seed, ratio=ratio: make(seed, ratio) for ratio in ratios]


def together(*trials):
    def make(seed, trials):
        twin = real("hidden_units", 0.0, 1.0, 0.5, "linear")
        study = searched(ordinary(), trials, seed)
        places = study.cube().dimensions[1].to_unit
        moved = [
            dataclasses.replace(trial, values={**trial.values, "hidden_units": places(trial.values["units"])})
            for trial in study.trials
        ]
        return dataclasses.replace(study, trials=tuple(moved), space=(*SPACE, twin))

    return [lambda seed, each=each: make(seed, each) for each in trials]


def dead(*weights):
    def make(seed, weight):
        weights = {"dropout": weight, "units": 0.2, "weight_decay": 0.2, "norm": 0.05}
        return searched(ordinary(weights=weights), 60, seed)

    return [lambda seed, each=each: make(seed, each) for each in weights]


def failing(*shares):
    def make(seed, share):
        study = searched(ordinary(), 40, seed)
        fails = np.random.default_rng(seed).random(40) < share
        lost = {"status": "FAILED", "score": None, "history": {}, "message": "ValueError: shapes do not match"}
        trials = [
            dataclasses.replace(each, **lost) if fail else each for each, fail in zip(study.trials, fails, strict=True)
        ]
        return dataclasses.replace(study, trials=tuple(trials))

    return [lambda seed, each=each: make(seed, each) for each in shares]


FAULTS = {
    "edge": edge("learning_rate", 0.85, 0.95, 1.1),
    "edge ": edge("units", 0.85, 0.95, 1.1),
    "divergence": diverging(0.95, 0.8, 0.6),
    "too short": short(4, 6, 15),
    "too long": long(12, 20, 40),
    "overfitting": overfitting(0.4, 0.7, 1.5),
    "unstable": unstable(0.03, 0.15, 0.3),
    "too few trials": few(12, 8, 5),
    "small validation split": small_validation(400, 100, 30),
    "scale": linear(0.95, 0.97, 0.999),
    "same job": same_job(0.03, 0.2, 0.4),
    "no effect": dead(0.1, 0.01, 0.0),
    "failures": failing(0.03, 0.2, 0.5),
    "too wide": wide(7, 10, 15),
    "underfitting": held_back(1.1, 1.3, 2.0),
    "moved together": together(8, 15, 30),
}


def ordinary_study(seed):
    """An ordinary search: optimum, sizes, noise, divergence and number of trials drawn by its seed."""
    rng = np.random.default_rng([3, seed])
    optimum = {name: float(rng.uniform(0.25, 0.75)) for name in ("learning_rate", "units", "weight_decay")}
    optimum["dropout"] = float(rng.uniform(0.0, 0.5))
    weights = {
        "learning_rate": rng.uniform(0.2, 0.8),
        "units": rng.uniform(0.02, 0.3),
        "dropout": rng.uniform(0.02, 0.2),
    }
    surface = ordinary(
        optimum=optimum,
        weights=weights,
        noise=float(rng.uniform(0.002, 0.01)),
        rise=float(rng.uniform(1.5, 3.0)),
        top=float(rng.uniform(0.8, 0.98)),
    )
    return searched(surface, int(rng.integers(20, 61)), seed, about={"validation_rows": 2000})


def main():
    seeds = range(1, 1 + (int(sys.argv[1]) if len(sys.argv) > 1 else 10))
    print("rule | weak | middle | strong | other rules that spoke")
    chosen = sys.argv[2:] or [*FAULTS]
    for rule, makers in ((each, FAULTS[each]) for each in chosen):
        found, others = [], collections.Counter()
        for make in makers:
            said = [{each.rule for each in conclude(make(seed)).findings} for seed in seeds]
            found.append(sum(rule.strip() in each for each in said))
            others.update(name for each in said for name in each if name != rule.strip())
        print(f"{rule} | {' | '.join(f'{count} of {len(seeds)}' for count in found)} | {dict(others)}", flush=True)
    alarms = []
    for seed in range(1, 2 * len(seeds) + 1):
        study = ordinary_study(seed)
        alarms += [(seed, len(study.trials), each.words) for each in conclude(study).findings]
    print(f"ordinary studies: {2 * len(seeds)}, alarms: {len(alarms)}")
    for each in alarms:
        print(*each)


if __name__ == "__main__":
    main()

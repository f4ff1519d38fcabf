"""How often a verdict is right before and after the way to the best is trained again, on known response surfaces.

    python tests/benchmarks/verdicts_again.py [SEARCHES]

Searches of 15 trials by our own strategy; noise, optimum and trials are of the size that small tables have.
"""

import collections
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "insight"))

import numpy as np
from surfaces import ordinary, searched, trained

from tuners.insight import conclude
from tuners.insight.path import configurations
from tuners.insight.response import response_of

TIMES = 3
CLASSES = {"no better": (-1.0, 0.002), "a little better": (0.002, 0.02), "better": (0.02, 1.0)}
"""True gains over the default."""


def judged(seed, rng):
    """True gain, and the verdict before and after; None where the default won."""
    optimum = {"learning_rate": float(rng.uniform(0.35, 0.8)), "units": float(rng.uniform(0.4, 0.8))}
    surface = ordinary(noise=0.02, optimum=optimum)
    study = searched(surface, 15, seed, about={"validation_rows": 4000})
    before = conclude(study).verdict
    if before.best == before.default:
        return None
    found, cube = configurations(study, response_of(study)), study.cube()
    true = surface.gain(cube, found[-1]) - surface.gain(cube, found[0])
    return true, before, conclude(study, again=[trained(surface, study, found, TIMES, seed)]).verdict


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 120
    rng = np.random.default_rng(0)
    found = [each for seed in range(count) if (each := judged(seed, rng)) is not None]
    for at, name in ((1, "before"), (2, f"after {TIMES} trainings each")):
        within = np.mean([each[at].interval[0] < each[0] < each[at].interval[1] for each in found])
        print(f"{name}: the interval of 90 % holds the true gain in {within:.0%} of {len(found)}")
        for label, (low, high) in CLASSES.items():
            kinds = collections.Counter(each[at].kind for each in found if low < each[0] <= high)
            print(f"  truly {label}: {dict(kinds)}")


if __name__ == "__main__":
    main()

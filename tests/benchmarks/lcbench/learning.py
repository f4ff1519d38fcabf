"""What searches on other tasks are worth to a new one, on LCBench: regret with them, without, and where they mislead.

Each task in turn is the new one; the others are searched first, in 50 trials each, and their trials are what is learned
from. Misled: with the scores of the others negated, so that their best is what is worst.

Run: python tests/benchmarks/lcbench/learning.py [--data DIRECTORY] [--tasks protocol] [--seeds 4] [--noise 0.05]
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import argparse
import time

import numpy as np
from run import tasks_named
from surrogate import Surrogate, find_data, search_space

from tuners.strategy.planner import Planner
from tuners.strategy.suggest import Strategy
from tuners.strategy.transfer import Source
from tuners.strategy.warm_start import Known

BEFORE, TRIALS = 50, 30
AT = (2, 3, 5, 8, 10, 15, 20, 30)
SPACE = search_space().get_config()["space"]


def searched(surrogate, seed, trials, sources=(), noise=0.0):
    """Values and accuracies of a search, and CPU seconds of a suggestion."""
    planner = Planner(Strategy(seed), {"momentum": "one_minus_log"}, [], sources=sources)
    planner.take_space(SPACE)
    rng, found, spent = np.random.default_rng([seed, 5]), [], 0.0
    for number in range(trials):
        begun = time.process_time()
        values, point = planner.plan(number)
        spent += time.process_time() - begun
        accuracy = surrogate.accuracy(values)
        found.append((values, accuracy))
        planner.start(number, values, point)
        planner.finish(number, accuracy + noise * rng.normal())
    return found, spent / trials


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="directory of the surrogate; else KZOO_LCBENCH or ../shared/lcbench")
    parser.add_argument("--tasks", default="protocol", help='"protocol", "others", or ids with commas between')
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--noise", type=float, default=0.0, help="share of the range from median to best")
    options = parser.parse_args()
    data = find_data(options.data)
    surrogates = {task: Surrogate(data, task) for task in tasks_named(options.tasks, data)}
    past = {}
    for task, surrogate in surrogates.items():
        for draw in range(2):
            trials, _ = searched(surrogate, 1000 + draw, BEFORE)
            past[task, draw] = trials
    print("| | " + " | ".join(f"@{at}" for at in AT) + " | ms |\n|---|" + "---:|" * (len(AT) + 1))
    for name, sign in (("without", 0), ("learning from the others", 1), ("misled", -1)):
        curves, costs = [], []
        for task, surrogate in surrogates.items():
            best, median = surrogate.scale
            for seed in range(options.seeds):
                sources = [
                    Source(other, tuple(Known(values, sign * accuracy) for values, accuracy in past[other, seed % 2]))
                    for other in surrogates
                    if other != task and sign
                ]
                found, cost = searched(surrogate, seed, TRIALS, sources, options.noise * (best - median))
                reached = np.maximum.accumulate([accuracy for _, accuracy in found])
                curves.append((best - reached) / (best - median))
                costs.append(cost)
        mean = np.mean(curves, axis=0)
        regrets = " | ".join(f"{mean[at - 1]:.3f}" for at in AT)
        print(f"| {name} | {regrets} | {1000 * np.mean(costs):.1f} |", flush=True)


if __name__ == "__main__":
    main()

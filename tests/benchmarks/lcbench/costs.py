"""CPU milliseconds of an ask and tell of our oracle, the journal on disk included, at trial 100 and at trial 5,000.

Run: python tests/benchmarks/lcbench/costs.py [--data DIRECTORY]
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import argparse
import time

import numpy as np
from searchers import SEARCHERS
from surrogate import TASKS, Surrogate, find_data

AT = (100, 5_000)
AROUND = 50
"""Trials before and after, over which the mean is taken."""


def costs(name: str, surrogate: Surrogate) -> list[float]:
    """CPU milliseconds of every trial."""
    searcher, spent = SEARCHERS[name](1), []
    for _ in range(max(AT) + AROUND):
        begun = time.process_time()
        trial, values = searcher.ask()
        asked = time.process_time() - begun
        accuracy = surrogate.accuracy(values)
        begun = time.process_time()
        searcher.tell(trial, accuracy)
        spent.append(1000 * (asked + time.process_time() - begun))
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="directory of the surrogate; else KZOO_LCBENCH or ../shared/lcbench")
    surrogate = Surrogate(find_data(parser.parse_args().data), TASKS[0])
    for name in ("kzoo", "kzoo, model-free"):
        spent = costs(name, surrogate)
        for at in AT:
            print(f"{name}, trial {at}: {np.mean(spent[at - AROUND : at + AROUND]):.2f} ms", flush=True)


if __name__ == "__main__":
    main()

"""Search quality on LCBench: regret against trials, for our oracle and its peers.

Four settings: results one by one; two workers at once, so that a result is one ask late; four; and results with noise.
Prints and saves a table, the numbers and a picture; what is in the directory from runs of other searchers stays.

Run: python tests/benchmarks/lcbench/run.py [--data DIRECTORY] [--searchers kzoo,...] [--seeds 10] [--out DIRECTORY]
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import argparse
import datetime
import json
import multiprocessing
import time
from pathlib import Path

import numpy as np
from searchers import SEARCHERS
from surrogate import TASKS, Surrogate, find_data
from tables import CHECKPOINTS, draw, line, page

TRIALS = 100
SETTINGS = {
    "one by one": {},
    "2 workers": {"workers": 2},
    "4 workers": {"workers": 4},
    "noise of 5 %": {"noise": 0.05},
}


def regrets(job):
    """Regret after each trial, and CPU seconds of an ask and tell, of one search."""
    data, name, task, scale, seed, settings = job
    workers, noise = settings.get("workers", 1), settings.get("noise", 0.0)
    surrogate, searcher = Surrogate(data, task), SEARCHERS[name](seed)
    best, median = scale
    rng = np.random.default_rng([seed, int(task)])
    running, reached, spent = [], [], 0.0
    for _ in range(TRIALS):
        begun = time.process_time()
        trial, values = searcher.ask()
        spent += time.process_time() - begun
        accuracy = surrogate.accuracy(values)
        reached.append(accuracy)
        running.append((trial, accuracy + noise * (best - median) * rng.normal()))
        if len(running) == workers:
            begun = time.process_time()
            searcher.tell(*running.pop(0))
            spent += time.process_time() - begun
    return (best - np.maximum.accumulate(reached)) / (best - median), spent / TRIALS


def measure(data, names, settings, tasks, seeds, pool):
    """Mean regret curves and costs by searcher and setting, and the curves by task."""
    scales = dict(zip(tasks, pool.map(scale_of, [(data, task) for task in tasks]), strict=True))
    results = []
    for name in names:
        for setting in settings:
            jobs = [
                (data, name, task, scales[task], seed, SETTINGS[setting]) for task in tasks for seed in range(seeds)
            ]
            found = pool.map(regrets, jobs, chunksize=4)
            curves = np.array([curve for curve, _ in found]).reshape(len(tasks), seeds, TRIALS)
            results.append(
                {
                    "searcher": name,
                    "setting": setting,
                    "seeds": seeds,
                    "date": str(datetime.date.today()),
                    "regret": curves.mean(axis=(0, 1)).round(5).tolist(),
                    "by_task": {
                        task: [round(float(curve[at - 1]), 5) for at in CHECKPOINTS]
                        for task, curve in zip(tasks, curves.mean(axis=1), strict=True)
                    },
                    "milliseconds": round(1000 * float(np.mean([cost for _, cost in found])), 3),
                }
            )
            print(line(results[-1]), flush=True)
    return results


def scale_of(job):
    return Surrogate(*job).scale


def with_earlier(results, path):
    """These results, and the others that the file has, in the order of `SEARCHERS` and `SETTINGS`."""
    made = {(result["searcher"], result["setting"]) for result in results}
    earlier = json.loads(path.read_text()) if path.exists() else []
    everything = [*results, *(each for each in earlier if (each["searcher"], each["setting"]) not in made)]
    searchers, settings = list(SEARCHERS), list(SETTINGS)
    return sorted(everything, key=lambda each: (searchers.index(each["searcher"]), settings.index(each["setting"])))


def tasks_named(given, data):
    """The tasks of "protocol", of "others", or those listed."""
    if given == "protocol":
        return list(TASKS)
    if given != "others":
        return given.split(",")
    known = json.loads((data / "encoding.json").read_text())["OpenML_task_id"]
    # The surrogate's word for a missing task is among them.
    return [task for task in known if task.isdigit() and task not in TASKS]


def parsed():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="directory of the surrogate; else KZOO_LCBENCH or ../shared/lcbench")
    parser.add_argument("--searchers", default="kzoo,kzoo/model-free,Optuna TPE,hyperopt TPE,KerasTuner RandomSearch")
    parser.add_argument("--settings", default=",".join(SETTINGS))
    parser.add_argument("--tasks", default="protocol", help='"protocol", "others", or ids with commas between')
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--out", type=Path, help="directory for the table, the numbers and the picture")
    return parser.parse_args()


def main():
    options = parsed()
    data = find_data(options.data)
    names = [name.replace("/", ", ") for name in options.searchers.split(",")]
    tasks = tasks_named(options.tasks, data)
    with multiprocessing.get_context("spawn").Pool() as pool:
        results = measure(data, names, options.settings.split(","), tasks, options.seeds, pool)
    if options.out:
        results = with_earlier(results, options.out / "results.json")
    print(made := page(results, list(SETTINGS)))
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "results.md").write_text(made)
        (options.out / "results.json").write_text(json.dumps(results))
        draw(results, list(SETTINGS), options.out / "regret.png")


if __name__ == "__main__":
    main()

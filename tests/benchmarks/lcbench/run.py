"""Search quality on LCBench: regret against trials, for our oracle and its peers.

Three settings: results one by one; four workers at once, so that a result is three asks late; and results with noise.
Prints and saves a table, the numbers and a picture; what is in the directory from runs of other searchers stays.

Run: python tests/benchmarks/lcbench/run.py [--data DIRECTORY] [--searchers kzoo,...] [--seeds 10] [--out DIRECTORY]
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import argparse
import datetime
import importlib.metadata
import json
import multiprocessing
import time
from pathlib import Path

import numpy as np
from searchers import SEARCHERS
from surrogate import TASKS, Surrogate, find_data

TRIALS = 100
CHECKPOINTS = (20, 30, 50, 100)
SETTINGS = {
    "one by one": {},
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


def measure(data, names, tasks, seeds, pool):
    """Mean regret curves and costs by searcher and setting, and the curves by task."""
    scales = dict(zip(tasks, pool.map(scale_of, [(data, task) for task in tasks]), strict=True))
    results = []
    for name in names:
        for setting, options in SETTINGS.items():
            jobs = [(data, name, task, scales[task], seed, options) for task in tasks for seed in range(seeds)]
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


def line(result):
    numbers = " | ".join(f"{result['regret'][at - 1]:.3f}" for at in CHECKPOINTS)
    return (
        f"| {result['searcher']} | {result['setting']} | {numbers} | {result['milliseconds']:.1f} | {result['seeds']} |"
    )


def table(results):
    heads = " | ".join(f"@{at}" for at in CHECKPOINTS)
    rows = [f"| search | results | {heads} | ms | seeds |", "|---|---|" + "---:|" * (len(CHECKPOINTS) + 2)]
    versions = ", ".join(f"{each} {importlib.metadata.version(each)}" for each in ("keras-tuner", "optuna", "hyperopt"))
    note = (
        f"Mean regret over {len(results[0]['by_task'])} tasks of LCBench after so many trials, and CPU milliseconds of "
        f"an ask and tell, the journal written to disk included, in the mean over {TRIALS} trials. Made by "
        f"`tests/benchmarks/lcbench/run.py`, {results[0]['date']}; {versions}."
    )
    return "\n".join([*rows, *map(line, results), "", note, ""])


def with_earlier(results, path):
    """These results, and those of other searchers that the file has, in the order of `SEARCHERS`."""
    names = {result["searcher"] for result in results}
    earlier = json.loads(path.read_text()) if path.exists() else []
    everything = [*results, *(result for result in earlier if result["searcher"] not in names)]
    return sorted(everything, key=lambda result: list(SEARCHERS).index(result["searcher"]))


def draw(results, path):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(SETTINGS), figsize=(12, 4), sharey=True, layout="constrained")
    names = list(dict.fromkeys(result["searcher"] for result in results))
    for axis, setting in zip(axes, SETTINGS, strict=True):
        for result in results:
            if result["setting"] == setting:
                ours = result["searcher"].startswith("kzoo")
                axis.plot(
                    range(5, TRIALS + 1),
                    result["regret"][4:],
                    label=result["searcher"],
                    color=f"C{names.index(result['searcher'])}",
                    lw=2.4 if ours else 1.4,
                    ls="-" if ours else "--",
                )
        axis.set(title=setting, xlabel="trials", yscale="log")
        axis.set_yticks([0.05, 0.1, 0.2, 0.4, 0.8], ["0.05", "0.1", "0.2", "0.4", "0.8"])
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("mean regret (0: best known, 1: median)")
    axes[0].legend(fontsize=8)
    figure.savefig(path, dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="directory of the surrogate; else KZOO_LCBENCH or ../shared/lcbench")
    parser.add_argument("--searchers", default="kzoo,kzoo/model-free,Optuna TPE,hyperopt TPE,KerasTuner RandomSearch")
    parser.add_argument("--tasks", choices=("protocol", "others"), default="protocol")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--out", type=Path, help="directory for the table, the numbers and the picture")
    options = parser.parse_args()
    data = find_data(options.data)
    names = [name.replace("/", ", ") for name in options.searchers.split(",")]
    everything = json.loads((data / "encoding.json").read_text())["OpenML_task_id"]
    tasks = TASKS if options.tasks == "protocol" else [task for task in everything if task not in TASKS]
    with multiprocessing.get_context("spawn").Pool() as pool:
        results = measure(data, names, list(tasks), options.seeds, pool)
    if options.out:
        results = with_earlier(results, options.out / "results.json")
    print(made := table(results))
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "results.md").write_text(made)
        (options.out / "results.json").write_text(json.dumps(results))
        draw(results, options.out / "regret.png")


if __name__ == "__main__":
    main()

"""What ending trials early saves, and what it costs: searches over trials whose whole curves are known.

For each data set, 250 configurations of the zoo's `mlp` are drawn at random and trained for 27 epochs, once; their
curves are kept in DIRECTORY. A search then draws eight of them at random and has a Gaussian process of what they have
reached choose each next one; a rule ends trials early. Regret is (the smallest validation loss seen - the smallest of
all) / (the median of all - the smallest), in the mean over data sets and seeds, beside the share of the epochs that was
trained. `--taskset` has such curves of other people's: text classifiers of TaskSet, 1,000 configurations of Adam each,
50 epochs, of which a seed draws 300.

`--searches` runs whole searches as well, with and without the median rule, from the same seeds and rows. They are
kept in DIRECTORY, too.

Prints tables and saves them beside this script.

Run: python tests/benchmarks/pruning.py DIRECTORY [--data digits,breast_cancer,FILE.csv:TARGET] [--taskset DIR]
    [--searches 6 --on digits,FILE.csv:TARGET]
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import argparse
import datetime
import json
import math
import tempfile
import warnings
from pathlib import Path

import numpy as np
from taskset import Pool

from tuners.pruning import CurveStopping, MedianStopping, Race, SuccessiveHalving
from tuners.strategy import ranking

CONFIGURATIONS, EPOCHS, ROWS, DRAWN = 250, 27, 5_000, 300
SEARCHED_ROWS = 3_000
RANDOM = 8
"""Trials before there is a model."""
TRIALS = (5, 10, 20, 30)
RULES = {
    "none": None,
    "median": MedianStopping(),
    "curves": CurveStopping(),
    "halving": SuccessiveHalving(),
    "halving from epoch 3 on": SuccessiveHalving(first=3),
}


class Loss:
    """What a race asks of an objective."""

    name, direction = "loss", "min"
    has_value = staticmethod(lambda logs: True)
    get_value = staticmethod(lambda logs: logs["loss"])


def collect(source, path):
    """Train random configurations to their end, and keep their curves."""
    import keras_tuner

    import kzoo
    import tuners
    from tuners.engine.results import epochs_of
    from tuners.space.dimensions import cube_from_space

    objective, curves = keras_tuner.Objective("val_loss", "min"), []

    class Keeping(tuners.FastTuner):
        def run_trial(self, trial, *args, **kwargs):
            result = super().run_trial(trial, *args, **kwargs)
            losses = [each["val_loss"] for each in epochs_of(result, objective)]
            curves.append(losses + [math.nan] * (EPOCHS - len(losses)))
            return result

    file, _, target = source.partition(":")
    data = kzoo.load_dataset(file, target=target, seed=1) if target else kzoo.load_dataset(file, seed=1)
    oracle = keras_tuner.oracles.RandomSearchOracle(objective, CONFIGURATIONS, 5, max_consecutive_failed_trials=1000)
    oracle.verbose = 0
    with tempfile.TemporaryDirectory() as directory:
        hypermodel = kzoo.create_hypermodel("mlp", data.task, epochs=EPOCHS)
        tuner = Keeping(oracle, hypermodel, directory=directory, project_name="search", keep_checkpoints=1)
        rows = slice(ROWS)
        held_out = (data.x_val[rows], data.y_val[rows])
        tuner.search(data.x_train[rows], data.y_train[rows], validation_data=held_out, epochs=EPOCHS, verbose=0)
    cube = cube_from_space(oracle.hyperparameters.get_config()["space"])
    points = [cube.to_point(oracle.trials[each].hyperparameters.values) for each in oracle.start_order]
    np.savez(path, points=np.array(points), valid=np.array(curves))


def curves_of(path, seed):
    """Points [configurations, dimensions] and losses [configurations, epochs] of a pool, in the order of a seed."""
    with np.load(path) as arrays:
        if "points" not in arrays:
            pool = Pool(path, [seed, 7], 1)
            return pool.points[pool.order[:DRAWN]], arrays["valid"][pool.order[:DRAWN], 1:]
        order = np.random.default_rng([seed, 7]).permutation(len(arrays["points"]))
        return arrays["points"][order], arrays["valid"][order]


def search(path, seed, rule, trials):
    """The regret of a search, at most 5, and the share of the epochs of its trials that was trained."""
    points, losses = curves_of(path, seed)
    epochs = losses.shape[1]
    best = np.minimum.accumulate(np.where(np.isfinite(losses), losses, np.inf), axis=1)
    race = rule and Race(rule, Loss, lambda trials: {each: points[int(each)] for each in trials})
    started, reached, promised, spent = [], [], [], 0
    for number in range(trials):
        started.append(number if number < RANDOM else promising(points, started, np.array(promised)))
        curve = best[started[-1]]
        ends = (
            epoch
            for epoch in range(1, epochs + 1)
            if (race and race.falls_behind(str(started[-1]), epoch, epochs, {"loss": curve[epoch - 1]}))
            or epoch == epochs
        )
        last = next(ends)
        spent += last
        reached.append(-curve[last - 1])
        promise = race and race.promised(str(started[-1]))
        promised.append(reached[-1] if promise is None else -promise)
    least, middle = best[:, -1].min(), np.median(best[:, -1][np.isfinite(best[:, -1])])
    return min((-max(reached) - least) / (middle - least), 5.0), spent / (trials * epochs)


def promising(points, started, scores):
    """The configuration that has not been started whose expected improvement is largest."""
    chosen = ranking.informative(points[started], scores)
    seen, targets = points[np.array(started)[chosen]], ranking.standardised(scores[chosen])
    start = ranking.Kernel.initial(points.shape[1])
    model = ranking.condition(ranking.fit_kernel(start, seen, targets, steps=8), seen, targets)
    rest = np.setdiff1d(np.arange(len(points)), started)
    promise = ranking.log_expected_improvement(*model.predict(points[rest]), model.predict(seen)[0].max())
    return int(rest[np.argmax(promise)])


def searched(source, seed, rule, trials, directory):
    """The smallest validation loss of a whole search, and the epochs that it trained."""
    kept = directory / "searches.jsonl"
    name, _, target = source.partition(":")
    key = {"name": Path(name).stem, "seed": seed, "rule": rule, "trials": trials}
    for line in kept.read_text().splitlines() if kept.exists() else ():
        if key.items() <= (found := json.loads(line)).items():
            return found["best"], found["spent"]
    import keras_tuner
    import pandas

    import kzoo
    import tuners

    if target:
        frame = pandas.read_csv(name)
        frame = frame.sample(min(len(frame), SEARCHED_ROWS), random_state=seed).reset_index(drop=True)
        data = kzoo.load_dataset(frame, target=target, seed=seed)
    else:
        data = kzoo.load_dataset(name, seed=seed)
    hypermodel = kzoo.create_hypermodel("mlp", data.task, epochs=EPOCHS)
    options = {"pruning": RULES[rule], "reruns": 0, "keep_checkpoints": 1, "project_name": "search"}
    with tempfile.TemporaryDirectory() as place:
        objective = keras_tuner.Objective("val_loss", "min")
        tuner = tuners.CoarseToFineSearch(hypermodel, objective, trials, seed, directory=place, **options)
        held_out = (data.x_val, data.y_val)
        tuner.search(data.x_train, data.y_train, validation_data=held_out, epochs=EPOCHS, verbose=0)
        ended = tuners.Study.load(Path(place, "search")).completed
    best = min(trial.score for trial in ended)
    spent = sum(len(trial.history["val_loss"]) for trial in ended)
    with kept.open("a") as file:
        file.write(json.dumps({**key, "best": best, "spent": spent}) + "\n")
    return best, spent


def searches_table(sources, seeds, directory):
    searches = {
        "none, 20 trials": ("none", 20),
        "median, 31 trials": ("median", 31),
        "curves, 20 trials": ("curves", 20),
        "curves, 36 trials": ("curves", 36),
    }
    lines = [
        f"Whole searches of `mlp`, {EPOCHS} epochs, {seeds} seeds: smallest validation loss, and share of epochs.",
        "",
    ]
    lines += [f"| data | {' | '.join(searches)} |", "|---|" + "---:|" * len(searches)]
    shares = []
    for source in sources:
        found = np.array(
            [[searched(source, seed, *each, directory) for each in searches.values()] for seed in range(seeds)]
        )
        best, share = found[..., 0], found[..., 1].sum(axis=0) / found[:, 0, 1].sum()
        # Each by the search without a rule, so that the data sets weigh alike.
        shares.append(best.mean(axis=0) / best[:, 0].mean())
        errors = best.std(axis=0, ddof=1) / math.sqrt(seeds)
        cells = [f"{a:.4f} ± {b:.4f}, {c:.0%}" for a, b, c in zip(best.mean(axis=0), errors, share, strict=True)]
        lines.append(f"| {Path(source.partition(':')[0]).stem} | {' | '.join(cells)} |")
        print(lines[-1], flush=True)
    means = np.exp(np.log(shares).mean(axis=0))
    lines.append(f"| geometric mean, as shares of the first | {' | '.join(f'{each:.2f}' for each in means)} |")
    print(lines[-1], flush=True)
    return [*lines, ""]


def table(label, paths, seeds):
    lines = [f"{label}, {len(paths)} data sets, {seeds} seeds.", ""]
    lines += [f"| rule | {' | '.join(f'{trials} trials' for trials in TRIALS)} |", "|---|" + "---:|" * len(TRIALS)]
    for name, rule in RULES.items():
        cells = []
        for trials in TRIALS:
            found = np.array([[search(path, seed, rule, trials) for seed in range(seeds)] for path in paths])
            regret, share = found.mean(axis=(0, 1))
            error = found[..., 0].std(axis=1, ddof=1).mean() / math.sqrt(seeds * len(paths))
            cells.append(f"{regret:.3f} ± {error:.3f}, {share:.0%}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
        print(lines[-1], flush=True)
    return [*lines, ""]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--data", default="digits,breast_cancer")
    parser.add_argument("--taskset", type=Path)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--searches", type=int, default=0, help="seeds of whole searches")
    parser.add_argument("--on", default="digits,breast_cancer", help="data of whole searches, as --data")
    options = parser.parse_args()
    paths = []
    for source in options.data.split(","):
        paths.append(options.directory / f"{Path(source.partition(':')[0]).stem}.npz")
        if not paths[-1].exists():
            with warnings.catch_warnings():
                # Of what is left out of a table.
                warnings.simplefilter("ignore")
                collect(source, paths[-1])
    names = ", ".join(path.stem for path in paths)
    lines = table(f"The zoo's `mlp` on {names}; {EPOCHS} epochs", paths, options.seeds)
    if options.taskset:
        lines += table("TaskSet, 50 epochs", sorted(options.taskset.glob("*.npz")), options.seeds)
    if options.searches:
        lines += searches_table(options.on.split(","), options.searches, options.directory)
    words = (
        "Regret of the best trial, its standard error over seeds, and the share of the epochs that was trained. Made by"
    )
    lines += [f"{words} `tests/benchmarks/pruning.py`, {datetime.date.today()}.", ""]
    Path(__file__).with_suffix(".md").write_text("\n".join(["# Ending trials early", "", *lines]))


if __name__ == "__main__":
    main()

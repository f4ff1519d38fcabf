"""Search whose trials can be paused, on real learning curves: regret against epochs.

Six text classifiers of TaskSet (Metz et al., 2020; Apache-2.0), each trained for 50 epochs under 1,000 configurations
of Adam. A search names the configuration to begin or to go on with and sees its next epochs; each
costs one, those of a full run 50. Its answer is the configuration with the smallest validation loss that it has seen,
which counts by its full run. Regret is (loss - best of the pool) / (median of the pool - best), at most 5.

DIRECTORY has a `.npz` for each task: `hp` [configurations, 8], `names` [8] and `valid` [configurations, 51], the
validation losses before training and after each epoch.

Prints a table and saves it beside this script.

Run: python tests/benchmarks/taskset.py DIRECTORY [--searches freeze-thaw,...] [--seeds 10] [--budget 20]
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import argparse
import bisect
import collections
import datetime
import functools
import math
import time
from pathlib import Path

import numpy as np
from scipy import linalg
from scipy.spatial import distance

from tuners.pruning import SuccessiveHalving
from tuners.strategy import ranking

FULL = 50
CHECKPOINTS = (5, 10, 20, 50)
CHOOSING = ("imdb_patch128_LSTM128_avg_bs64", "imdb_patch32_GRU64_avg_bs128", "imdb_patch32_LSTM128_bs128")
"""Tasks on which the settings of the freeze-thaw search were chosen."""


class Pool:
    """Configurations that can be trained for some more epochs, and what a search has seen of them.

    Attributes:
        points: Hyperparameters on their scales, [configurations, 8], in [0, 1].
        trained: Epochs of each, [configurations].
        started: Those that have been begun, in this order.
        regrets: By checkpoint, in full runs.
    """

    def __init__(self, path, seed, budget):
        with np.load(path) as arrays:
            losses, values, names = arrays["valid"][:, 1:], arrays["hp"].astype(float), arrays["names"]
        self._best = np.minimum.accumulate(np.where(np.isfinite(losses), losses, np.inf), axis=1)
        near_one = np.array(["beta" in str(name) for name in names])
        logs = np.log(np.clip(np.where(near_one, 1 - values, values), 1e-12, None))
        self.points = (logs - logs.min(axis=0)) / (logs.max(axis=0) - logs.min(axis=0))
        self.budget, self.order = budget * FULL, np.random.default_rng(seed).permutation(len(values))
        self.trained, self.started, self.spent = np.zeros(len(values), int), [], 0
        self.regrets, self._answer = {}, (math.inf, -1)

    over = property(lambda self: self.spent >= self.budget)

    def scores(self, configurations, epochs):
        """The best score up to an epoch that was trained; more is better."""
        assert np.all(epochs <= self.trained[configurations])
        return -self._best[configurations, epochs - 1]

    def train(self, configuration, until):
        if not self.trained[configuration]:
            self.started.append(configuration)
        while self.trained[configuration] < until and not self.over:
            self.trained[configuration] += 1
            self.spent += 1
            loss = self._best[configuration, self.trained[configuration] - 1]
            self._answer = min(self._answer, (loss, configuration))
            if self.spent % FULL == 0 and self.spent // FULL in CHECKPOINTS:
                self.regrets[self.spent // FULL] = self._regret(self._answer[1])

    def untouched(self):
        """Configurations that were not begun, in the order of the seed."""
        return self.order[self.trained[self.order] == 0]

    def _regret(self, configuration):
        ends = self._best[:, -1]
        return min((ends[configuration] - ends.min()) / (np.median(ends) - ends.min()), 5.0)


def random_search(pool):
    while not pool.over:
        pool.train(pool.untouched()[0], FULL)


def one_bracket(runs):
    """Successive halving that knows its budget: as many configurations as it has epochs for, a third goes on."""

    def search(pool):
        brackets = ([max(1, count // 3**level) for level in range(5)] for count in range(len(pool.order), 0, -1))
        sizes = next(sizes for sizes in brackets if cost(sizes) <= runs * FULL)
        going = pool.order[: sizes[0]]
        for rung, size in zip(RUNGS, sizes, strict=True):
            going = going[:size]
            for configuration in going:
                pool.train(configuration, rung)
            going = going[np.argsort(-pool.scores(going, np.full(len(going), rung)), kind="stable")]
        random_search(pool)

    return search


RUNGS = (1, 3, 9, 27, 50)


def cost(sizes):
    return sum(size * (rung - before) for size, rung, before in zip(sizes, RUNGS, (0, *RUNGS), strict=False))


def pruning(pool):
    """The search of the package with trials that end early for good: a model of what they have reached picks them."""
    rule, reached, kernel = SuccessiveHalving(), collections.defaultdict(list), GrowingKernel(pool)
    while not pool.over:
        configuration = pool.untouched()[0] if len(pool.started) < 8 else promising(pool, kernel)
        for epoch in range(1, FULL + 1):
            pool.train(configuration, epoch)
            if pool.over or (rule.is_rung(epoch, FULL) and behind(pool, rule, reached[epoch], configuration)):
                break


def behind(pool, rule, marks, configuration):
    score = float(pool.scores(configuration, pool.trained[configuration]))
    stopped = rule.stops(score, marks)
    bisect.insort(marks, score)
    return stopped


def promising(pool, kernel):
    started, untouched = np.array(pool.started), pool.untouched()
    scores = pool.scores(started, pool.trained[started])
    chosen = ranking.informative(pool.points[started], scores)
    points, targets = pool.points[started[chosen]], ranking.standardised(scores[chosen])
    model = ranking.condition(kernel.fitted(), points, targets)
    best = model.predict(points)[0].max()
    return untouched[np.argmax(ranking.log_expected_improvement(*model.predict(pool.points[untouched]), best))]


class GrowingKernel:
    """The kernel of what the trials have reached, fitted again when there are 15 % more of them."""

    def __init__(self, pool):
        self.pool, self._trials, self._kernel = pool, 0, ranking.Kernel.initial(8)

    def fitted(self):
        started = np.array(self.pool.started)
        if len(started) >= 1.15 * self._trials:
            self._trials = len(started)
            scores = self.pool.scores(started, self.pool.trained[started])
            chosen = ranking.informative(self.pool.points[started], scores)
            points, targets = self.pool.points[started[chosen]], ranking.standardised(scores[chosen])
            self._kernel = ranking.fit_kernel(ranking.Kernel.initial(8), points, targets)
        return self._kernel


class FreezeThaw:
    """Goes on with the trial, or begins the one, that promises most at its last epoch, for half as many epochs again.

    A Gaussian process over hyperparameters and epochs; the covariance of configurations i, j at epochs s, t is
    k(i, j) (1/2 + k(s, t)/2) + [i = j] (0.1 + 0.15 k(s, t)) + k(s, t)/2, with Matern 5/2 for k, over the logarithm of
    the epochs. The length scales of the hyperparameters are those of a process over what the trials have reached.

    References:
        Swersky et al., 2014: Freeze-Thaw Bayesian Optimization.
    """

    ALONG = np.log(np.arange(1, FULL + 1)) / math.log(FULL)
    EPOCHS = np.array([1, 2, 3, 5, 8, 12, 18, 27, 38, 50])
    OBSERVED = np.array([1, 3, 8, 18, 50])
    NOISE, MARGIN, MOST, CANDIDATES, START = 0.003, 0.3, 400, 150, 6

    def __init__(self, pool):
        self.pool, self.kernel = pool, GrowingKernel(pool)
        self.between = matern(np.abs(self.ALONG[:, None] - self.ALONG) / 0.5)

    def search(self):
        pool = self.pool
        while not pool.over:
            chosen = pool.order[len(pool.started)] if len(pool.started) < self.START else self.choose()
            pool.train(chosen, self.EPOCHS[np.searchsorted(self.EPOCHS, pool.trained[chosen], side="right")])

    def choose(self):
        pool = self.pool
        trials, epochs, scores = self.observations()
        known = np.unique(trials)
        fresh = np.random.default_rng(pool.spent).permutation(pool.untouched())[: self.CANDIDATES]
        mean, deviation = self.ends(np.concatenate([known, fresh]), trials, epochs, scores)
        promise = ranking.log_expected_improvement(mean, deviation, mean[: len(known)].max() + self.MARGIN)
        done = (pool.trained[known] == FULL) | ~np.isfinite(pool.scores(known, pool.trained[known]))
        promise[: len(known)][done] = -np.inf
        return np.concatenate([known, fresh])[np.argmax(promise)]

    def ends(self, configurations, trials, epochs, scores):
        """Mean and deviation of the scores after the last epoch, each [configurations], given observations."""
        inner = self.covariance(trials, epochs, trials, epochs) + self.NOISE * np.eye(len(trials))
        cross = self.covariance(configurations, np.full(len(configurations), FULL), trials, epochs)
        factor = linalg.cholesky(inner, lower=True, check_finite=False)
        solved = linalg.solve_triangular(factor, cross.T, lower=True, check_finite=False)
        mean = cross @ linalg.cho_solve((factor, True), scores, check_finite=False)
        return mean, np.sqrt(np.maximum(1.75 - (solved**2).sum(axis=0), 1e-9))

    def observations(self):
        """Configurations, epochs and standardised scores, of the best half of the allowance and the latest."""
        started = np.array(self.pool.started)
        last = self.pool.trained[started]
        seen = [np.union1d(self.OBSERVED[self.OBSERVED < each], each) for each in last]
        trials, epochs = np.repeat(started, [len(each) for each in seen]), np.concatenate(seen)
        scores = ranking.standardised(self.pool.scores(trials, epochs))
        chosen = ranking.informative(scores[:, None], scores, self.MOST)
        return trials[chosen], epochs[chosen], scores[chosen]

    def covariance(self, left, left_epochs, right, right_epochs):
        rows, at_row = np.unique(left, return_inverse=True)
        columns, at_column = np.unique(right, return_inverse=True)
        scaled = self.pool.points / np.exp(self.kernel.fitted().log_lengths)
        alike = matern(distance.cdist(scaled[rows], scaled[columns]))
        same = rows[:, None] == columns
        places, along = np.ix_(at_row, at_column), self.between[np.ix_(left_epochs - 1, right_epochs - 1)]
        return (0.5 * alike + 0.1 * same)[places] + (0.5 * alike + 0.15 * same + 0.5)[places] * along


def matern(distances):
    """Matern 5/2 of distances in length scales."""
    scaled = math.sqrt(5.0) * distances
    return (1 + scaled + scaled**2 / 3) * np.exp(-scaled)


SEARCHES = {
    "successive halving": None,  # It has to know its budget, so that each checkpoint is a search of its own.
    "random": random_search,
    "pruning": pruning,
    "freeze-thaw": lambda pool: FreezeThaw(pool).search(),
}


def measure(name, paths, seeds, budget):
    """Regrets [tasks, seeds, checkpoints], and CPU seconds of a search."""
    begun, found = time.process_time(), []
    for path in paths:
        for seed in range(seeds):
            found.append(regrets(name, functools.partial(Pool, path, [seed, 7]), budget))
    seconds = (time.process_time() - begun) / len(found)
    return np.array(found).reshape(len(paths), seeds, len(CHECKPOINTS)), seconds


def regrets(name, pool_of, budget):
    if name != "successive halving":
        SEARCHES[name](pool := pool_of(budget))
        return [pool.regrets.get(each, math.nan) for each in CHECKPOINTS]
    pools = {each: pool_of(each) for each in CHECKPOINTS if each <= budget}
    for each, pool in pools.items():
        one_bracket(each)(pool)
    return [pools[each].regrets[each] if each in pools else math.nan for each in CHECKPOINTS]


def line(name, found, seconds, tasks):
    mean = found.mean(axis=(0, 1))
    error = found.std(axis=(0, 1)) / math.sqrt(found.shape[0] * found.shape[1])
    cells = [f"{each:.3f} ± {wide:.3f}" if math.isfinite(each) else "" for each, wide in zip(mean, error, strict=True)]
    return f"| {name} | {tasks} | {' | '.join(cells)} | {found.shape[1]} | {seconds:.1f} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--searches", default=",".join(SEARCHES))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--budget", type=int, default=20, help="in full runs")
    options = parser.parse_args()
    paths = sorted(options.directory.glob("*.npz"))
    names = options.searches.split(",")
    if not paths or not set(names) <= set(SEARCHES):
        parser.error(f"{options.directory} has no .npz" if not paths else f"searches are {', '.join(SEARCHES)}")
    chosen_on, others = ([path for path in paths if (path.stem in CHOOSING) is known] for known in (True, False))
    lines = [f"| search | tasks | {' | '.join(f'@{each}' for each in CHECKPOINTS)} | seeds | CPU s |"]
    lines.append("|---|---|" + "---:|" * (len(CHECKPOINTS) + 2))
    for name in names:
        for tasks, some in (("settings chosen on", chosen_on), ("others", others)):
            if some:
                lines.append(line(name, *measure(name, some, options.seeds, options.budget), tasks))
                print(lines[-1], flush=True)
    words = "Mean regret after so many full runs' worth of epochs, and its standard error. Made by"
    lines += ["", f"{words} `tests/benchmarks/taskset.py`, {datetime.date.today()}.", ""]
    Path(__file__).with_suffix(".md").write_text("\n".join(["# Trials that can be paused", "", *lines]))


if __name__ == "__main__":
    main()

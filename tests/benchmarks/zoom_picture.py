"""Draws where a search went: two hyperparameters in three stages, coloured by the objective.

kzoo search mlp --data digits --fix optimizer=adam --trials 60 --epochs 8 --seed 1 --out RUN
python tests/benchmarks/zoom_picture.py RUN PICTURE.png
"""

import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from tuners import Study

RATE, UNITS = "adam/learning_rate", "units"
COARSE = 8


def draw(run: str, picture: str) -> None:
    study = Study.load(run)
    # The best last, so that they are drawn on top.
    trials = study.best[::-1]
    rates = np.array([trial.values[RATE] for trial in trials])
    units = np.array([trial.values[UNITS] for trial in trials])
    scores = np.array([trial.score for trial in trials])
    numbers = np.array([trial.number for trial in trials])
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.8), sharex=True, sharey=True, layout="constrained")
    stages = [(1, COARSE), (COARSE + 1, 30), (31, len(study.trials))]
    titles = ["coarse, the learning rate first", "zooming in", "fine: around the best"]
    worst, best = np.quantile(scores, 0.25), scores.max()
    for axis, (first, last), title in zip(axes, stages, titles, strict=True):
        before, now = numbers < first, (numbers >= first) & (numbers <= last)
        axis.scatter(rates[before], units[before], s=14, color="0.8", zorder=1)
        colours = axis.scatter(
            rates[now], units[now], s=46, c=scores[now], cmap="viridis", vmin=worst, vmax=best, ec="black", lw=0.4
        )
        top = int(np.argmax(np.where(numbers <= last, scores, -np.inf)))
        axis.scatter(rates[top], units[top], s=190, fc="none", ec="crimson", lw=1.8, zorder=3)
        axis.set(xscale="log", yscale="log", title=f"trials {first} to {last}: {title}", xlabel="learning rate")
        axis.title.set_fontsize(10)
    axes[0].set_ylabel("units")
    axes[0].set(yticks=(ticks := [16, 32, 64, 128, 256, 512]), yticklabels=ticks, ylim=(13, 620))
    axes[0].minorticks_off()
    figure.colorbar(colours, ax=axes, label=f"{study.objective.replace('_', ' ')}", shrink=0.9)
    figure.savefig(picture, dpi=110)


if __name__ == "__main__":
    draw(*sys.argv[1:3])

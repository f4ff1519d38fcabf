"""The pictures of a search, drawn as SVG."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from matplotlib import style
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tuners.space.shown import number, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tuners.report.pictures.data import Curve, Parallel, Pictures, Progress, Slice

WIDTH = 11.0
"""Inches; the page shows the pictures as wide as its text."""

COLUMNS = 4

MOST_SHAPES = 1000
"""Points in a picture that are shapes of their own; more are drawn as pixels, which keeps the page small."""

POINT, BEST, GREY = "#4c72b0", "#c44e52", "0.6"

# On top of matplotlib's defaults, so that no settings of a user change the page. A name is text, whatever dollars stand
# in it; text stays text, which is small and can be scaled.
_STYLE: dict[Any, Any] = {
    "text.parse_math": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "kzoo",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def draw_progress(pictures: Pictures) -> str:
    """The scores in the order of the trials, and the best so far."""
    with style.context(_STYLE, after_reset=True):
        figure, axes = _figure(3.0)
        _scores_axis(axes, pictures)
        _points(axes, pictures.progress.numbers, pictures.progress.scores, pictures)
        _best_so_far(axes, pictures.progress, pictures)
        axes.set_xlabel("trial")
        axes.set_xlim(0.5, max(*pictures.progress.numbers, *pictures.progress.without, 2) + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
        return _svg(figure)


def draw_slices(pictures: Pictures) -> str:
    """The scores over each hyperparameter, on its scale."""
    with style.context(_STYLE, after_reset=True):
        rows = math.ceil(len(pictures.slices) / COLUMNS)
        figure = Figure(figsize=(WIDTH, 2.4 * rows), layout="constrained")
        grid = figure.subplots(rows, COLUMNS, squeeze=False, sharey=True).ravel()
        for axes, each in zip(grid, pictures.slices, strict=False):
            _scores_axis(axes, pictures, label=axes.get_subplotspec().is_first_col())
            _slice(axes, each, pictures)
        for axes in grid[len(pictures.slices) :]:
            axes.remove()
        return _svg(figure)


def draw_parallel(pictures: Pictures, parallel: Parallel) -> str:
    """The best trials as lines over the hyperparameters, coloured by their scores."""
    with style.context(_STYLE, after_reset=True):
        figure, axes = _figure(3.6)
        colours = matplotlib.colormaps["viridis" if pictures.maximise else "viridis_r"]
        norm = matplotlib.colors.Normalize(*_widened(pictures))
        for line, score in zip(parallel.lines, parallel.scores, strict=True):
            values = [math.nan if position is None else position for position in line]
            axes.plot(values, color=colours(norm(score)), marker="o", ms=2.5, lw=1.1, alpha=0.8)
        best = [math.nan if position is None else position for position in parallel.lines[-1]]
        axes.plot(best, color=BEST, marker="o", ms=4, lw=2.2)
        _vertical_axes(axes, parallel)
        bar = figure.colorbar(matplotlib.cm.ScalarMappable(norm, colours), ax=axes, pad=0.08, aspect=30)
        bar.set_label(pictures.objective)
        return _svg(figure)


def draw_curves(pictures: Pictures) -> str:
    """Learning curves of the best trials."""
    with style.context(_STYLE, after_reset=True):
        figure, axes = _figure(3.2)
        for index, curve in enumerate(pictures.curves):
            _curve(axes, curve, f"C{index}")
        if any(curve.training for curve in pictures.curves):
            axes.plot([], [], color=GREY, ls="--", lw=1, label="on training rows")
        axes.plot([], [], color=GREY, marker="o", ls="", label="best epoch")
        axes.set_xlabel("epoch")
        axes.set_ylabel(pictures.objective)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
        return _svg(figure)


def _figure(height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplots()


def _svg(figure: Figure) -> str:
    text = io.StringIO()
    figure.savefig(text, format="svg", dpi=150, metadata={"Date": None})
    return text.getvalue()


def _widened(pictures: Pictures) -> tuple[float, float]:
    """The limits of the scores, apart even where all are the same."""
    low, high = pictures.limits
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _scores_axis(axes: Axes, pictures: Pictures, *, label: bool = True) -> None:
    low, high = _widened(pictures)
    margin = 0.06 * (high - low)
    axes.set_ylim(low - margin, high + margin)
    if label:
        axes.set_ylabel(pictures.objective)


def _points(axes: Axes, x: Sequence[float], scores: Sequence[float], pictures: Pictures) -> None:
    """A dot for each score; a triangle at the edge for those beyond the limits."""
    low, high = pictures.limits
    across, values = np.asarray(x, float), np.asarray(scores, float)
    inside = (values >= low) & (values <= high)
    pixels = len(values) > MOST_SHAPES
    axes.scatter(across[inside], values[inside], s=16, color=POINT, alpha=0.7, lw=0, label="trial", rasterized=pixels)
    if not inside.all():
        marker = "v" if pictures.maximise else "^"
        edge = np.clip(values[~inside], *axes.get_ylim())
        label = "worse than shown"
        axes.scatter(across[~inside], edge, s=22, marker=marker, color=GREY, clip_on=False, lw=0, label=label)


def _best_so_far(axes: Axes, progress: Progress, pictures: Pictures) -> None:
    axes.step(progress.numbers, progress.best, where="post", color=BEST, lw=1.6, label="best so far")
    if progress.without:
        edge = axes.get_ylim()[0 if pictures.maximise else 1]
        heights = [edge] * len(progress.without)
        axes.scatter(progress.without, heights, marker="x", s=22, color=GREY, clip_on=False, label="no score")


def _slice(axes: Axes, each: Slice, pictures: Pictures) -> None:
    _points(axes, each.positions, each.scores, pictures)
    top = (max if pictures.maximise else min)(range(len(each.scores)), key=each.scores.__getitem__)
    axes.scatter([each.positions[top]], [each.scores[top]], s=70, fc="none", ec=BEST, lw=1.5)
    axes.set_xlim(-0.04, 1.04)
    ticks = [(at, shortened(label, 16)) for at, label in each.axis.ticks]
    many = sum(len(label) for _, label in ticks) > (28 if each.axis.ordered else 20)
    rotation: dict[str, Any] = {"rotation": 25, "ha": "right", "rotation_mode": "anchor"} if many else {}
    axes.set_xticks([at for at, _ in ticks], [label for _, label in ticks], **rotation)
    axes.set_title(shortened(each.axis.name, 30), fontsize=9, pad=9)


def _vertical_axes(axes: Axes, parallel: Parallel) -> None:
    axes.set_xlim(-0.3, len(parallel.axes) - 0.4)
    axes.set_ylim(-0.05, 1.05)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.spines["bottom"].set_visible(False)
    axes.set_xticks(range(len(parallel.axes)), [_in_two_lines(shortened(axis.name, 28)) for axis in parallel.axes])
    axes.tick_params(axis="x", length=0)
    for at, axis in enumerate(parallel.axes):
        axes.axvline(at, color="0.75", lw=1, zorder=0)
        for position, label in axis.ticks:
            box = {"boxstyle": "square,pad=0.1", "fc": "white", "ec": "none", "alpha": 0.75}
            axes.text(at + 0.04, position, shortened(label, 16), fontsize=7.5, va="center", bbox=box, zorder=5)


def _in_two_lines(name: str) -> str:
    """A long name, broken after its slash or an underscore."""
    if len(name) <= 14:
        return name
    breaks = [at + 1 for at, letter in enumerate(name) if letter in "/_"]
    middle = min(breaks, key=lambda at: abs(at - len(name) / 2), default=len(name))
    return f"{name[:middle]}\n{name[middle:]}"


def _curve(axes: Axes, curve: Curve, colour: str) -> None:
    epochs = range(1, len(curve.validation) + 1)
    best = curve.validation[curve.best_epoch - 1]
    axes.plot(epochs, curve.validation, color=colour, lw=1.5, label=f"trial {curve.number}: {number(best, 4)}")
    axes.plot(range(1, len(curve.training) + 1), curve.training, color=colour, lw=1, ls="--", alpha=0.7)
    axes.plot([curve.best_epoch], [best], color=colour, marker="o", ms=5)

"""Makes the pictures of the documentation, in docs/pictures.

Run: python docs/pictures.py [NAME ...]

scales, engines, journal, gate   drawn from the code and from tests/benchmarks/engine_speed.md
terminal                         `kzoo search` as a terminal shows it, really run
"""

from __future__ import annotations

import argparse
import os
import pty
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import FancyBboxPatch

from tuners.space.scales import get_scale

HERE = Path(__file__).parent / "pictures"
SPEED = Path(__file__).parents[1] / "tests" / "benchmarks" / "engine_speed.md"
SEARCH = ("search", "mlp", "--data", "digits", "--trials", "12", "--epochs", "10", "--seed", "1")
COLOURS = {"main": "#00796b", "soft": "#b2dfdb", "plain": "#9e9e9e"}


def save(figure: plt.Figure, name: str) -> None:
    """Write a figure, the same bytes each time."""
    with plt.rc_context({"svg.hashsalt": "kzoo"}):
        figure.savefig(HERE / name, metadata={"Date": None})
    plt.close(figure)


def scales() -> None:
    """Forty even draws on each scale, as the values that come of them."""
    positions = np.linspace(0.0125, 0.9875, 40)
    rows = [
        ("learning rate, linear", "linear", 1e-4, 1.0),
        ("learning rate, log", "log", 1e-4, 1.0),
        ("momentum, linear", "linear", 0.5, 0.999),
        ("momentum, log of 1 - x", "one_minus_log", 0.5, 0.999),
    ]
    figure, axes = plt.subplots(4, 1, figsize=(8, 4.6), layout="constrained")
    for axis, (title, scale, low, high) in zip(axes, rows, strict=True):
        values = get_scale(scale).to_value(positions, low, high)
        rate = "rate" in title
        shown = values if rate else 1 / (1 - values)
        axis.scatter(shown, np.zeros_like(shown), s=26, color=COLOURS["main"], alpha=0.6)
        axis.set(xscale="log", yticks=[], xlim=(8e-5, 1.25) if rate else (1.8, 1250))
        axis.set_title(title, loc="left", fontsize=10)
        if scale != "linear":
            axis.set_xlabel("learning rate" if rate else "steps averaged over, 1 / (1 - momentum)")
    save(figure, "scales.svg")


def engines() -> None:
    """Ratios of CPU time, of the first table of the benchmark."""
    rows = re.findall(r"^\| ([^|]+) \| [\d.]+ s \| [\d.]+ s \| ([\d.]+) \| [\d.]+ \|", SPEED.read_text(), re.MULTILINE)
    names, ratios = [name for name, _ in rows], [float(ratio) for _, ratio in rows]
    figure, axis = plt.subplots(figsize=(8, 2.6), layout="constrained")
    bars = axis.barh(names, ratios, color=COLOURS["main"])
    axis.bar_label(bars, [f"{ratio:.1f} times" for ratio in ratios], padding=4)
    axis.axvline(1, color=COLOURS["plain"], lw=1)
    axis.set(xlabel="times less CPU than keras_tuner.Tuner", xlim=(0, max(ratios) * 1.25))
    axis.invert_yaxis()
    axis.spines[["top", "right"]].set_visible(False)
    save(figure, "engines.svg")


def steps(name: str, boxes: dict[str, str]) -> None:
    """Boxes in a row with arrows between, and a note under each."""
    figure, axis = plt.subplots(figsize=(9, 1.9), layout="constrained")
    colours = {"fc": COLOURS["soft"], "ec": COLOURS["main"]}
    for place, (text, note) in enumerate(boxes.items()):
        x = place * 1.3
        axis.add_patch(FancyBboxPatch((x, 0), 1, 0.62, boxstyle="round,pad=0.02", **colours))
        axis.text(x + 0.5, 0.31, text, ha="center", va="center", fontsize=9.5)
        axis.text(x + 0.5, -0.12, note, ha="center", va="top", fontsize=8, color="0.3")
        if place:
            arrow = {"arrowstyle": "->", "color": COLOURS["main"], "lw": 1.5}
            axis.annotate("", (x - 0.04, 0.31), (x - 0.26, 0.31), arrowprops=arrow)
    axis.set(xlim=(-0.1, len(boxes) * 1.3 - 0.2), ylim=(-0.62, 0.75))
    axis.axis("off")
    save(figure, name)


def journal() -> None:
    """A record on its way to the disk and back."""
    boxes = {
        "trial ends": "",
        "a line\nCRC-32  JSON": "one record",
        "appended,\non the disk": "at the end of a trial;\nnever rewritten",
        "read again": "torn or damaged lines\nare left out",
        "the search\nas it was": "with the same\nlater trials",
    }
    steps("journal.svg", boxes)


def gate() -> None:
    """An export on its way to its place."""
    boxes = {
        "Keras model": "answers some rows",
        "staged export\nfolded graph": "beside its place,\nunseen by servers",
        "fresh process\nno Keras": "the loader that\nthe server uses",
        "answers\ncompared": "batches of 1, 3, 17;\nwarm-up requests",
        "NAME/3": "appears whole,\nor not at all",
    }
    steps("gate.svg", boxes)


def terminal() -> None:
    """`kzoo search` in a terminal of 90 columns, as a picture."""
    import rich.console
    import rich.text

    with tempfile.TemporaryDirectory() as scratch:
        output = in_terminal([sys.executable, "-c", "import kzoo.cli; kzoo.cli.main()", *SEARCH], scratch)
    shown = rich.console.Console(record=True, width=90, file=open(os.devnull, "w"), force_terminal=True)
    shown.print(rich.text.Text.from_ansi(f"$ kzoo {' '.join(SEARCH)}\n" + on_screen(output)))
    picture = re.sub(r"@font-face \{.*?\}", "", shown.export_svg(title="kzoo"), flags=re.DOTALL)
    (HERE / "terminal.svg").write_text(picture.replace("Fira Code", "ui-monospace"), encoding="utf-8")


def on_screen(output: str) -> str:
    """What is left on a screen, whose lines a display that moves has painted again and again."""
    lines, row = [""], 0
    for part in re.split(r"(\x1b\[\d*A|\x1b\[2K|\x1b\[\?25[lh]|\r|\n)", output):
        if part.startswith("\x1b[") and part.endswith("A"):
            row = max(0, row - int(part[2:-1] or 1))
        elif part == "\x1b[2K":
            lines[row] = ""
        elif part == "\n":
            row += 1
            lines += [""] * (row == len(lines))
        elif part != "\r" and not part.startswith("\x1b[?25"):
            lines[row] += part
    return "\n".join(lines).rstrip()


def in_terminal(command: list[str], directory: str) -> str:
    """What a command writes to a terminal."""
    parent, child = pty.openpty()
    environment = {**os.environ, "COLUMNS": "90", "LINES": "50", "TERM": "xterm-256color", "TF_CPP_MIN_LOG_LEVEL": "3"}
    process = subprocess.Popen(command, stdin=child, stdout=child, stderr=child, cwd=directory, env=environment)
    os.close(child)
    parts = []
    try:
        while part := os.read(parent, 65536):
            parts.append(part)
    except OSError:  # The terminal is gone with its last process.
        pass
    if process.wait():
        raise RuntimeError(b"".join(parts).decode())
    return b"".join(parts).decode().replace("\r\n", "\n")


def main() -> None:
    """Make what is asked for."""
    drawn = {each.__name__: each for each in (scales, engines, journal, gate, terminal)}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[*drawn, []], help="all if not given")
    options = parser.parse_args()
    HERE.mkdir(exist_ok=True)
    for name in options.names or drawn:
        drawn[name]()


if __name__ == "__main__":
    main()

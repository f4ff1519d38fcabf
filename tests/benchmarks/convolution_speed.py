"""Convolutions in fewer products beside TensorFlow's own: milliseconds on one core, alternating, the best of many.

A step is the forward pass and the derivatives of input and kernel. The table goes into convolution_speed.md beside this
script; the bounds in `tuners/engine/graph/fused/winograd.py` are set by it.

Run: taskset -c 0 python tests/benchmarks/convolution_speed.py
"""

import datetime
import math
import os
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")

RESULTS = Path(__file__).with_suffix(".md")
ROUNDS, CALLS = 8, 5
SHAPES = (
    # examples, height and width, channels, filters
    (64, 14, 32, 64),
    (64, 14, 48, 96),
    (64, 14, 64, 64),
    (32, 14, 64, 128),
    (128, 14, 64, 128),
    (32, 14, 128, 128),
    (32, 28, 64, 64),
    (32, 32, 64, 64),
    (32, 8, 64, 128),
    (32, 7, 128, 256),
    (128, 4, 256, 512),
)


def forward_and_step(convolve, examples: int, side: int, channels: int, filters: int):
    """Compiled functions of input, kernel and gradient, for batches of any size."""
    import tensorflow as tf

    def step(x, kernel, dy):
        with tf.GradientTape() as tape:
            tape.watch([x, kernel])
            y = convolve(x, kernel)
        return y, tape.gradient(y, [x, kernel], dy)

    specs = [
        tf.TensorSpec([None, side, side, channels]),
        tf.TensorSpec([3, 3, channels, filters]),
        tf.TensorSpec([None, side, side, filters]),
    ]
    return [
        tf.function(each, autograph=False, input_signature=specs)
        for each in (lambda x, kernel, _: convolve(x, kernel), step)
    ]


def best(functions, *arguments) -> list[float]:
    """Seconds that each takes at least."""
    seconds = [math.inf] * len(functions)
    for function in functions:
        function(*arguments)
    for _ in range(ROUNDS):
        for index, function in enumerate(functions):
            begun = time.perf_counter()
            for _ in range(CALLS):
                function(*arguments)
            seconds[index] = min(seconds[index], (time.perf_counter() - begun) / CALLS)
    return seconds


def measured(examples: int, side: int, channels: int, filters: int) -> str:
    """A line of the table."""
    import tensorflow as tf

    from tuners.engine.graph.fused import winograd
    from tuners.engine.graph.fused.loops import Batches

    batches = Batches(rows=examples, size=examples, epochs=1)
    shape = (examples, side, channels, filters)
    own = forward_and_step(lambda x, kernel: tf.nn.conv2d(x, kernel, 1, "SAME"), *shape)
    fewer = forward_and_step(lambda x, kernel: winograd.convolved(x, kernel, tf.zeros(filters), batches), *shape)
    arguments = (
        tf.random.normal([examples, side, side, channels]),
        tf.random.normal([3, 3, channels, filters]) * 0.05,
        tf.random.normal([examples, side, side, filters]),
    )
    cells = []
    for pair in zip(own, fewer, strict=True):
        first, second = best(pair, *arguments)
        saved = (first - second) / (examples * side**2 * 9 * channels * filters)
        cells.append(f"{first * 1e3:.2f} / {second * 1e3:.2f} | {first / second:.2f} | {saved * 1e12:.1f}")
    return f"| {examples} x {side} x {side}, {channels} to {filters} | {' | '.join(cells)} |"


def main() -> None:
    import tensorflow as tf

    lines = [
        "# Convolutions of 3 x 3 in fewer products, beside TensorFlow's own",
        "",
        f"Written by `convolution_speed.py` on {datetime.date.today()} (tensorflow {tf.__version__}); one core.",
        "",
        "| examples x map, channels | forward, ms | ratio | saved, ps/product | step, ms | ratio | saved, ps/product |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for shape in SHAPES:
        lines.append(measured(*shape))
        print(lines[-1], flush=True)
    RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

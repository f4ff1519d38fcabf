"""Whether two ways to compute the same thing agree: on real rows, and driven through their ranges.

Examples may all lie where a function that clips or saturates does neither. So rows are scaled up and down and change
their sign; only numbers with a fraction are, since an integer or a text may be an index, a date or a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

Arrays = Mapping[str, np.ndarray]
Answer = Callable[[Arrays], Arrays]

FACTORS = (-1.0, 1 / 64, -1 / 8, 8.0, -64.0, 1000.0, -1000.0)
_NUDGE = np.float32(1 + 2.0**-20)
DRIVEN_TOLERANCE = 1e-4
"""Of driven rows, beyond what rounding explains: looser than of real ones, which decide how much rounding may cost."""


def driven(rows: Arrays, count: int = 8) -> Iterator[Arrays]:
    """Batches of rows whose numbers with a fraction are scaled, the others being real ones.

    Args:
        rows: Real rows by name.
        count: Rows in a batch, taken from all over.
    """
    size = len(next(iter(rows.values())))
    chosen = {name: array[np.linspace(size - 1, 0, min(count, size)).astype(int)] for name, array in rows.items()}
    yield chosen
    if any(array.dtype.kind == "f" for array in chosen.values()):
        for factor in FACTORS:
            yield _scaled(chosen, np.float32(factor))


def driven_difference(one: Answer, other: Answer, rows: Arrays) -> float:
    """Largest difference between two ways to answer driven rows, beyond what rounding of the inputs makes.

    Args:
        one: The original; rows that it does not take are left out.
        other: What should answer as it does.
        rows: Real rows by name.

    Returns:
        As a share of the largest number of an answer, or of 1 if that is larger; infinite where one answers with NaN or
        infinity and the other with something else.
    """
    differences = [0.0]
    for batch in driven(rows):
        expected = _taken(one, batch)
        if expected is not None:
            like = _taken(one, nudged(batch)) or expected
            found = other(batch)
            differences += [difference(found[name], expected[name], like[name]) for name in expected]
    return max(differences)


def nudged(rows: Arrays) -> Arrays:
    """Rows whose numbers with a fraction are larger by about one millionth, a few units in their last place."""
    return _scaled(rows, _NUDGE)


def difference(found: np.ndarray, expected: np.ndarray, like: np.ndarray | None = None) -> float:
    """Largest difference of two arrays, as a share of the largest finite number expected, or of 1 if that is larger.

    Args:
        found: An answer.
        expected: What it should be; NaN and infinities have to be the same.
        like: The original's answer to `nudged` inputs; where the original itself is that sensitive, a difference is no
            fault.

    Returns:
        The difference; infinite where shape, text, integers or infinities differ.
    """
    found, expected = np.asarray(found), np.asarray(expected)
    if found.shape != expected.shape or found.dtype != expected.dtype:
        return np.inf
    if not _is_float(expected):
        return 0.0 if (_same(found, expected) | ~_same(expected, like)).all() else np.inf
    one, other = found.astype("float64"), expected.astype("float64")
    near = other if like is None else np.asarray(like).astype("float64")
    settled = np.isfinite(other) == np.isfinite(near)
    finite = np.isfinite(one) & np.isfinite(other) & np.isfinite(near)
    if not (finite | ~settled | _same(one, other)).all():
        return np.inf
    scale = np.abs(other, where=finite, out=np.zeros_like(other)).max(initial=1.0)
    beyond = np.abs(one[finite] - other[finite]) - 10 * np.abs(near[finite] - other[finite])
    return float(beyond.max(initial=0.0) / scale)


def _taken(answer: Answer, batch: Arrays) -> Arrays | None:
    """The answer to a batch; None where it is refused, as by a layer that asserts that its inputs are positive."""
    try:
        return answer(batch)
    except Exception:
        return None


def _scaled(rows: Arrays, factor: np.float32) -> Arrays:
    return {
        name: (array.astype("float64") * factor).astype(array.dtype) if array.dtype.kind == "f" else array
        for name, array in rows.items()
    }


def _is_float(array: np.ndarray) -> bool:
    return array.dtype.kind == "f" or array.dtype.name == "bfloat16"


def _same(one: np.ndarray, other: np.ndarray | None) -> np.ndarray:
    if other is None:
        return np.ones(one.shape, bool)
    return np.asarray((one == other) | ((one != one) & (other != other)))

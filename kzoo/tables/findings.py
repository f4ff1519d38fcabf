"""What looks wrong in a table, before anything is trained on it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kzoo.tables.dates import are_in_order
from kzoo.tables.kinds import last_word
from kzoo.tables.survey import Survey
from kzoo.tables.target import FEW_VALUES
from kzoo.tables.understood import Understood

ROWS = 20_000
"""Rows, drawn at random, that columns are tried on."""

BINS = 256
"""Groups that the values of a number are sorted into."""

ERROR_LEFT = 0.05
"""A column gives the target away that leaves no more of the error of a guess."""

COARSE = 0.05
"""A difference in accuracy below which a test should tell two models apart."""

OWNERS = frozenset(("id", "ids", "uid", "patient", "subject", "person", "user", "customer", "client", "household"))
"""Last words of the names of columns that say whose a row is."""

ROWS_EACH = 2
"""Rows that each has on average; where nearly all have one, there is nothing to keep together."""

DIFFERENT, REPEATED, SHARE = 10, 5, 0.005
"""Other numbers of a column, and in how many rows and which share of them one stands, that is taken for a code."""

PARTS = 3
"""Training, validation and test, each of which needs a row of each class."""


def find_problems(
    survey: Survey,
    test_rows: int,
    parts: NDArray[np.int8] | None = None,
    *,
    kind: str | None = None,
    counts: Mapping[str, int] | None = None,
) -> list[str]:
    """What a careful person would say of a table.

    Args:
        survey: The table, with one target.
        test_rows: Rows that a test is going to have.
        parts: The part of each row, 0 to be trained on; None where they are drawn at random.
        kind: The kind of task, None to go by the data.
        counts: Rows of each class, where some are put together; None where the target is taken as it is.

    Returns:
        A sentence each: columns that give the target away, rows that are there twice, classes that are too rare to
        split, numbers that seem to stand for a missing value, a test that is too small to tell two models apart, dates
        that call for a split by time, and ids that call for one in whole groups.
    """
    used = [each for each in survey.columns if each.column.kind != "left out"]
    target = survey.targets[0].values
    classes = is_classes(target, kind)
    return [
        *(_rare_classes(counts or class_counts(target)) if classes and parts is None else []),
        *_given_away(used, target, classes=classes),
        *_twice(used, target, parts),
        *_codes(used),
        *_small_test(test_rows, classes=classes),
        *(_in_time(used) if parts is None else []),
        *(_in_groups(used) if parts is None else []),
    ]


def is_classes(target: NDArray[Any], kind: str | None = None) -> bool:
    """Whether a target holds classes: what is no number, or whole numbers, of few different values or by the kind."""
    if target.dtype.kind not in "iuf":
        return True
    # In floating point too, as pandas and many scripts write the labels 1 and 0.
    whole = target.dtype.kind != "f" or bool((target == np.round(target)).all())
    few = kind == "classification" or len(np.unique(target)) <= FEW_VALUES
    return whole and kind != "regression" and few


def class_counts(target: NDArray[Any]) -> dict[str, int]:
    """How many rows each class has, the most frequent ones first."""
    names, counts = np.unique(target, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return {str(names[index]): int(counts[index]) for index in order}


def _rare_classes(counts: Mapping[str, int]) -> list[str]:
    rare = {name: count for name, count in counts.items() if count < PARTS}
    if not rare:
        return []
    shown = ", ".join(f"{name!r} ({count})" for name, count in list(rare.items())[-5:])
    more = f" and {len(rare) - 5} more" if len(rare) > 5 else ""
    return [
        f"Too few rows for training, validation and test to have one of each class: {shown}{more}; add rows, or merge "
        "rare classes (--merge-rare ROWS)."
    ]


def _given_away(used: Sequence[Understood], target: NDArray[Any], *, classes: bool) -> list[str]:
    if len(target) < 40:
        return []
    draw = np.random.default_rng(1).permutation(len(target))[:ROWS]
    learn, hold = draw[::2], draw[1::2]
    found = []
    for each in used:
        groups = _groups(each, learn)
        score = _accuracy(groups, target, learn, hold) if classes else _r2(each, groups, target, learn, hold)
        if score is None:
            continue
        by = f"accuracy {score:.3f}" if classes else f"R2 {score:.3f}"
        name = each.column.name
        found.append(
            f"Column {name!r} alone gives the target away ({by} on rows held out): --drop it, unless it is known "
            "before the target is."
        )
    return found


def _groups(each: Understood, learn: NDArray[np.int64]) -> NDArray[np.int64]:
    """A group for each row: its word, or for numbers its place among quantiles; missing ones are a group."""
    if each.values is None:
        return each.cells.codes + 1
    values = each.data()
    known = values[learn][~np.isnan(values[learn])]
    different = np.unique(known)
    edges = different if len(different) <= BINS else np.unique(np.quantile(known, np.linspace(0, 1, BINS)))
    return np.where(np.isnan(values), 0, np.searchsorted(edges, values) + 1)


def _accuracy(groups: NDArray[Any], target: NDArray[Any], learn: NDArray[Any], hold: NDArray[Any]) -> float | None:
    """The accuracy on held-out rows of the most frequent class of each group, where it gives the target away."""
    names, ids = np.unique(target, return_inverse=True)
    counts = np.zeros((int(groups.max()) + 1, len(names)), dtype=np.int32) if groups.max() * len(names) < 1e7 else None
    if counts is None:
        return None
    np.add.at(counts, (groups[learn], ids[learn]), 1)
    usual = int(np.bincount(ids[learn]).argmax())
    guess = np.where(counts.any(axis=1), counts.argmax(axis=1), usual)
    wrong, base = float((guess[groups[hold]] != ids[hold]).mean()), float((ids[hold] != usual).mean())
    return 1 - wrong if base * len(hold) >= 10 and wrong <= ERROR_LEFT * base else None


def _r2(
    each: Understood, groups: NDArray[Any], target: NDArray[Any], learn: NDArray[Any], hold: NDArray[Any]
) -> float | None:
    """R2 on held-out rows of the mean of each group, or of a curve, where it gives the target away."""
    y = target.astype(np.float64)
    total = ((y[hold] - y[hold].mean()) ** 2).sum()
    if not total:
        return None
    size = np.bincount(groups[learn], minlength=int(groups.max()) + 1)
    sums = np.bincount(groups[learn], weights=y[learn], minlength=len(size))
    mean = np.where(size > 0, sums / np.maximum(size, 1), y[learn].mean())
    guesses = [mean[groups[hold]]]
    if each.values is not None:
        guesses.append(_curve(each.data(), y, learn, hold))
    score = max(1 - ((y[hold] - guess) ** 2).sum() / total for guess in guesses)
    # A few rows of a long tail may hide that all others are in the right order.
    score = max(score, _r2_of_ranks(guesses[-1], y[hold]))
    return float(score) if score >= 1 - ERROR_LEFT / 2 else None


def _r2_of_ranks(guess: NDArray[Any], y: NDArray[Any]) -> float:
    import pandas

    one, other = (pandas.Series(each).rank().to_numpy() for each in (guess, y))
    return float(np.corrcoef(one, other)[0, 1] ** 2) if np.ptp(one) and np.ptp(other) else 0.0


def _curve(x: NDArray[Any], y: NDArray[Any], learn: NDArray[Any], hold: NDArray[Any]) -> NDArray[Any]:
    """What a curve through the training rows says: in tails, which are wider than groups, it tells more than these."""
    known = learn[~np.isnan(x[learn])]
    mean = np.full(len(hold), y[learn].mean())
    if not len(known):
        return mean
    places, index = np.unique(x[known], return_inverse=True)
    heights = np.bincount(index, weights=y[known]) / np.bincount(index)
    return np.where(np.isnan(x[hold]), mean, np.interp(np.nan_to_num(x[hold]), places, heights))


def _twice(used: Sequence[Understood], target: NDArray[Any], parts: NDArray[np.int8] | None) -> list[str]:
    import pandas

    rows, combinations = len(target), math.prod(max(2, each.distinct) for each in used)
    # Rows of a few categories are alike by chance.
    if combinations < 10 * rows:
        return []
    frame = pandas.DataFrame(dict(enumerate([*(each.cells.codes for each in used), pandas.factorize(target)[0]])))
    if parts is None:
        count = int(frame.duplicated().sum())
        are = "1 row is a copy of an earlier one" if count == 1 else f"{count} rows are copies of earlier ones"
        are += ": with a copy in training the test is too easy"
    else:
        ids = frame.groupby(list(frame.columns), sort=False).ngroup().to_numpy()
        count = int(np.isin(ids[parts > 0], ids[parts == 0]).sum())
        which = "of validation and test"
        are = f"1 row {which} is a copy of one" if count == 1 else f"{count} rows {which} are copies of those"
        are += " to train on, which makes these too easy"
    return [f"{are}; delete those that are mistakes."] if count else []


def _codes(used: Sequence[Understood]) -> list[str]:
    """Sentences on numbers that stand apart from all others as -1, -200 and 999 do where nothing was measured."""
    found = []
    for each in used:
        if each.values is None:
            continue
        numbers, places = np.unique(each.values, return_inverse=True)
        counts = np.bincount(places, weights=each.cells.counts)
        rows = int(counts.sum())
        for extreme, others in ((0, numbers[1:]), (-1, numbers[:-1])):
            number, count = numbers[extreme], int(counts[extreme])
            if len(others) < DIFFERENT or count < max(REPEATED, SHARE * rows):
                continue
            below = extreme == 0 and number < 0 <= others[0]
            apart = np.abs(others - number).min() > others[-1] - others[0]
            if below or (apart and set(f"{abs(number):g}") == {"9"}):
                name, share = each.column.name, f"{count} rows ({100 * count / rows:.0f} %)"
                found.append(
                    f"Column {name!r} is {number:g} in {share}, the others {others[0]:g} to {others[-1]:g}: if it says "
                    f"that the number is missing, say so (--missing {name}={number:g})."
                )
    return found


def _small_test(test_rows: int, *, classes: bool) -> list[str]:
    # The half-width of a 95 % interval of an accuracy of 80 %.
    width = 1.96 * math.sqrt(0.8 * 0.2 / max(1, test_rows))
    if width <= COARSE:
        return []
    told = f"accuracies of two models that differ by less than {100 * width:.0f} points" if classes else "two models"
    of = "are not told apart by it" if classes else "that are about equally good are not told apart by it"
    return [f"The test has {test_rows} rows only: {told} {of}."]


def _in_time(used: Sequence[Understood]) -> list[str]:
    found = []
    for each in used:
        column = each.column
        if column.kind != "date" or column.date_format in ("%H:%M", "%H:%M:%S"):
            continue
        words = list(each.cells.words)
        order = "rows come in its order" if are_in_order(words, column.date_format) else "it dates the rows"
        found.append(
            f"Column {column.name!r} is a date and {order}: if the model is to answer for later rows, a test at random "
            f"promises too much; test it on the latest rows (--time {column.name})."
        )
    return found[:1]


def _in_groups(used: Sequence[Understood]) -> list[str]:
    """The sentence on a column that says whose a row is, where each has several."""
    for each in used:
        rows = int(each.cells.counts.sum())
        if last_word(each.column.name) in OWNERS and FEW_VALUES < each.distinct <= rows / ROWS_EACH:
            name = each.column.name
            return [
                f"Column {name!r} seems to say whose a row is, {rows / each.distinct:.0f} of each: if the model is to "
                f"answer for others than these, keep each in one part (--group {name})."
            ]
    return []

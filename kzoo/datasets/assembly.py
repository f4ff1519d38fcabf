"""From raw data to a `Dataset`: targets encoded, parts cut, the training split measured."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kzoo.datasets.checks import FLOAT32_MAX, first_unusable
from kzoo.datasets.dataset import DataError, Dataset
from kzoo.datasets.rare_classes import merge_rare_classes
from kzoo.datasets.raw import Part, RawData, TableRows
from kzoo.datasets.split import Plan, split_rows, without_parts
from kzoo.datasets.split_words import split_remarks
from kzoo.datasets.statistics import moments
from kzoo.datasets.target_scales import TargetScale, learns_logarithm
from kzoo.datasets.targets import Targets, prepare_targets
from kzoo.tables.encoding import TableEncoding
from kzoo.tables.learning import learn
from kzoo.task import Task, TaskKind

if TYPE_CHECKING:
    import pandas

LEAST_VARIANCE = 0.05
"""Of a number that is 0 or 1: of one that is 1 in a twentieth of the rows."""

FLOAT32_TINY = float(np.finfo(np.float32).tiny)


def assemble(
    raw: RawData,
    *,
    kind: TaskKind | None,
    plan: Plan,
    target_scale: TargetScale | None = None,
    merge_rare: int | None = None,
) -> Dataset:
    """Makes the data set.

    Args:
        raw: What a reader found.
        kind: The kind of task; None to go by the data.
        plan: Shares and seed of what is cut from the training rows; a part that `raw` has already is not cut.
        target_scale: How numbers to predict are learned; None to go by the data.
        merge_rare: Rows that a class needs not to be put together with others; None to keep all.

    Returns:
        The data set, with the statistics of its training split.

    Raises:
        DataError: The targets cannot be learnt or the rows not split.
    """
    targets = prepare_targets(raw, kind)
    if merge_rare is not None:
        targets = merge_rare_classes(targets, merge_rare, raw.where)
    log_target, told = learns_logarithm(targets, target_scale, raw.where)
    (train, validation, test), remarks, groups = _cut_parts(raw, targets, plan)
    raw = dataclasses.replace(raw, remarks=(*raw.remarks, *targets.remarks, *filter(None, [told]), *remarks))
    encoding = None
    if raw.columns:
        encoding = learn(_frame(train), raw.columns)
        train, validation, test = (_encoded(part, encoding, raw) for part in (train, validation, test))
    task = _describe(raw, targets, train, encoding, log_target=log_target)
    return Dataset(
        raw.name,
        *_arrays(train),
        *_arrays(validation),
        *_arrays(test),
        task,
        licence=raw.licence,
        origin=raw.origin,
        remarks=raw.remarks,
        groups=groups,
    )


def _frame(part: Part) -> pandas.DataFrame:
    assert isinstance(part.x, TableRows)
    return part.x.frame


def _encoded(part: Part, encoding: TableEncoding, raw: RawData) -> Part:
    x = encoding.encode(_frame(part))
    bad = first_unusable(x)
    if bad is not None:
        raise DataError(
            f"{raw.where}: column {encoding.features[bad[1]]!r} has a number that is infinite or more than float32 "
            "can hold; rescale the column or leave it out (--drop)."
        )
    return Part(x, part.y)


def _arrays(part: Part) -> tuple[NDArray[Any], NDArray[Any]]:
    return np.asarray(part.x), part.y


def _cut_parts(
    raw: RawData, targets: Targets, plan: Plan
) -> tuple[tuple[Part, Part, Part], list[str], NDArray[Any] | None]:
    """The parts, what is to be said of them, and the groups of the rows to train on and to validate on."""
    plan = without_parts(plan, validation=raw.validation is not None, test=raw.test is not None)
    classes = targets.train if targets.kind == "classification" else None
    split = split_rows(len(targets.train), plan, classes=classes, where=raw.where, marks=raw.marks)

    def part(rows: NDArray[Any], given: Part | None, y: NDArray[Any] | None) -> Part:
        if given is not None and y is not None:
            return Part(given.x, y)
        return Part(raw.train.x[rows], targets.train[rows])

    train = part(split.train, None, None)
    validation = part(split.validation, raw.validation, targets.validation)
    groups = None if raw.marks is None else raw.marks.groups
    if groups is not None:
        groups = groups[np.concatenate([split.train, split.validation])]
    told = split_remarks(split, raw.marks, classes, targets.class_names)
    return (train, validation, part(split.test, raw.test, targets.test)), told, groups


def _describe(raw: RawData, targets: Targets, train: Part, encoding: TableEncoding | None, *, log_target: bool) -> Task:
    x, y = _arrays(train)
    inputs = moments(x)
    mean, variance = inputs.mean, np.where(inputs.constant, 1.0, inputs.variance)
    if encoding is not None:
        codes = len(variance) - len(encoding.codes)
        mean[codes:], variance[codes:] = 0.0, 1.0
        # What is 1 in a few rows would be far from all others.
        variance = np.where(encoding.indicators, np.maximum(variance, LEAST_VARIANCE), variance)
    _check_variance(variance, raw)
    learned = np.log(y) if log_target else y
    target_mean, target_scale = _target_statistics(raw, learned) if targets.kind == "regression" else ((), ())
    return Task(
        kind=targets.kind,
        input_shape=tuple(int(n) for n in x.shape[1:]),
        input_dtype=x.dtype.name,
        train_rows=len(x),
        input_mean=tuple(mean.tolist()),
        input_variance=tuple(variance.tolist()),
        class_names=targets.class_names,
        num_targets=len(target_scale) or 1,
        target_mean=target_mean,
        target_scale=target_scale,
        log_target=log_target,
        feature_names=raw.feature_names if encoding is None else encoding.features,
        table=encoding,
    )


def _target_statistics(raw: RawData, y: NDArray[Any]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    columns = moments(y.reshape(len(y), -1))
    if columns.constant.any():
        raise DataError(f"{raw.where}: the target is the same in all {len(y)} training rows; more rows are needed.")
    return tuple(columns.mean.tolist()), tuple(np.sqrt(columns.variance).tolist())


def _check_variance(variance: NDArray[Any], raw: RawData) -> None:
    bad = np.flatnonzero((variance > FLOAT32_MAX) | (variance < FLOAT32_TINY))
    if len(bad):
        which = repr(raw.feature_names[bad[0]]) if raw.feature_names else str(bad[0])
        raise DataError(
            f"{raw.where}: input {which} has a variance of {variance[bad[0]]:.3g}, "
            "which float32 cannot hold; rescale it (divide it by its largest value, say)."
        )

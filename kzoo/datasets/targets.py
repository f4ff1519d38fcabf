"""From labels or numbers, as found, to class ids or float32 targets."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from kzoo.datasets.dataset import DataError
from kzoo.datasets.raw import RawData
from kzoo.tables.findings import FEW_VALUES
from kzoo.tables.target import LARGEST_EXACT
from kzoo.task import TaskKind


@dataclasses.dataclass(frozen=True, eq=False)
class Targets:
    """Targets of each part that was given, int32 class ids or float32 numbers, and the names of the classes."""

    kind: TaskKind
    class_names: tuple[str, ...]
    train: NDArray
    validation: NDArray | None
    test: NDArray | None


def prepare_targets(raw: RawData, kind: TaskKind | None) -> Targets:
    """Encodes the targets of all parts alike.

    Args:
        raw: The data as found.
        kind: The kind of task; None to go by the data: text, booleans and whole numbers of at most 20
            different values are classes, other numbers are to be predicted.

    Returns:
        Class ids in the order of `class_names`, sorted labels unless the source names them; or numbers, [rows] for
        one target and [rows, targets] for several.

    Raises:
        DataError: The labels do not fit the kind, there is only one class or value, or a part has a class of its own.
    """
    if kind and raw.kind and kind != raw.kind:
        raise DataError(f"{raw.where} is a {raw.kind} task; leave kind={kind!r} out.")
    parts = [_one_column(part.y) if part else None for part in (raw.train, raw.validation, raw.test)]
    train = parts[0]
    assert train is not None
    kind = kind or raw.kind or _inferred_kind(train, raw.where)
    if kind == "regression":
        numbers = [None if y is None else _numbers(y, raw.where) for y in parts]
        assert numbers[0] is not None
        _check_varies(numbers[0], raw.where)
        return Targets(kind, (), numbers[0], numbers[1], numbers[2])
    labels = [None if y is None else _labels(y, raw.where) for y in parts]
    assert labels[0] is not None
    values = np.arange(len(raw.class_names)) if raw.class_names else np.unique(labels[0])
    if len(values) < 2:
        raise DataError(f"{raw.where}: the target is {str(values[0])!r} in every row; two classes at least are needed.")
    ids = [None if y is None else _class_ids(y, values, raw.where) for y in labels]
    assert ids[0] is not None
    return Targets(kind, raw.class_names or tuple(map(str, values)), ids[0], ids[1], ids[2])


def _one_column(y: NDArray) -> NDArray:
    return y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y


def _inferred_kind(y: NDArray, where: str) -> TaskKind:
    if y.ndim == 2 and y.dtype.kind in "biuf" and np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all():
        raise DataError(f"{where}: y looks one-hot, {y.shape}; give one class id per row, as y.argmax(axis=1) does.")
    if y.dtype.kind == "f" or y.ndim > 1:
        return "regression"
    if y.dtype.kind in "iu" and len(np.unique(y)) > FEW_VALUES:
        return "regression"
    return "classification"


def _numbers(y: NDArray, where: str) -> NDArray:
    if y.dtype.kind not in "biuf":
        raise DataError(f"{where}: the target is text ({str(y.flat[0])!r}) where numbers are needed for regression.")
    return y.astype(np.float32)


def _check_varies(y: NDArray, where: str) -> None:
    constant = (y == y[0]).all(axis=0)
    if np.any(constant):
        which = f"column {int(np.argmax(constant))} of the target" if y.ndim > 1 else "the target"
        raise DataError(f"{where}: {which} is {y.flat[np.argmax(constant)]:g} in every row; nothing to learn.")


def _labels(y: NDArray, where: str) -> NDArray:
    if y.ndim != 1:
        raise DataError(f"{where}: the target has {y.shape[1]} columns; a classification task takes one class per row.")
    if y.dtype.kind == "S":
        return np.char.decode(y, "utf-8", "replace")
    if y.dtype.kind != "f":
        return y
    odd = np.flatnonzero((y != np.round(y)) | (np.abs(y) > LARGEST_EXACT))
    if len(odd):
        raise DataError(f"{where}: the target is {y[odd[0]]} somewhere; classes are text or whole numbers.")
    return y.astype(np.int64)


def _class_ids(labels: NDArray, values: NDArray, where: str) -> NDArray:
    ids = np.searchsorted(values, labels).clip(max=len(values) - 1)
    strange = labels[values[ids] != labels]
    if len(strange):
        known = ", ".join(map(str, values[:10])) + (", ..." if len(values) > 10 else "")
        raise DataError(f"{where}: label {str(strange[0])!r} is not one of the training classes {known}.")
    return ids.astype(np.int32)
